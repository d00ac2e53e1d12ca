"""The end of a pick list: orders leave, go back, or leave a back order behind (I08)."""

from __future__ import annotations

from core import expediting
from core.acting import Actor, trace
from core.clock import local
from core.desk import Act
from core.expedite import ExpediteState
from core.notices import CardKind, Priority
from core.orders import Order, OrderLine, OrderStatus
from core.picking import OPEN
from core.waves import PickList, PickListState, TaskState


async def close_orders(act: Act, pick_list: PickList, actor: Actor) -> None:
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
    await trace(
        act.tx,
        order.number,
        "order.shipped",
        actor,
        now=act.now,
        waybill=order.waybill,
        pick_list=pick_list.number,
        short={str(x.position): x.short for x in order.lines if x.short},
    )
    await act.tx.deadlines.cancel(order.number, reason="shipped")
    await expediting.put_out(act, order, ExpediteState.SHIPPED)
    owner = await act.tx.people.get(order.owner_id)
    if owner is not None:
        await act.tell.say(
            owner,
            "order_shipped",
            number=order.number,
            customer=order.customer_name,
            by=actor.person.name,
            at=act.now.isoformat(),
            waybill=order.waybill,
            short=[[x.part_number, x.short] for x in order.lines if x.short],
        )
    await act.tell.repaint(order.number, CardKind.DRAFT)
    if any(x.short for x in order.lines):
        await _back_order(act, order)


async def _back_order(act: Act, order: Order) -> None:
    """What could not be found becomes an order of its own, approved as it was, so that nothing is forgotten (I08)."""
    day = local(act.now)
    number = f"SO{day:%y%m%d}-{await act.tx.numbers.next('SO', day.date()):04d}"
    rest = Order(
        number=number,
        status=OrderStatus.APPROVED,
        owner_id=order.owner_id,
        owner_platform=order.owner_platform,
        owner_account=order.owner_account,
        owner_at=order.owner_at,
        source_key=f"backorder:{order.number}",
        source_kind="backorder",
        source_text=order.number,
        customer_code=order.customer_code,
        customer_name=order.customer_name,
        region=order.region,
        due_at=order.due_at,
        promised_at=order.promised_at,
        requirements=list(order.requirements),
        approved_at=act.now,
        submitted_at=act.now,
        created_at=act.now,
        lines=[
            OrderLine(
                position=i,
                raw=x.raw,
                part_number=x.part_number,
                part_name=x.part_name,
                unit=x.unit,
                matched_by=x.matched_by,
                quantity=x.short,
            )
            for i, x in enumerate((x for x in order.lines if x.short), start=1)
        ],
    )
    await act.tx.orders.add(rest)
    await trace(act.tx, number, "order.backordered", None, now=act.now, origin=order.number)
    await trace(act.tx, order.number, "order.rest_open", None, now=act.now, backorder=number)
    owner = await act.tx.people.get(order.owner_id)
    if owner is not None:
        await act.tell.say(owner, "backorder_opened", number=number, origin=order.number)
