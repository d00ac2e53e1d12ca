"""From what was read to a draft, and the checks of an order that somebody corrected (F026–F034)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time
from fractions import Fraction

from core.catalog import Customer
from core.clock import CHINA, local
from core.findings import Finding
from core.intake.again import draft_of, kept, merged
from core.intake.check import check
from core.intake.due import DEFAULT_TIME, DueReading, one_due, read_due
from core.intake.master import MasterIndex
from core.intake.matches import CustomerMatch, MatchKind
from core.intake.order_draft import Doubt, DraftLine, OrderDraft
from core.intake.quantity import Amount, pieces
from core.intake.requirements import requirements_of
from core.intake.settings import RuleSettings
from core.intake.text_order import TextOrder
from core.orders import Order
from core.reading.sheet import Problem, ProblemKind, SheetLine, SheetReading
from core.workcalendar import WorkCalendar

__all__ = ["OrderDraft", "draft_from_sheet", "draft_from_text", "fingerprint", "promised", "recheck"]

_FIELDS: dict[ProblemKind, str] = {
    ProblemKind.LINE_SUM: "sum",
    ProblemKind.TOTAL_SUM: "sum",
    ProblemKind.ROW_MISSING: "rows",
    ProblemKind.SEVERAL_ORDERS: "rows",
    ProblemKind.CUSTOMER_UNSURE: "customer",
    ProblemKind.DUE_UNSURE: "due",
}
"""Which value a reader's problem concerns; the others say it in their name."""


def draft_from_text(
    order: TextOrder,
    index: MasterIndex,
    *,
    now: datetime,
    calendar: WorkCalendar,
    rules: RuleSettings | None = None,
    source_kind: str = "text",
    default_customer: Customer | None = None,
    default_by: str = "",
) -> OrderDraft:
    """The draft of a message. Without a customer ``default_customer`` is taken; ``default_by`` (门店, 上次) says so."""
    rules = rules or RuleSettings()
    customer = _customer(order.customer_text, index, default_customer, default_by)
    due_at, assumed = promised(order.due, customer.customer, now=now, calendar=calendar, rules=rules)
    draft = OrderDraft(
        source_kind=source_kind,
        customer=customer,
        due=order.due,
        due_at=due_at,
        due_assumed=assumed,
        requirements=order.requirements,
        total=order.total,
        rest=order.rest,
        lines=tuple(
            DraftLine(
                position=n,
                raw=x.raw,
                part_text=x.part_text,
                match=index.match_part(x.part_text),
                quantity=x.quantity,
                quantity_readings=x.quantity_readings,
                quantity_text=x.quantity_text,
                name_text=x.name_text,
            )
            for n, x in enumerate(order.lines, start=1)
        ),
    )
    return replace(draft, findings=check(draft, index, now=now, calendar=calendar, rules=rules))


def draft_from_sheet(
    reading: SheetReading,
    index: MasterIndex,
    *,
    now: datetime,
    calendar: WorkCalendar,
    rules: RuleSettings | None = None,
    source_kind: str = "image",
    default_customer: Customer | None = None,
    default_by: str = "",
) -> OrderDraft:
    """The draft of a picture or file. The reader's problems become flags; a look-alike number is offered, not taken."""
    rules = rules or RuleSettings()
    named = dict.fromkeys(t for t in (reading.customer_text, *(x.customer_text for x in reading.lines)) if t.strip())
    customer = _customer(" ".join(named), index, default_customer, default_by)
    dates = [d for t in (reading.due_text, *(x.due_text for x in reading.lines)) if (d := read_due(t, now=now))]
    due = one_due(dates)
    due_at, assumed = promised(due, customer.customer, now=now, calendar=calendar, rules=rules)
    draft = OrderDraft(
        source_kind=source_kind,
        customer=customer,
        due=due,
        due_at=due_at,
        due_assumed=assumed,
        requirements=tuple(dict.fromkeys(w for text in reading.requirement_texts for w in requirements_of(text))),
        lines=tuple(_sheet_line(x, reading.problems_of(x.position), index) for x in reading.lines),
        doubts=tuple(_doubt(p) for p in reading.problems if p.line is None and p.kind is not ProblemKind.NO_ORDER),
    )
    return replace(draft, findings=check(draft, index, now=now, calendar=calendar, rules=rules))


