"""Scan out against the right lot, or say what was scanned and what was expected (F062)."""

from __future__ import annotations

from dataclasses import dataclass

from core.acting import Actor, trace
from core.desk import Act
from core.errors import DomainError
from core.notices import CardKind
from core.picking import OPEN, WAREHOUSE, allocation_of
from core.shipping import close_orders
from core.stock import AllocationState, Lot
from core.warehouse.lots import QC_LABELS
from core.waves import PickList, PickTask, TaskState


@dataclass(frozen=True, kw_only=True)
class ScannedOut:
    """What a scan let out, and how many rows of the list are still in the house."""

    tasks: tuple[PickTask, ...]
    orders: tuple[str, ...]
    left: int


async def scan_out(
    act: Act,
    actor: Actor,
    lot_no: str,
    quantity: int | None = None,
    *,
    part_number: str = "",
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
        wanted = [
            t
            for t in pick_list.tasks
            if t.lot_no.upper() == lot_no.upper()
            and t.state in OPEN
            and (not part_number or t.part_number == part_number)
        ]
        if wanted:
            return await _out(act, pick_list, wanted, quantity, actor)
    await _wrong_scan(act, actor, lot_no, lists)
    raise AssertionError("a wrong scan always raises")


async def _out(act: Act, pick_list: PickList, wanted: list[PickTask], quantity: int | None, actor: Actor) -> ScannedOut:
    total = sum(t.quantity for t in wanted)
    if quantity is None:
        wanted = wanted[:1] if len({t.order_number for t in wanted}) > 1 else wanted
    elif quantity > total:
        raise DomainError("scan_too_many", lot=wanted[0].lot_no, wanted=total, got=quantity)
    else:
        wanted = _exactly(wanted, quantity)
    for task in wanted:
        allocation = await allocation_of(act, task)
        await act.tx.stock.ship(allocation.lot_id, task.quantity, ref=task.order_number, by=actor.id, at=act.now)
        allocation.state, task.state, task.picked = AllocationState.SHIPPED, TaskState.SHIPPED, task.quantity
        order = await act.tx.orders.get(task.order_number, lock=True)
        assert order is not None
        next(x for x in order.lines if x.id == task.line_id).picked += task.quantity
        await trace(
            act.tx,
            task.order_number,
            "pick.scanned_out",
            actor,
            now=act.now,
            part=task.part_number,
            lot=task.lot_no,
            quantity=task.quantity,
        )
    await act.tell.repaint(pick_list.number, CardKind.PICK_STOP)
    await close_orders(act, pick_list, actor)
    return ScannedOut(
        tasks=tuple(wanted),
        orders=tuple(sorted({t.order_number for t in wanted})),
        left=sum(1 for t in pick_list.tasks if t.state in OPEN),
    )


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
    expected = next((t for x in lists for t in sorted(x.tasks, key=lambda t: t.stop) if t.state in OPEN), None)
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
    raise DomainError(
        "scan_wrong_lot",
        lot=cell.lot_no,
        part=cell.part_number,
        received=cell.received_on.isoformat(),
        qc=QC_LABELS[cell.qc],
        want=want,
        order=ref,
    )
