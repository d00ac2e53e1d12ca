"""Time as a thing that is handed in, so that deadlines can be tested and the demo's clock can be moved."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

CHINA = ZoneInfo("Asia/Shanghai")


class Clock(Protocol):
    """Where every part of Jiedan reads the time."""

    def now(self) -> datetime:
        """Aware time in UTC."""

    async def sleep(self, seconds: float) -> None:
        """Return when ``seconds`` of this clock have passed; at once when the clock is moved past them."""


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


FOLLOWED = timedelta(seconds=5)
"""A difference up to this is the time service at work and is followed; a larger one is a jump."""
DOUBTED = timedelta(seconds=60)
"""A wall clock that is further from the platforms' time than this is wrong."""
SLEW = 0.1
"""Share of the elapsed time by which a clock runs faster or slower while it makes up a difference."""


def steady_seconds() -> float:
    """Seconds that no setting of the wall clock moves; on Linux the time a machine was asleep counts too."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


def wall_time() -> datetime:
    """What the machine's wall clock says, right or wrong."""
    return datetime.now(UTC)


class SteadyTime:
    """Time that starts somewhere and only ever runs forward, at the pace of a steady counter.

    ``correct`` makes up a difference by running a little faster or slower; it never goes back. Shared by threads.
    """

    def __init__(self, start: datetime, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._lock = threading.Lock()
        self._at = start
        self._read = steady()
        self._owed = 0.0

    def now(self) -> datetime:
        with self._lock:
            read = self._steady()
            passed = max(0.0, read - self._read)
            made_up = max(-passed * SLEW, min(passed * SLEW, self._owed))
            self._owed -= made_up
            self._at += timedelta(seconds=passed + made_up)
            self._read = read
            return self._at

    def correct(self, difference: timedelta) -> None:
        """This much is to be made up from now on, instead of whatever was still owed."""
        self.now()
        with self._lock:
            self._owed = difference.total_seconds()

    def set(self, at: datetime) -> None:
        """Be here at once."""
        with self._lock:
            self._at, self._read, self._owed = at, self._steady(), 0.0


class SteadyClock:
    """The clock of a bot that is alone: the machine's, except that a jump of it is not believed (R18).

    1. It starts at the wall clock and runs at the pace of a steady counter.
    2. Up to five seconds of difference are followed gently: that is the machine's time service.
    3. A jump (somebody set the clock, a virtual machine woke up wrong) moves no deadline: ``skew`` says how far the
       wall clock is off, for an alarm. The new time is believed at the next start.
    4. ``believe`` is somebody's word against the wall clock at the start: that of the platforms.
    """

    def __init__(
        self, *, wall: Callable[[], datetime] = wall_time, steady: Callable[[], float] = steady_seconds
    ) -> None:
        self._wall = wall
        self._time = SteadyTime(wall(), steady)

    def now(self) -> datetime:
        now = self._time.now()
        difference = self._wall() - now
        if abs(difference) <= FOLLOWED:
            self._time.correct(difference)
        return now

    def believe(self, at: datetime) -> None:
        """It is ``at``, whatever the wall clock says; a difference within a minute leaves the wall clock in force."""
        if abs(at - self._time.now()) > DOUBTED:
            self._time.set(at)

    def skew(self) -> timedelta:
        """How far the machine's wall clock is ahead of this one."""
        return self._wall() - self._time.now()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class MovableClock:
    """A clock that starts anywhere, runs at any speed and can be moved forward (demo, tests).

    ``speed`` 1.0 runs like the wall clock, 60.0 makes an hour a minute, 0.0 stands still until moved.
    """

    def __init__(self, start: datetime, *, speed: float = 1.0) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock starts at an aware datetime")
        self._anchor = start.astimezone(UTC)
        self._real = time.monotonic()
        self._speed = speed
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return self._anchor + timedelta(seconds=(time.monotonic() - self._real) * self._speed)

    @property
    def speed(self) -> float:
        return self._speed

    def advance(self, by: timedelta) -> None:
        """Move forward and wake whoever sleeps. A clock never goes back: raises ValueError."""
        if by < timedelta():
            raise ValueError("a clock is never moved back")
        self._set(self.now() + by, self._speed)

    def run_at(self, speed: float) -> None:
        self._set(self.now(), speed)

    def _set(self, at: datetime, speed: float) -> None:
        self._anchor, self._real, self._speed = at, time.monotonic(), speed
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def sleep(self, seconds: float) -> None:
        until = self.now() + timedelta(seconds=seconds)
        while (left := (until - self.now()).total_seconds()) > 0:
            moved = self._moved
            real = left / self._speed if self._speed > 0 else None
            try:
                async with asyncio.timeout(real):
                    await moved.wait()
            except TimeoutError:
                continue


def local(at: datetime) -> datetime:
    """The same moment on a Chinese wall clock."""
    return at.astimezone(CHINA)
