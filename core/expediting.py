"""The expedite fuse: level, latest ship time, reason; and the three things it sets off (F070–F076)."""

from __future__ import annotations

from datetime import datetime, timedelta

from core import approving, reasons
from core.acting import Actor, trace
from core.clock import local
from core.deadlines import Deadline, DeadlineKind
from core.desk import Act
from core.errors import DomainError
from core.expedite import Expedite, ExpediteState, Level
from core.notices import CardKind, Priority
from core.orders import CLOSED, Order, OrderStatus
from core.people import Person, Role

EXPEDITABLE = frozenset({OrderStatus.PENDING, OrderStatus.APPROVED, OrderStatus.RELEASED, OrderStatus.PICKING})


async def light(
    act: Act,
    number: str,
    actor: Actor,
    *,
    level: Level,
    latest_ship_at: datetime,
    reason_code: str,
    note: str = "",
) -> Expedite:
    """启动熔断: ① first on the warehouse's list ② logistics gets the pickup card ③ the director's alarm is armed.

    Less than two hours to the latest ship time and not out: the director is told at once (F076). Raises DomainError
    for a shipped or cancelled order, an order that is not the actor's, a time that has passed, too many live reds,
    or when no stock at all is available.
    """
    order = await act.tx.orders.get(number, lock=True)
    if order is None:
        raise DomainError("order_unknown", number=number)
    await _may_expedite(act, order, actor, level)
    if reason_code not in {r.code for r in reasons.EXPEDITE}:
        raise DomainError("expedite_needs_reason", number=number)
    if latest_ship_at <= act.now:
        raise DomainError(
            "expedite_time_past", number=number, at=latest_ship_at.isoformat(), cutoffs=await cutoffs(act, order)
        )
    running = await act.tx.expedites.live(number, lock=True)
    if running is not None:
        running.level, running.latest_ship_at, running.reason_code = level, latest_ship_at, reason_code
        running.note = note
        expedite = running
    else:
        expedite = await act.tx.expedites.add(
            Expedite(
                order_number=number,
                level=level,
                latest_ship_at=latest_ship_at,
                reason_code=reason_code,
                note=note,
                by=actor.id,
                by_name=actor.person.name,
                at=act.now,
            )
        )
    order.expedite_level = level.value
    order.latest_ship_at = latest_ship_at
    await trace(
        act.tx,
        number,
        "expedite.lit",
        actor,
        now=act.now,
        level=level.value,
        reason=reason_code,
        latest=latest_ship_at.isoformat(),
        note=note,
    )
    await approving.plan_at_once(act, order)
    await _pin(act, order)
    await _call_logistics(act, order)
    await _arm_alarm(act, order)
    await act.tell.show(CardKind.EXPEDITE, number, actor.address, priority=Priority.EXPEDITE)
    await act.tell.repaint(number, CardKind.DRAFT)
    return expedite


async def cutoffs(act: Act, order: Order) -> list[str]:
    """Today's cut-offs still ahead for the order's region, as ``15:30 顺丰``: the feasible latest ship times (F072)."""
    day = local(act.now)
    slots = sorted(
        (c.cutoff, c.name)
        for c in await act.tx.catalog.carriers(order.warehouse)
        if (not order.region or order.region in c.regions) and c.cutoff > day.time()
    )
    return [f"{at:%H:%M} {name}" for at, name in dict(slots).items()][:10]


async def coordinate(act: Act, number: str, actor: Actor) -> None:
    """我来协调: the director has it; everybody with the card sees that."""
    actor.require(Role.OPS_DIRECTOR)
    expedite = await _live(act, number)
    if expedite.coordinated_by and expedite.coordinated_by != actor.person.name:
        raise DomainError("expedite_taken", number=number, by=expedite.coordinated_by)
    expedite.coordinated_by = actor.person.name
    await trace(act.tx, number, "expedite.coordinated", actor, now=act.now)
    await act.tell.repaint(number, CardKind.ESCALATION, CardKind.EXPEDITE)


