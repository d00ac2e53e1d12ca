"""A picture or file becomes a draft with every doubt of the reader flagged (F027, F029)."""

from __future__ import annotations

from datetime import datetime

import pytest

from core.catalog import Customer
from core.clock import CHINA
from core.findings import FindingCode, Severity
from core.intake.draft import draft_from_sheet, draft_from_text
from core.intake.order_draft import OrderDraft
from core.intake.text_order import read_text
from core.reading.sheet import Problem, ProblemKind, SheetField, SheetLine, SheetReading
from core.workcalendar import DEMO_DAYS, WorkCalendar
from tests.intake.master_data import CUSTOMERS, NOW, build_index

INDEX = build_index()
CALENDAR = WorkCalendar(DEMO_DAYS)


def field(text: str) -> SheetField:
    return SheetField(text=text, boxes=(), page=0, score=1.0)


def sheet(
    *lines: SheetLine,
    customer: str = "K0231 华锐汽修",
    due: str = "2026-03-05",
    problems: tuple[Problem, ...] = (),
    requirements: tuple[str, ...] = (),
) -> SheetReading:
    return SheetReading(
        lines=lines,
        customer=field(customer) if customer else None,
        due=field(due) if due else None,
        requirements=tuple(field(r) for r in requirements),
        problems=problems,
        looks_like_order=True,
    )


def row(
    position: int,
    part: str,
    quantity: int | None,
    *,
    text: str = "",
    unit: str = "个",
    name: str = "",
    score: float = 1.0,
    due: str = "",
    customer: str = "",
) -> SheetLine:
    return SheetLine(
        position=position,
        part_text=part,
        quantity=quantity,
        unit_text=unit,
        name_text=name,
        score=score,
        quantity_text=text or ("" if quantity is None else str(quantity)),
        due_text=due,
        customer_text=customer,
    )


def draft(reading: SheetReading, default: Customer | None = None) -> OrderDraft:
    return draft_from_sheet(reading, INDEX, now=NOW, calendar=CALENDAR, default_customer=default, default_by="门店")


def test_a_clean_sheet_becomes_a_draft_without_flags() -> None:
    read = draft(
        sheet(
            row(1, "04465-0K240", 20, name="前刹车片"),
            row(2, "90915-YZZD4", 2, unit="箱"),
            requirements=("需原厂质检报告",),
        )
    )

    assert [(x.part_number, x.quantity, x.matched_by) for x in read.lines] == [
        ("04465-0K240", 20, "编码"),
        ("90915-YZZD4", 20, "编码"),
    ]
    assert (read.customer_code, read.customer_name, read.customer_matched_by) == ("K0231", "华锐汽修", "编码")
    assert (read.due_at, read.due_assumed) == (datetime(2026, 3, 5, 18, tzinfo=CHINA), False)
    assert read.requirements == ("需提供原厂质检报告",)
    assert read.findings == ()


def test_the_photo_of_the_script_gets_its_three_flags() -> None:
    read = draft(
        sheet(
            row(1, "90915-YZZD4", 50),
            row(2, "0446S-33471", 20),
            row(3, "17801-21050", 90),
            customer="K0O31",
            due="3月5日",
        )
    )

    assert [(f.code, f.severity, f.line, f.candidates) for f in read.findings] == [
        (FindingCode.CUSTOMER_UNKNOWN, Severity.RED, None, ("K0031",)),
        (FindingCode.PART_SUGGESTED, Severity.RED, 2, ("04465-33471",)),
        (FindingCode.OVER_SAFETY_STOCK, Severity.SUPERVISOR, 3, ()),
    ]


