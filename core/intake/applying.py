"""Corrections put on an order: each gives what changed, old and new (F034)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from core.clock import local
from core.errors import DomainError
from core.findings import Finding, FindingCode, Severity
from core.intake.again import CUSTOMER_CODES, due_is_assumed, part_words
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
)
from core.intake.draft import promised
from core.intake.master import MasterIndex
from core.intake.matches import BY_CODE
from core.intake.quantity import pieces
from core.intake.settings import RuleSettings
from core.orders import Order, OrderLine
from core.workcalendar import WorkCalendar

_BULK = frozenset({FindingCode.PART_SUGGESTED, FindingCode.CUSTOMER_UNKNOWN})
"""Suggestions that 采用建议 takes: look-alike numbers. A quantity is changed only by its own button."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One field's old and new value in the words people read: “2行 物料” 0446S-33471 → 04465-33471."""

    field: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class _At:
    order: Order
    index: MasterIndex
    now: datetime
    calendar: WorkCalendar


def apply(
    order: Order,
    correction: Correction,
    index: MasterIndex,
    *,
    now: datetime,
    calendar: WorkCalendar,
) -> Change:
    """Change the order as the correction says, and drop the reader's doubts about that value.

    Raises DomainError and changes nothing: ``no_such_line``; ``which_line`` when no line is named and there are
    several; ``quantity_unclear``, ``part_unclear``, ``customer_unclear``, ``due_unclear`` with what could be meant;
    ``correction_unreadable``. A value that was open and stays unknown keeps its flag, with the new words in it.
    """
    at = _At(order=order, index=index, now=now, calendar=calendar)
    match correction:
        case SetQuantity():
            return _quantity(at, correction)
        case SetPart():
            return _part(at, correction)
        case SetCustomer():
            return _customer(at, correction)
        case SetDue():
            return _due(at, correction)
        case DeleteLine():
            return _delete(at, correction)
        case AddLine():
            return _add(at, correction)
        case AddRequirement():
            return _require(at, correction)
        case Unreadable():
            raise DomainError("correction_unreadable", text=correction.text, line=correction.line)


def from_suggestion(finding: Finding) -> Correction | None:
    """What 采用建议 does about a flag: a look-alike part or customer code with exactly one candidate; else None."""
    if not finding.open or finding.code not in _BULK or len(finding.candidates) != 1:
        return None
    if finding.code is FindingCode.CUSTOMER_UNKNOWN:
        return SetCustomer(text=finding.candidates[0])
    return SetPart(line=finding.line, text=finding.candidates[0])


def _quantity(at: _At, wanted: SetQuantity) -> Change:
    line = _line(at.order, wanted.line)
    readings, sure = pieces(wanted.amount, at.index.part(line.part_number) if line.part_number else None)
    if not sure:
        raise DomainError("quantity_unclear", line=line.position, text=wanted.amount.text, readings=readings)
    old, line.quantity = line.quantity, readings[0]
    _settle(at.order, line.position, "quantity")
    return Change(field=f"{line.position}行 数量", old="" if old is None else str(old), new=str(line.quantity))


def _part(at: _At, wanted: SetPart) -> Change:
    line = _line(at.order, wanted.line)
    field = f"{line.position}行 物料"
    match = at.index.match_part(wanted.text)
    part = at.index.part(wanted.text) or match.part
    old = line.part_number or part_words(at.order, line, at.index, at.now)
    if part is None:
        if line.part_number:
            raise DomainError(
                "part_unclear",
                line=line.position,
                text=wanted.text,
                candidates=tuple(p.number for p in match.candidates),
            )
        _settle(at.order, line.position, "part")
        _flag(at.order, FindingCode.PART_UNKNOWN, "part", wanted.text, line.position)
        return Change(field=field, old=old, new=wanted.text)
    line.part_number, line.part_name, line.unit = part.number, part.name, part.unit
    line.matched_by = match.matched_by or BY_CODE
    _settle(at.order, line.position, "part")
    return Change(field=field, old=old, new=part.number)


