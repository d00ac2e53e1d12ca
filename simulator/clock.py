"""The time of the simulated world when it is started alone: it runs at any speed and can be moved forward."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import datetime, timedelta, timezone
from typing import Protocol

from simulator.world import Clock

CHINA = timezone(timedelta(hours=8))
FIRST_MORNING = datetime(2026, 2, 21, 9, 12, tzinfo=CHINA)
"""The demo day [domain.md 8]."""


class MovableClock(Clock, Protocol):
    """What the buttons above the phones move. The bot reads the same one."""

    @property
    def speed(self) -> float:
        """Simulated seconds per real second."""

    def advance(self, by: timedelta) -> None:
        """Move forward and wake whoever sleeps."""

    def run_at(self, speed: float) -> None:
        """From now on run at that speed; 0 stands still."""


class RunningClock:
    """Starts anywhere, runs from there."""

    def __init__(self, start: datetime = FIRST_MORNING, *, speed: float = 1.0) -> None:
        self._shown, self._since, self._rate = start, time.monotonic(), speed
        self._moves: set[asyncio.Event] = set()

    @property
    def speed(self) -> float:
        return self._rate

    def now(self) -> datetime:
        return self._shown + timedelta(seconds=self._rate * (time.monotonic() - self._since))

    def advance(self, by: timedelta) -> None:
        """Raises ValueError for a step back: what is due must never become undue."""
        if by < timedelta(0):
            raise ValueError("the clock only goes forward")
        self._restart(self.now() + by, self._rate)

    def run_at(self, speed: float) -> None:
        if speed < 0:
            raise ValueError("the clock only goes forward")
        self._restart(self.now(), speed)

    async def sleep(self, seconds: float) -> None:
        wake = self.now() + timedelta(seconds=seconds)
        moved = asyncio.Event()
        self._moves.add(moved)
        try:
            while (rest := (wake - self.now()).total_seconds()) > 0:
                moved.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(rest / self._rate if self._rate else None):
                        await moved.wait()
        finally:
            self._moves.discard(moved)

    def _restart(self, shown: datetime, rate: float) -> None:
        self._shown, self._since, self._rate = shown, time.monotonic(), rate
        for moved in self._moves:
            moved.set()


def until_next(now: datetime, hour: int, minute: int) -> timedelta:
    """How far it is to the next ``hour:minute`` on a Chinese wall clock; never zero."""
    here = now.astimezone(CHINA)
    then = here.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (then if then > here else then + timedelta(days=1)) - here