async def pickup_arranged(act: Act, number: str, actor: Actor, *, plate: str = "") -> None:
    """已安排: logistics has a vehicle (F075)."""
    actor.require(Role.LOGISTICS)
    expedite = await _live(act, number)
    expedite.pickup_by = f"{actor.person.name} {plate}".strip()
    await trace(act.tx, number, "expedite.pickup", actor, now=act.now, plate=plate)
    await act.tell.repaint(number, CardKind.PICKUP, CardKind.EXPEDITE)


async def urge_warehouse(act: Act, number: str, actor: Actor) -> None:
    """催仓库: whoever holds the pick list, else the warehouse lead, is told by name who asks."""
    actor.require(Role.OPS_DIRECTOR, Role.LOGISTICS, Role.SALES)
    order = await act.tx.orders.get(number)
    if order is None:
        raise DomainError("order_unknown", number=number)
    if order.status in CLOSED:
        raise DomainError("expedite_over", number=number)
    pick_list = await act.tx.waves.list_of_order(number)
    people: list[Person] = []
    if pick_list is not None and pick_list.claimed_by:
        holder = await act.tx.people.get(pick_list.claimed_by)
        people = [holder] if holder else []
    people = people or await act.tx.people.with_role(Role.WAREHOUSE_LEAD, warehouse=order.warehouse)
    latest = order.latest_ship_at or order.promised_at
    for person in people:
        await act.tell.say(
            person,
            "urged",
            number=number,
            by=actor.person.name,
            latest=latest.isoformat() if latest else "",
            priority=Priority.EXPEDITE,
        )
    await trace(act.tx, number, "expedite.urged", actor, now=act.now, to=[p.id for p in people])
    await act.tell.say(actor.address, "urged_ok", number=number, names="、".join(p.name for p in people) or "仓储组长")


async def put_out(act: Act, order: Order, state: ExpediteState) -> None:
    """The goods left (or the order was cancelled): no further alarm, all four cards close (script 6)."""
    expedite = await act.tx.expedites.live(order.number, lock=True)
    if expedite is None:
        return
    expedite.state = state
    await act.tx.deadlines.cancel(
        order.number, DeadlineKind.EXPEDITE_AT_RISK, DeadlineKind.EXPEDITE_FINAL, reason=state.value
    )
    await act.tell.repaint(
        order.number, CardKind.EXPEDITE, CardKind.PICKUP, CardKind.ESCALATION, priority=Priority.EXPEDITE
    )


async def alarm_director(act: Act, order: Order, *, step: str, late: int = 0, skipped: tuple[str, ...] = ()) -> None:
    """The operations director gets the card; again one hour before and at the time itself (F076).

    ``late`` minutes after its time, and for these ``skipped`` steps as well, it is said in words too (R8).
    """
    expedite = await act.tx.expedites.live(order.number, lock=True)
    if expedite is None or order.status in CLOSED:
        return
    expedite.escalated_at = expedite.escalated_at or act.now
    directors = await act.tx.people.with_role(Role.OPS_DIRECTOR)
    await trace(act.tx, order.number, "expedite.escalated", None, now=act.now, step=step, to=[p.id for p in directors])
    await act.tell.show(CardKind.ESCALATION, order.number, directors, priority=Priority.EXPEDITE)
    if step != "2h" or late or skipped:
        for person in directors:
            await act.tell.say(
                person,
                "expedite_still_in",
                number=order.number,
                step=step,
                latest=expedite.latest_ship_at.isoformat(),
                late=late,
                skipped=skipped,
                priority=Priority.EXPEDITE,
            )
    await act.tell.repaint(order.number, CardKind.EXPEDITE, priority=Priority.EXPEDITE)


