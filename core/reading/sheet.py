"""What is read off an order sheet: lines, fields, and every reason to look again."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from core.reading.words import Quad


class PartIndex(Protocol):
    """What reading needs to know of the master data. Matching proper is done on the draft, from
    `part_text`."""

    def hits(self, text: str) -> int:
        """How many parts this text names exactly: by code, OE, alias or brand number, normalised."""


class ProblemKind(StrEnum):
    """Why a value is not to be taken on trust, or is missing."""

    NO_ORDER = "no_order"  # nothing on the page looks like an order line
    QUANTITY_MISSING = "quantity_missing"  # nothing stands where the quantity should
    QUANTITY_UNREADABLE = "quantity_unreadable"  # something stands there that is not plainly a number
    QUANTITY_AMBIGUOUS = "quantity_ambiguous"  # two numbers could be it
    QUANTITY_UNSURE = "quantity_unsure"  # a number, but badly read, stamped over, or of odd width
    QUANTITY_COLUMN_UNSURE = "quantity_column_unsure"  # the column's heading was lost
    PART_MISSING = "part_missing"  # a quantity without a part number
    PART_UNSURE = "part_unsure"  # badly read or stamped over
    PART_SCIENTIFIC = "part_scientific"  # Excel made 4.465E+11 of it
    PART_LOST_ZEROS = "part_lost_zeros"  # Excel ate the leading zeros; `suggestion` has them back
    PART_DATED = "part_dated"  # Excel made a date of it
    PART_COMPUTED = "part_computed"  # a formula stands where a number was typed before
    LINE_SUM = "line_sum"  # price × quantity is not the amount
    TOTAL_SUM = "total_sum"  # the quantities do not add up to the total row
    ROW_MISSING = "row_missing"  # the running numbers leave one out: a row was not read
    SEVERAL_ORDERS = "several_orders"  # the page names more than one customer or order number
    CUSTOMER_UNSURE = "customer_unsure"  # badly read or stamped over
    DUE_UNSURE = "due_unsure"  # badly read or stamped over


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One reason to look again. `line` counts the sheet's lines from 1; None concerns the whole sheet.

    `text` is what was read there, `suggestion` what a person may accept, never taken by itself.
    """

    kind: ProblemKind
    line: int | None = None
    text: str = ""
    suggestion: str = ""


@dataclass(frozen=True, kw_only=True)
class SheetField:
    """A field outside the table: its text, where it stands, how surely it was read."""

    text: str
    boxes: tuple[Quad, ...]
    page: int
    score: float


@dataclass(frozen=True, kw_only=True)
class SheetLine:
    """One order line as printed. `boxes` holds the place of `part`, `name`, `quantity`, … where they
    were found.

    `quantity` is the printed number, uncounted by pack, or None: it is never guessed. `score` is the worst of
    part and quantity. `row` is the sheet's own row for sheets (from 1), else the line's place on the page.
    """

    position: int
    part_text: str
    quantity: int | None
    quantity_text: str = ""
    unit_text: str = ""
    name_text: str = ""
    remark_text: str = ""
    customer_text: str = ""
    due_text: str = ""
    price: Decimal | None = None
    amount: Decimal | None = None
    row_text: str = ""
    row: int = 0
    page: int = 0
    score: float = 1.0
    boxes: tuple[tuple[str, Quad], ...] = ()


@dataclass(frozen=True, kw_only=True)
class SheetReading:
    """A whole order as read from all its pages."""

    lines: tuple[SheetLine, ...] = ()
    customer: SheetField | None = None
    due: SheetField | None = None
    number: SheetField | None = None
    requirements: tuple[SheetField, ...] = ()
    problems: tuple[Problem, ...] = ()
    looks_like_order: bool = False

    @property
    def customer_text(self) -> str:
        return self.customer.text if self.customer else ""

    @property
    def due_text(self) -> str:
        return self.due.text if self.due else ""

    @property
    def number_text(self) -> str:
        return self.number.text if self.number else ""

    @property
    def requirement_texts(self) -> tuple[str, ...]:
        return tuple(field.text for field in self.requirements)

    def problems_of(self, position: int) -> tuple[Problem, ...]:
        """The problems of one line, by its position from 1."""
        return tuple(problem for problem in self.problems if problem.line == position)
