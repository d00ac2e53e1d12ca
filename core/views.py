"""Snapshots for cards and answers: everything one of them shows, read in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core import expediting
from core.approvals import STEP_ROLE, ApprovalRequest, Decision
from core.approving import asked
from core.catalog import Part, Warehouse
from core.clock import local
from core.desk import Act
from core.expedite import Expedite
from core.orders import CLOSED, Order, OrderStatus
from core.people import ROLE_LABEL, Person
from core.stock import Lot
from core.timeline import TimelineEntry, first_broken
from core.waves import PickList, PickListState


@dataclass(frozen=True, kw_only=True)
class OrderView:
    """An order with whoever has something to do with it now."""

    order: Order
    now: datetime
    owner: Person | None
    request: ApprovalRequest | None = None
    decision: Decision | None = None
    """Of ``request``, when it is decided."""
    decisions: tuple[Decision, ...] = ()
    deciders: tuple[str, ...] = ()
    """Names of who was asked to decide the open request."""
    escalated_to: tuple[str, ...] = ()
    expedite: Expedite | None = None
    pick_list: PickList | None = None
    picker: str = ""
    available: dict[str, int] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """Names of the parts and customers that the open flags offer, by their code."""
    cutoffs: tuple[str, ...] = ()
    warehouse: Warehouse | None = None
    provisional: bool = False
    """A date of it lies in a year whose holidays are not published yet."""


@dataclass(frozen=True, kw_only=True)
class PickView:
    """A pick list as its claimer, or the pickers it is offered to, see it."""

    pick_list: PickList
    now: datetime
    holder: str = ""
    warehouse: Warehouse | None = None
    carrier: str = ""
    must_ship: int = 0


@dataclass(frozen=True, kw_only=True)
class StockView:
    """F061: per lot the inbound date, QC state and bin, always with the time it was read."""

    part: Part
    lots: tuple[Lot, ...]
    warehouses: dict[str, str]
    now: datetime
    warehouse: str = ""


@dataclass(frozen=True, kw_only=True)
class TraceView:
    ref: str
    entries: tuple[TimelineEntry, ...]
    broken: TimelineEntry | None


async def order_view(act: Act, number: str) -> OrderView | None:
    """None when there is no such order."""
    order = await act.tx.orders.get(number)
    if order is None:
        return None
    if _first_draft(order):
        return await _fill(act, order, None, None)
    requests = await act.tx.approvals.of_order(number)
    request = requests[-1] if requests and order.status is not OrderStatus.DRAFT else None
    pick_list = await act.tx.waves.list_of_order(number)
    return await _fill(act, order, request, pick_list)


def _first_draft(order: Order) -> bool:
    """Never submitted: nobody was asked about it, nobody decided, no list holds it."""
    return order.status is OrderStatus.DRAFT and order.revision == 1


async def request_view(act: Act, request_id: int) -> OrderView | None:
    """The order as one of its approval requests sees it."""
    request = await act.tx.approvals.get(request_id)
    order = await act.tx.orders.get(request.order_number) if request else None
    if order is None:
        return None
    return await _fill(act, order, request, None)


async def _fill(act: Act, order: Order, request: ApprovalRequest | None, pick_list: PickList | None) -> OrderView:
    names: list[str] = []
    decision = None
    escalated: list[str] = []
    if request is not None and request.id is not None:
        decision = await act.tx.approvals.decision(request.id)
        if decision is None:
            names = [p.name for p in await asked(act, request)] or [ROLE_LABEL[STEP_ROLE[request.step]]]
        escalated = [p.name for i in request.escalated_to if (p := await act.tx.people.get(i))]
    picker = await act.tx.people.get(pick_list.claimed_by) if pick_list and pick_list.claimed_by else None
    return OrderView(
        order=order,
        now=act.now,
        owner=await act.tx.people.get(order.owner_id),
        request=request,
        decision=decision,
        decisions=() if _first_draft(order) else tuple(await act.tx.approvals.decisions(order.number)),
        deciders=tuple(names),
        escalated_to=tuple(escalated),
        expedite=await act.tx.expedites.live(order.number),
        pick_list=pick_list,
        picker=picker.name if picker else "",
        available=await act.available(x.part_number for x in order.lines) if order.status is OrderStatus.DRAFT else {},
        names=_names(act, order) if order.status is OrderStatus.DRAFT else {},
        cutoffs=tuple(await expediting.cutoffs(act, order)),
        warehouse=await act.tx.catalog.warehouse(order.warehouse) if order.warehouse else None,
        provisional=_provisional(act, order, request),
    )


def _provisional(act: Act, order: Order, request: ApprovalRequest | None) -> bool:
    """Whether a date that the order or its question still waits for may move when the holidays are published."""
    if order.status in CLOSED:
        return False
    dates = (order.due_at, order.promised_at, order.latest_ship_at, request.due_at if request else None)
    return not all(act.desk.calendar.confirmed_year(local(at).year) for at in dates if at is not None)


def _names(act: Act, order: Order) -> dict[str, str]:
    """What the candidates of the open flags are called."""
    codes = {code for f in order.open_findings() for code in f.candidates}
    found = {code: act.desk.index.part(code) or act.desk.index.customer(code) for code in codes}
    return {code: x.name for code, x in found.items() if x is not None}


async def pick_view(act: Act, number: str) -> PickView | None:
    pick_list = await act.tx.waves.pick_list(number)
    if pick_list is None:
        return None
    holder = await act.tx.people.get(pick_list.claimed_by) if pick_list.claimed_by else None
    waves = await act.tx.waves.today(pick_list.warehouse, pick_list.created_at - timedelta(hours=1))
    wave = next((w for w in waves if w.id == pick_list.wave_id), None)
    carriers = {c.code: c.name for c in await act.tx.catalog.carriers(pick_list.warehouse)}
    return PickView(
        pick_list=pick_list,
        now=act.now,
        holder=holder.name if holder else "",
        warehouse=await act.tx.catalog.warehouse(pick_list.warehouse),
        carrier=carriers.get(wave.carrier, "") if wave else "",
        must_ship=wave.must_ship if wave else 0,
    )


async def stock_view(act: Act, part: Part, warehouse: str = "") -> StockView:
    lots = await act.tx.stock.lots([part.number], warehouse=warehouse)
    names = {w.code: w.name for w in await act.tx.catalog.warehouses()}
    return StockView(part=part, lots=tuple(lots), warehouses=names, now=act.now, warehouse=warehouse)


async def trace_view(act: Act, ref: str) -> TraceView:
    entries = await act.tx.timeline.of(ref)
    return TraceView(ref=ref, entries=tuple(entries), broken=first_broken(entries))


async def todo_lists(act: Act, person: Person) -> list[PickList]:
    """The warehouse's list: red expedites first, by deadline, then cut-off (F074)."""
    lists = await act.tx.waves.open_lists(person.warehouse)
    return [x for x in lists if x.state is PickListState.OPEN or x.claimed_by == person.id]
