"""The coordinator of a single process: throttles, tokens, single flight and wake-ups in memory."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.clock import Clock
from core.ports import Limit
from storage.gcra import Gate, Rule, microseconds


@dataclass(kw_only=True)
class _Flight:
    """One key's single flight; let go when nobody holds it or waits for it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class InProcessCoordinator:
    """``core.ports.Coordinator`` for one process, and the twin that takes over when Redis is away."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._gate = Gate()
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._flights: dict[str, _Flight] = {}
        self._wakes: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def throttle(self, key: str, *, rate: float, burst: int, now: datetime) -> float:
        return (await self.throttle_all([Limit(key=key, rate=rate, burst=burst)], now=now))[0]

    async def throttle_all(self, limits: Sequence[Limit], *, now: datetime) -> tuple[float, str]:
        rules = {limit.key: Rule.of(limit.rate, limit.burst) for limit in limits}
        wait, key = self._gate.take(rules, microseconds(now))
        return wait / 1_000_000, key

    async def get_token(self, key: str) -> str | None:
        token, until = self._tokens.get(key, (None, self._clock.now()))
        return token if until > self._clock.now() else None

    async def put_token(self, key: str, token: str, ttl: float) -> None:
        self._tokens[key] = (token, self._clock.now() + timedelta(seconds=ttl))

    async def drop_token(self, key: str, token: str) -> None:
        if self._tokens.get(key, ("", None))[0] == token:
            del self._tokens[key]

    @asynccontextmanager
    async def single_flight(self, key: str, ttl: float) -> AsyncIterator[None]:
        """``ttl`` frees the key of a dead process; inside one process the holder always lets go by itself."""
        flight = self._flights.setdefault(key, _Flight())
        flight.users += 1
        try:
            async with flight.lock:
                yield
        finally:
            flight.users -= 1
            if not flight.users:
                self._flights.pop(key, None)

    def wake(self, channel: str) -> None:
        """Remembered until the next ``wait``: a wake between two rounds of a loop is not lost."""
        self._wakes[channel].set()

    async def wait(self, channel: str, timeout: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._wakes[channel].wait()
        self._wakes[channel].clear()

    async def close(self) -> None:
        """Nothing outlives the process."""
