"""Checks of the whole order: customer, date, sums, demands (F033, F051).

The ``args`` of each finding are named in its function's docstring; dates in them are ISO 8601 with offset.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta

from core.clock import CHINA, local
from core.findings import Finding, FindingCode, Severity
from core.intake.due import DEFAULT_TIME
from core.intake.matches import MatchKind
from core.intake.requirements import OTHER
from core.intake.sight import Sight

_DAYS_LOOKED_AHEAD = 60


def customer(sight: Sight) -> Iterator[Finding]:
    """🔴 no customer, an unknown one (a look-alike is offered), or several that fit. Args: text."""
    match = sight.draft.customer
    if match.customer is not None:
        yield from _doubts(sight, "customer")
        return
    code = FindingCode.CUSTOMER_AMBIGUOUS if match.kind is MatchKind.AMBIGUOUS else FindingCode.CUSTOMER_UNKNOWN
    yield Finding(
        code=code if match.text.strip() else FindingCode.CUSTOMER_MISSING,
        severity=Severity.RED,
        field="customer",
        args=(("text", match.text),),
        candidates=tuple(c.code for c in match.candidates),
    )


def frozen(sight: Sight) -> Iterator[Finding]:
    """🔴 客户已冻结. Args: code, name."""
    found = sight.draft.customer.customer
    if found is not None and found.frozen:
        yield Finding(
            code=FindingCode.CUSTOMER_FROZEN,
            severity=Severity.RED,
            field="customer",
            args=(("code", found.code), ("name", found.name)),
        )


def lines(sight: Sight) -> Iterator[Finding]:
    """🔴 an order without lines. Args: reason=no_lines, text (empty)."""
    if not sight.draft.lines:
        yield Finding(
            code=FindingCode.PART_UNKNOWN,
            severity=Severity.RED,
            field="part",
            args=(("reason", "no_lines"), ("text", "")),
        )


def sums(sight: Sight) -> Iterator[Finding]:
    """🟡 the sheet contradicts itself: amount, total, a skipped row, two orders. Args: reason, text, sum."""
    draft = sight.draft
    if draft.total is not None and draft.lines and all(x.quantity is not None for x in draft.lines):
        summed = sum(x.quantity or 0 for x in draft.lines)
        if summed != draft.total:
            yield Finding(
                code=FindingCode.SHEET_SUM,
                severity=Severity.YELLOW,
                field="quantity",
                args=(("reason", "total_sum"), ("text", str(draft.total)), ("sum", str(summed))),
            )
    for doubt in draft.doubts:
        if doubt.field in ("sum", "rows"):
            yield Finding(
                code=FindingCode.SHEET_SUM,
                severity=Severity.YELLOW,
                field="quantity",
                args=(("reason", doubt.reason), ("text", doubt.text)),
            )
    for line in draft.lines:
        for doubt in line.doubts:
            if doubt.field == "sum":
                yield Finding(
                    code=FindingCode.SHEET_SUM,
                    severity=Severity.YELLOW,
                    line=line.position,
                    field="quantity",
                    args=(("reason", doubt.reason), ("text", doubt.text)),
                )


def due(sight: Sight) -> Iterator[Finding]:
    """🔴 a date nobody can read, or one that has passed; shown when the lead time was taken (F051).

    Args: unclear text; past at; assumed at, confirmed (no when the year's holidays are not published yet).
    """
    draft = sight.draft
    if draft.due_at is None:
        text = draft.due.text if draft.due else ""
        readings = draft.due.readings if draft.due else ()
        yield Finding(
            code=FindingCode.DUE_UNCLEAR,
            severity=Severity.RED,
            field="due",
            args=(("text", text),),
            candidates=tuple(f"{r:%Y-%m-%d %H:%M}" for r in readings),
        )
        return
    at = local(draft.due_at)
    if draft.due_at <= sight.now:
        yield Finding(code=FindingCode.DUE_PAST, severity=Severity.RED, field="due", args=(("at", at.isoformat()),))
    if draft.due_assumed:
        confirmed = "yes" if sight.calendar.confirmed_year(at.year) else "no"
        yield Finding(
            code=FindingCode.DUE_ASSUMED,
            severity=Severity.INFO,
            field="due",
            args=(("at", at.isoformat()), ("confirmed", confirmed)),
        )
    yield from _doubts(sight, "due")


def too_soon(sight: Sight) -> Iterator[Finding]:
    """🟡 no carrier leaves between now, the handling time, and the date. Args: at, earliest."""
    due_at = sight.draft.due_at
    if due_at is None or not sight.cutoffs or due_at <= sight.now:
        return
    earliest = _first_departure(sight)
    at = local(due_at)
    whole_day = at.time() == DEFAULT_TIME
    if earliest is not None and (earliest.date() > at.date() if whole_day else earliest > at):
        yield Finding(
            code=FindingCode.DUE_TOO_SOON,
            severity=Severity.YELLOW,
            field="due",
            args=(("at", at.isoformat()), ("earliest", earliest.isoformat())),
            candidates=(f"{earliest:%Y-%m-%d %H:%M}",),
        )


def requirements(sight: Sight) -> Iterator[Finding]:
    """🟡 a demand nobody knows is kept as 其他要求 and confirmed by a person (F010). Args: text."""
    for wording in sight.draft.requirements:
        if wording.startswith(OTHER):
            yield Finding(
                code=FindingCode.REQUIREMENT_UNCLEAR,
                severity=Severity.YELLOW,
                field="requirement",
                args=(("text", wording.removeprefix(OTHER).lstrip(":")),),
            )


def _doubts(sight: Sight, field: str) -> Iterator[Finding]:
    for doubt in sight.draft.doubts:
        if doubt.field == field:
            yield Finding(
                code=FindingCode.LOW_CONFIDENCE,
                severity=Severity.YELLOW,
                field=field,
                args=(("reason", doubt.reason), ("text", doubt.text)),
            )


def _first_departure(sight: Sight) -> datetime | None:
    ready = local(sight.now + sight.rules.handling)
    times: list[time] = sorted(sight.cutoffs)
    for ahead in range(_DAYS_LOOKED_AHEAD):
        day = ready.date() + timedelta(days=ahead)
        if not sight.calendar.is_workday(day):
            continue
        for cutoff in times:
            at = datetime.combine(day, cutoff, CHINA)
            if at >= ready:
                return at
    return None
