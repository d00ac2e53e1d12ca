"""One time for all replicas: the database's, kept between measurements by a counter nobody can set (R18)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from core.clock import DOUBTED, FOLLOWED, SteadyTime, steady_seconds, wall_time
from core.repeated import RepeatedFailure
from storage.away import is_away
from storage.session import unbroken

log = structlog.get_logger()

SAMPLES = 5
"""Questions per measurement: the one with the quickest answer says most."""
EVERY = 5.0
"""Seconds between measurements."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The database's time, when the answer was underway for ``round_trip`` seconds around ``asked`` (steady)."""

    at: datetime
    asked: float
    round_trip: float


class DatabaseClock:
    """The database's time. Replica clocks drift and jump, and none of that moves a deadline.

    1. Before the first answer of the database it is the replica's wall clock; the first answer is taken as it is.
    2. Afterwards a small difference is made up by running a little faster or slower.
    3. A database whose own clock was set forward is followed at once, so that all replicas, old and new, agree; one
       that was set back is waited for at a slower pace: this clock never goes back.
    4. Between measurements, and while the database is away, only the steady counter counts.

    ``skew`` says how far this replica's wall clock is ahead of the database's, for an alarm.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        wall: Callable[[], datetime] = wall_time,
        steady: Callable[[], float] = steady_seconds,
        every: float = EVERY,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._engine = engine
        self._wall = wall
        self._steady = steady
        self._every = every
        self._pause = pause
        self._time = SteadyTime(wall(), steady)
        self._measured = False
        self._task: asyncio.Task[None] | None = None
        self._failure = RepeatedFailure("the database's time could not be asked", known=is_away)

    def now(self) -> datetime:
        return self._time.now()

    def believe(self, at: datetime) -> None:
        """Until the database has been asked it is ``at``, unless the wall clock is within a minute of that."""
        if not self._measured and abs(at - self._time.now()) > DOUBTED:
            self._time.set(at)

    def skew(self) -> timedelta:
        """How far this replica's wall clock is ahead of the database's time."""
        return self._wall() - self._time.now()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    @property
    def measured(self) -> bool:
        """Whether the database has been asked at least once; until then this is the replica's wall clock."""
        return self._measured

    async def start(self) -> None:
        """Ask once, then every few seconds. A database that is away is asked again later; nothing is raised."""
        await self._try()
        self._task = asyncio.create_task(self._keep(), name="database-clock")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def measure(self) -> timedelta:
        """Ask the database now; returns by how much this clock was behind. Raises what the database raises."""
        sample = await unbroken(self._ask())
        known = sample.round_trip / 2
        passed = timedelta(seconds=self._steady() - sample.asked - known)
        there = sample.at + passed
        if not self._measured:
            self._measured = True
            self._time.set(there)
            return timedelta()
        behind = there - self._time.now()
        if behind > FOLLOWED:
            log.error("the database's clock was set forward", seconds=round(behind.total_seconds(), 1))
            self._time.set(there)
        elif abs(behind) > timedelta(seconds=known):
            if behind < -FOLLOWED:
                log.error("the database's clock was set back", seconds=round(behind.total_seconds(), 1))
            self._time.correct(behind)
        return behind

    async def _ask(self) -> Sample:
        samples = []
        async with self._engine.connect() as connection:
            for _ in range(SAMPLES):
                asked = self._steady()
                at: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
                samples.append(Sample(at=at.astimezone(UTC), asked=asked, round_trip=self._steady() - asked))
        return min(samples, key=lambda sample: sample.round_trip)

    async def _keep(self) -> None:
        while True:
            await self._pause(self._every)
            await self._try()

    async def _try(self) -> None:
        try:
            await self.measure()
        except Exception as error:
            self._failure.failed(error)
        else:
            self._failure.worked()
