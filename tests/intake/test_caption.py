"""Words typed beside a photo or file belong to its order."""

from __future__ import annotations

from core.intake.caption import captioned
from core.intake.draft import draft_from_sheet
from core.intake.text_order import read_text
from core.reading.sheet import Problem, ProblemKind, SheetField, SheetLine, SheetReading
from core.workcalendar import DEMO_DAYS, WorkCalendar
from tests.intake.master_data import NOW, build_index

INDEX = build_index()

SHEET = SheetReading(
    lines=(SheetLine(position=1, part_text="04465-0K240", quantity=20, quantity_text="20"),),
    customer=SheetField(text="K0O31", boxes=(), page=0, score=0.5),
    problems=(Problem(kind=ProblemKind.CUSTOMER_UNSURE, text="K0O31"), Problem(kind=ProblemKind.PART_UNSURE, line=1)),
    looks_like_order=True,
)


def beside(words: str) -> SheetReading:
    return captioned(SHEET, read_text(words, INDEX, now=NOW))


def test_a_typed_customer_and_date_take_the_place_of_the_printed_ones() -> None:
    read = beside("客户 K0231, 后天要")

    assert read.customer_text == "K0231"
    assert [p.kind for p in read.problems] == [ProblemKind.PART_UNSURE]
    draft = draft_from_sheet(read, INDEX, now=NOW, calendar=WorkCalendar(DEMO_DAYS))
    assert draft.customer_code == "K0231"
    assert not draft.due_assumed


def test_demands_are_added_and_lines_stand_behind_the_printed_ones() -> None:
    read = beside("另加 90915-YZZD4 48个, 要质检报告")

    assert [(x.position, x.part_text, x.quantity) for x in read.lines] == [
        (1, "04465-0K240", 20),
        (2, "90915-YZZD4", 48),
    ]
    assert len(read.requirement_texts) == 1
    assert read.customer_text == "K0O31"


def test_a_line_that_says_what_is_printed_is_no_second_one_but_another_quantity_is() -> None:
    assert len(beside("04465 0K240 20个").lines) == 1
    assert [x.quantity for x in beside("04465-0K240 30个").lines] == [20, 30]


def test_words_without_an_order_change_nothing() -> None:
    assert beside("麻烦看一下") == SHEET
