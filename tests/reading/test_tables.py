"""Rows, columns and checks on words laid out by hand, without the recogniser."""

from __future__ import annotations

from core.reading.order_sheet import read_order
from core.reading.sheet import Problem, ProblemKind, SheetReading
from core.reading.words import ReadPage, Word, rect
from tests.reading.samples import KnownParts

KNOWN = KnownParts(("04465-0K240", "90915-YZZD4", "W75/3", "13800001111", "04E115561C", "K0031-88X"))
Printed = tuple[float, str] | tuple[float, str, float]
HEADINGS: list[Printed] = [(50, "物料号"), (300, "品名"), (500, "数量")]


def page(*rows: list[Printed], number: int = 0, step: float = 50, stained: str = "") -> ReadPage:
    """Words at (x, text[, score]); one row each `step` pixels, type 24 pixels high."""
    words = []
    for row, printed in enumerate(rows):
        for x, text, *score in printed:
            width = sum(13 if letter.isascii() else 24 for letter in text)
            words.append(
                Word(
                    text=text,
                    box=rect(x, row * step, x + width, row * step + 24),
                    score=score[0] if score else 1.0,
                    page=number,
                    stained=bool(stained) and text == stained,
                )
            )
    return ReadPage(width=800, height=900, words=tuple(words), source="ocr", number=number)


def read(*pages: ReadPage) -> SheetReading:
    return read_order(pages, parts=KNOWN)


def lines(reading: SheetReading) -> list[tuple[str, int | None]]:
    return [(line.part_text, line.quantity) for line in reading.lines]


def kinds(reading: SheetReading) -> list[tuple[ProblemKind, int | None]]:
    return [(problem.kind, problem.line) for problem in reading.problems]


def test_glued_headings_and_glued_cells_are_taken_apart() -> None:
    reading = read(
        page(
            [(20, "序号 物料号"), (300, "品名数量单位")],
            [(30, "1 04465-0K240"), (300, "刹片"), (350, "20"), (396, "个")],
            [(30, "2 W75/3"), (300, "机滤6个")],
        )
    )

    assert lines(reading) == [("04465-0K240", 20), ("W75/3", 6)]
    assert reading.problems == ()


def test_a_misread_quantity_heading_is_used_but_every_line_is_asked_about() -> None:
    reading = read(page([(50, "物料号"), (300, "品名"), (500, "效量")], [(50, "W75/3"), (300, "机滤"), (500, "6")]))

    assert lines(reading) == [("W75/3", 6)]
    assert kinds(reading) == [(ProblemKind.QUANTITY_COLUMN_UNSURE, 1)]


def test_without_a_part_heading_the_column_with_most_master_hits_is_the_part() -> None:
    reading = read(
        page(
            [(50, "车型"), (200, "※※"), (400, "品名"), (600, "数量")],
            [(50, "卡罗拉"), (200, "04465-0K240"), (400, "刹车片"), (600, "20")],
            [(50, "凯美瑞"), (200, "90915-YZZD4"), (400, "机滤"), (600, "48")],
        )
    )

    assert lines(reading) == [("04465-0K240", 20), ("90915-YZZD4", 48)]


def test_a_quantity_that_is_not_plainly_a_number_is_none_and_named() -> None:
    reading = read(
        page(
            HEADINGS,
            [(50, "W75/3"), (300, "机滤"), (500, "2O")],
            [(50, "04465-0K240"), (300, "刹车片")],
            [(50, "90915-YZZD4"), (300, "机滤"), (500, "1.5")],
        )
    )

    assert [line.quantity for line in reading.lines] == [None, None, None]
    assert reading.problems == (
        Problem(kind=ProblemKind.QUANTITY_UNREADABLE, line=1, text="2O"),
        Problem(kind=ProblemKind.QUANTITY_MISSING, line=2, text="04465-0K240 刹车片"),
        Problem(kind=ProblemKind.QUANTITY_UNREADABLE, line=3, text="1.5"),
    )


