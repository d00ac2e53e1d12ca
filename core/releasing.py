"""The wave tick: approved orders become waves, pick lists and held lots (F050–F057)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from core.acting import trace
from core.clock import local
from core.deadlines import Deadline, DeadlineKind
from core.desk import Act
from core.expedite import Level
from core.notices import CardKind, Priority
from core.orders import Order, OrderStatus
from core.people import Role
from core.stock import Allocation, AllocationState, Lot
from core.warehouse.layout import Layout, LayoutError, build_layout
from core.warehouse.lots import ANY_BATCH, BatchRule, LotStock
from core.warehouse.plan import LeftOut, PlannedOrder, PlannedPickList, PlannedWave
from core.warehouse.routing import Stop, Tour, route
from core.warehouse.world import (
    CarrierRun,
    OrderClass,
    Picker,
    PlanningLine,
    PlanningOrder,
    PlanningWorld,
    order_class,
)
from core.waves import PickList, PickListState, PickTask, Wave

PARCEL_GRAMS = 20_000
"""One parcel for every 20 kg begun."""
HORIZON_DAYS = 4
"""How far ahead departures are looked at to tell whether an order must leave today."""
ASSUMED_DUE = timedelta(days=3)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The world as the planner gets it, and the stock cells its takes refer to."""

    world: PlanningWorld
    cells: dict[tuple[str, str, str, str], int]
    """Stock cell → lot id."""


async def snapshot(act: Act) -> Snapshot:
    """Read what waits, what is there and what still leaves today (F051–F053)."""
    now = local(act.now)
    orders = await act.tx.orders.in_status(OrderStatus.APPROVED)
    lots = await act.tx.stock.lots(sorted({x.part_number for o in orders for x in o.lines}))
    runs, departures = await _runs(act, now)
    warehouses = await act.tx.catalog.warehouses()
    layouts = {w.code: layout for w in warehouses if (layout := await floor(act, w.code)) is not None}
    near = {w.code: w.regions for w in warehouses}
    return Snapshot(
        world=PlanningWorld(
            now=now,
            orders=tuple(_planning_order(act, o, departures, near, now) for o in orders if o.lines),
            runs=runs,
            lots=tuple(_stock(x) for x in lots),
            pickers=tuple(
                Picker(picker_id=p.id, warehouse=p.warehouse) for p in await act.tx.people.with_role(Role.PICKER)
            ),
            layouts=layouts,
        ),
        cells={_stock(x).cell: x.id for x in lots if x.id is not None},
    )


async def floor(act: Act, warehouse: str) -> Layout | None:
    """The surveyed floor of a warehouse; None when no bin of it has coordinates."""
    try:
        return build_layout(warehouse, await act.tx.catalog.bins(warehouse))
    except LayoutError:
        return None


async def commit_wave(act: Act, planned: PlannedWave, snap: Snapshot, *, slot: datetime) -> Wave | None:
    """One wave, one transaction: what the plan advises is held cell by cell, and what cannot be held waits.

    Returns None when nothing of it could be held: also for a tick that ran twice, since a released order is never
    released again. A red order may bring a second wave of the same run in the same minute (F054).
    """
    held: dict[str, list[Allocation]] = {}
    orders: dict[str, Order] = {}
    for plan in planned.orders:
        order = await act.tx.orders.get(plan.order_id, lock=True)
        if order is None or order.status is not OrderStatus.APPROVED or not _still_as_planned(order, plan):
            continue
        allocations = await _hold(act, order, plan, snap)
        if allocations is not None:
            held[order.number], orders[order.number] = allocations, order
    if not held:
        return None
    first = next(iter(orders.values()))
    key = f"wave:{planned.warehouse}:{slot:%Y%m%d%H%M}:{planned.run_id}:{first.number}.{first.version}"
    wave = await _add_wave(act, planned, key, slot, list(held))
    layout = snap.world.layouts.get(planned.warehouse)
    for nth, tour in enumerate((x for x in planned.pick_lists if any(o in held for o in x.order_ids)), start=1):
        await _add_pick_list(act, wave, nth, tour, orders, held, layout)
    reasons = {p.order_id: p.reason for p in planned.orders}
    for number in orders:
        why = reasons[number]
        await trace(
            act.tx,
            number,
            "order.released",
            None,
            now=act.now,
            wave=wave.number,
            carrier=planned.carrier,
            cls=why.order_class.name,
            left=why.capacity_left,
            late=why.late,
            lots=[[a.part_number, a.lot_no, a.bin, a.quantity] for a in held[number]],
        )
    return wave


