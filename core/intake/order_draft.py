"""An order before it is one: what was read, what it was matched to, and what is doubtful."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.catalog import Part
from core.findings import Finding
from core.intake.due import DueReading
from core.intake.matches import CustomerMatch, MatchKind, PartMatch

NOBODY = CustomerMatch(text="", kind=MatchKind.UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """A reason of the reader to look again at a value that may be right."""

    field: str
    """part, quantity, customer, due, sum, rows."""
    reason: str
    """The reader's word for it (``ProblemKind`` values)."""
    text: str = ""
    suggestion: str = ""


@dataclass(frozen=True, kw_only=True)
class DraftLine:
    """One line with its match. ``quantity`` is in pieces and None while nobody has plainly written it."""

    position: int
    raw: str
    part_text: str
    match: PartMatch
    quantity: int | None = None
    quantity_readings: tuple[int, ...] = ()
    quantity_text: str = ""
    name_text: str = ""
    score: float = 1.0
    doubts: tuple[Doubt, ...] = ()

    @property
    def part(self) -> Part | None:
        return self.match.part

    @property
    def part_number(self) -> str:
        return self.match.part.number if self.match.part else ""

    @property
    def part_name(self) -> str:
        return self.match.part.name if self.match.part else ""

    @property
    def unit(self) -> str:
        return self.match.part.unit if self.match.part else "个"

    @property
    def matched_by(self) -> str:
        return self.match.matched_by


@dataclass(frozen=True, kw_only=True)
class OrderDraft:
    """What the draft card shows before anybody corrected it. ``findings`` are the flags of everything but stock."""

    source_kind: str
    """text, image, file, voice."""
    customer: CustomerMatch = NOBODY
    due: DueReading | None = None
    """The date as written; None when none was."""
    due_at: datetime | None = None
    due_assumed: bool = False
    """No date was written: the lead time was taken (F051)."""
    requirements: tuple[str, ...] = ()
    lines: tuple[DraftLine, ...] = ()
    total: int | None = None
    """The sum of pieces that the message itself states."""
    doubts: tuple[Doubt, ...] = ()
    rest: str = ""
    """Words nobody understood."""
    findings: tuple[Finding, ...] = ()

    @property
    def customer_code(self) -> str:
        return self.customer.customer.code if self.customer.customer else ""

    @property
    def customer_name(self) -> str:
        return self.customer.customer.name if self.customer.customer else ""

    @property
    def customer_matched_by(self) -> str:
        """编码, 名称, 电话, or how the customer was known without being named (门店, 上次): shown, never hidden."""
        return self.customer.matched_by
