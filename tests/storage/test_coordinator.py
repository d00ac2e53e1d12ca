"""Throttles, tokens, single flight and wake-ups: alone, over Redis, and when Redis goes away."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from core.clock import MovableClock
from core.ports import Coordinator, Limit
from storage import redis_coordinator
from storage.coordinator import InProcessCoordinator
from storage.redis_coordinator import RedisCoordinator
from tests.servers import RedisServer


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - facts about a server, not events
            await asyncio.sleep(0.005)


@pytest.fixture(params=["process", "redis", "redis away"])
async def coordinator(request: pytest.FixtureRequest, clock: MovableClock) -> AsyncIterator[Coordinator]:
    made: Coordinator
    if request.param == "process":
        made = InProcessCoordinator(clock)
    else:
        server: RedisServer = request.getfixturevalue("redis_server")
        made = RedisCoordinator(server.url, clock)
        if request.param == "redis away":
            server.stop()
    yield made
    await made.close()


async def test_a_throttle_lets_rate_times_time_plus_burst_go_exactly(
    coordinator: Coordinator, clock: MovableClock
) -> None:
    passed = 0
    end = clock.now() + timedelta(seconds=10)
    while clock.now() <= end:
        wait = await coordinator.throttle("wecom:send:zhangsan", rate=20, burst=5, now=clock.now())
        if wait:
            clock.advance(timedelta(seconds=wait))
        else:
            passed += 1

    assert passed == 20 * 10 + 5


async def test_throttled_keys_do_not_hold_each_other_up(coordinator: Coordinator, clock: MovableClock) -> None:
    assert await coordinator.throttle("a", rate=0.5, burst=1, now=clock.now()) == 0
    assert await coordinator.throttle("a", rate=0.5, burst=1, now=clock.now()) == 2.0
    assert await coordinator.throttle("b", rate=0.5, burst=1, now=clock.now()) == 0


async def test_a_token_lives_as_long_as_it_says(coordinator: Coordinator, clock: MovableClock) -> None:
    assert await coordinator.get_token("wecom") is None
    await coordinator.put_token("wecom", "t|1", ttl=7200)
    assert await coordinator.get_token("wecom") == "t|1"

    await coordinator.drop_token("wecom", "an older one")
    assert await coordinator.get_token("wecom") == "t|1"
    await coordinator.drop_token("wecom", "t|1")
    assert await coordinator.get_token("wecom") is None

    await coordinator.put_token("wecom", "t2", ttl=7200)
    clock.advance(timedelta(seconds=7200))
    assert await coordinator.get_token("wecom") is None


async def test_a_stampede_fetches_one_token(coordinator: Coordinator) -> None:
    fetched = 0

    async def token() -> str:
        nonlocal fetched
        async with coordinator.single_flight("wecom", ttl=5):
            if (known := await coordinator.get_token("wecom")) is not None:
                return known
            fetched += 1
            await asyncio.sleep(0)
            await coordinator.put_token("wecom", "t1", ttl=7200)
            return "t1"

    assert set(await asyncio.gather(*(token() for _ in range(100)))) == {"t1"}
    assert fetched == 1


async def test_a_wake_between_two_rounds_is_not_lost(coordinator: Coordinator) -> None:
    coordinator.wake("inbox")

    began = time.monotonic()
    await coordinator.wait("inbox", timeout=30)
    assert time.monotonic() - began < 10

    await coordinator.wait("inbox", timeout=0.01)


async def test_two_processes_share_throttle_token_and_wake(redis_server: RedisServer, clock: MovableClock) -> None:
    one, two = RedisCoordinator(redis_server.url, clock), RedisCoordinator(redis_server.url, clock)

    assert await one.throttle("k", rate=1, burst=1, now=clock.now()) == 0
    assert await two.throttle("k", rate=1, burst=1, now=clock.now()) == 1.0
    await one.put_token("wecom", "t1", ttl=60)
    assert await two.get_token("wecom") == "t1"
    await two.drop_token("wecom", "t1")
    assert await one.get_token("wecom") is None

    woken = asyncio.create_task(two.wait("inbox", timeout=30))
    while not woken.done():
        one.wake("inbox")
        await asyncio.wait({woken}, timeout=0.02)

    await one.close()
    await two.close()


async def test_a_flight_is_single_over_processes_and_is_renewed_while_it_lasts(
    redis_server: RedisServer, clock: MovableClock
) -> None:
    crews = [RedisCoordinator(redis_server.url, clock) for _ in range(3)]
    flying = most = flown = 0

    async def fly(crew: RedisCoordinator) -> None:
        nonlocal flying, most, flown
        async with crew.single_flight("wecom", ttl=0.3):
            flying += 1
            most = max(most, flying)
            longer_than_the_ttl = asyncio.Event()  # Redis counts real time
            asyncio.get_running_loop().call_later(0.6, longer_than_the_ttl.set)
            await longer_than_the_ttl.wait()
            flying -= 1
            flown += 1

    await asyncio.gather(*(fly(crew) for crew in crews))

    assert (most, flown) == (1, 3)
    for crew in crews:
        await crew.close()


async def test_an_outage_is_said_once_and_ends_by_itself(
    redis_server: RedisServer, clock: MovableClock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_coordinator, "ASK_AGAIN_AFTER", 0.01)
    caplog.set_level(logging.INFO, "storage.redis_coordinator")
    coordinator = RedisCoordinator(redis_server.url, clock, replicas=2)
    await coordinator.put_token("wecom", "t1", ttl=60)

    redis_server.stop()
    for _ in range(3):
        assert await coordinator.get_token("wecom") == "t1"
    assert await coordinator.throttle("k", rate=2, burst=2, now=clock.now()) == 0
    assert await coordinator.throttle("k", rate=2, burst=2, now=clock.now()) == 1.0
    redis_server.start()
    await until(lambda: not coordinator.away)
    await coordinator.put_token("wecom", "t2", ttl=60)

    assert await coordinator.get_token("wecom") == "t2"
    assert [r.levelname for r in caplog.records] == ["WARNING", "INFO"]
    await coordinator.close()


async def test_several_limits_are_taken_together_or_not_at_all(coordinator: Coordinator, clock: MovableClock) -> None:
    full, free = Limit(key="full", rate=1, burst=1), Limit(key="free", rate=1, burst=1)
    assert await coordinator.throttle_all([full], now=clock.now()) == (0.0, "")

    assert await coordinator.throttle_all([free, full], now=clock.now()) == (1.0, "full")

    assert await coordinator.throttle_all([free], now=clock.now()) == (0.0, "")
    clock.advance(timedelta(seconds=1))
    assert await coordinator.throttle_all([full, free, full], now=clock.now()) == (0.0, "")


async def test_a_flush_brings_neither_a_second_burst_nor_a_second_fetch(
    redis_server: RedisServer, clock: MovableClock
) -> None:
    coordinator = RedisCoordinator(redis_server.url, clock)
    for _ in range(5):
        assert await coordinator.throttle("k", rate=1, burst=5, now=clock.now()) == 0
    await coordinator.put_token("wecom", "t1", ttl=60)

    redis_server.flush()

    assert await coordinator.throttle("k", rate=1, burst=5, now=clock.now()) == 1.0
    assert await coordinator.get_token("wecom") == "t1"
    await coordinator.close()


async def test_a_token_that_one_process_dropped_is_not_used_by_another_that_has_a_copy(
    redis_server: RedisServer, clock: MovableClock
) -> None:
    one, two = RedisCoordinator(redis_server.url, clock), RedisCoordinator(redis_server.url, clock)
    await one.put_token("wecom", "t1", ttl=60)
    assert await two.get_token("wecom") == "t1"

    await one.drop_token("wecom", "t1")

    assert await two.get_token("wecom") is None
    await two.put_token("wecom", "t2", ttl=60)
    await one.drop_token("wecom", "t1")
    assert await one.get_token("wecom") == "t2"
    await one.close()
    await two.close()


async def test_replicas_without_redis_together_stay_within_the_rate(
    redis_server: RedisServer, clock: MovableClock
) -> None:
    crews = [RedisCoordinator(redis_server.url, clock, replicas=3) for _ in range(3)]
    passed = 0
    end = clock.now() + timedelta(seconds=10)
    while clock.now() <= end:
        if clock.now() >= end - timedelta(seconds=5):
            redis_server.stop()
        waits = [await crew.throttle("k", rate=20, burst=6, now=clock.now()) for crew in crews]
        passed += waits.count(0.0)
        clock.advance(timedelta(milliseconds=10))

    assert 20 * 10 * 0.9 < passed <= 20 * 10 + 6
    for crew in crews:
        await crew.close()


async def test_a_redis_that_says_nothing_costs_one_wait_and_then_none(
    redis_server: RedisServer, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_coordinator, "ASK_AGAIN_AFTER", 0.05)
    coordinator = RedisCoordinator(redis_server.url, clock)
    assert await coordinator.throttle("warm", rate=1, burst=1, now=clock.now()) == 0
    redis_server.freeze()

    began = time.monotonic()
    await asyncio.gather(*(coordinator.throttle(f"k{n}", rate=1, burst=1, now=clock.now()) for n in range(100)))
    first = time.monotonic() - began
    began = time.monotonic()
    for n in range(300):
        coordinator.wake("inbox")
        assert await coordinator.throttle(f"n{n}", rate=1, burst=1, now=clock.now()) == 0
    async with coordinator.single_flight("token", ttl=5):
        later = time.monotonic() - began

    assert coordinator.away
    assert 0.4 < first < 2.0
    assert later < 0.4
    redis_server.thaw()
    await until(lambda: not coordinator.away)
    assert await coordinator.throttle("warm", rate=1, burst=1, now=clock.now()) == 1.0
    await coordinator.close()


async def test_wakes_never_pile_up_behind_a_redis_that_says_nothing(
    redis_server: RedisServer, clock: MovableClock
) -> None:
    coordinator = RedisCoordinator(redis_server.url, clock)
    redis_server.freeze()
    before = len(asyncio.all_tasks())

    for _ in range(1000):
        coordinator.wake("inbox")
        coordinator.wake("outbox")

    assert len(asyncio.all_tasks()) <= before + 2
    redis_server.thaw()
    await coordinator.close()


async def test_a_lock_whose_answer_was_lost_is_let_go_when_redis_is_back(
    redis_server: RedisServer, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_coordinator, "ASK_AGAIN_AFTER", 0.05)
    one, two = RedisCoordinator(redis_server.url, clock), RedisCoordinator(redis_server.url, clock)
    await one.put_token("warm", "t", ttl=60)
    redis_server.freeze()
    async with one.single_flight("wecom", ttl=60):
        assert one.away
    redis_server.thaw()
    await until(lambda: not one.away)

    async with asyncio.timeout(10), two.single_flight("wecom", ttl=60):
        await one.close()
    await two.close()
