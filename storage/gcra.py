"""The generic cell rate algorithm in whole microseconds, so that its two homes (process, Redis) agree exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

KEYS_KEPT = 10_000
"""Keys in memory before those that are idle are let go."""
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


class Gate:
    """Theoretical arrival times of many keys, as this process knows them.

    Alone it is the throttle. Beside Redis it is the memory that a flush cannot take: what one process has seen is
    handed back with its next call, so that the shared gate never forgets more than the others did since then.
    """

    def __init__(self) -> None:
        self._arrivals: dict[str, int] = {}

    def known(self, key: str) -> int:
        """The latest arrival time seen for the key, 0 when none."""
        return self._arrivals.get(key, 0)

    def note(self, key: str, arrival: int) -> None:
        """Somebody else's view of the key; the later one holds."""
        self._arrivals[key] = max(arrival, self._arrivals.get(key, 0))

    def take(self, rules: Mapping[str, Rule], now: int) -> tuple[int, str]:
        """(0, "") and one more under every key; or the longest wait in µs with its key, and nothing is taken."""
        found = {key: rule.next(self._arrivals.get(key), now) for key, rule in rules.items()}
        wait, key = max(((wait, key) for key, (_, wait) in found.items()), default=(0, ""))
        if wait > 0:
            return wait, key
        self._arrivals.update((key, arrival) for key, (arrival, _) in found.items())
        self._let_go(now)
        return 0, ""

    def _let_go(self, now: int) -> None:
        """Keys that are idle say nothing: their next send starts afresh."""
        if len(self._arrivals) > KEYS_KEPT:
            self._arrivals = {key: arrival for key, arrival in self._arrivals.items() if arrival > now}


def microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
