"""What happens when a deadline passes: it climbs to the right role, labels, and never decides (F123, F126, F076)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from core import approving, expediting
from core.acting import trace
from core.approvals import RequestState
from core.clock import local
from core.deadlines import Deadline, DeadlineKind, DeadlineState
from core.desk import Act
from core.notices import CardKind, Priority
from core.orders import OrderStatus
from core.people import PlatformName, Role
from core.telling import home_of
from core.waves import PickListState

WAVES = "waves"
"""Subject of the wave slots."""
CALENDAR = "calendar"
"""Subject of the daily look at the calendar."""
SLOT_MINUTES = (7, 22, 37, 52)
MORNING = time(9)
"""When the administrators hear that next year's holidays are missing, on a Chinese wall clock."""
SINCE_MONTH = 11
"""From November on next year's calendar is wanted: the State Council publishes it in these weeks."""

WORTH_WORDS = 5
"""Minutes of delay from which an escalated approval is explained in words beside its card."""

LADDERS: tuple[tuple[tuple[DeadlineKind, str], ...], ...] = (
    ((DeadlineKind.EXPEDITE_AT_RISK, ""), (DeadlineKind.EXPEDITE_FINAL, "1h"), (DeadlineKind.EXPEDITE_FINAL, "0h")),
    ((DeadlineKind.APPROVAL_REMINDER, ""), (DeadlineKind.APPROVAL_DUE, "")),
)
"""Steps of one obligation, lowest first. Overdue together after a downtime, only the highest speaks."""


@dataclass(frozen=True, kw_only=True)
class Delay:
    """What a downtime did to a notice: people read “迟到 x 分钟” and what they were not told in time."""

    minutes: int = 0
    skipped: tuple[str, ...] = ()
    """Lower steps for which this one speaks, as ``kind:step``."""


async def fire(act: Act, deadline: Deadline) -> None:
    """One due deadline: the guard is checked again, the effect and “fired” are one commit (T5).

    After a downtime several steps of one obligation may be overdue at once: a lower one is fired without a word,
    and the highest names it (reliability section 7).
    """
    deadline.state = DeadlineState.FIRED
    deadline.fired_at = act.now
    higher = await _speaks_for(act, deadline)
    if higher is not None:
        deadline.cancel_reason = f"collapsed into {higher.id}"
        return
    await EFFECTS[deadline.kind](act, deadline)


def _rungs(deadline: Deadline) -> tuple[tuple[DeadlineKind, str], ...]:
    here = (deadline.kind, deadline.step)
    return next((ladder for ladder in LADDERS if here in ladder), ())


async def _speaks_for(act: Act, deadline: Deadline) -> Deadline | None:
    """The highest step of the same obligation that is due as well: waiting, being fired elsewhere, or fired."""
    ladder = _rungs(deadline)
    above = ladder[ladder.index((deadline.kind, deadline.step)) + 1 :] if ladder else ()
    if not above or act.now - deadline.due_at < timedelta(minutes=1):
        return None
    newest = _newest(await act.tx.deadlines.of(deadline.ref))
    due = (newest.get(rung) for rung in reversed(above))
    return next((d for d in due if d is not None and d.state in _LIVE and d.due_at <= act.now), None)


async def _delay(act: Act, deadline: Deadline) -> Delay:
    """How late this one is, and the lower steps that were overdue with it."""
    ladder = _rungs(deadline)
    below = ladder[: ladder.index((deadline.kind, deadline.step))] if ladder else ()
    newest = _newest(await act.tx.deadlines.of(deadline.ref)) if below else {}
    overdue = act.now - timedelta(minutes=1)
    return Delay(
        minutes=_late(act, deadline),
        skipped=tuple(
            f"{kind}:{step}"
            for kind, step in below
            if (d := newest.get((kind, step))) is not None
            and (
                d.cancel_reason == f"collapsed into {deadline.id}"
                or (d.state is DeadlineState.ARMED and d.due_at <= overdue)
            )
        ),
    )


_LIVE = (DeadlineState.ARMED, DeadlineState.FIRED)


