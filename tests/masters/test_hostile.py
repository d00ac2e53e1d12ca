"""Files that nobody should open carelessly."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest

from bot.files.refusals import FileRefused, RefusalReason
from bot.masters import read_workbook
from tests.masters.books import PARTS, book, shop


def _changed(data: bytes, name: str, content: bytes) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for part in source.infolist():
            target.writestr(part.filename, content if part.filename == name else source.read(part.filename))
        if name not in source.namelist():
            target.writestr(name, content)
    return out.getvalue()


def _reason(data: bytes, filename: str = "x.xlsx") -> RefusalReason:
    with pytest.raises(FileRefused) as refused:
        read_workbook(data, filename)
    return refused.value.reason


def test_a_zip_bomb_is_not_unpacked() -> None:
    assert _reason(_changed(shop(), "xl/media/bomb.bin", b"\0" * 60_000_000)) is RefusalReason.BOMB


def test_a_part_that_unpacks_a_thousandfold_is_a_bomb() -> None:
    assert _reason(_changed(shop(), "xl/worksheets/sheet9.xml", b" " * 3_000_000)) is RefusalReason.BOMB


def test_entity_tricks_are_refused() -> None:
    lol = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet>&a;</worksheet>'

    assert _reason(_changed(shop(), "xl/worksheets/sheet1.xml", lol)) is RefusalReason.BOMB


@pytest.mark.parametrize(
    ("data", "filename", "reason"),
    [
        (b"", "x.xlsx", RefusalReason.EMPTY),
        (b"PK\x03\x04 cut off", "x.xlsx", RefusalReason.BROKEN),
        (b"\x89PNG\r\n\x1a\n....", "x.xlsx", RefusalReason.UNKNOWN_KIND),
        (b"%PDF-1.7", "x.csv", RefusalReason.UNKNOWN_KIND),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old", "x.xls", RefusalReason.OLD_FORMAT),
        (b"\n\n ,, \n", "x.csv", RefusalReason.NO_SHEET),
        (b'a,b\n"open quote', "x.csv", RefusalReason.BROKEN),
        (b"\xff\xff\xff\x81", "x.csv", RefusalReason.BROKEN),
    ],
)
def test_what_is_no_table_is_refused_with_its_reason(data: bytes, filename: str, reason: RefusalReason) -> None:
    assert _reason(data, filename) is reason


def test_a_workbook_with_nothing_in_it_is_refused() -> None:
    assert _reason(book(物料=[])) is RefusalReason.NO_SHEET


def test_a_broken_sheet_is_refused() -> None:
    assert _reason(_changed(shop(), "xl/worksheets/sheet2.xml", b"<worksheet><oops")) is RefusalReason.BROKEN


def test_headers_without_rows_are_an_empty_plan() -> None:
    plan = read_workbook(book(物料=[PARTS[0]]), "x.xlsx")

    assert (plan.usable, plan.clean) == (0, True)


def test_headers_of_something_else_are_not_guessed_at() -> None:
    plan = read_workbook("日期,金额\n2026-02-21,100\n".encode(), "报销.csv")

    assert plan.usable == 0
    assert [p.reason for p in plan.problems] == ["认不出这张表是什么"]


def test_twenty_thousand_rows_are_read_and_one_more_is_refused() -> None:
    lines = ["物料号,名称", *(f"HT-{n:05},滤芯" for n in range(19_999))]

    plan = read_workbook("\n".join(lines).encode(), "物料.csv")

    assert plan.usable == 19_999
    assert _reason("\n".join([*lines, "HT-99999,滤芯"]).encode(), "物料.csv") is RefusalReason.TOO_MANY_ROWS


def test_a_file_full_of_unknown_references_is_still_answered() -> None:
    lines = [
        "仓库,库位,物料号,批次号,在库,质检状态,入库日期",
        *(f"XX,A-01-01-1-01,P{n},B260101-01,1,合格,2026-01-01" for n in range(5_000)),
    ]

    plan = read_workbook("\n".join(lines).encode(), "库存.csv")

    assert (plan.usable, plan.faulty) == (0, 5_000)
