"""The warehouse's walk: claim, pick, report short, scan out (F056, F058, F062)."""

from __future__ import annotations

import asyncio

import pytest

from core import picking, scanning_out, short_picking
from core.errors import DomainError
from core.orders import OrderStatus
from core.stock import AllocationState
from core.warehouse.lots import QcState
from core.waves import PickListState, TaskState
from handlers import texts
from tests.world_data import PAD, World, lot

PADS = "K0231 04465-0K240 20个, 后天要"
TWO = "K0231 04465-0K240 20个, 90915-YZZD4 50, 后天要"


async def refused_scan(world: World, number: str, code: str, quantity: int | None = None, who: str = "仓管A") -> str:
    """The words of a refused scan; nothing moved."""
    before = await world.snapshot_of(number)
    with pytest.raises(DomainError) as refusal:
        await world.do(scanning_out.scan_out, world.by(who), code, quantity)
    assert await world.snapshot_of(number) == before
    return texts.render(refusal.value.sentence, refusal.value.args_for_text)


async def test_of_many_pickers_who_claim_at_once_one_gets_the_list(world: World) -> None:
    order = await world.approved(PADS)
    await world.wave()
    number = (await world.list_of(order.number)).number

    claims = [world.do(picking.claim, number, world.by(who)) for who in ("仓管A", "仓管B") * 10]
    outcomes = await asyncio.gather(*claims, return_exceptions=True)

    assert sum(1 for x in outcomes if not isinstance(x, Exception)) == 1
    assert {x.sentence for x in outcomes if isinstance(x, DomainError)} == {"already_yours", "claimed_by_other"}
    assert (await world.order(order.number)).status is OrderStatus.PICKING


async def test_a_salesperson_cannot_claim_and_an_unknown_list_is_said_to_be_unknown(world: World) -> None:
    order = await world.approved(PADS)
    await world.wave()
    number = (await world.list_of(order.number)).number

    assert await world.refused(order.number, picking.claim, number, world.by("销售A")) == "not_your_role"
    assert await world.refused(order.number, picking.claim, "W0221-23Z-9", world.by("仓管A")) == "pick_list_unknown"


async def test_a_stop_is_picked_only_by_who_claimed_and_only_once(world: World) -> None:
    order = await world.approved(PADS)
    await world.wave()
    pick_list = await world.list_of(order.number)
    (task,) = pick_list.tasks
    number = pick_list.number
    assert await world.refused(order.number, picking.picked, number, world.by("仓管A")) == "claim_first"
    await world.do(picking.claim, number, world.by("仓管A"))
    assert await world.refused(order.number, picking.picked, number, world.by("仓管B")) == "claimed_by_other"

    await world.do(picking.picked, number, world.by("仓管A"), task_id=task.id)

    sentence = await world.refused(order.number, picking.picked, number, world.by("仓管A"), task_id=task.id)
    assert sentence == "stop_done"
    assert await world.refused(order.number, picking.picked, number, world.by("仓管A")) == "all_picked"
    async with world.look() as act:
        (allocation,) = await act.tx.stock.allocations(order.number)
    assert allocation.state is AllocationState.PICKED


async def test_the_right_batch_leaves_the_house_and_the_last_one_ships_the_order(world: World) -> None:
    (order,), pick_list = await world.claimed(TWO)

    out = await world.do(scanning_out.scan_out, world.by("仓管A"), "B251103-07", 20)

    assert ([t.lot_no for t in out.tasks], out.left) == (["B251103-07"], 1)
    assert (await world.order(order.number)).status is OrderStatus.PICKING
    held = await world.lot("B251103-07")
    assert (held.on_hand, held.allocated) == (24, 0)
    await world.do(scanning_out.scan_out, world.by("仓管A"), "B251201-01", 50)
    order = await world.order(order.number)
    assert order.status is OrderStatus.SHIPPED
    assert [(x.picked, x.short) for x in order.lines] == [(20, 0), (50, 0)]
    async with world.look() as act:
        done = await act.tx.waves.pick_list(pick_list.number)
        moved = await act.tx.stock.movements(held.id or 0)
    assert done is not None
    assert done.state is PickListState.DONE
    assert [(m.delta, m.cause, m.ref, m.by) for m in moved] == [
        (44, "receipt", "opening", "import"),
        (-20, "shipment", order.number, "E10"),
    ]
    assert (await world.said("销售A"))[-1] == (
        "order_shipped",
        {
            "number": order.number,
            "customer": "华锐汽修",
            "by": "仓管A",
            "at": world.now.isoformat(),
            "waybill": order.waybill,
            "short": [],
        },
    )