def _newest(deadlines: list[Deadline]) -> dict[tuple[DeadlineKind, str], Deadline]:
    """The newest generation of each step."""
    return {(d.kind, d.step): d for d in sorted(deadlines, key=lambda d: d.generation)}


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
                late=_late(act, deadline),
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
    delay = await _delay(act, deadline)
    await trace(
        act.tx,
        request.order_number,
        "approval.escalated",
        None,
        now=act.now,
        step=request.step.value,
        to=request.escalated_to,
        late_min=delay.minutes,
        **_named(delay),
    )
    ref = str(request.id)
    await act.tell.show(CardKind.ESCALATION, f"ap:{ref}", people, priority=Priority.EXPEDITE, prefer=PlatformName.WECOM)
    if delay.minutes >= WORTH_WORDS:
        for person in people:
            await act.tell.say(
                person,
                "approval_caught_up",
                number=request.order_number,
                step=request.step.value,
                due=request.due_at.isoformat(),
                late=delay.minutes,
                skipped=delay.skipped,
                priority=Priority.EXPEDITE,
            )
    await act.tell.repaint(ref, CardKind.APPROVAL, priority=Priority.APPROVAL)
    await act.tell.repaint(request.order_number, CardKind.DRAFT)


async def _expedite_at_risk(act: Act, deadline: Deadline) -> None:
    order = await act.tx.orders.get(deadline.ref, lock=True)
    if order is not None:
        delay = await _delay(act, deadline)
        await expediting.alarm_director(act, order, step="2h", late=delay.minutes, skipped=delay.skipped)


async def _expedite_final(act: Act, deadline: Deadline) -> None:
    order = await act.tx.orders.get(deadline.ref, lock=True)
    if order is not None:
        delay = await _delay(act, deadline)
        await expediting.alarm_director(act, order, step=deadline.step, late=delay.minutes, skipped=delay.skipped)


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
            late=_late(act, deadline),
            priority=Priority.PICK,
        )


async def _wave_tick(act: Act, deadline: Deadline) -> None:
    """The scheduler plans after this commit; here only the next slot is armed. However many were missed: one plan."""
    await arm_next_wave(act)


async def arm_next_wave(act: Act) -> None:
    """The next of :07 :22 :37 :52, off the platforms' rush minutes (F054)."""
    await act.tx.deadlines.arm(Deadline(kind=DeadlineKind.WAVE_TICK, ref=WAVES, due_at=next_slot(act.now)))


def next_slot(now: datetime) -> datetime:
    """The first wave slot after ``now``."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    return next(at for h in (0, 1) for m in SLOT_MINUTES if (at := hour + timedelta(hours=h, minutes=m)) > now)


async def _plan_waves(act: Act, deadline: Deadline) -> None:
    """Nothing to write: the scheduler plans after this commit."""


async def _calendar_check(act: Act, deadline: Deadline) -> None:
    """Every morning: the next one is armed, and a missing calendar is said."""
    await arm_next_calendar_check(act)
    await warn_of_calendar(act)


async def arm_next_calendar_check(act: Act) -> None:
    """Nine o'clock of the next morning, however many mornings were missed."""
    at = datetime.combine(act.today, MORNING, local(act.now).tzinfo)
    await act.tx.deadlines.arm(
        Deadline(
            kind=DeadlineKind.CALENDAR_CHECK,
            ref=CALENDAR,
            due_at=at if at > act.now else at + timedelta(days=1),
        )
    )


async def warn_of_calendar(act: Act) -> int | None:
    """The administrators hear, once a day from November on, that next year's holidays are not published.

    Returns the year that is missing, None when nothing is.
    """
    year = act.today.year + 1
    if act.today.month < SINCE_MONTH or act.desk.calendar.confirmed_year(year):
        return None
    for person in await act.tx.people.with_role(Role.ADMIN):
        address = home_of(person)
        if address is not None:
            await act.tell.once(address, "calendar_unpublished", key=f"{year}:{act.today}", year=year)
    return year


def _late(act: Act, deadline: Deadline) -> int:
    """Whole minutes a deadline fires after its time: said to people after a downtime (“迟到 x 分钟”)."""
    return int((act.now - deadline.due_at).total_seconds() // 60)


def _named(delay: Delay) -> dict[str, list[str]]:
    return {"skipped": list(delay.skipped)} if delay.skipped else {}


EFFECTS: dict[DeadlineKind, Callable[[Act, Deadline], Awaitable[None]]] = {
    DeadlineKind.DRAFT_UNSUBMITTED: _draft_unsubmitted,
    DeadlineKind.APPROVAL_REMINDER: _approval_reminder,
    DeadlineKind.APPROVAL_DUE: _approval_due,
    DeadlineKind.EXPEDITE_AT_RISK: _expedite_at_risk,
    DeadlineKind.EXPEDITE_FINAL: _expedite_final,
    DeadlineKind.PICK_UNCLAIMED: _pick_unclaimed,
    DeadlineKind.WAVE_TICK: _wave_tick,
    DeadlineKind.WAVE_NOW: _plan_waves,
    DeadlineKind.WAVE_PLAN: _plan_waves,
    DeadlineKind.CALENDAR_CHECK: _calendar_check,
}
