"""From a draft to a submitted order: opening, correcting, submitting, revising, cancelling (F026–F038)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from core import approving, expediting, reasons
from core.acting import Actor, trace
from core.clock import local
from core.deadlines import Deadline, DeadlineKind
from core.desk import Act
from core.errors import DomainError
from core.expedite import ExpediteState
from core.findings import Finding, FindingCode, Severity
from core.intake.applying import apply, from_suggestion
from core.intake.correction import Correction
from core.intake.draft import OrderDraft, fingerprint, recheck
from core.notices import CardKind, Priority
from core.orders import CLOSED, Order, OrderLine, OrderRevision, OrderStatus
from core.people import Role

REOPENABLE = frozenset({OrderStatus.PENDING, OrderStatus.REJECTED, OrderStatus.APPROVED})


async def open_draft(
    act: Act,
    actor: Actor,
    draft: OrderDraft,
    *,
    source_key: str,
    source_text: str = "",
    attachment_sha256: str = "",
) -> Order:
    """The sender gets a draft card with the lines matched, the flags, the promised date, and their name as 首责.

    The same message again returns the same order. A business duplicate (same customer, parts and quantities a
    short while ago) is flagged, never dropped (F035).
    """
    known = await act.tx.orders.by_source(source_key)
    if known is not None:
        return known
    order = Order(
        number="",
        status=OrderStatus.DRAFT,
        owner_id=actor.id,
        owner_platform=actor.platform,
        owner_account=actor.account,
        owner_at=act.now,
        source_key=source_key,
        source_kind=draft.source_kind,
        source_text=source_text,
        attachment_sha256=attachment_sha256,
        created_at=act.now,
    )
    apply_draft(order, draft, act)
    order.findings = await _findings(act, order)
    await _flag_duplicate(act, order)
    # As late as possible: who takes the next number waits for this commit.
    order.number = number = await _number(act)
    await act.tx.orders.add(order)
    await act.tx.deadlines.arm(
        Deadline(
            kind=DeadlineKind.DRAFT_UNSUBMITTED,
            ref=number,
            due_at=act.desk.due_in(act.now, act.desk.rules.draft_hours),
            policy={"row": "R1"},
        )
    )
    await trace(
        act.tx,
        number,
        "order.drafted",
        actor,
        now=act.now,
        kind=draft.source_kind,
        lines=len(order.lines),
        source=source_key,
        flags=[f.code.value for f in order.findings],
    )
    await act.tell.show(CardKind.DRAFT, number, actor.address, priority=Priority.RECEIPT, first=True)
    return order


def apply_draft(order: Order, draft: OrderDraft, act: Act) -> None:
    """Copy what was read onto a new order."""
    order.customer_code = draft.customer_code
    order.customer_name = draft.customer_name
    order.customer_matched_by = draft.customer_matched_by
    order.due_at = order.promised_at = draft.due_at
    order.requirements = list(draft.requirements)
    order.lines = [
        OrderLine(
            position=i,
            raw=x.raw,
            part_number=x.part_number,
            part_name=x.part_name,
            unit=x.unit,
            matched_by=x.matched_by,
            quantity=x.quantity,
        )
        for i, x in enumerate(draft.lines, start=1)
    ]
    order.findings = list(draft.findings)
    customer = act.desk.index.customer(order.customer_code)
    order.region = customer.region if customer else ""


async def correct(act: Act, number: str, actor: Actor, corrections: list[Correction], *, how: str) -> Order:
    """One tap or one short line changes a field; each change is kept as old → new (F034, F038).

    A rejected or submitted order is opened again as the next revision first (F037). Raises DomainError when the
    actor is not the first responsible person or the goods are already on a pick list.
    """
    order = await _owned(act, number, actor)
    if order.status is not OrderStatus.DRAFT:
        await _reopen(act, order, actor)
    for correction in corrections:
        change = apply(order, correction, act.desk.index, now=act.now, calendar=act.desk.calendar)
        await act.tx.orders.add_revision(
            OrderRevision(
                order_number=number,
                revision=order.revision,
                field=change.field,
                old=change.old,
                new=change.new,
                by=actor.id,
                how=how,
                at=act.now,
            )
        )
        await trace(
            act.tx,
            number,
            "order.corrected",
            actor,
            now=act.now,
            field=change.field,
            old=change.old,
            new=change.new,
            how=how,
        )
    customer = act.desk.index.customer(order.customer_code)
    order.region = customer.region if customer else ""
    order.promised_at = order.due_at
    await _check_again(act, order)
    await _show(act, order, actor)
    return order


async def accept_suggestions(act: Act, number: str, actor: Actor) -> Order:
    """采用建议: every open suggestion with exactly one candidate is taken and recorded as accepted by the owner."""
    order = await _owned(act, number, actor)
    taken = [c for f in order.open_findings() if (c := from_suggestion(f)) is not None]
    if not taken:
        raise DomainError("no_suggestions", number=number)
    return await correct(act, number, actor, taken, how="suggestion")


async def submit(act: Act, number: str, actor: Actor, *, revision: int | None = None) -> Order:
    """确认提交: the flags still yellow count as acknowledged by the owner, a supervisor's flag goes to a supervisor.

    While a red flag stands the order stays a draft (F031): the card shows the flags as the rules see them now, which
    may be more than when it was drawn, and the person is told how many there are. Raises DomainError for anybody but
    the first responsible person, for an outdated card, and on a second submit (which changes nothing).
    """
    order = await _owned(act, number, actor)
    if order.status is not OrderStatus.DRAFT:
        raise DomainError("already_submitted", number=number, status=order.status.value)
    if revision is not None and revision != order.revision:
        raise DomainError("card_outdated", number=number, revision=order.revision)
    await _check_again(act, order)
    reds = order.open_findings(Severity.RED)
    if reds:
        await act.tell.say(actor.address, "still_red", number=number, count=len(reds))
        await _show(act, order, actor)
        return order
    order.findings = [
        replace(f, resolved_by=actor.id, resolution="acknowledged") if f.open and f.severity is Severity.YELLOW else f
        for f in order.findings
    ]
    order.move(OrderStatus.PENDING)
    order.submitted_at = act.now
    await act.tx.deadlines.cancel(number, DeadlineKind.DRAFT_UNSUBMITTED, reason="submitted")
    await trace(
        act.tx,
        number,
        "order.submitted",
        actor,
        now=act.now,
        revision=order.revision,
        acknowledged=[f.code.value for f in order.findings if f.resolution == "acknowledged"],
    )
    await approving.ask(act, order, approving.next_step(order))
    await _show(act, order, actor)
    return order


async def reopen(act: Act, number: str, actor: Actor) -> Order:
    """改单重提: a rejected (or not yet released) order becomes a draft of the next revision."""
    order = await _owned(act, number, actor)
    if order.status is not OrderStatus.DRAFT:
        await _reopen(act, order, actor)
        await _check_again(act, order)
    await _show(act, order, actor)
    return order


async def cancel(act: Act, number: str, actor: Actor, *, reason_code: str = "C02") -> Order:
    """作废: before the goods are on a pick list, by the first responsible person or an administrator (I07)."""
    order = await _owned(act, number, actor)
    if order.status is OrderStatus.CANCELLED:
        raise DomainError("already_cancelled", number=number)
    order.move(OrderStatus.CANCELLED)
    await approving.withdraw(act, order)
    await expediting.put_out(act, order, ExpediteState.CANCELLED)
    await act.tx.deadlines.cancel(number, reason="cancelled")
    await trace(
        act.tx,
        number,
        "order.cancelled",
        actor,
        now=act.now,
        reason=reason_code,
        text=reasons.BY_CODE[reason_code].text,
    )
    await _show(act, order, actor)
    return order


async def sticky_draft(act: Act, actor: Actor) -> list[Order]:
    """The drafts “2行 20” can mean: the owner's drafts touched lately; more than one → the person is asked which.

    Opening, correcting and opening again touch a draft; with none touched lately it is the one touched last.
    """
    since = act.now - act.desk.rules.sticky_draft
    touched = [
        ((await act.tx.timeline.of(o.number))[-1].at, o)
        for o in await act.tx.orders.of_owner(actor.id, OrderStatus.DRAFT)
    ]
    touched.sort(key=lambda pair: pair[0], reverse=True)
    return [o for at, o in touched if at >= since] or [o for _, o in touched[:1]]


async def _show(act: Act, order: Order, actor: Actor) -> None:
    """The owner's card is painted anew; somebody else who acted (an administrator) gets a copy of their own."""
    if actor.id == order.owner_id:
        await act.tell.show(CardKind.DRAFT, order.number, actor.address, priority=Priority.RECEIPT)
        return
    await act.tell.show(CardKind.DRAFT, order.number, actor.address, priority=Priority.RECEIPT, audience=actor.account)
    await act.tell.repaint(order.number, CardKind.DRAFT)


