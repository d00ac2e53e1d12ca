"""After a downtime every obligation is caught up with: nothing is lost, and people are not flooded (R8)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from core import expediting
from core.clock import CHINA
from core.deadlines import DeadlineKind
from core.expedite import Level
from core.notices import DeliveryKind
from core.orders import OrderStatus
from storage import tables
from tests.timers.conftest import MakeScheduler
from tests.world_data import World, wall

PADS = "K0231 04465-0K240 2个, 后天要"
NOON = datetime(2026, 2, 21, 12, 0, tzinfo=CHINA)


async def caught_up(desk: World, replica: MakeScheduler, down: timedelta) -> None:
    """The bot was away for so long; two replicas come back."""
    desk.clock.advance(down)
    for scheduler in (replica(), replica()):
        await scheduler.tick()


async def left_armed(desk: World) -> int:
    async with desk.look() as act:
        return await act.tx.deadlines.overdue(desk.now)


async def lit(desk: World, latest: datetime) -> str:
    """An approved order that must leave by then."""
    order = await desk.approved(PADS)
    await desk.do(
        expediting.light,
        order.number,
        desk.by("销售A"),
        level=Level.ORANGE,
        latest_ship_at=latest,
        reason_code="X02",
    )
    return order.number


@pytest.mark.parametrize(
    ("down", "late"),
    [(timedelta(hours=2, seconds=10), 0), (timedelta(hours=3), 60), (timedelta(days=3), 70 * 60)],
    ids=["ten seconds", "an hour", "three days over the holidays"],
)
async def test_a_draft_is_shown_late_with_its_delay(
    desk: World, replica: MakeScheduler, down: timedelta, late: int
) -> None:
    order = await desk.draft(PADS)

    await caught_up(desk, replica, down)

    assert [a["late"] for s, a in await desk.said("区域经理苏") if s == "draft_unsubmitted"] == [late]
    assert (await desk.order(order.number)).status is OrderStatus.DRAFT
    assert await left_armed(desk) == 0


async def test_three_overdue_steps_of_an_expedite_are_one_message_that_names_the_lower_two(
    desk: World, replica: MakeScheduler
) -> None:
    number = await lit(desk, NOON)

    await caught_up(desk, replica, NOON + timedelta(minutes=5) - desk.now)

    assert [
        (a["number"], a["step"], a["late"], a["skipped"])
        for s, a in await desk.said("运营总监")
        if s == "expedite_still_in"
    ] == [(number, "0h", 5, ["expedite_at_risk:", "expedite_final:1h"])]
    assert await desk.cards("运营总监") == [f"escalation {number}"]
    assert (await desk.actions(number)).count("expedite.escalated") == 1
    assert await left_armed(desk) == 0


async def test_two_overdue_steps_speak_through_the_higher_and_the_last_one_still_comes_in_time(
    desk: World, replica: MakeScheduler
) -> None:
    await lit(desk, NOON)

    await caught_up(desk, replica, NOON - timedelta(minutes=30) - desk.now)
    await caught_up(desk, replica, timedelta(minutes=30))

    assert [(a["step"], a["late"], a["skipped"]) for _, a in await desk.said("运营总监")] == [
        ("1h", 30, ["expedite_at_risk:"]),
        ("0h", 0, []),
    ]


async def test_a_reminder_and_the_escalation_overdue_together_are_one_escalation(
    desk: World, replica: MakeScheduler
) -> None:
    order = await desk.submitted(PADS)
    request = await desk.request(order.number)
    assert wall(request.due_at) == "02-21 13:14"

    await caught_up(desk, replica, timedelta(days=3))

    assert await desk.told("技术甲") == await desk.told("技术乙") == []
    assert [(s, a["number"], a["late"], a["skipped"]) for s, a in await desk.said("技术总监")] == [
        ("approval_caught_up", order.number, 3 * 24 * 60 - 240, ["approval_reminder:"])
    ]
    assert await desk.cards("技术总监") == [f"escalation ap:{request.id}"]


async def test_missed_waves_are_one_plan_and_the_next_slot_is_armed(desk: World, replica: MakeScheduler) -> None:
    first = replica()
    await first.start()
    await first.stop()
    number = (await desk.approved(PADS)).number

    await caught_up(desk, replica, timedelta(days=3))
    scheduler = replica()
    while not scheduler.idle or (await desk.order(number)).status is OrderStatus.APPROVED:
        await scheduler.plan(desk.now)

    async with desk.look() as act:
        ticks = await act.tx.deadlines.of("waves")
        waves = await act.tx.waves.today("KS", desk.now - timedelta(days=5))
    assert [(d.kind, d.state.value) for d in ticks] == [
        (DeadlineKind.WAVE_TICK, "fired"),
        (DeadlineKind.WAVE_TICK, "armed"),
    ]
    assert ticks[-1].due_at > desk.now
    assert len(waves) == 1


async def test_nobody_is_shown_more_than_five_late_cards_a_minute(desk: World, replica: MakeScheduler) -> None:
    for n in range(12):
        await desk.submitted(f"K0231 04465-0K240 {n + 1}个, 后天要")

    desk.clock.advance(timedelta(days=3))
    await replica().tick()

    async with desk.database.writer.connect() as connection:
        rows = await connection.execute(
            select(tables.outbox.c.available_at, tables.outbox.c.body)
            .where(tables.outbox.c.kind == DeliveryKind.CARD)
            .order_by(tables.outbox.c.available_at)
        )
        shown = [at for at, body in rows if body["kind"] == "escalation"]
    assert len(shown) == 12
    assert max(sum(at <= x < at + timedelta(minutes=1) for x in shown) for at in shown) <= 5
