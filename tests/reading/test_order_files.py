"""Workbooks, CSV and PDF orders: typed text stays typed text, and Excel's damage is named (F028, F029)."""

from __future__ import annotations

import datetime as dt

import pytest

from bot.ocr import OcrReader
from core.reading.order_sheet import read_order
from core.reading.sheet import Problem, ProblemKind, SheetReading
from tests.reading import files
from tests.reading.samples import KnownParts, make, plain

pytestmark = pytest.mark.asyncio(loop_scope="session")
KNOWN = KnownParts(("04465-0K240", "90915-YZZD4", "0986494417", "44650000000012", "W75/3"))


async def read(reader: OcrReader, data: bytes, name: str) -> SheetReading:
    return read_order(await reader.read_file(data, name), parts=KNOWN)


async def test_a_workbook_is_read_with_its_head_and_its_merged_requirement(reader: OcrReader) -> None:
    data = files.workbook(
        [
            ["采购订单"],
            ["客户编码", "K0031", None, "客户名称：华锐汽修"],
            ["交货日期:", dt.date(2026, 3, 5)],
            ["序号", "物料号", "品名", "订货数量", "备注"],
            [1, "04465-0K240", "前刹车片", 20, "需质检报告"],
            [2, "90915-YZZD4", "机油滤", 48.0, None],
            ["合计", None, None, 68, None],
        ],
        merged=("A1:E1", "E5:E6"),
        hidden=("旧单",),
    )

    reading = await read(reader, data, "采购单0221.xlsx")

    assert [(line.part_text, line.quantity, line.remark_text, line.row) for line in reading.lines] == [
        ("04465-0K240", 20, "需质检报告", 5),
        ("90915-YZZD4", 48, "需质检报告", 6),
    ]
    assert (reading.customer_text, reading.due_text) == ("K0031 华锐汽修", "2026-03-05")
    assert reading.problems == ()


async def test_part_numbers_that_excel_damaged_are_named_and_not_repaired(reader: OcrReader) -> None:
    data = files.workbook(
        [
            ["料号", "数量"],
            [446500000000, 10],
            [986494417, 4],
            [dt.date(2005, 3, 1), 6],
            ["04465-0K240", 2.5],
            ["90915-YZZD4", "2O"],
            ["W75/3", None],
            ["W75/3", "=1+1"],
        ]
    )

    reading = await read(reader, data, "a.xlsx")

    assert [line.quantity for line in reading.lines] == [10, 4, 6, None, None, None, None]
    assert set(reading.problems) == {
        Problem(kind=ProblemKind.PART_SCIENTIFIC, line=1, text="4.465E+11"),
        Problem(kind=ProblemKind.PART_LOST_ZEROS, line=2, text="986494417", suggestion="0986494417"),
        Problem(kind=ProblemKind.PART_DATED, line=3, text="2005-03-01"),
        Problem(kind=ProblemKind.QUANTITY_UNREADABLE, line=4, text="2.5"),
        Problem(kind=ProblemKind.QUANTITY_UNREADABLE, line=5, text="2O"),
        Problem(kind=ProblemKind.QUANTITY_MISSING, line=6, text="W75/3"),
        Problem(kind=ProblemKind.QUANTITY_UNREADABLE, line=7, text="#公式无结果"),
    }


async def test_one_number_merged_over_two_lines_is_asked_about_and_hidden_rows_stay_hidden(
    reader: OcrReader,
) -> None:
    data = files.workbook(
        [["料号", "数量"], ["04465-0K240", 20], ["90915-YZZD4", None], ["W75/3", 9], ["W75/3", 4]],
        merged=("B2:B3",),
        hidden_rows=(4,),
    )

    reading = await read(reader, data, "a.xlsx")

    assert [(line.part_text, line.quantity) for line in reading.lines] == [
        ("04465-0K240", None),
        ("90915-YZZD4", None),
        ("W75/3", 4),
    ]
    assert reading.problems == (
        Problem(kind=ProblemKind.QUANTITY_AMBIGUOUS, line=1, text="20"),
        Problem(kind=ProblemKind.QUANTITY_AMBIGUOUS, line=2, text="20"),
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
async def test_a_csv_is_read_in_every_encoding_excel_writes(reader: OcrReader, encoding: str) -> None:
    text = (
        '购货单位：华锐汽修\r\n物料编码,名称,数量,单位\r\n0986494417,制动片,"1,000",个\r\n="04465-0K240",片,×20,套\r\n'
    )

    reading = await read(reader, text.encode(encoding), "a.csv")

    assert [(line.part_text, line.quantity, line.unit_text) for line in reading.lines] == [
        ("0986494417", 1000, "个"),
        ("04465-0K240", 20, "套"),
    ]
    assert reading.customer_text == "华锐汽修"


async def test_sums_that_contradict_the_lines_are_flagged(reader: OcrReader) -> None:
    data = files.workbook(
        [
            ["物料号", "数量", "单价", "金额"],
            ["04465-0K240", 20, 10.5, 210],
            ["90915-YZZD4", 4, 25, 1000],
            ["合计", 60, None, None],
        ]
    )

    reading = await read(reader, data, "a.xlsx")

    assert [(problem.kind, problem.line) for problem in reading.problems] == [
        (ProblemKind.TOTAL_SUM, None),
        (ProblemKind.LINE_SUM, 2),
    ]


async def test_a_workbook_with_only_hidden_sheets_and_a_blank_one_is_no_order(reader: OcrReader) -> None:
    reading = await read(reader, files.workbook([["你好"]], hidden=("旧单",)), "a.xlsx")

    assert not reading.looks_like_order


async def test_a_text_pdf_is_read_without_recognition_over_its_pages(reader: OcrReader) -> None:
    head = [(60.0, 60.0, "客户：K0031 华锐汽修"), (320.0, 60.0, "交期：2026-03-05")]
    first = [(60.0, 100.0, "序号"), (110.0, 100.0, "物料号"), (300.0, 100.0, "品名"), (420.0, 100.0, "数量")]
    rows = [
        [(60.0, y, str(n)), (110.0, y, part), (300.0, y, "刹车片"), (420.0, y, quantity)]
        for n, y, part, quantity in ((1, 120.0, "04465-0K240", "20"), (2, 140.0, "W 75/3", "6"))
    ]
    second = [(60.0, 60.0, "3"), (110.0, 60.0, "90915-YZZD4"), (300.0, 60.0, "机油滤"), (420.0, 60.0, "48")]
    data = files.text_pdf([*head, *first, *rows[0], *rows[1]], second)

    pages = await reader.read_file(data, "order.pdf")
    reading = read_order(pages, parts=KNOWN)

    assert [page.source for page in pages] == ["pdf", "pdf"]
    assert [(line.part_text, line.quantity, line.page) for line in reading.lines] == [
        ("04465-0K240", 20, 0),
        ("W 75/3", 6, 0),
        ("90915-YZZD4", 48, 1),
    ]
    assert (reading.customer_text, reading.due_text) == ("K0031 华锐汽修", "2026-03-05")


async def test_a_scanned_pdf_is_recognised(reader: OcrReader) -> None:
    sample = make("clean", 0)

    pages = await reader.read_file(files.scanned_pdf(sample.picture), "scan.pdf")

    reading = read_order(pages, parts=KnownParts())
    assert pages[0].source == "ocr"
    assert [(plain(line.part_text), line.quantity) for line in reading.lines] == [
        (plain(part), quantity) for part, quantity in sample.lines
    ]
    picture = await reader.page_picture(files.scanned_pdf(sample.picture), 0)
    assert picture.startswith(b"\x89PNG")
