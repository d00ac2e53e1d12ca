"""One token for all, fetched once, and no hammering when it cannot be had."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest

from bot.platform_errors import PlatformDown, PlatformError, RateLimited, TokenRejected
from bot.wecom.tokens import TokenSource
from core.clock import MovableClock
from storage.coordinator import InProcessCoordinator
from tests.wecom.stand import DEPOT, SALES, START


class Desk:
    """gettoken, slow enough that callers meet, failing as scripted."""

    def __init__(self) -> None:
        self.asked = 0
        self.failures: list[PlatformError] = []
        self.open = asyncio.Event()
        self.open.set()
        self.reached = asyncio.Event()

    async def fetch(self) -> dict[str, Any]:
        self.asked += 1
        number = self.asked
        self.reached.set()
        await self.open.wait()
        if self.failures:
            raise self.failures.pop(0)
        return {"errcode": 0, "access_token": f"T{number}", "expires_in": 7200}


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(START, speed=0.0)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def coordinator(clock: MovableClock) -> InProcessCoordinator:
    return InProcessCoordinator(clock)


def source(desk: Desk, coordinator: InProcessCoordinator, clock: MovableClock, app: Any = SALES) -> TokenSource:
    return TokenSource(app, coordinator, clock, desk.fetch, rng=random.Random(1))


async def test_two_hundred_callers_of_two_processes_fetch_one_token(
    desk: Desk, coordinator: InProcessCoordinator, clock: MovableClock
) -> None:
    one, two = source(desk, coordinator, clock), source(desk, coordinator, clock)
    desk.open.clear()

    waiting = [asyncio.create_task((one, two)[i % 2].get()) for i in range(200)]
    await desk.reached.wait()
    desk.open.set()
    tokens = await asyncio.gather(*waiting)

    assert desk.asked == 1
    assert {token.value for token in tokens} == {"T1"}


async def test_a_stale_token_dropped_by_many_is_fetched_once(
    desk: Desk, coordinator: InProcessCoordinator, clock: MovableClock
) -> None:
    tokens = source(desk, coordinator, clock)
    stale = await tokens.get()

    async def replay() -> str:
        await tokens.drop(stale)
        return (await tokens.get()).value

    values = await asyncio.gather(*(replay() for _ in range(50)))

    assert desk.asked == 2
    assert set(values) == {"T2"}


async def test_it_is_renewed_between_80_and_90_percent_of_its_life(
    desk: Desk, coordinator: InProcessCoordinator, clock: MovableClock
) -> None:
    renewed = set()
    for seed in range(20):
        app_clock = MovableClock(START, speed=0.0)
        tokens = TokenSource(SALES, InProcessCoordinator(app_clock), app_clock, desk.fetch, rng=random.Random(seed))
        token = await tokens.get()
        renewed.add(round((float(token.stored.split(":")[0]) - START.timestamp()) / 7200, 3))

    assert min(renewed) >= 0.8
    assert max(renewed) <= 0.9
    assert len(renewed) > 10


async def test_whoever_waited_behind_a_failed_fetch_does_not_repeat_it(
    desk: Desk, coordinator: InProcessCoordinator, clock: MovableClock
) -> None:
    tokens = source(desk, coordinator, clock)
    desk.failures = [PlatformDown("timeout")] * 100
    desk.open.clear()

    waiting = [asyncio.create_task(tokens.get()) for _ in range(50)]
    await desk.reached.wait()
    await asyncio.sleep(0)
    desk.open.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)

    assert desk.asked == 1
    assert all(isinstance(outcome, PlatformDown) for outcome in outcomes)


async def test_a_rejected_secret_is_asked_again_ever_more_rarely_up_to_an_hour(
    desk: Desk, coordinator: InProcessCoordinator, clock: MovableClock
) -> None:
    tokens = source(desk, coordinator, clock)
    desk.failures = [TokenRejected("40001")] * 100
    asked_at = []

    for minute in range(24 * 60):
        before = desk.asked
        with pytest.raises(TokenRejected, match="40001"):
            await tokens.get()
        if desk.asked > before:
            asked_at.append(minute)
        clock.advance(timedelta(minutes=1))

    assert asked_at[:7] == [0, 1, 3, 7, 15, 31, 63]
    assert asked_at[8] - asked_at[7] == 60


async def test_a_ban_of_gettoken_is_sat_out_for_its_hour(
    desk: Desk, coordinator: InProcessCoordinator, clock: MovableClock
) -> None:
    tokens = source(desk, coordinator, clock)
    desk.failures = [RateLimited("45009", retry_after=60.0)]

    with pytest.raises(RateLimited) as banned:
        await tokens.get()
    clock.advance(timedelta(minutes=59))
    with pytest.raises(RateLimited) as still:
        await tokens.get()
    assert desk.asked == 1
    assert (banned.value.retry_after, still.value.retry_after) == (3600.0, 60.0)

    clock.advance(timedelta(minutes=2))
    assert (await tokens.get()).value == "T2"


async def test_after_an_outage_the_next_call_asks_at_once(
    desk: Desk, coordinator: InProcessCoordinator, clock: MovableClock
) -> None:
    tokens = source(desk, coordinator, clock)
    desk.failures = [PlatformDown("http 502")]

    with pytest.raises(PlatformDown):
        await tokens.get()

    assert (await tokens.get()).value == "T2"


async def test_two_apps_of_a_corp_never_share_a_token(
    desk: Desk, coordinator: InProcessCoordinator, clock: MovableClock
) -> None:
    sales = await source(desk, coordinator, clock).get()
    depot = await source(desk, coordinator, clock, DEPOT).get()

    assert sales.value != depot.value