async def _may_expedite(act: Act, order: Order, actor: Actor, level: Level) -> None:
    if order.owner_id != actor.id and not actor.person.has(Role.ADMIN, Role.SALES_DIRECTOR):
        owner = await act.tx.people.get(order.owner_id)
        raise DomainError("not_your_order", number=order.number, owner=owner.name if owner else order.owner_id)
    if order.status is OrderStatus.SHIPPED:
        assert order.shipped_at is not None
        raise DomainError("expedite_shipped", number=order.number, at=order.shipped_at.isoformat())
    if order.status not in EXPEDITABLE:
        raise DomainError("expedite_wrong_state", number=order.number, status=order.status.value)
    if order.status in (OrderStatus.PENDING, OrderStatus.APPROVED):
        have = await act.available(x.part_number for x in order.lines)
        if order.lines and not any(have.values()):
            raise DomainError("expedite_no_stock", number=order.number)
    if level is Level.RED:
        reds = [
            e
            for e in await act.tx.expedites.all_live()
            if e.by == actor.id and e.level is Level.RED and e.order_number != order.number
        ]
        if len(reds) >= act.desk.rules.max_reds:
            raise DomainError("expedite_too_many_reds", number=order.number, limit=act.desk.rules.max_reds)


async def _pin(act: Act, order: Order) -> None:
    """① The warehouse sees it first: its pick list is repainted, and the pickers get a push (F074)."""
    pick_list = await act.tx.waves.list_of_order(order.number)
    if pick_list is not None:
        pick_list.urgent = pick_list.urgent or order.expedite_level == Level.RED.value
        await act.tell.repaint(pick_list.number, CardKind.PICK_LIST, CardKind.PICK_STOP, priority=Priority.EXPEDITE)
    people = await act.tx.people.with_role(Role.WAREHOUSE_LEAD, warehouse=order.warehouse)
    people += [
        p
        for p in await act.tx.people.with_role(Role.PICKER, warehouse=order.warehouse)
        if p.id not in {x.id for x in people}
    ]
    latest = order.latest_ship_at
    assert latest is not None
    for person in people:
        await act.tell.say(
            person,
            "expedite_pinned",
            number=order.number,
            level=order.expedite_level,
            latest=latest.isoformat(),
            status=order.status.value,
            priority=Priority.EXPEDITE,
        )


async def _call_logistics(act: Act, order: Order) -> None:
    """② Dock, address, map link, latest time for the logistics supervisor (F075)."""
    people = await act.tx.people.with_role(Role.LOGISTICS)
    await act.tell.show(CardKind.PICKUP, order.number, people, priority=Priority.EXPEDITE)


async def _arm_alarm(act: Act, order: Order) -> None:
    """③ Two hours before the latest ship time, then one hour before and at it; now, when that has passed."""
    latest = order.latest_ship_at
    assert latest is not None
    at_risk = latest - timedelta(hours=act.desk.rules.expedite_alarm_hours)
    await act.tx.deadlines.cancel(
        order.number, DeadlineKind.EXPEDITE_AT_RISK, DeadlineKind.EXPEDITE_FINAL, reason="armed again"
    )
    for step, due in (("1h", latest - timedelta(hours=1)), ("0h", latest)):
        if due > act.now:
            await act.tx.deadlines.arm(
                Deadline(kind=DeadlineKind.EXPEDITE_FINAL, ref=order.number, step=step, due_at=due)
            )
    if at_risk > act.now:
        await act.tx.deadlines.arm(
            Deadline(
                kind=DeadlineKind.EXPEDITE_AT_RISK,
                ref=order.number,
                due_at=at_risk,
                policy={"hours": act.desk.rules.expedite_alarm_hours},
            )
        )
    else:
        await alarm_director(act, order, step="2h")


async def _live(act: Act, number: str) -> Expedite:
    expedite = await act.tx.expedites.live(number, lock=True)
    if expedite is None:
        raise DomainError("expedite_over", number=number)
    return expedite