def promised(
    due: DueReading | None,
    customer: Customer | None,
    *,
    now: datetime,
    calendar: WorkCalendar,
    rules: RuleSettings,
) -> tuple[datetime | None, bool]:
    """The date of the order, and whether it was taken from the lead time: the customer's working days from today,
    18:00 (F051). None when a date was written that cannot be read."""
    if due is not None:
        return due.at, False
    days = customer.lead_days if customer else rules.lead_days
    day = calendar.add_workdays(local(now).date(), days)
    return datetime.combine(day, DEFAULT_TIME, CHINA), True


def fingerprint(order: Order | OrderDraft) -> str:
    """Customer, parts and pieces as one value; the same goods in another sequence give the same (F035). Empty while
    any of it is open."""
    pieces_of: dict[str, int] = {}
    for line in order.lines:
        if not line.part_number or line.quantity is None:
            return ""
        pieces_of[line.part_number] = pieces_of.get(line.part_number, 0) + line.quantity
    if not order.customer_code or not pieces_of:
        return ""
    text = "\n".join([order.customer_code, *(f"{part}\t{n}" for part, n in sorted(pieces_of.items()))])
    return hashlib.sha256(text.encode()).hexdigest()


def recheck(
    order: Order,
    index: MasterIndex,
    *,
    now: datetime,
    calendar: WorkCalendar,
    rules: RuleSettings | None = None,
    availability: Mapping[str, int] | None = None,
    cutoffs: Sequence[time] = (),
) -> list[Finding]:
    """The flags of an order as it stands now.

    1. Every rule runs anew on the order's own values.
    2. What only the first reading knew (bad print, unreadable dates, unknown words) is taken from the order's
       present findings until the value is corrected.
    3. What somebody acknowledged or waived stays so while code, line and figures are the same.

    Duplicates are not looked for here: they need the other orders.
    """
    found = check(
        draft_of(order, index, now=now),
        index,
        now=now,
        calendar=calendar,
        rules=rules,
        availability=availability,
        cutoffs=cutoffs,
    )
    return merged(order.findings, [*found, *kept(order.findings)])


def _customer(text: str, index: MasterIndex, default: Customer | None, default_by: str) -> CustomerMatch:
    if not text.strip() and default is not None:
        return CustomerMatch(text="", kind=MatchKind.EXACT, customer=default, matched_by=default_by)
    return index.match_customer(text)


def _sheet_line(line: SheetLine, problems: Sequence[Problem], index: MasterIndex) -> DraftLine:
    text = line.part_text or line.name_text
    match = index.match_part(text)
    quantity, readings = None, tuple(int(n) for n in line.quantity_text.split(" / ") if n.isdecimal() and len(n) < 8)
    if line.quantity is not None:
        amount = Amount(text=line.quantity_text, counts=(Fraction(line.quantity),), unit=line.unit_text)
        readings, sure = pieces(amount, match.part)
        quantity = readings[0] if sure else None
    return DraftLine(
        position=line.position,
        raw=" ".join(x for x in (line.part_text, line.name_text, _written(line)) if x),
        part_text=text,
        match=match,
        quantity=quantity,
        quantity_readings=readings,
        quantity_text=_written(line),
        name_text=line.name_text if line.part_text else "",
        score=line.score,
        doubts=tuple(_doubt(p) for p in problems),
    )


def _written(line: SheetLine) -> str:
    unit = "" if line.unit_text.lower() in line.quantity_text.lower() else line.unit_text
    return f"{line.quantity_text}{unit}" if line.quantity_text else ""


def _doubt(problem: Problem) -> Doubt:
    field = _FIELDS.get(problem.kind) or ("part" if problem.kind.value.startswith("part") else "quantity")
    return Doubt(field=field, reason=problem.kind.value, text=problem.text, suggestion=problem.suggestion)
