"""The warehouse's walk: claim, pick or report short, scan out against the right lot (F056, F058, F062)."""

from __future__ import annotations

from dataclasses import dataclass

from core import expediting, reasons
from core.acting import Actor, trace
from core.clock import local
from core.deadlines import DeadlineKind
from core.desk import Act
from core.errors import DomainError
from core.expedite import ExpediteState
from core.notices import CardKind, Expectation, Priority
from core.orders import Order, OrderLine, OrderStatus
from core.people import Role
from core.stock import Allocation, AllocationState, Lot
from core.warehouse.lots import QC_LABELS
from core.waves import PickList, PickListState, PickTask, TaskState

WAREHOUSE = (Role.PICKER, Role.WAREHOUSE_LEAD)
OPEN = (TaskState.OPEN, TaskState.PICKED)


@dataclass(frozen=True, kw_only=True)
class ScannedOut:
    """What a scan let out, and how many rows of the list are still in the house."""

    tasks: tuple[PickTask, ...]
    orders: tuple[str, ...]
    left: int


@dataclass(frozen=True, kw_only=True)
class ShortPick:
    """What was missing at a stop and how much of it another bin can give."""

    part_number: str
    missing: int
    elsewhere: int


async def claim(act: Act, number: str, actor: Actor) -> PickList:
    """[领取波次]: one wins, the others see who was first. The winner gets the first stop."""
    actor.require(*WAREHOUSE)
    pick_list = await act.tx.waves.pick_list(number, lock=True)
    if pick_list is None:
        raise DomainError("pick_list_unknown", number=number)
    if not await act.tx.waves.claim(number, actor.id, act.now):
        await _refuse_claim(act, pick_list, actor)
    for order_number in pick_list.orders:
        order = await act.tx.orders.get(order_number, lock=True)
        if order is not None and order.status is OrderStatus.RELEASED:
            order.move(OrderStatus.PICKING)
            await trace(act.tx, order_number, "pick.claimed", actor, now=act.now, pick_list=number)
            await act.tell.repaint(order_number, CardKind.ESCALATION)
    await act.tx.deadlines.cancel(number, DeadlineKind.PICK_UNCLAIMED, reason="claimed")
    await act.tell.repaint(number, CardKind.PICK_LIST, priority=Priority.PICK)
    await act.tell.show(CardKind.PICK_STOP, number, actor.address, priority=Priority.RECEIPT)
    return pick_list


async def picked(act: Act, number: str, actor: Actor, *, task_id: int | None = None) -> PickTask:
    """[已拣 20]: the pieces of the current stop are in the trolley; the card moves on to the next stop."""
    pick_list = await _held(act, number, actor)
    task = _task(pick_list, task_id)
    task.state, task.picked = TaskState.PICKED, task.quantity
    allocation = await _allocation(act, task)
    allocation.state = AllocationState.PICKED
    await trace(act.tx, task.order_number, "pick.picked", actor, now=act.now, part=task.part_number, lot=task.lot_no,
                bin=task.bin, quantity=task.quantity)
    await act.tell.repaint(number, CardKind.PICK_STOP)
    return task


async def open_short_reasons(act: Act, number: str, actor: Actor, *, task_id: int | None = None) -> None:
    """[少拣]: the six reasons open for the picker."""
    pick_list = await _held(act, number, actor)
    task = _task(pick_list, task_id)
    await act.tell.fresh(CardKind.SHORT_REASON, f"{number}:{task.id}", actor.address, priority=Priority.RECEIPT)
    await act.tx.expectations.expect(
        Expectation(person_id=actor.id, question="short_reason", ref=number, args={"task": task.id},
                    expires_at=act.now + act.desk.rules.reply_slot)
    )


async def short(
    act: Act, number: str, actor: Actor, *, reason_code: str, found: int = 0, task_id: int | None = None,
) -> ShortPick:
    """少拣: ``found`` pieces were there, the rest is missing for a structured reason (F058).

    Stock is never corrected silently: the lot keeps its balance and the warehouse lead gets the discrepancy. What is
    missing is looked for in other released lots of the same warehouse, first expiry first; found there, the list gets
    another stop; found nowhere, the line is short and the salesperson is told.
    """
    pick_list = await _held(act, number, actor)
    task = _task(pick_list, task_id)
    if reason_code not in {r.code for r in reasons.SHORT_PICK}:
        raise DomainError("short_needs_reason", number=number)
    if not 0 <= found < task.quantity:
        raise DomainError("short_quantity", asked=task.quantity, found=found)
    missing = task.quantity - found
    allocation = await _allocation(act, task)
    await act.tx.stock.release(allocation.lot_id, missing)
    allocation.quantity = found
    task.short_reason, task.picked = reason_code, found
    if found:
        task.quantity, task.state, allocation.state = found, TaskState.PICKED, AllocationState.PICKED
    else:
        task.state, allocation.state = TaskState.SHORT, AllocationState.RELEASED
    await trace(act.tx, task.order_number, "pick.short", actor, now=act.now, part=task.part_number, lot=task.lot_no,
                bin=task.bin, missing=missing, found=found, reason=reason_code)
    replaced = await _look_elsewhere(act, pick_list, task, missing)
    if replaced < missing:
        await _line_short(act, task, missing - replaced, reason_code)
    await _report_discrepancy(act, pick_list, task, missing, reason_code, actor)
    await act.tell.repaint(number, CardKind.PICK_STOP)
    await act.tell.repaint(f"{number}:{task.id}", CardKind.SHORT_REASON)
    await _close_orders(act, pick_list, actor)
    return ShortPick(part_number=task.part_number, missing=missing, elsewhere=replaced)


