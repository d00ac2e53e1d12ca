"""The warehouse's walk: claim a list, take the pieces stop by stop (F056)."""

from __future__ import annotations

from core.acting import Actor, trace
from core.deadlines import DeadlineKind
from core.desk import Act
from core.errors import DomainError
from core.notices import CardKind, Priority
from core.orders import OrderStatus
from core.people import Role
from core.stock import Allocation, AllocationState
from core.waves import PickList, PickListState, PickTask, TaskState

WAREHOUSE = (Role.PICKER, Role.WAREHOUSE_LEAD)
OPEN = (TaskState.OPEN, TaskState.PICKED)


async def claim(act: Act, number: str, actor: Actor) -> PickList:
    """[领取波次]: one wins, the others see who was first. The winner gets the first stop."""
    actor.require(*WAREHOUSE)
    pick_list = await act.tx.waves.pick_list(number, lock=True)
    if pick_list is None:
        raise DomainError("pick_list_unknown", number=number)
    if actor.person.warehouse and actor.person.warehouse != pick_list.warehouse:
        raise DomainError("other_warehouse", number=number, warehouse=pick_list.warehouse)
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
    pick_list = await held(act, number, actor)
    task = task_at(pick_list, task_id)
    task.state, task.picked = TaskState.PICKED, task.quantity
    allocation = await allocation_of(act, task)
    allocation.state = AllocationState.PICKED
    await trace(
        act.tx,
        task.order_number,
        "pick.picked",
        actor,
        now=act.now,
        part=task.part_number,
        lot=task.lot_no,
        bin=task.bin,
        quantity=task.quantity,
    )
    await act.tell.repaint(number, CardKind.PICK_STOP)
    return task


async def _refuse_claim(act: Act, pick_list: PickList, actor: Actor) -> None:
    if pick_list.claimed_by == actor.id:
        raise DomainError("already_yours", number=pick_list.number)
    if pick_list.claimed_by:
        holder = await act.tx.people.get(pick_list.claimed_by)
        assert pick_list.claimed_at is not None
        raise DomainError(
            "claimed_by_other",
            number=pick_list.number,
            by=holder.name if holder else pick_list.claimed_by,
            at=pick_list.claimed_at.isoformat(),
        )
    raise DomainError("pick_list_closed", number=pick_list.number)


async def held(act: Act, number: str, actor: Actor) -> PickList:
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


def task_at(pick_list: PickList, task_id: int | None) -> PickTask:
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


async def allocation_of(act: Act, task: PickTask) -> Allocation:
    allocation = await act.tx.stock.allocation(task.allocation_id)
    assert allocation is not None
    return allocation
