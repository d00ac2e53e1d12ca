"""Three replicas without Redis: every slot is planned, no order is released twice, no capacity is given away twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

from bot.scheduler import Scheduler
from bot.waveplans import WavePlanner
from core import falling_due
from core.deadlines import Deadline, DeadlineKind, DeadlineState
from core.desk import Act
from core.orders import OrderStatus
from core.ports import Transaction
from core.waves import Wave
from tests.timers.conftest import MakeScheduler
from tests.world_data import World

ORDERS = 6


async def approved(desk: World, count: int = ORDERS) -> list[str]:
    return [(await desk.approved(f"K0231 90915-YZZD4 {n + 1}个, 后天要")).number for n in range(count)]


async def waves(desk: World) -> list[Wave]:
    async with desk.look() as act:
        return await act.tx.waves.today("KS", desk.now - timedelta(days=1))


async def on_lists(desk: World) -> Counter[str]:
    """How many pick lists each order is on."""
    async with desk.look() as act:
        return Counter(n for x in await act.tx.waves.open_lists() for n in x.orders)


async def test_replicas_that_plan_at_the_same_moment_release_each_order_once(
    desk: World, replica: MakeScheduler
) -> None:
    numbers = await approved(desk)

    made = await asyncio.gather(*(replica().plan(desk.now) for _ in range(3)))

    assert sorted(made) == [0, 0, 1]
    assert await on_lists(desk) == Counter(numbers)
    assert len(await waves(desk)) == 1


async def test_a_slot_that_several_replicas_see_is_one_plan_and_arms_one_next_slot(
    desk: World, replica: MakeScheduler
) -> None:
    numbers = await approved(desk)
    replicas = [replica() for _ in range(3)]
    for one in replicas:
        await one.start()

    desk.clock.advance(timedelta(minutes=20))
    async with asyncio.timeout(30):
        while await on_lists(desk) != Counter(numbers) or not all(one.idle for one in replicas):
            await asyncio.gather(*(one.tick() for one in replicas))

    assert len(await waves(desk)) == 1
    async with desk.look() as act:
        slots = await act.tx.deadlines.of("waves")
        assert [d.state for d in slots] == [DeadlineState.FIRED, DeadlineState.ARMED]
        plans = [d for s in slots for d in await act.tx.deadlines.of(f"plan:{s.id}")]
    assert [(d.kind, d.state) for d in plans] == [(DeadlineKind.WAVE_PLAN, DeadlineState.CANCELLED)]


async def test_a_plan_whose_planner_died_is_made_by_another_within_a_minute(
    desk: World, replica: MakeScheduler
) -> None:
    numbers = await approved(desk)
    living = replica()
    async with desk.act() as act:
        await act.tx.deadlines.arm(Deadline(kind=DeadlineKind.WAVE_NOW, ref=numbers[0], due_at=desk.now))
    async with desk.act() as act:
        (asked,) = await act.tx.deadlines.claim_due(desk.now, 10)
        await falling_due.fire(act, asked)
        await WavePlanner(database=desk.database, act=_unused).promise(act, asked)

    assert await living.tick() == 0
    desk.clock.advance(timedelta(seconds=61))
    assert await living.tick() == 1
    async with asyncio.timeout(30):
        while not living.idle:
            await living.tick()

    assert await on_lists(desk) == Counter(numbers)


async def test_an_order_approved_while_another_replica_plans_comes_with_the_next_plan_and_capacity_holds(
    desk: World, replica: MakeScheduler
) -> None:
    first = await approved(desk, 2)
    one, two = replica(), replica()

    made = await asyncio.gather(one.plan(desk.now), _later(desk, two))

    async with desk.look() as act:
        done = await act.tx.orders.in_status(OrderStatus.RELEASED)
        parcels = sum(w.parcels for w in await act.tx.waves.today("KS", desk.now - timedelta(days=1)))
    assert {o.number for o in done} >= set(first)
    assert max((await on_lists(desk)).values()) == 1
    assert parcels == len(done)
    assert sum(made) >= 1


async def _later(desk: World, scheduler: Scheduler) -> int:
    await approved(desk, 1)
    return await scheduler.plan(desk.now)


async def _unused(tx: Transaction, cause: str) -> Act:
    raise AssertionError(cause)