def _customer(at: _At, wanted: SetCustomer) -> Change:
    order = at.order
    match = at.index.match_customer(wanted.text)
    old = order.customer_code or next((f.arg("text") for f in order.findings if f.code in CUSTOMER_CODES), "")
    if match.customer is None:
        if order.customer_code:
            raise DomainError("customer_unclear", text=wanted.text, candidates=tuple(c.code for c in match.candidates))
        _settle(order, None, "customer")
        _flag(order, FindingCode.CUSTOMER_UNKNOWN, "customer", wanted.text, None)
        return Change(field="客户", old=old, new=wanted.text)
    order.customer_code, order.customer_name = match.customer.code, match.customer.name
    order.customer_matched_by = match.matched_by
    _settle(order, None, "customer")
    if due_is_assumed(order):
        order.due_at, _ = promised(None, match.customer, now=at.now, calendar=at.calendar, rules=RuleSettings())
        order.findings = [
            replace(f, args=(("at", local(order.due_at).isoformat()),))
            if f.code is FindingCode.DUE_ASSUMED and order.due_at
            else f
            for f in order.findings
        ]
    return Change(field="客户", old=old, new=match.customer.code)


def _due(at: _At, wanted: SetDue) -> Change:
    if wanted.reading.at is None:
        raise DomainError("due_unclear", text=wanted.reading.text, readings=wanted.reading.readings)
    old = f"{local(at.order.due_at):%m-%d %H:%M}" if at.order.due_at else ""
    at.order.due_at = wanted.reading.at
    _settle(at.order, None, "due")
    return Change(field="交期", old=old, new=f"{local(wanted.reading.at):%m-%d %H:%M}")


def _delete(at: _At, wanted: DeleteLine) -> Change:
    order = at.order
    gone = order.line(wanted.line)
    order.lines = [x for x in order.lines if x is not gone]
    for line in order.lines:
        if line.position > gone.position:
            line.position -= 1
    order.findings = [
        replace(f, line=f.line - 1) if f.line is not None and f.line > gone.position else f
        for f in order.findings
        if f.line != gone.position
    ]
    return Change(field=f"{gone.position}行", old=_shown(gone), new="")


def _add(at: _At, wanted: AddLine) -> Change:
    order, text = at.order, wanted.line
    match = at.index.match_part(text.part_text)
    line = OrderLine(position=len(order.lines) + 1, raw=text.raw, quantity=text.quantity, matched_by=match.matched_by)
    if match.part is not None:
        line.part_number, line.part_name, line.unit = match.part.number, match.part.name, match.part.unit
    else:
        _flag(order, FindingCode.PART_UNKNOWN, "part", text.part_text, line.position)
    if line.quantity is None and text.quantity_text:
        order.findings = [
            *order.findings,
            Finding(
                code=FindingCode.QUANTITY_UNCLEAR,
                severity=Severity.RED,
                line=line.position,
                field="quantity",
                args=(("part", text.part_text), ("text", text.quantity_text)),
                candidates=tuple(str(n) for n in text.quantity_readings if n > 0),
            ),
        ]
    order.lines = [*order.lines, line]
    return Change(field=f"{line.position}行", old="", new=_shown(line))


def _require(at: _At, wanted: AddRequirement) -> Change:
    old = "、".join(at.order.requirements)
    at.order.requirements = list(dict.fromkeys([*at.order.requirements, wanted.text]))
    return Change(field="要求", old=old, new="、".join(at.order.requirements))


def _line(order: Order, position: int | None) -> OrderLine:
    if position is not None:
        return order.line(position)
    if len(order.lines) != 1:
        raise DomainError("which_line", number=order.number, lines=len(order.lines))
    return order.lines[0]


def _settle(order: Order, line: int | None, field: str) -> None:
    """A person has said what the value is: the doubts about it are gone, the rules look anew."""
    order.findings = [f for f in order.findings if not (f.line == line and f.field == field)]


def _flag(order: Order, code: FindingCode, field: str, text: str, line: int | None) -> None:
    order.findings = [
        *order.findings,
        Finding(code=code, severity=Severity.RED, line=line, field=field, args=(("text", text),)),
    ]


def _shown(line: OrderLine) -> str:
    return f"{line.part_number or line.raw} ×{line.quantity if line.quantity is not None else '?'}"