def test_bad_print_is_flagged_unless_the_total_proves_it() -> None:
    body: list[list[Printed]] = [
        HEADINGS,
        [(50, "W75/3"), (300, "机滤"), (500, "6", 0.6)],
        [(50, "04465-0K240"), (300, "刹车片"), (500, "20")],
    ]

    assert kinds(read(page(*body))) == [(ProblemKind.QUANTITY_UNSURE, 1)]
    assert kinds(read(page(*body, [(50, "合计"), (500, "26")]))) == []
    assert kinds(read(page(*body, [(50, "合计"), (500, "25")]))) == [
        (ProblemKind.TOTAL_SUM, None),
        (ProblemKind.QUANTITY_UNSURE, 1),
    ]


def test_a_stamp_or_glare_over_a_part_number_flags_it_whatever_its_score() -> None:
    reading = read(page(HEADINGS, [(50, "W75/3"), (300, "机滤"), (500, "6")], stained="W75/3"))

    assert kinds(reading) == [(ProblemKind.PART_UNSURE, 1)]


def test_a_row_the_reader_lost_shows_in_the_running_numbers_or_in_the_spacing() -> None:
    head: list[Printed] = [(10, "序号"), (80, "物料号"), (300, "品名"), (500, "数量")]
    numbered = [[(20.0, str(n)), (80.0, "W75/3"), (300.0, "机滤"), (500.0, "6")] for n in (1, 2, 4)]
    plain = [[(50.0, "W75/3"), (300.0, "机滤"), (500.0, "6")] for _ in range(4)]

    assert Problem(kind=ProblemKind.ROW_MISSING, text="3") in read(page(head, *numbered)).problems
    assert kinds(read(page(HEADINGS, *plain[:3], [], plain[3]))) == [(ProblemKind.ROW_MISSING, None)]


def test_fields_run_together_in_one_word_are_told_apart() -> None:
    reading = read(
        page(
            [(50, "客户：K0031 华锐汽修 交货日期：3月5日")],
            HEADINGS,
            [(50, "W75/3"), (300, "机滤"), (500, "6")],
            [(50, "电话：13800001111"), (400, "备注："), (480, "需质检报告")],
        )
    )

    assert (reading.customer_text, reading.due_text) == ("K0031 华锐汽修", "3月5日")
    assert reading.requirement_texts == ("需质检报告",)
    assert lines(reading) == [("W75/3", 6)]


def test_two_customers_on_the_pages_are_two_orders_and_a_question() -> None:
    first = page([(50, "客户：K0031")], HEADINGS, [(50, "W75/3"), (300, "机滤"), (500, "6")])
    second = page([(50, "客户：K0231")], HEADINGS, [(50, "W75/3"), (300, "机滤"), (500, "9")], number=1)

    reading = read(first, second)

    assert lines(reading) == [("W75/3", 6), ("W75/3", 9)]
    assert kinds(reading) == [(ProblemKind.SEVERAL_ORDERS, None)]


def test_a_page_without_headings_continues_the_table_before_it() -> None:
    first = page(HEADINGS, [(50, "W75/3"), (300, "机滤"), (500, "6")])
    second = page([(50, "04465-0K240"), (300, "刹车片"), (500, "20")], number=1)

    assert lines(read(first, second)) == [("W75/3", 6), ("04465-0K240", 20)]


def test_loose_lines_take_the_number_with_a_unit_and_ask_when_two_could_be_meant() -> None:
    reading = read(
        page(
            [(50, "04E 115 561 C 8只 2026-03-05")],
            [(50, "04465-0K240 20 30")],
            [(50, "W 75/3")],
            [(50, "90915-YZZD4*48")],
            [(50, "联系电话 13900002222")],
        )
    )

    assert lines(reading) == [("04E 115 561 C", 8), ("04465-0K240", None), ("W 75/3", None), ("90915-YZZD4", 48)]
    assert kinds(reading) == [(ProblemKind.QUANTITY_AMBIGUOUS, 2), (ProblemKind.QUANTITY_MISSING, 3)]


def test_running_numbers_of_loose_lines_are_not_quantities() -> None:
    reading = read(page([(50, "1 04465-0K240 20")], [(50, "2 W75/3 6")]))

    assert lines(reading) == [("04465-0K240", 20), ("W75/3", 6)]


def test_a_letter_with_dates_and_phone_numbers_is_no_order() -> None:
    reading = read(page([(50, "尊敬的客户：")], [(50, "2026-02-21 14:05 会议")], [(50, "电话 021-66668888 3楼")]))

    assert not reading.looks_like_order
    assert kinds(reading) == [(ProblemKind.NO_ORDER, None)]