async def scan_out(
    act: Act, actor: Actor, lot_no: str, quantity: int | None = None, *, part_number: str = "",
) -> ScannedOut:
    """出库: the scanned lot must be one that this picker's list wants (F062).

    The right lot goes out, the last one of an order ships it. A wrong lot, a product code instead of a lot code, a lot
    on hold or already out: what was scanned, what was expected, and nothing moves. Raises DomainError.
    """
    actor.require(*WAREHOUSE)
    lists = await act.tx.waves.open_lists(claimed_by=actor.id)
    if not lists:
        raise DomainError("no_claimed_list")
    for stub in lists:
        pick_list = await act.tx.waves.pick_list(stub.number, lock=True)
        assert pick_list is not None
        wanted = [t for t in pick_list.tasks
                  if t.lot_no.upper() == lot_no.upper() and t.state in OPEN
                  and (not part_number or t.part_number == part_number)]
        if wanted:
            return await _out(act, pick_list, wanted, quantity, actor)
    await _wrong_scan(act, actor, lot_no, lists)
    raise AssertionError("a wrong scan always raises")


async def _out(
    act: Act, pick_list: PickList, wanted: list[PickTask], quantity: int | None, actor: Actor
) -> ScannedOut:
    total = sum(t.quantity for t in wanted)
    if quantity is None:
        wanted = wanted[:1] if len({t.order_number for t in wanted}) > 1 else wanted
    elif quantity > total:
        raise DomainError("scan_too_many", lot=wanted[0].lot_no, wanted=total, got=quantity)
    else:
        wanted = _exactly(wanted, quantity)
    for task in wanted:
        allocation = await _allocation(act, task)
        await act.tx.stock.ship(allocation.lot_id, task.quantity, ref=task.order_number, by=actor.id, at=act.now)
        allocation.state, task.state, task.picked = AllocationState.SHIPPED, TaskState.SHIPPED, task.quantity
        order = await act.tx.orders.get(task.order_number, lock=True)
        assert order is not None
        next(x for x in order.lines if x.id == task.line_id).picked += task.quantity
        await trace(act.tx, task.order_number, "pick.scanned_out", actor, now=act.now, part=task.part_number,
                    lot=task.lot_no, quantity=task.quantity)
    await act.tell.repaint(pick_list.number, CardKind.PICK_STOP)
    await _close_orders(act, pick_list, actor)
    return ScannedOut(tasks=tuple(wanted), orders=tuple(sorted({t.order_number for t in wanted})),
                      left=sum(1 for t in pick_list.tasks if t.state in OPEN))


def _exactly(wanted: list[PickTask], quantity: int) -> list[PickTask]:
    """Tasks whose pieces add up to what was scanned: one task, all, or the first ones; raises DomainError otherwise."""
    for task in wanted:
        if task.quantity == quantity:
            return [task]
    taken: list[PickTask] = []
    left = quantity
    for task in wanted:
        if task.quantity <= left:
            taken.append(task)
            left -= task.quantity
    if left:
        raise DomainError("scan_quantity", lot=wanted[0].lot_no, wanted=sum(t.quantity for t in wanted), got=quantity)
    return taken


async def _wrong_scan(act: Act, actor: Actor, code: str, lists: list[PickList]) -> None:
    """Say what was scanned and what is wanted; stock and orders stay as they are."""
    expected = next((t for x in lists for t in sorted(x.tasks, key=lambda t: t.stop)
                     if t.state in OPEN), None)
    want = f"{expected.lot_no}({expected.part_number} ×{expected.quantity})" if expected else ""
    done = [t for x in lists for t in x.tasks if t.lot_no.upper() == code.upper() and t.state is TaskState.SHIPPED]
    if done:
        raise DomainError("scan_already_out", lot=done[0].lot_no, order=done[0].order_number, want=want)
    part = act.desk.index.match_part(code)
    if part.part is not None:
        raise DomainError("scan_product_code", code=part.part.number, want=want)
    cells = await act.tx.stock.by_lot_no(code)
    if not cells:
        raise DomainError("scan_unknown", code=code, want=want)
    cell: Lot = cells[0]
    ref = expected.order_number if expected else lists[0].number
    raise DomainError("scan_wrong_lot", lot=cell.lot_no, part=cell.part_number, received=cell.received_on.isoformat(),
                      qc=QC_LABELS[cell.qc], want=want, order=ref)


