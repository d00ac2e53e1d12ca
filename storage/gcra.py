"""The generic cell rate algorithm in whole microseconds, so that its two homes (process, Redis) agree exactly."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """``interval`` µs between two sends at full rate; ``tolerance`` µs by which a burst may run ahead."""

    interval: int
    tolerance: int

    @classmethod
    def of(cls, rate: float, burst: int) -> Rule:
        """``rate`` per second, rounded down, so that in T seconds never more than rate·T + burst go."""
        if rate <= 0 or burst < 1:
            raise ValueError(f"a throttle needs a rate above 0 and a burst of at least 1, got {rate} and {burst}")
        interval = ceil(round(1_000_000 / rate, 6))
        return cls(interval=interval, tolerance=(burst - 1) * interval)

    def next(self, arrival: int | None, now: int) -> tuple[int, int]:
        """Theoretical arrival time after this send and 0, or the old one and the µs to wait."""
        due = now if arrival is None else max(arrival, now)
        wait = due - self.tolerance - now
        return (due, wait) if wait > 0 else (due + self.interval, 0)


def microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
