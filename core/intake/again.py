"""An existing order seen as a draft again, with what only its first reading knew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from core.clock import CHINA, local
from core.findings import Finding, FindingCode
from core.intake.due import DueReading
from core.intake.master import MasterIndex
from core.intake.matches import CustomerMatch, MatchKind, PartMatch
from core.intake.order_draft import DraftLine, OrderDraft
from core.intake.quantity import amount_of, pieces
from core.intake.text_order import read_text
from core.orders import Order, OrderLine

PART_CODES = frozenset({FindingCode.PART_UNKNOWN, FindingCode.PART_AMBIGUOUS, FindingCode.PART_SUGGESTED})
CUSTOMER_CODES = frozenset({FindingCode.CUSTOMER_MISSING, FindingCode.CUSTOMER_UNKNOWN, FindingCode.CUSTOMER_AMBIGUOUS})
_READ_ONCE = frozenset({FindingCode.LOW_CONFIDENCE, FindingCode.SHEET_SUM})


def draft_of(order: Order, index: MasterIndex, *, now: datetime) -> OrderDraft:
    """The order's values as a draft; open values take their words from the order's findings."""
    due = None
    if order.due_at is None:
        unclear = _one(order.findings, {FindingCode.DUE_UNCLEAR})
        due = DueReading(
            text=unclear.arg("text") if unclear else "", readings=tuple(_moments(unclear.candidates if unclear else ()))
        )
    return OrderDraft(
        source_kind=order.source_kind,
        customer=_customer(order, index),
        due=due,
        due_at=order.due_at,
        due_assumed=due_is_assumed(order),
        requirements=tuple(order.requirements),
        lines=tuple(_line(order, x, index, now) for x in order.lines),
        total=_total(order.findings),
    )


def due_is_assumed(order: Order) -> bool:
    """Whether the order's date is still the lead time that was taken for it."""
    assumed = _one(order.findings, {FindingCode.DUE_ASSUMED})
    return assumed is not None and order.due_at is not None and assumed.arg("at") == local(order.due_at).isoformat()


def kept(findings: Iterable[Finding]) -> list[Finding]:
    """Flags of the reading itself, which no rule can find again."""
    return [f for f in findings if f.code in _READ_ONCE and not _is_total(f)]


def merged(before: Iterable[Finding], now: Sequence[Finding]) -> list[Finding]:
    """The present flags, those already resolved with their resolution."""
    settled = {_key(f): f for f in before if not f.open}
    return sorted((settled.get(_key(f), f) for f in now), key=lambda f: f.line or 0)


def part_words(order: Order, line: OrderLine, index: MasterIndex, now: datetime) -> str:
    """What was written where the part is still open."""
    flag = _one(order.findings, PART_CODES, line.position)
    if flag is not None:
        return flag.arg("text")
    read = read_text(line.raw, index, now=now).lines
    return read[0].part_text if read else line.raw


def _line(order: Order, line: OrderLine, index: MasterIndex, now: datetime) -> DraftLine:
    known = index.part(line.part_number) if line.part_number else None
    if known is not None:
        match = PartMatch(text=known.number, kind=MatchKind.EXACT, part=known, matched_by=line.matched_by)
    else:
        match = index.match_part(line.part_number or part_words(order, line, index, now))
        match = PartMatch(text=match.text, kind=_offered(match.kind), candidates=match.candidates)
    text, readings = "", tuple[int, ...]()
    if line.quantity is None and (flag := _one(order.findings, {FindingCode.QUANTITY_UNCLEAR}, line.position)):
        text = flag.arg("text")
        readings = tuple(int(n) for n in flag.candidates)
        if not readings and (amount := amount_of(text)):
            readings, _ = pieces(amount, known)
    return DraftLine(
        position=line.position,
        raw=line.raw,
        part_text=match.text,
        match=match,
        quantity=line.quantity,
        quantity_readings=readings,
        quantity_text=text,
    )


def _offered(kind: MatchKind) -> MatchKind:
    """A part that the order does not hold is at best offered, even if the master data know it by now."""
    return MatchKind.NEAR if kind in (MatchKind.EXACT, MatchKind.ALIAS, MatchKind.NAME) else kind


def _customer(order: Order, index: MasterIndex) -> CustomerMatch:
    if order.customer_code:
        found = index.customer(order.customer_code)
        kind = MatchKind.EXACT if found else MatchKind.UNKNOWN
        return CustomerMatch(text=order.customer_code, kind=kind, customer=found, matched_by=order.customer_matched_by)
    flag = _one(order.findings, CUSTOMER_CODES)
    match = index.match_customer(flag.arg("text") if flag else "")
    if match.customer is None:
        return match
    return CustomerMatch(text=match.text, kind=MatchKind.NEAR, candidates=match.candidates)


def _total(findings: Iterable[Finding]) -> int | None:
    stated = [f.arg("text") for f in findings if _is_total(f)]
    return int(stated[0]) if stated and stated[0].isdecimal() else None


def _is_total(finding: Finding) -> bool:
    """A total the rule compares anew: it carries the sum it was compared with."""
    return finding.code is FindingCode.SHEET_SUM and bool(finding.arg("sum"))


def _one(findings: Iterable[Finding], codes: Iterable[FindingCode], line: int | None = None) -> Finding | None:
    wanted = set(codes)
    return next((f for f in findings if f.code in wanted and f.line == line), None)


def _moments(texts: Iterable[str]) -> list[datetime]:
    return [datetime.strptime(t, "%Y-%m-%d %H:%M").replace(tzinfo=CHINA) for t in texts]


def _key(finding: Finding) -> tuple[object, ...]:
    return (finding.code, finding.line, finding.field, finding.args)