async def _close_orders(act: Act, pick_list: PickList, actor: Actor) -> None:
    """Every order whose tasks are all out or short is shipped (or goes back when nothing of it was found)."""
    open_orders = {t.order_number for t in pick_list.tasks if t.state in OPEN}
    for number in pick_list.orders:
        if number in open_orders:
            continue
        order = await act.tx.orders.get(number, lock=True)
        if order is None or order.status is not OrderStatus.PICKING:
            continue
        if any(t.state is TaskState.SHIPPED for t in pick_list.tasks if t.order_number == number):
            await _ship(act, order, pick_list, actor)
        else:
            await _send_back(act, order, pick_list, actor)
    if not open_orders and pick_list.state is PickListState.CLAIMED:
        pick_list.state = PickListState.DONE
        await act.tell.repaint(pick_list.number, CardKind.PICK_LIST, CardKind.PICK_STOP, priority=Priority.PICK)


async def _send_back(act: Act, order: Order, pick_list: PickList, actor: Actor) -> None:
    """Nothing of it was found: the whole order waits for the next wave, so no line counts as short any more."""
    order.move(OrderStatus.APPROVED)
    order.left_out = "SHORT_PICKED"
    for line in order.lines:
        line.short = 0
    await trace(act.tx, order.number, "order.sent_back", actor, now=act.now, pick_list=pick_list.number)
    owner = await act.tx.people.get(order.owner_id)
    if owner is not None:
        await act.tell.say(owner, "sent_back", number=order.number)
    await act.tell.repaint(order.number, CardKind.DRAFT, CardKind.EXPEDITE, CardKind.ESCALATION)


async def _ship(act: Act, order: Order, pick_list: PickList, actor: Actor) -> None:
    order.move(OrderStatus.SHIPPED)
    order.shipped_at = act.now
    day = local(act.now)
    order.waybill = f"YD{day:%y%m%d}{await act.tx.numbers.next('YD', day.date()):05d}"
    await trace(act.tx, order.number, "order.shipped", actor, now=act.now, waybill=order.waybill,
                pick_list=pick_list.number, short={str(x.position): x.short for x in order.lines if x.short})
    await act.tx.deadlines.cancel(order.number, reason="shipped")
    await expediting.put_out(act, order, ExpediteState.SHIPPED)
    owner = await act.tx.people.get(order.owner_id)
    if owner is not None:
        await act.tell.say(owner, "order_shipped", number=order.number, customer=order.customer_name,
                           by=actor.person.name, at=act.now.isoformat(), waybill=order.waybill,
                           short=[[x.part_number, x.short] for x in order.lines if x.short])
    await act.tell.repaint(order.number, CardKind.DRAFT)
    if any(x.short for x in order.lines):
        await _back_order(act, order)


async def _back_order(act: Act, order: Order) -> None:
    """What could not be found becomes an order of its own, approved as it was, so that nothing is forgotten (I08)."""
    day = local(act.now)
    number = f"SO{day:%y%m%d}-{await act.tx.numbers.next('SO', day.date()):04d}"
    rest = Order(
        number=number, status=OrderStatus.APPROVED, owner_id=order.owner_id, owner_platform=order.owner_platform,
        owner_account=order.owner_account, owner_at=order.owner_at, source_key=f"backorder:{order.number}",
        source_kind="backorder", source_text=order.number, customer_code=order.customer_code,
        customer_name=order.customer_name, region=order.region, due_at=order.due_at, promised_at=order.promised_at,
        requirements=list(order.requirements), approved_at=act.now, submitted_at=act.now, created_at=act.now,
        lines=[
            OrderLine(position=i, raw=x.raw, part_number=x.part_number, part_name=x.part_name, unit=x.unit,
                      matched_by=x.matched_by, quantity=x.short)
            for i, x in enumerate((x for x in order.lines if x.short), start=1)
        ],
    )
    await act.tx.orders.add(rest)
    await trace(act.tx, number, "order.backordered", None, now=act.now, origin=order.number)
    await trace(act.tx, order.number, "order.rest_open", None, now=act.now, backorder=number)
    owner = await act.tx.people.get(order.owner_id)
    if owner is not None:
        await act.tell.say(owner, "backorder_opened", number=number, origin=order.number)


