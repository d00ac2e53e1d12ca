"""Asking the right role and taking the one decision (F012, F124–F126, laws 2, 6, 8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from core import reasons
from core.acting import Actor, trace
from core.approvals import (
    ESCALATION_ROLE,
    STEP_LABEL,
    STEP_ROLE,
    ApprovalRequest,
    Decision,
    RequestState,
    Step,
    Verdict,
)
from core.deadlines import Deadline, DeadlineKind
from core.desk import Act
from core.errors import DomainError
from core.expedite import Level
from core.findings import Severity
from core.notices import CardKind, Expectation, Priority
from core.orders import Order, OrderStatus
from core.people import ROLE_LABEL, Person, Role


def next_step(order: Order) -> Step:
    """A flag that only a supervisor may waive goes to the supervisor first; every order goes to the tech department."""
    return Step.SUPERVISOR if order.open_findings(Severity.SUPERVISOR) else Step.TECH


async def ask(act: Act, order: Order, step: Step) -> ApprovalRequest:
    """The people of the step's role get the card on the messenger where they live; the clocks start.

    Who has no chat account cannot be asked here; with nobody left, the question goes to the deputies at once.
    """
    holders = await act.tx.people.with_role(STEP_ROLE[step], region=order.region)
    people = [p for p in holders if p.id != order.owner_id and p.accounts]
    fallback = not people
    if fallback:
        people = await deputies(act, order, step)
    due = act.desk.due_in(act.now, act.desk.rules.approval_hours)
    request = await act.tx.approvals.open(
        ApprovalRequest(
            order_number=order.number,
            revision=order.revision,
            step=step,
            state=RequestState.OPEN,
            audience=[p.id for p in people],
            opened_at=act.now,
            due_at=due,
            escalated_to=[p.id for p in people] if fallback else [],
        )
    )
    assert request.id is not None
    ref = str(request.id)
    await act.tx.deadlines.arm(
        Deadline(
            kind=DeadlineKind.APPROVAL_DUE,
            ref=f"ap:{ref}",
            due_at=due,
            policy={"hours": act.desk.rules.approval_hours, "row": "R2"},
        )
    )
    remind = due - timedelta(minutes=act.desk.rules.approval_reminder_minutes)
    if remind > act.now:
        await act.tx.deadlines.arm(Deadline(kind=DeadlineKind.APPROVAL_REMINDER, ref=f"ap:{ref}", due_at=remind))
    await trace(
        act.tx,
        order.number,
        "approval.asked",
        None,
        now=act.now,
        step=step.value,
        request=request.id,
        to=[p.id for p in people],
        fallback=fallback,
    )
    await act.tell.show(CardKind.APPROVAL, ref, people, priority=Priority.APPROVAL)
    return request


async def deputies(act: Act, order: Order, step: Step) -> list[Person]:
    """Who decides when the step's own people do not, or are none: the director, else the administrators; never the
    order's own salesperson (I05)."""
    for role in (ESCALATION_ROLE[step], Role.ADMIN):
        people = [p for p in await act.tx.people.with_role(role) if p.id != order.owner_id]
        if people:
            return people
    return []


async def withdraw(act: Act, order: Order) -> None:
    """The open question, if any, is taken back: the order was revised or cancelled. Its cards say so."""
    request = await act.tx.approvals.current(order.number, lock=True)
    if request is None:
        return
    request.state = RequestState.WITHDRAWN
    await act.tx.deadlines.cancel(f"ap:{request.id}", reason="withdrawn")
    await act.tell.repaint(str(request.id), CardKind.APPROVAL, CardKind.REJECT_REASON)
    await act.tell.repaint(f"ap:{request.id}", CardKind.ESCALATION)


async def decide(
    act: Act, request_id: int, verdict: Verdict, actor: Actor, *, reason_code: str = "", revision: int | None = None
) -> Order:
    """通过 or 驳回, once.

    In this order: the request is known; the press is on the current revision (law 5); the actor may decide this step
    now (law 6) and is not the order's own salesperson (I05); nobody was faster (law 2); a rejection names a
    structured reason (law 9). Raises DomainError with the true answer for each; nothing is changed then.
    """
    order, request = await _locked(act, request_id)
    if revision is not None and revision != order.revision:
        raise DomainError("card_outdated", number=order.number, revision=order.revision)
    await _may_decide(act, order, request, actor)
    await _still_open(act, order, request)
    if verdict is Verdict.REJECTED and reason_code not in {r.code for r in reasons.REJECT}:
        raise DomainError("reject_needs_reason", number=order.number)
    won = await act.tx.approvals.decide(
        Decision(
            request_id=request_id,
            order_number=order.number,
            step=request.step,
            verdict=verdict,
            by=actor.id,
            by_name=actor.person.name,
            platform=actor.platform,
            reason_code=reason_code,
            at=act.now,
        )
    )
    if not won:
        raise DomainError("request_closed", number=order.number)
    request.state = RequestState.DECIDED
    await act.tx.deadlines.cancel(f"ap:{request_id}", reason="decided")
    await trace(
        act.tx,
        order.number,
        "approval.decided",
        actor,
        now=act.now,
        step=request.step.value,
        verdict=verdict.value,
        reason=reason_code,
        request=request_id,
    )
    if verdict is Verdict.APPROVED:
        await _passed(act, order, request, actor)
    else:
        await _turned_down(act, order, request, actor, reason_code)
    await act.tell.repaint(str(request.id), CardKind.APPROVAL, CardKind.REJECT_REASON)
    await act.tell.repaint(f"ap:{request.id}", CardKind.ESCALATION)
    await act.tell.repaint(order.number, CardKind.DRAFT, CardKind.EXPEDITE)
    return order


