"""The fuse: who may light it, whom it calls, and when it goes out (F070–F076)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core import expediting, scanning_out
from core.expedite import Level
from core.orders import OrderStatus
from core.rules import Rules
from tests.world_data import NOW, World, opened, wall

PADS = "K0231 04465-0K240 20个, 后天要"
HALF_PAST_THREE = NOW.replace(hour=15, minute=30)


async def lit(world: World, number: str, *, level: Level = Level.RED, at: datetime = HALF_PAST_THREE) -> None:
    await world.do(expediting.light, number, world.by("销售A"), level=level, latest_ship_at=at, reason_code="X02")


async def test_a_lit_fuse_pins_calls_logistics_and_arms_the_alarm(world: World) -> None:
    order = await world.submitted(PADS)

    await lit(world, order.number)

    order = await world.order(order.number)
    assert (order.expedite_level, order.latest_ship_at) == ("red", HALF_PAST_THREE)
    pinned = (
        "expedite_pinned",
        {
            "number": order.number,
            "level": "red",
            "latest": HALF_PAST_THREE.isoformat(),
            "status": "pending",
        },
    )
    for who in ("仓储组长", "仓管A", "仓管B"):
        assert await world.said(who) == [pinned]
    assert await world.cards("物流主管") == [f"pickup {order.number}"]
    assert await world.cards("运营总监") == []
    assert f"expedite {order.number}" in await world.cards("销售A")
    async with world.look() as act:
        armed = [(d.kind.value, d.step, wall(d.due_at)) for d in await act.tx.deadlines.armed(order.number)]
    assert armed == [
        ("expedite_at_risk", "", "02-21 13:30"),
        ("expedite_final", "1h", "02-21 14:30"),
        ("expedite_final", "0h", "02-21 15:30"),
    ]


async def test_a_red_order_that_is_approved_does_not_wait_for_the_next_slot(world: World) -> None:
    order = await world.approved(PADS)

    await lit(world, order.number)

    assert await world.fire_due() == ["wave_now"]
    await world.wave()
    assert (await world.list_of(order.number)).urgent is True


async def test_a_list_already_at_the_pickers_becomes_urgent(world: World) -> None:
    (order,), pick_list = await world.claimed(PADS)
    assert pick_list.urgent is False

    await lit(world, order.number)

    async with world.look() as act:
        assert (await act.tx.waves.open_lists("KS"))[0].urgent is True
    assert (await world.cards("仓管B"))[-1] == f"pick_list {pick_list.number}"


@pytest.mark.parametrize(("minutes", "told"), [(121, False), (120, True), (30, True)])
async def test_with_less_than_two_hours_left_the_director_is_told_at_once(
    world: World, minutes: int, told: bool
) -> None:
    order = await world.submitted(PADS)

    await lit(world, order.number, at=NOW + timedelta(minutes=minutes))

    assert await world.cards("运营总监") == ([f"escalation {order.number}"] if told else [])


async def test_the_alarm_sounds_two_hours_before_one_hour_before_and_at_the_time_once_each(world: World) -> None:
    order = await world.approved(PADS)
    await lit(world, order.number)
    await world.fire_due()

    assert await world.at(13, 29) == []
    assert await world.at(13, 30) == ["expedite_at_risk"]
    assert await world.cards("运营总监") == [f"escalation {order.number}"]
    assert await world.at(14, 30) == ["expedite_final"]
    assert await world.at(15, 30) == ["expedite_final"]
    assert await world.at(20, 0) == []
    late = HALF_PAST_THREE.astimezone(UTC).isoformat()
    assert await world.said("运营总监") == [
        ("expedite_still_in", {"number": order.number, "step": "1h", "latest": late, "late": 0, "skipped": []}),
        ("expedite_still_in", {"number": order.number, "step": "0h", "latest": late, "late": 0, "skipped": []}),
    ]
    assert (await world.actions(order.number)).count("expedite.escalated") == 3


async def test_missed_alarms_after_a_downtime_fire_once_each(world: World) -> None:
    order = await world.approved(PADS)
    await lit(world, order.number)
    await world.fire_due()

    fired = await world.at(18, 0)

    assert fired == ["expedite_at_risk", "expedite_final", "expedite_final"]
    assert await world.fire_due() == []


async def test_a_shipped_order_alarms_nobody_and_its_cards_close(world: World) -> None:
    (order,), _ = await world.claimed(PADS)
    await lit(world, order.number)
    before = await world.all_sent()

    await world.do(scanning_out.scan_out, world.by("仓管A"), "B251103-07")

    assert {f"expedite {order.number}", f"pickup {order.number}"} <= set((await world.painted())[before:])
    async with world.look() as act:
        assert await act.tx.deadlines.armed(order.number) == []
        assert await act.tx.expedites.live(order.number) is None
    assert await world.at(16, 0) == []
    assert await world.cards("运营总监") == []


async def test_another_time_replaces_the_alarms_of_the_first(world: World) -> None:
    order = await world.approved(PADS)
    await lit(world, order.number, at=NOW.replace(hour=17, minute=0))

    await lit(world, order.number, at=NOW.replace(hour=11, minute=0), level=Level.ORANGE)

    async with world.look() as act:
        armed = [
            (d.kind.value, d.step, wall(d.due_at))
            for d in await act.tx.deadlines.armed(order.number)
            if d.kind.value.startswith("expedite")
        ]
        live = await act.tx.expedites.all_live()
    assert armed == [("expedite_final", "1h", "02-21 10:00"), ("expedite_final", "0h", "02-21 11:00")]
    assert [(e.level, wall(e.latest_ship_at)) for e in live] == [(Level.ORANGE, "02-21 11:00")]
    assert await world.cards("运营总监") == [f"escalation {order.number}"]


async def light_refused(
    world: World,
    number: str,
    *,
    who: str = "销售A",
    at: datetime = HALF_PAST_THREE,
    code: str = "X02",
    level: Level = Level.RED,
) -> str:
    return await world.refused(
        number, expediting.light, number, world.by(who), level=level, latest_ship_at=at, reason_code=code
    )


async def test_what_cannot_be_expedited_is_said_with_the_reason(world: World) -> None:
    draft = await world.draft(PADS)
    assert await light_refused(world, draft.number) == "expedite_wrong_state"
    order = await world.submitted("K0231 04465-0K240 10个, 后天要")
    assert await light_refused(world, order.number, who="销售B") == "not_your_order"
    assert await light_refused(world, order.number, code="R01") == "expedite_needs_reason"
    assert await light_refused(world, order.number, at=NOW) == "expedite_time_past"
    rare = await world.submitted("K0231 HT-9001 5个, 后天要")
    assert await light_refused(world, rare.number) == "expedite_no_stock"


async def test_a_shipped_order_cannot_be_expedited(world: World) -> None:
    (order,), _ = await world.claimed(PADS)
    await world.do(scanning_out.scan_out, world.by("仓管A"), "B251103-07")
    assert (await world.order(order.number)).status is OrderStatus.SHIPPED

    assert await light_refused(world, order.number) == "expedite_shipped"


async def test_a_time_that_passed_comes_with_the_cut_offs_that_are_left(world: World) -> None:
    order = await world.submitted(PADS)

    async with world.look() as act:
        kept = await act.tx.orders.get(order.number)
        assert kept is not None
        assert await expediting.cutoffs(act, kept) == ["17:00 顺丰", "19:30 德邦"]
    world.clock.advance(timedelta(hours=8))
    async with world.look() as act:
        assert await expediting.cutoffs(act, kept) == ["19:30 德邦"]


async def test_the_fourth_red_fuse_is_offered_orange(world: World) -> None:
    orders = [await world.submitted(f"K0231 04465-0K240 {n}个, 后天要") for n in (1, 2, 3, 4)]
    for order in orders[:3]:
        await lit(world, order.number)

    assert await light_refused(world, orders[3].number) == "expedite_too_many_reds"
    await lit(world, orders[3].number, level=Level.ORANGE)
    await lit(world, orders[0].number, at=NOW.replace(hour=16))

    async with world.look() as act:
        assert len(await act.tx.expedites.all_live()) == 4


async def test_how_many_reds_are_too_many_is_the_shops_choice(empty_store: Path, tmp_path: Path) -> None:
    async with opened(empty_store, tmp_path, rules=Rules(max_reds=1)) as world:
        await world.fill()
        first = await world.submitted("K0231 04465-0K240 1个, 后天要")
        second = await world.submitted("K0231 04465-0K240 2个, 后天要")
        await lit(world, first.number)

        assert await light_refused(world, second.number) == "expedite_too_many_reds"


async def test_the_director_takes_over_and_logistics_arranges_once(world: World) -> None:
    order = await world.submitted(PADS)
    await lit(world, order.number)

    await world.do(expediting.coordinate, order.number, world.by("运营总监"))
    await world.do(expediting.pickup_arranged, order.number, world.by("物流主管"), plate="苏E12345")

    async with world.look() as act:
        live = await act.tx.expedites.live(order.number)
    assert live is not None
    assert (live.coordinated_by, live.pickup_by) == ("运营总监", "物流主管 苏E12345")
    late = await world.refused(order.number, expediting.coordinate, order.number, world.by("管理员"))
    assert late == "expedite_taken"
    for use_case in (expediting.coordinate, expediting.pickup_arranged):
        assert await world.refused(order.number, use_case, order.number, world.by("仓管A")) == "not_your_role"


async def test_the_warehouse_is_urged_by_name_until_the_goods_are_out(world: World) -> None:
    (order,), _ = await world.claimed(PADS)
    await lit(world, order.number)

    await world.do(expediting.urge_warehouse, order.number, world.by("运营总监"))

    assert (await world.said("仓管A"))[-1] == (
        "urged",
        {"number": order.number, "by": "运营总监", "latest": HALF_PAST_THREE.astimezone(UTC).isoformat()},
    )
    await world.do(scanning_out.scan_out, world.by("仓管A"), "B251103-07")
    for use_case, who in (
        (expediting.urge_warehouse, "运营总监"),
        (expediting.coordinate, "运营总监"),
        (expediting.pickup_arranged, "物流主管"),
    ):
        assert await world.refused(order.number, use_case, order.number, world.by(who)) == "expedite_over"
