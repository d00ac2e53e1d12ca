"""Something is not in its bin: a structured reason, the next bin, or a short line (F058)."""

from __future__ import annotations

from dataclasses import dataclass

from core import reasons
from core.acting import Actor, trace
from core.desk import Act
from core.errors import DomainError
from core.notices import CardKind, Expectation, Priority
from core.people import Role
from core.picking import allocation_of, held, task_at
from core.shipping import close_orders
from core.stock import Allocation, AllocationState, Lot
from core.waves import PickList, PickTask, TaskState


@dataclass(frozen=True, kw_only=True)
class ShortPick:
    """What was missing at a stop and how much of it another bin can give."""

    part_number: str
    missing: int
    elsewhere: int


async def open_short_reasons(act: Act, number: str, actor: Actor, *, task_id: int | None = None) -> None:
    """[少拣]: the six reasons open for the picker."""
    pick_list = await held(act, number, actor)
    task = task_at(pick_list, task_id)
    await act.tell.fresh(CardKind.SHORT_REASON, f"{number}:{task.id}", actor.address, priority=Priority.RECEIPT)
    await act.tx.expectations.expect(
        Expectation(
            person_id=actor.id,
            question="short_reason",
            ref=number,
            args={"task": task.id},
            expires_at=act.now + act.desk.rules.reply_slot,
        )
    )


async def short(
    act: Act,
    number: str,
    actor: Actor,
    *,
    reason_code: str,
    found: int = 0,
    task_id: int | None = None,
) -> ShortPick:
    """少拣: ``found`` pieces were there, the rest is missing for a structured reason (F058).

    Stock is never corrected silently: the lot keeps its balance and the warehouse lead gets the discrepancy. What is
    missing is looked for in other released lots of the same warehouse, first expiry first; found there, the list gets
    another stop; found nowhere, the line is short and the salesperson is told.
    """
    pick_list = await held(act, number, actor)
    task = task_at(pick_list, task_id)
    if reason_code not in {r.code for r in reasons.SHORT_PICK}:
        raise DomainError("short_needs_reason", number=number)
    if not 0 <= found < task.quantity:
        raise DomainError("short_quantity", asked=task.quantity, found=found)
    missing = task.quantity - found
    allocation = await allocation_of(act, task)
    await act.tx.stock.release(allocation.lot_id, missing)
    allocation.quantity = found
    task.short_reason, task.picked = reason_code, found
    if found:
        task.quantity, task.state, allocation.state = found, TaskState.PICKED, AllocationState.PICKED
    else:
        task.state, allocation.state = TaskState.SHORT, AllocationState.RELEASED
    await trace(
        act.tx,
        task.order_number,
        "pick.short",
        actor,
        now=act.now,
        part=task.part_number,
        lot=task.lot_no,
        bin=task.bin,
        missing=missing,
        found=found,
        reason=reason_code,
    )
    replaced = await _look_elsewhere(act, pick_list, task, missing)
    if replaced < missing:
        await _line_short(act, task, missing - replaced, reason_code)
    await _report_discrepancy(act, pick_list, task, missing, reason_code, actor)
    await act.tell.repaint(number, CardKind.PICK_STOP)
    await act.tell.repaint(f"{number}:{task.id}", CardKind.SHORT_REASON)
    await close_orders(act, pick_list, actor)
    return ShortPick(part_number=task.part_number, missing=missing, elsewhere=replaced)


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
            Allocation(
                order_number=task.order_number,
                line_id=task.line_id,
                lot_id=lot.id,
                lot_no=lot.lot_no,
                part_number=lot.part_number,
                warehouse=lot.warehouse,
                bin=lot.bin,
                quantity=take,
                state=AllocationState.HELD,
                pick_list_id=pick_list.id,
            )
        )
        assert allocation.id is not None
        pick_list.tasks.append(
            PickTask(
                stop=max(t.stop for t in pick_list.tasks) + 1,
                order_number=task.order_number,
                line_id=task.line_id,
                allocation_id=allocation.id,
                part_number=task.part_number,
                part_name=task.part_name,
                lot_no=lot.lot_no,
                bin=lot.bin,
                quantity=take,
                pick_list_id=pick_list.id,
            )
        )
        got += take
    return got


async def _line_short(act: Act, task: PickTask, missing: int, reason_code: str) -> None:
    order = await act.tx.orders.get(task.order_number, lock=True)
    assert order is not None
    next(x for x in order.lines if x.id == task.line_id).short += missing
    owner = await act.tx.people.get(order.owner_id)
    if owner is not None:
        await act.tell.say(
            owner,
            "line_short",
            number=order.number,
            part=task.part_number,
            missing=missing,
            reason=reasons.BY_CODE[reason_code].text,
        )


async def _report_discrepancy(
    act: Act, pick_list: PickList, task: PickTask, missing: int, reason_code: str, actor: Actor
) -> None:
    for lead in await act.tx.people.with_role(Role.WAREHOUSE_LEAD, warehouse=pick_list.warehouse):
        await act.tell.say(
            lead,
            "discrepancy",
            bin=task.bin,
            lot=task.lot_no,
            part=task.part_number,
            missing=missing,
            reason=reasons.BY_CODE[reason_code].text,
            by=actor.person.name,
            priority=Priority.PICK,
        )