async def test_a_wrong_batch_says_what_was_scanned_and_what_is_wanted(world: World) -> None:
    (order,), _ = await world.claimed(PADS)

    words = await refused_scan(world, order.number, "b250918-02")

    assert words == (
        "❌ 批次不符,未出库\n你扫的 B250918-02(04465-0K240,2025-09-18 入库,质检 待复检)\n"
        "订单要 B251103-07(04465-0K240 ×20)\n请重扫正确批次;库存没有变化。"
    )


async def test_a_product_code_an_unknown_code_and_a_wrong_number_of_pieces_move_nothing(world: World) -> None:
    (order,), _ = await world.claimed(PADS)

    assert await refused_scan(world, order.number, PAD) == (
        "这是商品码 04465-0K240,请扫箱上【批次码】。要的是 B251103-07(04465-0K240 ×20)。"
    )
    assert (await refused_scan(world, order.number, "B990101-01")).startswith("❌ 没有批次 B990101-01,未出库。")
    assert (await refused_scan(world, order.number, "B251103-07", 21)).startswith("❌ B251103-07 只要 20,你报了 21")
    assert (await refused_scan(world, order.number, "B251103-07", 19)).startswith("❌ B251103-07 要 20,报 19")


async def test_what_is_out_already_is_not_sent_out_twice(world: World) -> None:
    (order,), _ = await world.claimed(TWO)
    await world.do(scanning_out.scan_out, world.by("仓管A"), "B251103-07")

    words = await refused_scan(world, order.number, "B251103-07")

    assert words == (f"B251103-07 已随 {order.number} 出过库,没有重复出。下一个要扫 B251201-01(90915-YZZD4 ×50)。")


async def test_nothing_leaves_without_a_claimed_list_or_from_another_pickers_list(world: World) -> None:
    (order,), _ = await world.claimed(PADS)

    assert await refused_scan(world, order.number, "B251103-07", who="仓管B") == texts.no_claimed_list()
    with pytest.raises(DomainError, match="not_your_role"):
        await world.do(scanning_out.scan_out, world.by("销售A"), "B251103-07")


async def test_one_batch_for_two_orders_leaves_order_by_order(world: World) -> None:
    orders, pick_list = await world.claimed(PADS, "K0231 04465-0K240 10个, 后天要")
    assert {t.lot_no for t in pick_list.tasks} == {"B251103-07"}

    first = await world.do(scanning_out.scan_out, world.by("仓管A"), "B251103-07")
    second = await world.do(scanning_out.scan_out, world.by("仓管A"), "B251103-07", 30 - first.tasks[0].quantity)

    assert sorted((*first.orders, *second.orders)) == sorted(o.number for o in orders)
    assert (first.left, second.left) == (1, 0)
    assert (await world.lot("B251103-07")).on_hand == 14


async def test_a_short_pick_goes_on_at_another_bin_and_the_lead_hears_of_it(world: World) -> None:
    (order,), pick_list = await world.claimed(PADS)

    result = await world.do(short_picking.short, pick_list.number, world.by("仓管A"), reason_code="S02", found=12)

    assert (result.missing, result.elsewhere) == (8, 8)
    tasks = (await world.list_of(order.number)).tasks
    assert [(t.stop, t.lot_no, t.quantity, t.state) for t in tasks] == [
        (1, "B251103-07", 12, TaskState.PICKED),
        (2, "B260110-03", 8, TaskState.OPEN),
    ]
    kept = await world.lot("B251103-07")
    assert (kept.on_hand, kept.allocated) == (44, 12)
    assert (await world.lot("B260110-03")).allocated == 8
    assert await world.told("仓储组长") == ["discrepancy"]
    assert "line_short" not in await world.told("销售A")
    await world.do(scanning_out.scan_out, world.by("仓管A"), "B251103-07", 12)
    await world.do(scanning_out.scan_out, world.by("仓管A"), "B260110-03", 8)
    order = await world.order(order.number)
    assert (order.status, order.lines[0].picked, order.lines[0].short) == (OrderStatus.SHIPPED, 20, 0)