async def _owned(act: Act, number: str, actor: Actor) -> Order:
    order = await act.tx.orders.get(number, lock=True)
    if order is None:
        raise DomainError("order_unknown", number=number)
    if order.owner_id != actor.id and not actor.person.has(Role.ADMIN):
        owner = await act.tx.people.get(order.owner_id)
        raise DomainError("not_your_order", number=number, owner=owner.name if owner else order.owner_id)
    return order


async def _reopen(act: Act, order: Order, actor: Actor) -> None:
    if order.status in CLOSED:
        raise DomainError("order_closed", number=order.number, status=order.status.value)
    if order.status not in REOPENABLE:
        raise DomainError("order_released", number=order.number)
    await approving.withdraw(act, order)
    old = order.revision
    order.move(OrderStatus.DRAFT)
    order.revision = old + 1
    order.submitted_at = order.approved_at = None
    order.reject_reason = order.reject_note = order.left_out = ""
    await act.tx.deadlines.arm(
        Deadline(
            kind=DeadlineKind.DRAFT_UNSUBMITTED,
            ref=order.number,
            due_at=act.desk.due_in(act.now, act.desk.rules.draft_hours),
            policy={"row": "R1"},
        )
    )
    await trace(act.tx, order.number, "order.reopened", actor, now=act.now, revision=order.revision)