async def _look_elsewhere(act: Act, pick_list: PickList, task: PickTask, missing: int) -> int:
    """Alternate bins of the warehouse: hold what is there and add stops at the end of the walk.

    A cell that this list already reported short is not walked to a second time, whatever the books say.
    """
    got = 0
    lots = await act.tx.stock.lots([task.part_number], warehouse=pick_list.warehouse)
    missed = {(t.lot_no, t.bin) for t in pick_list.tasks if t.short_reason and t.part_number == task.part_number}
    lots = [x for x in lots if (x.lot_no, x.bin) not in missed]
    for lot in sorted(lots, key=Lot.fefo):
        if got == missing:
            break
        take = min(missing - got, lot.available)
        if take <= 0 or (lot.expires_on is not None and lot.expires_on < act.today):
            continue
        assert lot.id is not None
        if not await act.tx.stock.hold(lot.id, take):
            continue
        allocation = await act.tx.stock.add_allocation(
            Allocation(order_number=task.order_number, line_id=task.line_id, lot_id=lot.id, lot_no=lot.lot_no,
                       part_number=lot.part_number, warehouse=lot.warehouse, bin=lot.bin, quantity=take,
                       state=AllocationState.HELD, pick_list_id=pick_list.id)
        )
        assert allocation.id is not None
        pick_list.tasks.append(
            PickTask(stop=max(t.stop for t in pick_list.tasks) + 1, order_number=task.order_number,
                     line_id=task.line_id, allocation_id=allocation.id, part_number=task.part_number,
                     part_name=task.part_name,
                     lot_no=lot.lot_no, bin=lot.bin, quantity=take, pick_list_id=pick_list.id)
        )
        got += take
    return got


async def _line_short(act: Act, task: PickTask, missing: int, reason_code: str) -> None:
    order = await act.tx.orders.get(task.order_number, lock=True)
    assert order is not None
    next(x for x in order.lines if x.id == task.line_id).short += missing
    owner = await act.tx.people.get(order.owner_id)
    if owner is not None:
        await act.tell.say(owner, "line_short", number=order.number, part=task.part_number, missing=missing,
                           reason=reasons.BY_CODE[reason_code].text)


async def _report_discrepancy(
    act: Act, pick_list: PickList, task: PickTask, missing: int, reason_code: str, actor: Actor
) -> None:
    for lead in await act.tx.people.with_role(Role.WAREHOUSE_LEAD, warehouse=pick_list.warehouse):
        await act.tell.say(lead, "discrepancy", bin=task.bin, lot=task.lot_no, part=task.part_number, missing=missing,
                           reason=reasons.BY_CODE[reason_code].text, by=actor.person.name, priority=Priority.PICK)


async def _refuse_claim(act: Act, pick_list: PickList, actor: Actor) -> None:
    if pick_list.claimed_by == actor.id:
        raise DomainError("already_yours", number=pick_list.number)
    if pick_list.claimed_by:
        holder = await act.tx.people.get(pick_list.claimed_by)
        assert pick_list.claimed_at is not None
        raise DomainError("claimed_by_other", number=pick_list.number,
                          by=holder.name if holder else pick_list.claimed_by, at=pick_list.claimed_at.isoformat())
    raise DomainError("pick_list_closed", number=pick_list.number)


async def _held(act: Act, number: str, actor: Actor) -> PickList:
    actor.require(*WAREHOUSE)
    pick_list = await act.tx.waves.pick_list(number, lock=True)
    if pick_list is None:
        raise DomainError("pick_list_unknown", number=number)
    if pick_list.state is PickListState.OPEN:
        raise DomainError("claim_first", number=number)
    if pick_list.claimed_by != actor.id:
        await _refuse_claim(act, pick_list, actor)
    if pick_list.state is not PickListState.CLAIMED:
        raise DomainError("pick_list_closed", number=number)
    return pick_list


def _task(pick_list: PickList, task_id: int | None) -> PickTask:
    """The named stop's task, else the next open one in walking order; raises DomainError when it is done."""
    if task_id is None:
        task = next((t for t in sorted(pick_list.tasks, key=lambda t: t.stop) if t.state is TaskState.OPEN), None)
        if task is None:
            raise DomainError("all_picked", number=pick_list.number)
        return task
    task = next((t for t in pick_list.tasks if t.id == task_id), None)
    if task is None:
        raise DomainError("pick_list_unknown", number=pick_list.number)
    if task.state is not TaskState.OPEN:
        raise DomainError("stop_done", number=pick_list.number, bin=task.bin)
    return task


async def _allocation(act: Act, task: PickTask) -> Allocation:
    allocation = await act.tx.stock.allocation(task.allocation_id)
    assert allocation is not None
    return allocation

