"""Deadlines climb to the right role, label, and never decide; each fires once (F123, F126)."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from core import approving, falling_due, ordering, picking
from core.approvals import RequestState, Verdict
from core.clock import CHINA
from core.deadlines import DeadlineKind, DeadlineState
from core.notices import CardKind
from core.orders import OrderStatus
from core.people import PlatformName, Role
from core.rules import Rules
from core.views import order_view
from storage import tables
from tests.world_data import World, opened, person, wall

PADS = "K0231 04465-0K240 20个, 后天要"


async def states(world: World, kind: DeadlineKind) -> list[str]:
    """The states of all rows of a kind, oldest first."""
    async with world.database.writer.connect() as connection:
        rows = await connection.execute(
            select(tables.deadlines.c.state).where(tables.deadlines.c.kind == kind).order_by(tables.deadlines.c.id)
        )
        return [state.value for (state,) in rows]


async def test_a_draft_left_for_two_hours_is_shown_to_the_regional_manager_of_the_customers_province(
    world: World,
) -> None:
    order = await world.draft("K0031 04465-0K240 20个, 后天要")

    assert await world.at(11, 13) == []
    assert await world.at(11, 14) == ["draft_unsubmitted"]

    assert await world.said("区域经理沪") == [
        ("draft_unsubmitted", {"number": order.number, "owner": "销售A", "customer": "申通汽配", "late": 0})
    ]
    assert await world.told("区域经理苏") == []
    assert await world.said("销售A") == [("draft_reminder", {"number": order.number, "to": "区域经理沪"})]
    assert (await world.order(order.number)).status is OrderStatus.DRAFT
    assert await world.at(19, 0) == []


async def test_without_a_known_customer_the_salespersons_own_region_is_told(world: World) -> None:
    await world.draft("04465-0K240 20个, 后天要")

    await world.at(11, 14)

    assert await world.told("区域经理苏") == ["draft_unsubmitted"]
    assert await world.told("区域经理沪") == []


async def test_a_province_without_a_manager_goes_to_the_supervisors(world: World) -> None:
    await world.draft("K0900 04465-0K240 20个, 后天要")

    await world.at(11, 14)

    assert await world.told("主管A") == ["draft_unsubmitted"]
    assert await world.told("区域经理苏") == await world.told("区域经理沪") == []


async def test_after_a_downtime_people_hear_how_late_the_notice_is(world: World) -> None:
    await world.draft(PADS)

    await world.at(11, 44)

    assert (await world.said("区域经理苏"))[0][1]["late"] == 30


@pytest.mark.parametrize("act", ["submit", "cancel"])
async def test_a_draft_that_was_submitted_or_cancelled_climbs_nowhere(world: World, act: str) -> None:
    order = await world.draft(PADS)
    await world.do(ordering.submit if act == "submit" else ordering.cancel, order.number, world.by("销售A"))

    await world.at(11, 30)

    assert await world.told("区域经理苏") == []
    assert await states(world, DeadlineKind.DRAFT_UNSUBMITTED) == ["cancelled"]


async def test_an_approval_reminds_half_an_hour_before_and_climbs_to_the_tech_director_after_four_hours(
    world: World,
) -> None:
    order = await world.submitted(PADS)
    request = await world.request(order.number)
    assert wall(request.due_at) == "02-21 13:14"

    assert await world.at(12, 44) == ["approval_reminder"]
    reminder = (
        "approval_reminder",
        {
            "number": order.number,
            "step": "tech",
            "due": request.due_at.isoformat(),
            "late": 0,
        },
    )
    assert await world.said("技术甲") == await world.said("技术乙") == [reminder]
    assert await world.cards("技术总监") == []
    assert await world.at(13, 14) == ["approval_due"]
    assert await world.cards("技术总监") == [f"escalation ap:{request.id}"]
    assert (await world.cards("技术甲"))[-1] == f"approval {request.id}"
    request = await world.request(order.number)
    assert (request.state, request.escalated_to) == (RequestState.OPEN, ["E08"])
    assert (await world.order(order.number)).status is OrderStatus.PENDING
    assert await world.decisions(order.number) == []
    async with world.look() as act:
        view = await order_view(act, order.number)
    assert view is not None
    assert view.deciders == ("技术甲", "技术乙", "技术总监")
    assert await world.at(19, 59) == []


@pytest.mark.parametrize("who", ["技术总监", "技术甲"])
async def test_after_it_climbed_the_director_and_the_first_asked_may_both_decide(world: World, who: str) -> None:
    order = await world.submitted(PADS)
    request = await world.request(order.number)
    await world.at(13, 14)
    before = await world.all_sent()

    await world.do(approving.decide, request.id, Verdict.APPROVED, world.by(who))

    assert (await world.order(order.number)).status is OrderStatus.APPROVED
    assert f"escalation ap:{request.id}" in (await world.painted())[before:]


async def test_a_supervisors_question_climbs_to_the_sales_director(world: World) -> None:
    order = await world.submitted("K0231 17801-21050 90个, 后天要")

    await world.at(13, 14)

    request = await world.request(order.number)
    assert request.escalated_to == ["E09"]
    assert await world.cards("销售总监") == [f"escalation ap:{request.id}"]


async def test_a_decided_question_neither_reminds_nor_climbs(world: World) -> None:
    order = await world.submitted(PADS)
    request = await world.request(order.number)
    await world.do(approving.decide, request.id, Verdict.APPROVED, world.by("技术甲"))

    assert await world.at(18, 0) == []

    assert await states(world, DeadlineKind.APPROVAL_DUE) == ["cancelled"]
    assert await states(world, DeadlineKind.APPROVAL_REMINDER) == ["cancelled"]


async def test_the_four_hours_are_business_hours(world: World) -> None:
    await world.at(18, 0)
    order = await world.submitted("K0231 04465-0K240 20个, 2月27日要")

    request = await world.request(order.number)

    # Saturday 18:00 leaves two hours; the holidays end on the 23rd, Tuesday the 24th opens at eight.
    assert wall(request.due_at) == "02-24 10:00"
    assert await world.at(10, 0, day=22) == []
    assert await world.at(10, 0, day=24) == ["approval_reminder", "approval_due"]
    assert await world.told("技术甲") == []


async def test_a_shop_may_count_natural_hours(empty_store: Path, tmp_path: Path) -> None:
    async with opened(empty_store, tmp_path, rules=Rules(business_clock=False, approval_hours=4)) as world:
        await world.fill()
        await world.at(18, 0)
        order = await world.submitted("K0231 04465-0K240 20个, 2月27日要")

        assert wall((await world.request(order.number)).due_at) == "02-21 22:00"


async def test_the_order_owner_is_never_the_director_it_climbs_to(world: World) -> None:
    async with world.act() as act:
        await act.tx.people.save(person("E08", "技术总监", Role.TECH_DIRECTOR, Role.SALES))
    order = await world.submitted(PADS, "技术总监")

    await world.at(13, 14)

    assert (await world.request(order.number)).escalated_to == ["E16"]


async def test_a_list_nobody_claims_is_shown_to_the_foreman_once(world: World) -> None:
    order = await world.approved(PADS)
    await world.wave()
    number = (await world.list_of(order.number)).number

    assert await world.at(9, 33) == []
    assert await world.at(9, 34) == ["pick_unclaimed"]

    assert [s for s, _ in await world.said("仓储组长")] == ["pick_unclaimed"]
    await world.do(picking.claim, number, world.by("仓管A"))
    assert await world.at(12, 0) == []


async def test_a_claimed_list_reminds_nobody(world: World) -> None:
    await world.claimed(PADS)

    assert await world.at(10, 0) == []

    assert await states(world, DeadlineKind.PICK_UNCLAIMED) == ["cancelled"]


async def test_the_wave_tick_fires_at_its_slots_and_arms_the_next_one(world: World) -> None:
    await world.do(falling_due.arm_next_wave)

    assert await world.at(9, 21) == []
    assert await world.at(9, 22) == ["wave_tick"]
    assert await world.at(9, 37) == ["wave_tick"]
    assert await world.at(15, 0) == ["wave_tick"]
    async with world.look() as act:
        assert [wall(d.due_at) for d in await act.tx.deadlines.armed("waves")] == ["02-21 15:07"]
    assert await states(world, DeadlineKind.WAVE_TICK) == ["fired", "fired", "fired", "armed"]


@pytest.mark.parametrize(
    ("now", "slot"),
    [
        ("09:00", "09:07"),
        ("09:07", "09:22"),
        ("09:36", "09:37"),
        ("09:52", "10:07"),
        ("23:59", "00:07"),
    ],
)
def test_wave_slots_avoid_the_messengers_rush_minutes(now: str, slot: str) -> None:
    hour, minute = map(int, now.split(":"))

    at = falling_due.next_slot(datetime(2026, 2, 21, hour, minute, tzinfo=CHINA))

    assert f"{at:%H:%M}" == slot


async def test_two_processes_that_look_at_once_fire_a_deadline_once(world: World) -> None:
    order = await world.draft(PADS)
    world.clock.advance(timedelta(hours=3))

    first, second = await world.fire_due(), await world.fire_due()

    assert (first, second) == (["draft_unsubmitted"], [])
    assert (await world.actions(order.number)).count("order.unsubmitted") == 1
    assert await states(world, DeadlineKind.DRAFT_UNSUBMITTED) == [DeadlineState.FIRED.value]


def test_every_kind_of_deadline_has_an_effect() -> None:
    assert set(falling_due.EFFECTS) == set(DeadlineKind)


async def test_a_director_who_lives_on_dingtalk_is_still_called_on_wecom(world: World) -> None:
    director = world.people["技术总监"]
    director.home = PlatformName.DINGTALK
    async with world.act() as act:
        await act.tx.people.save(director)
    order = await world.submitted(PADS)
    request = await world.request(order.number)

    await world.at(13, 14)

    async with world.act() as act:
        shown = await act.tx.outbox.posted_for(CardKind.ESCALATION, f"ap:{request.id}")
    assert [card.platform for card in shown] == [PlatformName.WECOM]