async def _check_again(act: Act, order: Order) -> None:
    """Run the rules anew; what a person acknowledged or waived and what still stands unchanged stays resolved."""
    duplicate = [f for f in order.findings if f.code is FindingCode.DUPLICATE]
    order.findings = [*await _findings(act, order), *duplicate]
    order.fingerprint = fingerprint(order)


async def _findings(act: Act, order: Order) -> list[Finding]:
    """The rules of the desk on the order's own values; duplicates need the other orders and are looked for apart."""
    order.findings = [f for f in order.findings if f.code is not FindingCode.DUPLICATE]
    available = await act.available(x.part_number for x in order.lines)
    cutoffs = sorted({c.cutoff for c in await act.tx.catalog.carriers() if order.region in c.regions})
    return recheck(
        order,
        act.desk.index,
        now=act.now,
        calendar=act.desk.calendar,
        rules=act.desk.checks,
        availability=available,
        cutoffs=cutoffs,
    )


async def _flag_duplicate(act: Act, order: Order) -> None:
    order.fingerprint = fingerprint(order)
    if not order.fingerprint:
        return
    since = act.now - act.desk.rules.duplicate_window
    twin = await act.tx.orders.twin(order.fingerprint, since=since)
    if twin:
        order.findings = [
            *order.findings,
            Finding(
                code=FindingCode.DUPLICATE,
                severity=Severity.YELLOW,
                args=(("number", twin),),
                candidates=(twin,),
            ),
        ]


async def _number(act: Act) -> str:
    day: datetime = local(act.now)
    running = await act.tx.numbers.next("SO", day.date())
    return f"SO{day:%y%m%d}-{running:04d}"
