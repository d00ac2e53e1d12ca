"""The wave tick: what is held, what leaves with whom, and why an order waits (F050–F057)."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cards import wording
from core import approving, ordering, releasing
from core.approvals import Verdict
from core.intake.correction import SetQuantity
from core.orders import OrderStatus
from core.releasing import letters
from core.stock import Lot
from core.warehouse.lots import QcState
from core.warehouse.planner import plan_waves
from tests.world_data import PAD, World, lot, opened

PADS = "K0231 04465-0K240 20个, 后天要"


async def stocked(world: World, *cells: Lot) -> None:
    """Count every known cell of the part to nothing and put these in."""
    async with world.act() as act:
        known = [lot(x.lot_no, x.part_number, x.bin, 0, qc=x.qc) for x in await act.tx.stock.lots([PAD])]
        await act.tx.stock.receive([*known, *cells], by="count", at=world.now, ref="count")


async def test_the_batch_that_expires_first_leaves_first_then_the_oldest(world: World) -> None:
    await stocked(
        world,
        lot("B260101-01", PAD, "A-01-01-1-01", 10, received_on=date(2026, 1, 1)),
        lot("B260102-01", PAD, "A-01-03-1-01", 10, received_on=date(2026, 1, 2), expires_on=date(2026, 5, 1)),
        lot("B251225-01", PAD, "A-01-05-1-01", 10, received_on=date(2025, 12, 25)),
    )
    order = await world.approved("K0231 04465-0K240 25个, 后天要")

    await world.wave()

    async with world.look() as act:
        held = [(a.lot_no, a.quantity) for a in await act.tx.stock.allocations(order.number)]
    assert sorted(held) == [("B251225-01", 10), ("B260101-01", 5), ("B260102-01", 10)]


@pytest.mark.parametrize("qc", [QcState.PENDING, QcState.RECHECK, QcState.FROZEN, QcState.REJECTED])
async def test_goods_the_inspectors_have_not_released_are_never_promised(world: World, qc: QcState) -> None:
    await stocked(world, lot("B260101-01", PAD, "A-01-01-1-01", 100, qc=qc))
    order = await world.approved(PADS)

    assert await world.wave() == []

    order = await world.order(order.number)
    assert order.status is OrderStatus.APPROVED
    assert wording.left_out(order.left_out).startswith("库存待检" if qc is QcState.PENDING else ("库存待检", "缺货"))


async def test_a_demanded_report_means_a_batch_without_concession(world: World) -> None:
    await stocked(
        world,
        lot("B250101-01", PAD, "A-01-01-1-01", 100, qc=QcState.CONCESSION, received_on=date(2025, 1, 1)),
        lot("B260101-01", PAD, "A-01-03-1-01", 100),
    )
    plain = await world.approved(PADS)
    strict = await world.approved("K0231 04465-0K240 10个, 后天要, 要质检报告")

    await world.wave()

    async with world.look() as act:
        assert [a.lot_no for a in await act.tx.stock.allocations(plain.number)] == ["B250101-01"]
        assert [a.lot_no for a in await act.tx.stock.allocations(strict.number)] == ["B260101-01"]


async def test_a_batch_past_its_last_day_stays_and_the_reason_says_so(world: World) -> None:
    await stocked(world, lot("B250101-01", PAD, "A-01-01-1-01", 100, expires_on=date(2026, 2, 20)))
    order = await world.approved(PADS)

    await world.wave()

    assert wording.left_out((await world.order(order.number)).left_out) == f"库存已过期:{PAD} 缺 20"


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("K0231 HT-9001 5个, 后天要", "缺货:HT-9001 缺 5"),
        ("K0900 04465-0K240 5个, 后天要", "没有可到的物流"),
    ],
)
async def test_an_order_left_out_says_why(world: World, sent: str, words: str) -> None:
    order = await world.approved(sent)

    await world.wave()

    assert wording.left_out((await world.order(order.number)).left_out) == words
    assert (await world.actions(order.number))[-1] == "order.left_out"
    await world.wave()
    assert (await world.actions(order.number)).count("order.left_out") == 1


async def test_an_order_waits_while_a_more_urgent_one_holds_the_goods(world: World) -> None:
    later = await world.approved("K0231 04465-0K240 50个, 2月26日要")
    sooner = await world.approved("K0231 04465-0K240 50个, 后天要")

    await world.wave()

    assert (await world.order(sooner.number)).status is OrderStatus.RELEASED
    waiting = await world.order(later.number)
    assert wording.left_out(waiting.left_out) == f"库存被更急的单占用({sooner.number})"


async def test_after_the_last_cut_off_an_order_waits_for_tomorrow(world: World) -> None:
    order = await world.approved(PADS)
    world.clock.advance(timedelta(hours=11))

    await world.wave()

    assert wording.left_out((await world.order(order.number)).left_out) == "今天截单已过"


async def test_a_must_ship_order_that_stays_is_told_at_once_to_planner_and_salesperson(world: World) -> None:
    order = await world.approved("K0231 HT-9001 5个, 今天18:00要")

    await world.wave()

    expected = ("must_ship_stuck", {"number": order.number, "reason": "NO_STOCK|HT-9001:5"})
    assert expected in await world.said("计划主管")
    assert expected in await world.said("销售A")


async def test_two_plans_of_the_same_world_never_hold_more_than_there_is(world: World) -> None:
    first = await world.approved("K0231 04465-0K240 40个, 后天要")
    async with world.look() as act:
        one = await releasing.snapshot(act)
    second = await world.approved("K0231 04465-0K240 41个, 后天要")
    async with world.look() as act:
        two = await releasing.snapshot(act)
    waves = [(w, snap) for snap in (one, two) for w in plan_waves(snap.world, seed=1).waves]

    made = [await world.do(releasing.commit_wave, w, snap, slot=world.now) for w, snap in waves]

    assert [m is not None for m in made] == [True, False]
    for number in ("B251103-07", "B260110-03", "B250918-02"):
        cell = await world.lot(number)
        assert 0 <= cell.allocated <= cell.on_hand
    assert (await world.order(first.number)).status is OrderStatus.RELEASED
    assert (await world.order(second.number)).status is OrderStatus.APPROVED


async def test_a_tick_that_runs_twice_makes_one_wave(world: World) -> None:
    order = await world.approved(PADS)
    async with world.look() as act:
        snap = await releasing.snapshot(act)
    (planned,) = plan_waves(snap.world, seed=1).waves

    first = await world.do(releasing.commit_wave, planned, snap, slot=world.now)
    again = await world.do(releasing.commit_wave, planned, snap, slot=world.now)

    assert (first is not None, again) == (True, None)
    assert (await world.lot("B251103-07")).allocated == 20
    assert (await world.actions(order.number)).count("order.released") == 1


async def test_a_plan_made_before_a_revision_is_not_carried_out(world: World) -> None:
    order = await world.approved(PADS)
    async with world.look() as act:
        snap = await releasing.snapshot(act)
    await world.do(ordering.correct, order.number, world.by("销售A"), [SetQuantity.of(1, 30)], how="text")
    await world.do(ordering.submit, order.number, world.by("销售A"))
    request = await world.request(order.number)
    await world.do(approving.decide, request.id, Verdict.APPROVED, world.by("技术甲"))

    (planned,) = plan_waves(snap.world, seed=1).waves
    assert await world.do(releasing.commit_wave, planned, snap, slot=world.now) is None

    assert (await world.order(order.number)).status is OrderStatus.APPROVED
    assert (await world.lot("B251103-07")).allocated == 0


async def test_what_has_left_with_a_carrier_today_is_taken_off_its_capacity(world: World) -> None:
    async with world.act() as act:
        await act.tx.catalog.set_capacity("SF", act.today, 1, "E13")
        await act.tx.catalog.set_capacity("DB", act.today, 0, "E13")
    first = await world.approved(PADS)
    await world.wave()
    second = await world.approved("K0231 04465-0K240 10个, 后天要")

    await world.wave()

    assert (await world.order(first.number)).status is OrderStatus.RELEASED
    waiting = await world.order(second.number)
    assert waiting.status is OrderStatus.APPROVED
    assert wording.left_out(waiting.left_out) in ("物流运力装不下", "今天运力已满(SF@0221)")
    async with world.act() as act:
        await act.tx.catalog.set_capacity("SF", act.today, 0, "E13")
        snap = await releasing.snapshot(act)
    assert {r.run_id: r.capacity_left for r in snap.world.runs} == {"SF@0221": 0, "DB@0221": 0}


async def test_every_picker_of_the_warehouse_gets_the_list_and_its_map(world: World) -> None:
    order = await world.approved(PADS)
    await world.wave()

    pick_list = await world.list_of(order.number)
    for who in ("仓管A", "仓管B"):
        assert await world.cards(who) == [f"pick_list {pick_list.number}"]
    assert (pick_list.number, pick_list.orders) == ("W0221-09A-1", [order.number])
    assert pick_list.route_m > 0
    assert [(t.stop, t.bin, t.lot_no, t.quantity) for t in pick_list.tasks] == [(1, "A-01-02-4-01", "B251103-07", 20)]


def test_waves_of_one_hour_are_lettered() -> None:
    assert [letters(n) for n in (1, 2, 26, 27, 52, 53, 703)] == ["A", "B", "Z", "AA", "AZ", "BA", "AAA"]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    wanted=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    there=st.lists(st.integers(0, 30), min_size=1, max_size=3),
    capacity=st.integers(0, 3),
)
async def test_whatever_is_ordered_nothing_is_promised_twice_and_no_carrier_is_overfilled(
    empty_store: Path, tmp_path_factory: pytest.TempPathFactory, wanted: list[int], there: list[int], capacity: int
) -> None:
    async with opened(empty_store, tmp_path_factory.mktemp("waves")) as world:
        await world.fill(stock=[lot(f"B26010{n}-01", PAD, f"A-01-0{n + 1}-1-01", x) for n, x in enumerate(there)])
        async with world.act() as act:
            await act.tx.catalog.set_capacity("SF", act.today, capacity, "E13")
            await act.tx.catalog.set_capacity("DB", act.today, capacity, "E13")
        for quantity in wanted:
            await world.approved(f"K0231 04465-0K240 {quantity}个, 后天要")
            await world.wave()

        async with world.look() as act:
            cells = await act.tx.stock.lots([PAD])
            snap = await releasing.snapshot(act)
            waves = await act.tx.waves.today("KS", world.now)
            released = await act.tx.orders.in_status(OrderStatus.RELEASED)
            waiting = await act.tx.orders.in_status(OrderStatus.APPROVED)
        assert all(0 <= x.allocated <= x.on_hand for x in cells)
        assert sum(x.allocated for x in cells) == sum(x.lines[0].quantity or 0 for x in released)
        assert all(r.capacity_left >= 0 for r in snap.world.runs)
        assert sum(w.parcels for w in waves) <= 2 * capacity
        assert all(x.left_out for x in waiting)
