"""Our throttles hold in every window, also under the worst timing, so that WeCom never drops in silence."""

from __future__ import annotations

from collections import deque
from datetime import timedelta

import pytest

from bot.wecom.throttles import API, MEMBER, Throttle
from core.clock import MovableClock
from storage.coordinator import InProcessCoordinator
from tests.wecom.stand import START


async def worst_window(throttle: Throttle, window: float, *, quiet_first: bool) -> int:
    """The most that goes through within ``window`` seconds when somebody presses all the time."""
    clock = MovableClock(START, speed=0.0)
    coordinator = InProcessCoordinator(clock)
    sent: deque[float] = deque()
    worst, elapsed, step = 0, 0.0, 1 / throttle.rate
    if quiet_first:
        await coordinator.throttle("k", rate=throttle.rate, burst=throttle.burst, now=clock.now())
        clock.advance(timedelta(days=1))
    while elapsed < 3 * window:
        while await coordinator.throttle("k", rate=throttle.rate, burst=throttle.burst, now=clock.now()) == 0.0:
            sent.append(elapsed)
        while sent and sent[0] <= elapsed - window:
            sent.popleft()
        worst = max(worst, len(sent))
        clock.advance(timedelta(seconds=step / 3))
        elapsed += step / 3
    return worst


@pytest.mark.parametrize("quiet_first", [False, True])
async def test_a_member_gets_fewer_than_30_in_any_minute(quiet_first: bool) -> None:
    assert 20 < await worst_window(MEMBER["minute"], 60.0, quiet_first=quiet_first) < 30


@pytest.mark.parametrize("quiet_first", [False, True])
async def test_a_member_gets_fewer_than_1000_in_any_hour(quiet_first: bool) -> None:
    assert 900 < await worst_window(MEMBER["hour"], 3600.0, quiet_first=quiet_first) < 1000


def test_an_api_gets_fewer_than_10_000_a_minute_and_150_000_an_hour() -> None:
    assert API.burst + 60 * API.rate < 10_000
    assert API.burst + 3600 * API.rate < 150_000
