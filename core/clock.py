"""Time as a thing that is handed in, so that deadlines can be tested and the demo's clock can be moved."""

from __future__ import annotations

import asyncio
import time
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