async def note_left_out(act: Act, left: LeftOut) -> None:
    """The order keeps its place and its reason; must-ship orders that cannot leave are told at once (F055)."""
    order = await act.tx.orders.get(left.order_id, lock=True)
    if order is None or order.status is not OrderStatus.APPROVED:
        return
    short = ",".join(f"{s.part_id}:{s.missing}" for s in left.shortages)
    reason = "|".join([left.reason.value.upper(), short or ",".join(left.holders[:3]) or (left.run_id or "")])
    if order.left_out == reason:
        return
    order.left_out = reason
    await trace(act.tx, order.number, "order.left_out", None, now=act.now, reason=reason)
    if left.order_class <= OrderClass.TODAY:
        people = await act.tx.people.with_role(Role.PLANNER)
        owner = await act.tx.people.get(order.owner_id)
        for person in [*people, *([owner] if owner else [])]:
            await act.tell.say(
                person, "must_ship_stuck", number=order.number, reason=reason, priority=Priority.EXPEDITE
            )


async def _runs(act: Act, now: datetime) -> tuple[tuple[CarrierRun, ...], list[CarrierRun]]:
    """Today's runs with what they still take, and the departures of the coming days."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    today: list[CarrierRun] = []
    later: list[CarrierRun] = []
    for carrier in await act.tx.catalog.carriers():
        for ahead in range(HORIZON_DAYS):
            day = now.date() + timedelta(days=ahead)
            if ahead and not act.desk.calendar.is_workday(day):
                continue
            entered = await act.tx.catalog.capacity_override(carrier.code, day) if not ahead else None
            capacity = carrier.capacity if entered is None else entered
            taken = 0 if ahead else await act.tx.waves.shipped_parcels(carrier.code, midnight)
            run = CarrierRun(
                run_id=f"{carrier.code}@{day:%m%d}",
                warehouse=carrier.warehouse,
                carrier=carrier.name,
                cut_off_at=datetime.combine(day, carrier.cutoff, tzinfo=now.tzinfo),
                capacity_left=max(0, capacity - taken),
                regions=frozenset(carrier.regions),
            )
            (later if ahead else today).append(run)
    return tuple(today), today + later


def _planning_order(
    act: Act, order: Order, departures: list[CarrierRun], near: dict[str, list[str]], now: datetime
) -> PlanningOrder:
    customer = act.desk.index.customer(order.customer_code)
    due = local(order.latest_ship_at or order.due_at or (order.created_at + ASSUMED_DUE))
    level = Level(order.expedite_level) if order.expedite_level else None
    serving = [r for r in departures if not r.regions or order.region in r.regions]
    houses = sorted(
        (w for w, regions in near.items() if order.region in regions), key=lambda w: near[w].index(order.region)
    )
    return PlanningOrder(
        order_id=order.number,
        order_class=order_class(level=level, due_at=due, now=now, departures=serving),
        tier=customer.tier if customer else 3,
        due_at=due,
        arrived_at=order.approved_at or order.created_at,
        parcels=parcels(act, order),
        lines=tuple(
            PlanningLine(line_id=str(x.id), part_id=x.part_number, quantity=x.quantity, rule=_rule(order))
            for x in order.lines
            if x.quantity
        ),
        region=order.region,
        warehouses=tuple(houses),
    )


def parcels(act: Act, order: Order) -> int:
    """Parcels an order makes, by weight."""
    grams = 0
    for line in order.lines:
        part = act.desk.index.part(line.part_number)
        grams += (part.weight_g if part else 500) * (line.quantity or 0)
    return max(1, ceil(grams / PARCEL_GRAMS))


def _rule(order: Order) -> BatchRule:
    """A demanded inspection report means lots that passed, none with a concession (F010)."""
    return BatchRule(passed_only=True) if any("质检报告" in r for r in order.requirements) else ANY_BATCH


def _stock(lot: Lot) -> LotStock:
    return LotStock(
        lot_no=lot.lot_no,
        part_id=lot.part_number,
        warehouse=lot.warehouse,
        bin=lot.bin,
        free=max(0, lot.on_hand - lot.allocated - lot.damaged),
        qc=lot.qc,
        received_on=lot.received_on,
        expires_on=lot.expires_on,
    )


def _still_as_planned(order: Order, plan: PlannedOrder) -> bool:
    """Whether the order wants what was planned for it: it may have been revised and approved again meanwhile."""
    planned: Counter[str] = Counter()
    for take in plan.takes:
        planned[take.line_id] += take.quantity
    return planned == Counter({str(x.id): x.quantity for x in order.lines if x.quantity})


async def _hold(act: Act, order: Order, plan: PlannedOrder, snap: Snapshot) -> list[Allocation] | None:
    """All takes of an order or none: each is one conditional update, so that nothing is ever over-allocated."""
    taken: list[tuple[int, int]] = []
    for take in plan.takes:
        lot_id = snap.cells[take.cell]
        if not await act.tx.stock.hold(lot_id, take.quantity):
            for held_id, quantity in taken:
                await act.tx.stock.release(held_id, quantity)
            return None
        taken.append((lot_id, take.quantity))
    allocations = [
        await act.tx.stock.add_allocation(
            Allocation(
                order_number=order.number,
                line_id=int(take.line_id),
                lot_id=lot_id,
                lot_no=take.lot_no,
                part_number=take.part_id,
                warehouse=take.warehouse,
                bin=take.bin,
                quantity=take.quantity,
                state=AllocationState.HELD,
            )
        )
        for take, (lot_id, _) in zip(plan.takes, taken, strict=True)
    ]
    order.move(OrderStatus.RELEASED)
    order.warehouse = plan.takes[0].warehouse
    order.left_out = ""
    return allocations


async def _add_wave(act: Act, planned: PlannedWave, key: str, slot: datetime, numbers: list[str]) -> Wave:
    at = local(act.now)
    running = await act.tx.numbers.next(f"W{at:%H}", at.date())
    chosen = [p for p in planned.orders if p.order_id in numbers]
    return await act.tx.waves.add(
        Wave(
            key=key,
            number=f"W{at:%m%d-%H}{letters(running)}",
            warehouse=planned.warehouse,
            carrier=planned.run_id.split("@")[0],
            cutoff_at=planned.cut_off_at,
            slot_at=slot,
            created_at=act.now,
            must_ship=sum(1 for p in chosen if p.reason.order_class <= OrderClass.TODAY),
            parcels=sum(p.parcels for p in chosen),
        )
    )


def letters(nth: int) -> str:
    """1 → A, 26 → Z, 27 → AA: the running letter of a wave within its hour."""
    text = ""
    while nth > 0:
        nth, rest = divmod(nth - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


async def _add_pick_list(
    act: Act,
    wave: Wave,
    nth: int,
    tour: PlannedPickList,
    orders: dict[str, Order],
    held: dict[str, list[Allocation]],
    layout: Layout | None,
) -> None:
    """A tour in walking order; every picker of the warehouse gets the card and the drawn map (F056, F057)."""
    numbers = [n for n in tour.order_ids if n in held]
    allocations = [a for n in numbers for a in held[n]]
    walk = _walk(layout, sorted({a.bin for a in allocations}))
    place = {label: i for i, label in enumerate(walk.stops, start=1)}
    number = f"{wave.number}-{nth}"
    assert wave.id is not None
    pick_list = await act.tx.waves.add_pick_list(
        PickList(
            number=number,
            wave_id=wave.id,
            wave_number=wave.number,
            warehouse=wave.warehouse,
            state=PickListState.OPEN,
            cutoff_at=wave.cutoff_at,
            orders=numbers,
            route_m=walk.length_cm / 100,
            route=[[p.x / 100, p.y / 100] for p in walk.path],
            created_at=act.now,
            urgent=any(orders[n].expedite_level == Level.RED.value for n in numbers),
            tasks=[
                PickTask(
                    stop=place[a.bin],
                    order_number=a.order_number,
                    line_id=a.line_id,
                    allocation_id=_id(a),
                    part_number=a.part_number,
                    part_name=_name(act, a.part_number),
                    lot_no=a.lot_no,
                    bin=a.bin,
                    quantity=a.quantity,
                )
                for a in sorted(allocations, key=lambda a: (place[a.bin], a.part_number, a.order_number))
            ],
        )
    )
    for allocation in allocations:
        allocation.pick_list_id = pick_list.id
    await act.tx.deadlines.arm(
        Deadline(
            kind=DeadlineKind.PICK_UNCLAIMED,
            ref=number,
            due_at=act.now + timedelta(minutes=act.desk.rules.claim_minutes),
        )
    )
    pickers = await act.tx.people.with_role(Role.PICKER, warehouse=wave.warehouse)
    priority = Priority.EXPEDITE if pick_list.urgent else Priority.PICK
    await act.tell.show(CardKind.PICK_LIST, number, pickers, priority=priority)
    for picker in pickers:
        await act.tell.picture(picker, "pick_map", number, priority=priority)


def _walk(layout: Layout | None, bins: list[str]) -> Tour:
    stops = [Stop(stop_id=label, bin=label) for label in bins]
    if layout is None:
        return Tour(length_cm=0, stops=tuple(bins), unplaced=tuple(bins), path=())
    return route(layout, stops)


def _id(allocation: Allocation) -> int:
    assert allocation.id is not None
    return allocation.id


def _name(act: Act, number: str) -> str:
    part = act.desk.index.part(number)
    return part.name if part else ""