async def open_reject_reasons(act: Act, request_id: int, actor: Actor, *, revision: int | None = None) -> None:
    """The approver tapped 驳回: the list of reasons opens for them alone; the question stays open for everybody."""
    order, request = await _locked(act, request_id)
    if revision is not None and revision != order.revision:
        raise DomainError("card_outdated", number=order.number, revision=order.revision)
    await _may_decide(act, order, request, actor)
    await _still_open(act, order, request)
    await act.tell.fresh(CardKind.REJECT_REASON, str(request_id), actor.address, priority=Priority.RECEIPT)
    await act.tx.expectations.expect(
        Expectation(
            person_id=actor.id,
            question="reject_reason",
            ref=str(request_id),
            args={"revision": order.revision},
            expires_at=act.now + act.desk.rules.reply_slot,
        )
    )


async def add_note(act: Act, request_id: int, note: str, actor: Actor) -> None:
    """A word beside the reason, within ten minutes: kept in the trace in full (F125), shown to the salesperson."""
    request = await act.tx.approvals.get(request_id)
    if request is None:
        raise DomainError("request_unknown")
    order = await act.tx.orders.get(request.order_number, lock=True)
    assert order is not None
    order.reject_note = note
    await trace(act.tx, order.number, "approval.noted", actor, now=act.now, note=note, request=request_id)
    owner = await act.tx.people.get(order.owner_id)
    if owner is not None:
        await act.tell.say(owner, "reject_note", number=order.number, by=actor.person.name, note=note)


async def asked(act: Act, request: ApprovalRequest) -> list[Person]:
    """Who was asked and may still decide: the people with the card, then those it was escalated to; not its owner.

    Others with the role may decide too (a colleague who stands in), but nobody waits for them."""
    order = await act.tx.orders.get(request.order_number)
    assert order is not None
    role, people = STEP_ROLE[request.step], []
    for person_id in dict.fromkeys([*request.audience, *request.escalated_to]):
        person = await act.tx.people.get(person_id)
        if person is None or not person.active or person.id == order.owner_id:
            continue
        if person.has(role) or person.id in request.escalated_to:
            people.append(person)
    return people


async def _locked(act: Act, request_id: int) -> tuple[Order, ApprovalRequest]:
    """Order first, then request: every use case takes its locks in this order."""
    peek = await act.tx.approvals.get(request_id)
    if peek is None:
        raise DomainError("request_unknown")
    order = await act.tx.orders.get(peek.order_number, lock=True)
    request = await act.tx.approvals.get(request_id, lock=True)
    assert order is not None
    assert request is not None
    return order, request


async def _may_decide(act: Act, order: Order, request: ApprovalRequest, actor: Actor) -> None:
    if actor.id in request.escalated_to or actor.person.has(STEP_ROLE[request.step]):
        if actor.id == order.owner_id:
            raise DomainError("no_self_approval", number=order.number)
        return
    names = [p.name for p in await asked(act, request)][:3]
    raise DomainError(
        "not_your_decision",
        number=order.number,
        step=STEP_LABEL[request.step],
        role=ROLE_LABEL[STEP_ROLE[request.step]],
        names="、".join(names),
    )


async def _still_open(act: Act, order: Order, request: ApprovalRequest) -> None:
    if request.state is RequestState.OPEN:
        return
    assert request.id is not None
    decision = await act.tx.approvals.decision(request.id)
    if decision is None:
        raise DomainError("request_closed", number=order.number)
    raise DomainError(
        "already_decided",
        number=order.number,
        by=decision.by_name,
        verdict=decision.verdict.value,
        at=decision.at.isoformat(),
        platform=decision.platform.value,
    )


async def _passed(act: Act, order: Order, request: ApprovalRequest, actor: Actor) -> None:
    if request.step is Step.SUPERVISOR:
        order.findings = [
            replace(f, resolved_by=actor.id, resolution="waived") if f.open and f.severity is Severity.SUPERVISOR else f
            for f in order.findings
        ]
        await ask(act, order, Step.TECH)
        return
    order.move(OrderStatus.APPROVED)
    order.approved_at = act.now
    await plan_at_once(act, order)
    owner = await act.tx.people.get(order.owner_id)
    if owner is not None:
        await act.tell.say(owner, "order_approved", number=order.number, by=actor.person.name, at=act.now.isoformat())


async def plan_at_once(act: Act, order: Order) -> None:
    """A red order that waits for its wave does not wait for the next slot (F054)."""
    if order.expedite_level == Level.RED.value and order.status is OrderStatus.APPROVED:
        await act.tx.deadlines.arm(Deadline(kind=DeadlineKind.WAVE_NOW, ref=order.number, due_at=act.now))


async def _turned_down(act: Act, order: Order, request: ApprovalRequest, actor: Actor, reason_code: str) -> None:
    order.move(OrderStatus.REJECTED)
    order.reject_reason = reason_code
    order.reject_note = ""
    owner = await act.tx.people.get(order.owner_id)
    if owner is not None:
        await act.tell.say(
            owner, "order_rejected", number=order.number, by=actor.person.name, reason=reasons.BY_CODE[reason_code].text
        )
    await act.tx.expectations.expect(
        Expectation(
            person_id=actor.id,
            question="reject_note",
            ref=str(request.id),
            expires_at=act.now + act.desk.rules.reply_slot,
        )
    )
    await act.tell.say(actor.address, "reject_note_prompt", number=order.number)
