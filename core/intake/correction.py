"""Short lines that correct a draft: “2行 20”, “交期 3/8”, “客户 K0231”, “删3行” (F034, chat grammar)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Self

from core.intake.due import DueReading, read_due
from core.intake.master import MasterIndex
from core.intake.matches import MatchKind
from core.intake.numerals import NUMERAL, spoken_number
from core.intake.quantity import Amount, amount_of
from core.intake.requirements import requirements_of
from core.intake.text_order import TextLine, read_text
from core.part_number import squeezed


@dataclass(frozen=True, kw_only=True)
class SetQuantity:
    """Change how many. ``line`` None = the order's only line."""

    line: int | None
    amount: Amount

    @classmethod
    def of(cls, line: int | None, pieces: int) -> Self:
        """So many pieces, as a button says it."""
        return cls(line=line, amount=Amount(text=str(pieces), counts=(Fraction(pieces),)))


@dataclass(frozen=True, kw_only=True)
class SetPart:
    """Change the part to what ``text`` names."""

    line: int | None
    text: str


@dataclass(frozen=True, kw_only=True)
class SetDue:
    """Change the date."""

    reading: DueReading


@dataclass(frozen=True, kw_only=True)
class SetCustomer:
    """Change the customer to whom ``text`` names."""

    text: str


@dataclass(frozen=True, kw_only=True)
class DeleteLine:
    """Take a line off the order; the lines behind it move up."""

    line: int


@dataclass(frozen=True, kw_only=True)
class AddLine:
    """Put a line at the end."""

    line: TextLine


@dataclass(frozen=True, kw_only=True)
class AddRequirement:
    """Add a demand in its canonical wording."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A correction was meant, but its value cannot be read."""

    text: str
    line: int | None = None


Correction = SetQuantity | SetPart | SetDue | SetCustomer | DeleteLine | AddLine | AddRequirement | Unreadable

_ROW = rf"(?:第?\s*(?P<row>\d{{1,3}}|{NUMERAL}{{1,3}})\s*行|line\s*(?P<line>\d{{1,3}})(?!\d))"
_CHANGE = r"(?:改成|改为|改到|改|换成|换为|换|是|为|to|=|:|\s)*"
_DELETE = re.compile(
    rf"(?:删除|删掉|删|去掉|取消|不要|delete|del|remove)\s*{_ROW}"
    rf"|{_ROW.replace('row>', 'row2>').replace('line>', 'line2>')}\s*(?:删除|删掉|删|去掉|取消|不要了?)",
    re.IGNORECASE,
)
_LINE = re.compile(
    rf"(?:改\s*)?{_ROW}\s*{_CHANGE}(?P<field>物料号?|零件号?|料号|配件|编码|part|数量|qty|quantity)?{_CHANGE}(?P<value>.*)",
    re.IGNORECASE | re.DOTALL,
)
_ADD = re.compile(r"(?:再?加(?!急)|增加|追加|新增|add)\s*(?P<value>.+)", re.IGNORECASE | re.DOTALL)
_DUE = re.compile(
    rf"(?:改?交期|交货期|交货日期|要货日期|到货日期|发货日期|due(?:\s*date)?|延期到|延到|推迟到|提前到|改到){_CHANGE}(?P<value>.*)",
    re.IGNORECASE,
)
_CUSTOMER = re.compile(rf"(?:改?客户|customer){_CHANGE}(?P<value>.+)", re.IGNORECASE)
_REQUIRE = re.compile(r"(?:加?要求|备注|requirement|require|note)\s*[:=]?\s*(?P<value>.+)", re.IGNORECASE | re.DOTALL)
_QUANTITY = re.compile(
    r"(?:数量\s*)?(?:改成|改为|改|换成|数量|qty|quantity)\s*(?:to|=|:|为|成)?\s*(?P<value>.+)", re.IGNORECASE
)
_CLAUSES = re.compile(r"[,;。\n、]+")


def parse_corrections(text: str, index: MasterIndex, *, now: datetime) -> tuple[Correction, ...]:
    """What a short line asks to change; empty when it is no correction at all. Nothing is applied.

    Several may stand in one message, separated by commas or lines. Lines are numbered as the card shows them, so
    deletions come last and from the end.
    """
    written = squeezed(text)
    if (add := _ADD.fullmatch(written)) and (lines := read_text(add["value"], index, now=now).lines):
        return tuple(AddLine(line=line) for line in lines)
    if demand := _REQUIRE.fullmatch(written):
        return tuple(AddRequirement(text=wording) for wording in requirements_of(demand["value"]))
    found: list[Correction] = []
    for clause in filter(None, (c.strip() for c in _CLAUSES.split(written))):
        corrections = _clause(clause, index, now)
        if not corrections and not found:
            return ()
        found += corrections or [Unreadable(text=clause)]
    deletions = sorted((c for c in found if isinstance(c, DeleteLine)), key=lambda c: -c.line)
    return (*(c for c in found if not isinstance(c, DeleteLine)), *deletions)


def _clause(text: str, index: MasterIndex, now: datetime) -> list[Correction]:
    if gone := _DELETE.fullmatch(text):
        row = _row_number(gone["row"] or gone["line"] or gone["row2"] or gone["line2"])
        return [DeleteLine(line=row)] if row else [Unreadable(text=text)]
    if line := _LINE.fullmatch(text):
        row = _row_number(line["row"] or line["line"])
        if not row:
            return [Unreadable(text=text)]
        return _line_change(row, line["field"] or "", line["value"].strip(), index, now)
    if due := _DUE.fullmatch(text):
        reading = read_due(due["value"], now=now)
        return [SetDue(reading=reading) if reading else Unreadable(text=text)]
    if customer := _CUSTOMER.fullmatch(text):
        return [SetCustomer(text=customer["value"].strip())]
    if (quantity := _QUANTITY.fullmatch(text)) and (amount := amount_of(quantity["value"])):
        return [SetQuantity(line=None, amount=amount)]
    return []


def _line_change(row: int, field: str, value: str, index: MasterIndex, now: datetime) -> list[Correction]:
    if not value:
        return [Unreadable(text=value, line=row)]
    amount = amount_of(value)
    if field.lower() in ("数量", "qty", "quantity"):
        return [SetQuantity(line=row, amount=amount) if amount else Unreadable(text=value, line=row)]
    if field:
        return _part_change(row, value, index, now) or [SetPart(line=row, text=value)]
    if amount and not index.hits(value):
        return [SetQuantity(line=row, amount=amount)]
    if parts := _part_change(row, value, index, now):
        return parts
    if index.match_part(value).kind is not MatchKind.UNKNOWN:
        return [SetPart(line=row, text=value)]
    return [Unreadable(text=value, line=row)]


def _part_change(row: int, value: str, index: MasterIndex, now: datetime) -> list[Correction]:
    """“2行 04465-33471 20个” changes both."""
    lines = read_text(value, index, now=now).lines
    if len(lines) != 1:
        return []
    changes: list[Correction] = [SetPart(line=row, text=lines[0].part_text)]
    if lines[0].quantity_text and (amount := amount_of(lines[0].quantity_text)):
        changes.append(SetQuantity(line=row, amount=amount))
    return changes


def _row_number(text: str | None) -> int:
    if not text:
        return 0
    return int(text) if text.isdecimal() else spoken_number(text) or 0
