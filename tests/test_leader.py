"""One job for all replicas: it runs where the lease is, and ends at once where the lease is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.leader import Leader
from core.clock import MovableClock
from storage.coordinator import InProcessCoordinator

START = datetime(2026, 2, 21, 1, 12, tzinfo=UTC)


@dataclass
class MemoryLeases:
    """Implements ``core.ports.Leases``; ``away`` as when the database is."""

    held: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    away: bool = False

    async def acquire(self, name: str, owner: str, now: datetime, ttl: float) -> bool:
        self._there()
        known = self.held.get(name)
        if known is not None and known[0] != owner and known[1] > now:
            return False
        self.held[name] = (owner, now + timedelta(seconds=ttl))
        return True

    async def renew(self, name: str, owner: str, now: datetime, ttl: float) -> bool:
        self._there()
        if self.held.get(name, ("",))[0] != owner:
            return False
        self.held[name] = (owner, now + timedelta(seconds=ttl))
        return True

    async def release(self, name: str, owner: str) -> None:
        self._there()
        if self.held.get(name, ("",))[0] == owner:
            del self.held[name]

    async def release_all(self) -> None:
        self.held.clear()

    def _there(self) -> None:
        if self.away:
            raise ConnectionError("the database is away")


@dataclass
class Job:
    """Counts how often it was begun and whether it runs now."""

    begun: int = 0
    running: bool = False
    fails: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self) -> None:
        self.begun += 1
        if self.fails:
            raise ValueError("broken")
        self.running = True
        try:
            await self.done.wait()
        finally:
            self.running = False


@dataclass
class Stand:
    leases: MemoryLeases = field(default_factory=MemoryLeases)
    clock: MovableClock = field(default_factory=lambda: MovableClock(START, speed=0.0))
    coordinator: InProcessCoordinator = field(init=False)
    leaders: list[Leader] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.coordinator = InProcessCoordinator(self.clock)

    def replica(self, name: str, job: Job, **options: Any) -> Leader:
        leader = Leader(
            "job",
            job,
            leases=self.leases,
            coordinator=self.coordinator,
            clock=self.clock,
            owner=name,
            **{"ttl": 0.06, **options},
        )
        self.leaders.append(leader)
        leader.start()
        return leader


@pytest.fixture
async def stand() -> Any:
    stand = Stand()
    yield stand
    stand.leases.away = False
    for leader in stand.leaders:
        await leader.stop()


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - facts, not events
            await asyncio.sleep(0.002)


async def test_only_one_of_two_runs_the_job_and_the_other_follows_when_it_is_given_back(stand: Stand) -> None:
    first, second = Job(), Job()
    leader = stand.replica("a", first)
    await until(lambda: first.running)
    standby = stand.replica("b", second, ttl=60.0)
    await until(lambda: "b" not in stand.leases.held["job"])

    await leader.stop()

    await until(lambda: second.running)
    assert (leader.leading, standby.leading) == (False, True)
    assert (first.begun, first.running, second.begun) == (1, False, 1)


async def test_a_refused_renewal_ends_the_job_at_once(stand: Stand) -> None:
    job = Job()
    leader = stand.replica("a", job)
    await until(lambda: job.running)

    stand.leases.held["job"] = ("b", START + timedelta(hours=1))

    await until(lambda: not job.running)
    assert leader.leading is False
    assert await leader.confirm() is False


async def test_a_database_that_is_away_does_not_end_the_job_for_nobody_else_can_take_it(stand: Stand) -> None:
    job = Job()
    leader = stand.replica("a", job)
    await until(lambda: job.running)

    stand.leases.away = True
    stand.clock.advance(timedelta(hours=1))
    with pytest.raises(ConnectionError):
        await leader.confirm()
    assert job.running

    stand.leases.away = False
    await until(lambda: stand.leases.held["job"][1] > START + timedelta(hours=1))
    assert (job.begun, job.running) == (1, True)


async def test_a_leader_that_stops_renewing_is_succeeded_when_its_lease_runs_out(stand: Stand) -> None:
    stand.leases.held["job"] = ("frozen", START + timedelta(seconds=15))
    job = Job()
    leader = stand.replica("b", job)
    await asyncio.sleep(0)
    assert job.begun == 0

    stand.clock.advance(timedelta(seconds=15))

    await until(lambda: job.running)
    assert leader.leading


async def test_a_job_that_fails_or_ends_is_begun_again_while_the_lease_is_held(stand: Stand) -> None:
    job = Job(fails=True)
    stand.replica("a", job)
    await until(lambda: job.begun >= 2)
    job.fails = False
    await until(lambda: job.running)
    begun = job.begun

    job.done.set()

    await until(lambda: job.begun > begun)


async def test_at_a_handover_the_job_lives_until_it_ends_by_itself(stand: Stand) -> None:
    first, second = Job(), Job()
    leader = stand.replica("a", first, handover=5.0)
    await until(lambda: first.running)
    stand.replica("b", second, ttl=60.0)

    leaving = asyncio.create_task(leader.stop())
    await until(lambda: second.running)
    assert first.running
    first.done.set()

    await leaving
    assert not first.running