async def test_what_is_found_nowhere_is_short_and_becomes_an_order_of_its_own(world: World) -> None:
    (order,), pick_list = await world.claimed("K0231 04465-0K240 44个, 90915-YZZD4 50, 后天要")

    result = await world.do(short_picking.short, pick_list.number, world.by("仓管A"), reason_code="S04", found=10)
    assert (result.missing, result.elsewhere) == (34, 20)
    for code in ("B251103-07", "B260110-03", "B251201-01"):
        await world.do(scanning_out.scan_out, world.by("仓管A"), code)

    order = await world.order(order.number)
    assert order.status is OrderStatus.SHIPPED
    assert [(x.picked, x.short) for x in order.lines] == [(30, 14), (50, 0)]
    rest = await world.order("SO260221-0002")
    assert (rest.status, rest.owner_id, rest.source_key) == (OrderStatus.APPROVED, "E01", f"backorder:{order.number}")
    assert [(x.part_number, x.quantity) for x in rest.lines] == [(PAD, 14)]
    assert await world.told("销售A") == ["order_approved", "line_short", "order_shipped", "backorder_opened"]


async def test_an_order_of_which_nothing_is_found_waits_for_the_next_wave_as_a_whole(world: World) -> None:
    (order,), pick_list = await world.claimed("K0231 90915-YZZD4 50, 后天要")

    await world.do(short_picking.short, pick_list.number, world.by("仓管A"), reason_code="S01")

    order = await world.order(order.number)
    assert (order.status, order.left_out, order.lines[0].short) == (OrderStatus.APPROVED, "SHORT_PICKED", 0)
    assert (await world.lot("B251201-01")).allocated == 0
    assert (await world.told("销售A"))[-2:] == ["line_short", "sent_back"]
    await world.wave()
    again = await world.list_of(order.number)
    assert (again.number != pick_list.number, again.tasks[0].quantity) == (True, 50)
    await world.do(picking.claim, again.number, world.by("仓管B"))
    await world.do(scanning_out.scan_out, world.by("仓管B"), "B251201-01")
    assert (await world.order(order.number)).status is OrderStatus.SHIPPED
    assert "backorder_opened" not in await world.told("销售A")


@pytest.mark.parametrize(
    ("code", "found", "sentence"),
    [
        ("", 0, "short_needs_reason"),
        ("R01", 0, "short_needs_reason"),
        ("S01", 20, "short_quantity"),
        ("S01", 21, "short_quantity"),
        ("S01", -1, "short_quantity"),
    ],
)
async def test_a_short_pick_needs_a_reason_and_fewer_pieces_than_asked(
    world: World, code: str, found: int, sentence: str
) -> None:
    (order,), pick_list = await world.claimed(PADS)

    assert (
        await world.refused(
            order.number, short_picking.short, pick_list.number, world.by("仓管A"), reason_code=code, found=found
        )
        == sentence
    )


async def test_a_batch_on_hold_is_no_way_out_of_a_short_pick(world: World) -> None:
    async with world.act() as act:
        held = lot("B260110-03", PAD, "A-02-05-1-01", 20, qc=QcState.FROZEN)
        await act.tx.stock.receive([held], by="qc", at=world.now, ref="hold")
    (order,), pick_list = await world.claimed(PADS)

    result = await world.do(short_picking.short, pick_list.number, world.by("仓管A"), reason_code="S05")

    assert (result.missing, result.elsewhere) == (20, 0)
    assert (await world.order(order.number)).status is OrderStatus.APPROVED


async def test_a_foreman_may_pick_too(world: World) -> None:
    order = await world.approved(PADS)
    await world.wave()
    number = (await world.list_of(order.number)).number

    await world.do(picking.claim, number, world.by("仓储组长"))

    assert (await world.list_of(order.number)).claimed_by == "E12"
