"""How fast we allow ourselves to go, below what WeCom allows [90312, 90454]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.platform_errors import Throttled
from core.clock import Clock
from core.ports import Coordinator, Limit


@dataclass(frozen=True, kw_only=True)
class Throttle:
    """GCRA: ``burst`` at once, then ``rate`` per second. Any window of W seconds sees at most burst + rate·W."""

    rate: float
    burst: int

    def on(self, key: str) -> Limit:
        return Limit(key=key, rate=self.rate, burst=self.burst)


MEMBER: dict[str, Throttle] = {
    # 30 a minute and 1000 an hour per app and member; what exceeds them is dropped with errcode 0, so both
    # stay below the limit in every window, not on average: 10 + 19 and 60 + 900.
    "minute": Throttle(rate=19 / 60, burst=10),
    "hour": Throttle(rate=900 / 3600, burst=60),
}

API = Throttle(rate=40, burst=5000)
"""Per corp and API: 10,000 a minute and 150,000 an hour; this is at most 7,400 and 149,000."""


async def claim(coordinator: Coordinator, clock: Clock, api: str, limits: Sequence[Limit]) -> None:
    """Take one place under each limit, or raise Throttled with the seconds to wait, and take none; the platform is not
    called then."""
    wait, key = await coordinator.throttle_all(limits, now=clock.now())
    if wait > 0:
        pace = next(1 / limit.rate for limit in limits if limit.key == key)
        raise Throttled(key, api=api, retry_after=wait, pace=pace)
