"""Short lines that correct a draft, and what they change (F034)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from core.clock import CHINA
from core.errors import DomainError
from core.findings import FindingCode, Severity
from core.intake.applying import apply, from_suggestion
from core.intake.correction import (
    AddLine,
    AddRequirement,
    Correction,
    DeleteLine,
    SetCustomer,
    SetDue,
    SetPart,
    SetQuantity,
    Unreadable,
    parse_corrections,
)
from core.intake.draft import draft_from_text, fingerprint, recheck
from core.intake.text_order import read_text
from core.orders import Order, OrderLine, OrderStatus
from core.people import PlatformName
from core.workcalendar import DEMO_DAYS, WorkCalendar
from tests.intake.master_data import NOW, build_index

INDEX = build_index()
CALENDAR = WorkCalendar(DEMO_DAYS)


def shown(correction: Correction) -> tuple[object, ...]:
    match correction:
        case SetQuantity(line=line, amount=amount):
            return ("quantity", line, amount.text, amount.clear)
        case SetPart(line=line, text=text):
            return ("part", line, text)
        case SetDue(reading=reading):
            return ("due", f"{reading.at:%m-%d %H:%M}" if reading.at else "?")
        case SetCustomer(text=text):
            return ("customer", text)
        case DeleteLine(line=line):
            return ("delete", line)
        case AddLine(line=line):
            return ("add", line.part_text, line.quantity)
        case AddRequirement(text=text):
            return ("require", text)
        case Unreadable(text=text, line=line):
            return ("unreadable", line, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2行 20", [("quantity", 2, "20", True)]),
        ("2行20", [("quantity", 2, "20", True)]),
        ("第2行 20个", [("quantity", 2, "20个", True)]),
        ("第二行改成二十个", [("quantity", 2, "二十个", True)]),
        ("2行改50", [("quantity", 2, "50", True)]),
        ("2行 改 20 箱", [("quantity", 2, "20 箱", True)]),
        ("2行 数量 30", [("quantity", 2, "30", True)]),
        ("2行 约20个", [("quantity", 2, "约20个", False)]),
        ("line 2 qty 20", [("quantity", 2, "20", True)]),
        ("2行 物料 04465-33471", [("part", 2, "04465-33471")]),
        ("2行 04465-33471", [("part", 2, "04465-33471")]),
        ("2行 0446533471", [("part", 2, "0446533471")]),
        ("line 2 part 04465-33471", [("part", 2, "04465-33471")]),
        ("2行 04465-33471 20个", [("part", 2, "04465-33471"), ("quantity", 2, "20个", True)]),
        ("2行 空气滤", [("part", 2, "空气滤")]),
        ("2行 物料 XX-1", [("part", 2, "XX-1")]),
        ("改成20套", [("quantity", None, "20套", True)]),
        ("数量 20", [("quantity", None, "20", True)]),
        ("交期 3/8", [("due", "03-08 18:00")]),
        ("交期改到下周一", [("due", "02-23 18:00")]),
        ("due 3/8", [("due", "03-08 18:00")]),
        ("交期 不知道", [("due", "?")]),
        ("客户 K0231", [("customer", "K0231")]),
        ("客户改成 申通汽配", [("customer", "申通汽配")]),
        ("customer K0231", [("customer", "K0231")]),
        ("删3行", [("delete", 3)]),
        ("3行不要了", [("delete", 3)]),
        ("delete line 3", [("delete", 3)]),
        ("加 04465-0K240 5个", [("add", "04465-0K240", 5)]),
        ("再加 04465-0K240 5个, 空气滤 2个", [("add", "04465-0K240", 5), ("add", "空气滤", 2)]),
        ("add 04465-0K240 5", [("add", "04465-0K240", 5)]),
        ("要求 质检报告", [("require", "需提供原厂质检报告")]),
        ("备注 木箱包装", [("require", "其他要求:木箱包装")]),
        ("2行 20, 3行 15", [("quantity", 2, "20", True), ("quantity", 3, "15", True)]),
        ("删1行,删2行,3行 5", [("quantity", 3, "5", True), ("delete", 2), ("delete", 1)]),
        ("２行　２０", [("quantity", 2, "20", True)]),
        ("2行 abc", [("unreadable", 2, "abc")]),
        ("2行", [("unreadable", 2, "")]),
        ("2行 20, 好的", [("quantity", 2, "20", True), ("unreadable", None, "好的")]),
        ("好的", []),
        ("加急 SO260221-0137 红 15:30", []),
        ("K0231 04465-0K240 20个", []),
        ("确认", []),
        ("", []),
    ],
)
def test_a_short_line_asks_for_exactly_this(text: str, expected: list[tuple[object, ...]]) -> None:
    assert [shown(c) for c in parse_corrections(text, INDEX, now=NOW)] == expected


def order_of(text: str) -> Order:
    draft = draft_from_text(read_text(text, INDEX, now=NOW), INDEX, now=NOW, calendar=CALENDAR)
    return Order(
        number="SO260221-0001",
        status=OrderStatus.DRAFT,
        owner_id="E0001",
        owner_platform=PlatformName.WECOM,
        owner_account="a",
        owner_at=NOW,
        source_key="wecom:1",
        source_kind="text",
        created_at=NOW,
        customer_code=draft.customer_code,
        customer_name=draft.customer_name,
        due_at=draft.due_at,
        requirements=list(draft.requirements),
        findings=list(draft.findings),
        lines=[
            OrderLine(
                position=x.position,
                raw=x.raw,
                part_number=x.part_number,
                part_name=x.part_name,
                unit=x.unit,
                matched_by=x.matched_by,
                quantity=x.quantity,
            )
            for x in draft.lines
        ],
    )


def correct(order: Order, text: str) -> list[tuple[str, str, str]]:
    changes = [apply(order, c, INDEX, now=NOW, calendar=CALENDAR) for c in parse_corrections(text, INDEX, now=NOW)]
    order.findings = recheck(order, INDEX, now=NOW, calendar=CALENDAR)
    return [(c.field, c.old, c.new) for c in changes]


def codes(order: Order) -> list[tuple[FindingCode, int | None]]:
    return [(f.code, f.line) for f in order.findings]


def test_rechecking_an_untouched_order_finds_what_the_draft_found() -> None:
    text = "K0O31 0446S-33471 20个, 90915-YZZD4 约48, 99999-12345 3箱, HT-2001 2只\n周六要 要求木箱包装"
    order = order_of(text)
    before = list(order.findings)

    order.findings = recheck(order, INDEX, now=NOW, calendar=CALENDAR)

    assert order.findings == before


def test_an_accepted_suggestion_clears_its_flag_and_keeps_the_others() -> None:
    order = order_of("K0O31 0446S-33471 20个, 17801-21050 90个 3/5")
    taken = [c for f in order.findings if (c := from_suggestion(f))]

    changes = [apply(order, c, INDEX, now=NOW, calendar=CALENDAR) for c in taken]
    order.findings = recheck(order, INDEX, now=NOW, calendar=CALENDAR)

    assert [(c.field, c.old, c.new) for c in changes] == [
        ("客户", "K0O31", "K0031"),
        ("1行 物料", "0446S-33471", "04465-33471"),
    ]
    assert codes(order) == [(FindingCode.OVER_SAFETY_STOCK, 2)]


def test_a_rounded_up_box_is_one_correction() -> None:
    order = order_of("K0231 04465-0K240 20个, 90915-YZZD4 48 3/5")

    assert correct(order, "2行改50") == [("2行 数量", "48", "50")]
    assert codes(order) == []


def test_a_quantity_in_boxes_counts_by_the_parts_pack() -> None:
    order = order_of("K0231 90915-YZZD4 48 3/5")

    assert correct(order, "改成2箱") == [("1行 数量", "48", "20")]


def test_a_part_that_stays_unknown_keeps_its_flag_with_the_new_words() -> None:
    order = order_of("K0231 99999-12345 20个 3/5")

    assert correct(order, "1行 物料 88888-12345") == [("1行 物料", "99999-12345", "88888-12345")]
    assert [(f.code, f.arg("text")) for f in order.findings] == [(FindingCode.PART_UNKNOWN, "88888-12345")]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1行 物料 99999-12345", "part_unclear"),
        ("1行 约20个", "quantity_unclear"),
        ("1行 2箱", "quantity_unclear"),
        ("9行 20", "no_such_line"),
        ("改成20个", "which_line"),
        ("交期 13/45", "due_unclear"),
        ("客户 K9999", "customer_unclear"),
        ("1行 abc", "correction_unreadable"),
        ("删7行", "no_such_line"),
    ],
)
def test_a_correction_that_cannot_be_read_is_refused_and_changes_nothing(text: str, sentence: str) -> None:
    order = order_of("K0231 04465-0K240 20个, 90915-YZZD4 50 3/5")
    before = (order.customer_code, order.due_at, [replace(x) for x in order.lines], list(order.findings))

    with pytest.raises(DomainError) as refused:
        correct(order, text)

    assert refused.value.sentence == sentence
    assert (order.customer_code, order.due_at, order.lines, order.findings) == before


def test_a_deleted_line_moves_the_others_up_with_their_flags() -> None:
    order = order_of("K0231 04465-0K240 20个, 90915-YZZD4 48, 0446S-33471 2个 3/5")

    assert correct(order, "删1行") == [("1行", "04465-0K240 ×20", "")]
    assert [(x.position, x.part_number) for x in order.lines] == [(1, "90915-YZZD4"), (2, "")]
    assert codes(order) == [(FindingCode.PACK_MULTIPLE, 1), (FindingCode.PART_SUGGESTED, 2)]


def test_an_added_line_is_checked_like_the_others() -> None:
    order = order_of("K0231 04465-0K240 20个 3/5")

    assert correct(order, "加 0446S-33471 约5个") == [("2行", "", "0446S-33471 约5个 ×?")]
    assert codes(order) == [(FindingCode.PART_SUGGESTED, 2), (FindingCode.QUANTITY_UNCLEAR, 2)]


def test_another_customer_brings_their_own_lead_time() -> None:
    order = order_of("04465-0K240 20个")
    before = order.due_at

    correct(order, "客户 K0231")

    assert before == order.due_at == datetime(2026, 2, 25, 18, tzinfo=CHINA)
    assert codes(order) == [(FindingCode.DUE_ASSUMED, None)]


def test_what_was_waived_stays_waived_until_the_figures_change() -> None:
    order = order_of("K0231 17801-21050 90个 3/5")
    order.findings = [replace(f, resolved_by="E0002", resolution="waived") for f in order.findings]

    order.findings = recheck(order, INDEX, now=NOW, calendar=CALENDAR)
    assert order.open_findings(Severity.SUPERVISOR) == []

    correct(order, "1行 95")
    assert [f.arg("quantity") for f in order.open_findings(Severity.SUPERVISOR)] == ["95"]


def test_stock_is_looked_at_again_with_every_recheck() -> None:
    order = order_of("K0231 04465-0K240 20个 3/5")

    found = recheck(order, INDEX, now=NOW, calendar=CALENDAR, availability={"04465-0K240": 4})

    assert [(f.code, f.arg("available")) for f in found] == [(FindingCode.STOCK_SHORT, "4")]


def test_the_same_goods_in_another_sequence_have_the_same_fingerprint() -> None:
    one = order_of("K0231 04465-0K240 20个, 90915-YZZD4 50 3/5")
    other = order_of("K0231 90915-YZZD4 30, 04465-0K240 20个, 90915-YZZD4 20 3/6")
    more = order_of("K0231 04465-0K240 21个, 90915-YZZD4 50 3/5")
    unfinished = order_of("K0231 04465-0K240 3/5")

    assert fingerprint(one) == fingerprint(other) != ""
    assert fingerprint(more) != fingerprint(one)
    assert fingerprint(unfinished) == ""
