"""Next year's holidays are missing: the administrators hear it once a day, and dates in that year say so."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from cards.approval_cards import approval_card
from cards.keys import Keys
from cards.order_cards import draft_card
from cards.wording import PROVISIONAL
from core import ordering
from core.clock import CHINA, MovableClock
from core.views import order_view
from storage.database import SqlDatabase
from tests.timers.conftest import MakeScheduler
from tests.world_data import World

SUNDAY = datetime(2026, 11, 22, 18, 0, tzinfo=CHINA)
KEYS = Keys("a-secret-of-this-very-test")


@pytest.fixture
async def desk(database: SqlDatabase) -> World:
    world = World(database, MovableClock(SUNDAY, speed=0.0))
    await world.fill()
    return world


async def test_from_november_on_it_is_said_at_the_start_and_every_morning_once(
    desk: World, replica: MakeScheduler
) -> None:
    for _ in range(3):
        scheduler = replica()
        await scheduler.start()
        await scheduler.stop()
    assert await desk.said("管理员") == [("calendar_unpublished", {"year": 2027})]

    scheduler = replica()
    for days in (1, 1, 3):
        desk.clock.advance(timedelta(days=days))
        await scheduler.tick()

    # Monday and Tuesday, and once for the three days of downtime.
    assert await desk.told("管理员") == ["calendar_unpublished"] * 4


async def test_a_date_in_an_unpublished_year_says_on_the_cards_that_it_may_move(desk: World) -> None:
    near = await desk.submitted("K0231 04465-0K240 2个, 12月10日要")
    far = await desk.draft("K0231 04465-0K240 3个, 2027-01-05要")

    async with desk.look() as act:
        view = await order_view(act, far.number)
        assert view is not None
        assert PROVISIONAL in draft_card(view, KEYS).body
    await desk.do(ordering.submit, far.number, desk.by("销售A"))
    async with desk.look() as act:
        asked, plain = await order_view(act, far.number), await order_view(act, near.number)
        assert asked is not None
        assert plain is not None
        assert PROVISIONAL in approval_card(asked, KEYS).body
        assert PROVISIONAL not in approval_card(plain, KEYS).body
