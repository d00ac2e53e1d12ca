"""What happens when a deadline passes: it climbs to the right role, labels, and never decides (F123, F126, F076)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from core import approving, expediting
from core.acting import trace
from core.approvals import RequestState
from core.deadlines import Deadline, DeadlineKind, DeadlineState
from core.desk import Act
from core.notices import CardKind, Priority
from core.orders import OrderStatus
from core.people import PlatformName, Role
from core.waves import PickListState

SLOT_MINUTES = (7, 22, 37, 52)


async def fire(act: Act, deadline: Deadline) -> None:
    """One due deadline: the guard is checked again, the effect and “fired” are one commit (T5)."""
    deadline.state = DeadlineState.FIRED
    deadline.fired_at = act.now
    await EFFECTS[deadline.kind](act, deadline)


async def _draft_unsubmitted(act: Act, deadline: Deadline) -> None:
    """Two hours a draft: the regional manager of the customer's province, else the supervisors (F123)."""
    order = await act.tx.orders.get(deadline.ref, lock=True)
    if order is None or order.status is not OrderStatus.DRAFT:
        return
    owner = await act.tx.people.get(order.owner_id)
    region = order.region or (owner.region if owner else "")
    managers = await act.tx.people.with_role(Role.REGIONAL, region=region)
    people = [p for p in managers if not region or p.region == region]
    people = people or await act.tx.people.with_role(Role.SUPERVISOR)
    late = _late(act, deadline)
    await trace(act.tx, order.number, "order.unsubmitted", None, now=act.now, to=[p.id for p in people], late_min=late)
    for person in people:
        await act.tell.say(
            person,
            "draft_unsubmitted",
            number=order.number,
            owner=owner.name if owner else "",
            customer=order.customer_name,
            late=late,
            priority=Priority.EXPEDITE,
        )
    if owner is not None:
        await act.tell.say(owner, "draft_reminder", number=order.number, to="、".join(p.name for p in people))


async def _approval_reminder(act: Act, deadline: Deadline) -> None:
    """Thirty minutes before: who may decide is reminded; the card stays the same."""
    request = await act.tx.approvals.get(int(deadline.ref.removeprefix("ap:")))
    if request is None or request.state is not RequestState.OPEN or act.now >= request.due_at:
        return
    for person_id in request.audience:
        person = await act.tx.people.get(person_id)
        if person is not None:
            await act.tell.say(
                person,
                "approval_reminder",
                number=request.order_number,
                step=request.step.value,
                due=request.due_at.isoformat(),
                priority=Priority.APPROVAL,
            )


async def _approval_due(act: Act, deadline: Deadline) -> None:
    """Four hours: the tech director gets a card on WeCom and may decide too; the first card says so (F126)."""
    request = await act.tx.approvals.get(int(deadline.ref.removeprefix("ap:")), lock=True)
    if request is None or request.state is not RequestState.OPEN:
        return
    order = await act.tx.orders.get(request.order_number)
    assert order is not None
    people = await approving.deputies(act, order, request.step)
    request.escalated_to = list(dict.fromkeys([*request.escalated_to, *(p.id for p in people)]))
    request.escalated_at = act.now
    await trace(
        act.tx,
        request.order_number,
        "approval.escalated",
        None,
        now=act.now,
        step=request.step.value,
        to=request.escalated_to,
        late_min=_late(act, deadline),
    )
    ref = str(request.id)
    await act.tell.show(CardKind.ESCALATION, f"ap:{ref}", people, priority=Priority.EXPEDITE, prefer=PlatformName.WECOM)
    await act.tell.repaint(ref, CardKind.APPROVAL, priority=Priority.APPROVAL)
    await act.tell.repaint(request.order_number, CardKind.DRAFT)


async def _expedite_at_risk(act: Act, deadline: Deadline) -> None:
    order = await act.tx.orders.get(deadline.ref, lock=True)
    if order is not None:
        await expediting.alarm_director(act, order, step="2h")


async def _expedite_final(act: Act, deadline: Deadline) -> None:
    order = await act.tx.orders.get(deadline.ref, lock=True)
    if order is not None:
        await expediting.alarm_director(act, order, step=deadline.step)


async def _pick_unclaimed(act: Act, deadline: Deadline) -> None:
    pick_list = await act.tx.waves.pick_list(deadline.ref)
    if pick_list is None or pick_list.state is not PickListState.OPEN:
        return
    for lead in await act.tx.people.with_role(Role.WAREHOUSE_LEAD, warehouse=pick_list.warehouse):
        await act.tell.say(
            lead,
            "pick_unclaimed",
            number=pick_list.number,
            orders=len(pick_list.orders),
            cutoff=pick_list.cutoff_at.isoformat(),
            priority=Priority.PICK,
        )


async def _wave_tick(act: Act, deadline: Deadline) -> None:
    """The scheduler plans after this commit; here only the next slot is armed. However many were missed: one plan."""
    await arm_next_wave(act)


async def arm_next_wave(act: Act) -> None:
    """The next of :07 :22 :37 :52, off the platforms' rush minutes (F054)."""
    await act.tx.deadlines.arm(Deadline(kind=DeadlineKind.WAVE_TICK, ref="waves", due_at=next_slot(act.now)))


def next_slot(now: datetime) -> datetime:
    """The first wave slot after ``now``."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    return next(at for h in (0, 1) for m in SLOT_MINUTES if (at := hour + timedelta(hours=h, minutes=m)) > now)


async def _wave_now(act: Act, deadline: Deadline) -> None:
    """Nothing to write: the scheduler plans after this commit."""


def _late(act: Act, deadline: Deadline) -> int:
    """Whole minutes a deadline fires after its time: said to people after a downtime (“迟到 x 分钟”)."""
    return int((act.now - deadline.due_at).total_seconds() // 60)


EFFECTS: dict[DeadlineKind, Callable[[Act, Deadline], Awaitable[None]]] = {
    DeadlineKind.DRAFT_UNSUBMITTED: _draft_unsubmitted,
    DeadlineKind.APPROVAL_REMINDER: _approval_reminder,
    DeadlineKind.APPROVAL_DUE: _approval_due,
    DeadlineKind.EXPEDITE_AT_RISK: _expedite_at_risk,
    DeadlineKind.EXPEDITE_FINAL: _expedite_final,
    DeadlineKind.PICK_UNCLAIMED: _pick_unclaimed,
    DeadlineKind.WAVE_TICK: _wave_tick,
    DeadlineKind.WAVE_NOW: _wave_now,
}
