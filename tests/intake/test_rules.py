"""Each rule speaks up when it must and is silent when it should be (F031–F033)."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta

import pytest

from core.catalog import Part
from core.findings import Finding, FindingCode, Severity
from core.intake.check import RULES, RuleSettings, check
from core.intake.draft import draft_from_text
from core.intake.order_draft import Doubt, OrderDraft
from core.intake.sight import Rule, Sight
from core.intake.text_order import read_text
from core.workcalendar import DEMO_DAYS, WorkCalendar
from tests.intake.master_data import NOW, build_index

INDEX = build_index()
CALENDAR = WorkCalendar(DEMO_DAYS)
CLEAN = "K0231 04465-0K240 20个 3/5要"


def draft(text: str) -> OrderDraft:
    return draft_from_text(read_text(text, INDEX, now=NOW), INDEX, now=NOW, calendar=CALENDAR)


def flags(text: str, **more: object) -> dict[FindingCode, Finding]:
    found = check(draft(text), INDEX, now=NOW, calendar=CALENDAR, **more)  # type: ignore[arg-type]
    return {f.code: f for f in found}


def test_a_clean_order_has_no_flag() -> None:
    assert flags(CLEAN, availability={"04465-0K240": 64}, cutoffs=(time(15, 30), time(17))) == {}


@pytest.mark.parametrize(
    ("text", "code", "severity", "line", "candidates"),
    [
        ("04465-0K240 20个 3/5", FindingCode.CUSTOMER_MISSING, Severity.RED, None, ()),
        ("K9999 04465-0K240 20个 3/5", FindingCode.CUSTOMER_UNKNOWN, Severity.RED, None, ()),
        ("K0O31 04465-0K240 20个 3/5", FindingCode.CUSTOMER_UNKNOWN, Severity.RED, None, ("K0031",)),
        ("安顺 04465-0K240 20个 3/5", FindingCode.CUSTOMER_AMBIGUOUS, Severity.RED, None, ("K0450", "K0451")),
        ("K0107 04465-0K240 20个 3/5", FindingCode.CUSTOMER_FROZEN, Severity.RED, None, ()),
        ("K0231 99999-12345 20个 3/5", FindingCode.PART_UNKNOWN, Severity.RED, 1, ()),
        ("K0231 0446S-33471 20个 3/5", FindingCode.PART_SUGGESTED, Severity.RED, 1, ("04465-33471",)),
        ("K0231 04465-33472 20个 3/5", FindingCode.PART_SUGGESTED, Severity.RED, 1, ("04465-33471",)),
        ("K0231 轮速传感器 2个 3/5", FindingCode.PART_AMBIGUOUS, Severity.RED, 1, ("HT-6001", "HT-6002")),
        ("K0231 HT-8001 2个 3/5", FindingCode.PART_AMBIGUOUS, Severity.RED, 1, ("HT-8001", "HT-B001")),
        ("K0231 HT-4001 2个 3/5", FindingCode.PART_SUPERSEDED, Severity.YELLOW, 1, ("HT-4002",)),
        ("K0231 HT-5001 2条 3/5", FindingCode.PART_SUPERSEDED, Severity.RED, 1, ()),
        ("K0231 04465-0K240 机油滤 20个 3/5", FindingCode.LOW_CONFIDENCE, Severity.YELLOW, 1, ()),
        ("K0231 04465-0K240 3/5", FindingCode.QUANTITY_MISSING, Severity.RED, 1, ("10", "20", "50")),
        ("K0231 04465-0K240 20-30个 3/5", FindingCode.QUANTITY_UNCLEAR, Severity.RED, 1, ("20", "30")),
        ("K0231 04465-0K240 0个 3/5", FindingCode.QUANTITY_ABSURD, Severity.RED, 1, ()),
        ("K0231 04465-0K240 -5个 3/5", FindingCode.QUANTITY_ABSURD, Severity.RED, 1, ("5",)),
        ("K0231 04465-0K240 10000个 3/5", FindingCode.QUANTITY_ABSURD, Severity.RED, 1, ()),
        ("K0231 17801-21050 90个 3/5", FindingCode.OVER_SAFETY_STOCK, Severity.SUPERVISOR, 1, ()),
        ("K0231 HT-2001 2只 3/5", FindingCode.NO_SAFETY_STOCK, Severity.INFO, 1, ()),
        ("K0231 90915-YZZD4 48 3/5", FindingCode.PACK_MULTIPLE, Severity.YELLOW, 1, ("50",)),
        ("K0231 04465-0K240 20个 2/20要", FindingCode.DUE_PAST, Severity.RED, None, ()),
        ("K0231 04465-0K240 20个 13/45要", FindingCode.DUE_UNCLEAR, Severity.RED, None, ()),
        (
            "K0231 04465-0K240 20个 周六要",
            FindingCode.DUE_UNCLEAR,
            Severity.RED,
            None,
            ("2026-02-21 18:00", "2026-02-28 18:00"),
        ),
        ("K0231 04465-0K240 20个", FindingCode.DUE_ASSUMED, Severity.INFO, None, ()),
        ("K0231 04465-0K240 20个 3/5 要求木箱包装", FindingCode.REQUIREMENT_UNCLEAR, Severity.YELLOW, None, ()),
        ("K0231 04465-0K240 20个 90915-YZZD4 30个\n共60个 3/5", FindingCode.SHEET_SUM, Severity.YELLOW, None, ()),
    ],
)
def test_a_doubt_is_flagged_once_with_what_would_resolve_it(
    text: str, code: FindingCode, severity: Severity, line: int | None, candidates: tuple[str, ...]
) -> None:
    found = flags(text)

    assert set(found) == {code}
    assert (found[code].severity, found[code].line, found[code].candidates) == (severity, line, candidates)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("华锐汽修 04465-0K240 20个 3/5", FindingCode.CUSTOMER_UNKNOWN),
        ("安顺汽修一店 04465-0K240 20个 3/5", FindingCode.CUSTOMER_AMBIGUOUS),
        ("K0231 w75/3 20个 3/5", FindingCode.PART_UNKNOWN),
        ("K0231 HT-6001 20个 3/5", FindingCode.PART_AMBIGUOUS),
        ("K0231 HT-4002 20个 3/5", FindingCode.PART_SUPERSEDED),
        ("K0231 04465-0K240 前刹车片 20个 3/5", FindingCode.LOW_CONFIDENCE),
        ("K0231 04465-0K240 9999个 3/5", FindingCode.QUANTITY_ABSURD),
        ("K0231 90915-YZZD4 50 3/5", FindingCode.PACK_MULTIPLE),
        ("K0231 04465-0K240 20个 今天19点", FindingCode.DUE_PAST),
        ("K0231 04465-0K240 20个 3/5 要质检报告", FindingCode.REQUIREMENT_UNCLEAR),
        ("K0231 04465-0K240 20个 90915-YZZD4 30个\n共50个 3/5", FindingCode.SHEET_SUM),
    ],
)
def test_the_healthy_twin_is_not_flagged(text: str, code: FindingCode) -> None:
    assert code not in flags(text)


@pytest.mark.parametrize(("pieces", "flagged"), [(80, False), (81, True)])
def test_exactly_two_hundred_percent_of_the_safety_stock_is_no_flag_and_one_piece_more_is(
    pieces: int, flagged: bool
) -> None:
    found = flags(f"K0231 17801-21050 {pieces}个 3/5")

    assert (FindingCode.OVER_SAFETY_STOCK in found) is flagged


def test_the_safety_flag_says_how_much_is_ordered_of_what() -> None:
    found = flags("K0231 17801-21050 50个, 空气滤 40个 3/5")[FindingCode.OVER_SAFETY_STOCK]

    assert dict(found.args) == {"quantity": "90", "safety": "40", "percent": "225", "limit": "200"}


def test_the_safety_threshold_can_be_set_per_part() -> None:
    rules = RuleSettings(safety_percent_by_part={"17801-21050": 300})

    assert FindingCode.OVER_SAFETY_STOCK not in flags("K0231 17801-21050 90个 3/5", rules=rules)


@pytest.mark.parametrize(("available", "flagged"), [(20, False), (19, True)])
def test_short_stock_is_said_with_the_available_figure(available: int, flagged: bool) -> None:
    found = flags(CLEAN, availability={"04465-0K240": available}).get(FindingCode.STOCK_SHORT)

    assert (found is not None) is flagged
    if found:
        assert dict(found.args) == {"quantity": "20", "available": "19"}
        assert found.severity is Severity.YELLOW


@pytest.mark.parametrize(("wanted", "flagged"), [("今天11:00", True), ("今天16:00", False), ("今天", False)])
def test_a_date_no_carrier_can_make_is_flagged_with_the_earliest(wanted: str, flagged: bool) -> None:
    found = flags(f"K0231 04465-0K240 20个 {wanted}", cutoffs=(time(17), time(15, 30), time(10)))

    assert (FindingCode.DUE_TOO_SOON in found) is flagged
    if flagged:
        assert found[FindingCode.DUE_TOO_SOON].candidates == ("2026-02-21 15:30",)


@pytest.mark.parametrize(("score", "flagged"), [(0.84, True), (0.85, False)])
def test_a_badly_read_line_is_looked_at_again(score: float, flagged: bool) -> None:
    clean = draft(CLEAN)
    read = replace(clean, lines=(replace(clean.lines[0], score=score),))

    codes = {f.code for f in check(read, INDEX, now=NOW, calendar=CALENDAR)}

    assert (FindingCode.LOW_CONFIDENCE in codes) is flagged


def test_an_order_without_lines_cannot_be_submitted() -> None:
    found = check(replace(draft(CLEAN), lines=()), INDEX, now=NOW, calendar=CALENDAR)

    assert [(f.code, f.severity, f.arg("reason")) for f in found] == [
        (FindingCode.PART_UNKNOWN, Severity.RED, "no_lines")
    ]


def test_the_readers_doubts_become_flags_of_their_line() -> None:
    clean = draft(CLEAN)
    doubts = (Doubt(field="quantity", reason="quantity_unsure", text="20"), Doubt(field="sum", reason="line_sum"))
    rows = (Doubt(field="rows", reason="row_missing"),)
    read = replace(clean, lines=(replace(clean.lines[0], doubts=doubts),), doubts=rows)

    found = check(read, INDEX, now=NOW, calendar=CALENDAR)

    assert [(f.code, f.line, f.arg("reason")) for f in found] == [
        (FindingCode.SHEET_SUM, None, "row_missing"),
        (FindingCode.LOW_CONFIDENCE, 1, "quantity_unsure"),
        (FindingCode.SHEET_SUM, 1, "line_sum"),
    ]


def test_a_rule_that_breaks_leaves_a_flag_and_the_other_rules_go_on() -> None:
    def broken(sight: Sight) -> list[Finding]:
        raise ZeroDivisionError

    table = (Rule(name="broken", run=broken), *RULES)
    found = check(draft("K0231 04465-0K240 3/5"), INDEX, now=NOW, calendar=CALENDAR, table=table)

    assert [(f.code, f.arg("rule")) for f in found] == [
        (FindingCode.RULE_ERROR, "broken"),
        (FindingCode.QUANTITY_MISSING, ""),
    ]


def test_an_assumed_date_in_a_year_without_published_holidays_says_so() -> None:
    later = NOW + timedelta(days=365)
    text = read_text("K0231 04465-0K240 20个", INDEX, now=later)

    found = draft_from_text(text, INDEX, now=later, calendar=CALENDAR).findings

    assert [(f.code, f.arg("confirmed")) for f in found] == [(FindingCode.DUE_ASSUMED, "no")]


def test_the_part_type_is_not_changed_by_a_check() -> None:
    before: dict[str, Part] = dict(INDEX.parts)

    flags("K0231 HT-4001 2个 3/5")

    assert dict(INDEX.parts) == before