@pytest.mark.parametrize(
    ("problem", "code", "line"),
    [
        (Problem(kind=ProblemKind.QUANTITY_UNSURE, line=1, text="20"), FindingCode.LOW_CONFIDENCE, 1),
        (Problem(kind=ProblemKind.PART_UNSURE, line=1, text="04465-0K240"), FindingCode.LOW_CONFIDENCE, 1),
        (Problem(kind=ProblemKind.LINE_SUM, line=1), FindingCode.SHEET_SUM, 1),
        (Problem(kind=ProblemKind.TOTAL_SUM, text="68"), FindingCode.SHEET_SUM, None),
        (Problem(kind=ProblemKind.ROW_MISSING, text="2"), FindingCode.SHEET_SUM, None),
        (Problem(kind=ProblemKind.SEVERAL_ORDERS), FindingCode.SHEET_SUM, None),
        (Problem(kind=ProblemKind.CUSTOMER_UNSURE, text="K0231"), FindingCode.LOW_CONFIDENCE, None),
        (Problem(kind=ProblemKind.DUE_UNSURE, text="3月5日"), FindingCode.LOW_CONFIDENCE, None),
    ],
)
def test_a_doubt_of_the_reader_must_be_acknowledged(problem: Problem, code: FindingCode, line: int | None) -> None:
    read = draft(sheet(row(1, "04465-0K240", 20), problems=(problem,)))

    assert [(f.code, f.line, f.severity) for f in read.findings] == [(code, line, Severity.YELLOW)]


def test_every_kind_of_problem_leaves_a_flag() -> None:
    for kind in ProblemKind:
        if kind is ProblemKind.NO_ORDER:
            continue
        at = 1 if kind.value.startswith(("part", "quantity", "line")) else None
        quantity = None if kind.value in ("quantity_missing", "quantity_unreadable", "quantity_ambiguous") else 20
        read = draft(sheet(row(1, "04465-0K240", quantity), problems=(Problem(kind=kind, line=at),)))

        assert read.findings, kind


def test_a_number_excel_damaged_is_offered_with_its_zeros_back() -> None:
    damaged = Problem(kind=ProblemKind.PART_LOST_ZEROS, line=1, text="986452041", suggestion="0986452041")
    read = draft(sheet(row(1, "986452041", 8), problems=(damaged,)))

    assert [(f.code, f.line) for f in read.findings] == [(FindingCode.PART_SUGGESTED, 1)]
    assert read.lines[0].part is None


@pytest.mark.parametrize(
    ("line", "readings"),
    [
        (row(1, "04465-0K240", None, text="2 / 48"), ("2", "48")),
        (row(1, "04465-0K240", None, text="2O"), ()),
        (row(1, "04465-0K240", 2, unit="箱"), ("2",)),
    ],
)
def test_a_quantity_that_is_not_plain_is_asked(line: SheetLine, readings: tuple[str, ...]) -> None:
    read = draft(sheet(line))

    assert read.lines[0].quantity is None
    assert [(f.code, f.candidates) for f in read.findings] == [(FindingCode.QUANTITY_UNCLEAR, readings)]


def test_a_name_that_contradicts_the_number_is_flagged() -> None:
    read = draft(sheet(row(1, "04465-33471", 20, name="凯美瑞后刹车片")))

    assert [(f.code, f.arg("reason")) for f in read.findings] == [(FindingCode.LOW_CONFIDENCE, "name")]


def test_rows_that_want_different_days_are_asked() -> None:
    read = draft(sheet(row(1, "04465-0K240", 20, due="3/5"), row(2, "04465-33471", 2, due="3/8"), due=""))

    assert [(f.code, f.candidates) for f in read.findings] == [
        (FindingCode.DUE_UNCLEAR, ("2026-03-05 18:00", "2026-03-08 18:00"))
    ]


def test_the_senders_customer_is_taken_only_when_none_is_named_and_it_is_shown() -> None:
    taken = draft(sheet(row(1, "04465-0K240", 20), customer=""), CUSTOMERS[1])
    named = draft(sheet(row(1, "04465-0K240", 20)), CUSTOMERS[1])
    wrong = draft(sheet(row(1, "04465-0K240", 20), customer="K9999"), CUSTOMERS[1])

    assert (taken.customer_code, taken.customer_matched_by) == ("K0031", "门店")
    assert named.customer_code == "K0231"
    assert wrong.customer_code == ""


def test_the_text_of_script_one_gets_its_yellow_flag_and_nothing_else() -> None:
    text = "K0231 04465-0K240 20个, 90915-YZZD4 48, 后天要, 要质检报告"
    read = draft_from_text(read_text(text, INDEX, now=NOW), INDEX, now=NOW, calendar=CALENDAR)

    assert [(f.code, f.severity, f.line, f.candidates) for f in read.findings] == [
        (FindingCode.PACK_MULTIPLE, Severity.YELLOW, 2, ("50",))
    ]
    assert read.due_at == datetime(2026, 2, 23, 18, tzinfo=CHINA)
    assert read.requirements == ("需提供原厂质检报告",)
