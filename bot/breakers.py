"""Which API of which platform is left alone for a while, so that an outage is not hammered (reliability section 6)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.platform_errors import PlatformBusy, PlatformDown, PlatformError, RateLimited, Resting, Throttled
from core.clock import Clock
from core.people import PlatformName

log = structlog.get_logger()

FAILURES = 5
"""Network errors in a row that open it."""
REST = 10.0
REST_MOST = 60.0
"""Seconds an API rests after network errors: twice as long each time its probe fails."""
BAN = 60.0
BAN_MOST = 3600.0
"""Seconds an API rests when the platform names a limit without saying how long. WeCom answers 45009 for a minute's ban
and for an hour's alike [90313]: the rest doubles up to the hour while the probe meets the limit again."""
PROBE = 2.0
"""Seconds after which those come back who met an open breaker while its probe was under way."""
PACE = 0.02
"""Seconds between two of those that waited, when it closes again."""


@dataclass(kw_only=True)
class _Breaker:
    failures: int = 0
    trips: int = 0
    """Times it opened since the last answer that was no failure."""
    until: datetime | None = None
    """Open until then; afterwards one probe decides. None: closed."""
    probing: bool = False


class Breakers:
    """One breaker per (platform, API) and process. Others learn by their own calls: nothing of it is shared.

    Closed: all calls go. Open: none goes, ``Resting`` says how long. Half-open: one call goes as the probe; its answer
    closes or opens it again, and when it is broken off without an answer the next call is the probe.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[tuple[PlatformName, str], _Breaker] = {}

    @contextmanager
    def guard(self, platform: PlatformName, api: str) -> Iterator[None]:
        """Around one call. Raises Resting instead of letting it go; judges by what the call raises."""
        breaker = self._known.setdefault((platform, api), _Breaker())
        probe = self._enter(breaker, api)
        try:
            yield
        except Throttled:
            raise  # our own limit: the platform was not asked
        except PlatformError as error:
            if probe or breaker.until is None:  # what set out before it opened, and comes back now, decides nothing
                self._judge(breaker, error, probe, (platform, api))
            raise
        except BaseException:
            raise  # broken off, or a defect of ours: nothing is known of the platform
        else:
            if probe or breaker.until is None:
                self._close(breaker, (platform, api))
        finally:
            if probe:
                breaker.probing = False

    def states(self) -> dict[tuple[PlatformName, str], bool]:
        """Whether it is open (or waits for its probe), for every API called so far."""
        return {key: breaker.until is not None for key, breaker in self._known.items()}

    def _enter(self, breaker: _Breaker, api: str) -> bool:
        if breaker.until is None:
            return False
        left = (breaker.until - self._clock.now()).total_seconds()
        if left > 0 or breaker.probing:
            raise Resting(f"breaker:{api}", api=api, retry_after=left if left > 0 else PROBE, pace=PACE)
        breaker.probing = True
        return True

    def _judge(self, breaker: _Breaker, error: PlatformError, probe: bool, name: tuple[PlatformName, str]) -> None:
        match error:
            case RateLimited():
                self._trip(breaker, min(BAN_MOST, (error.retry_after or BAN) * 2**breaker.trips), name)
            case PlatformDown():
                breaker.failures += 1
                if probe or breaker.failures >= FAILURES:
                    self._trip(breaker, min(REST_MOST, REST * 2**breaker.trips), name)
            case PlatformBusy():
                breaker.failures = 0
            case _:
                self._close(breaker, name)  # an answer, if no good one

    def _trip(self, breaker: _Breaker, rest: float, name: tuple[PlatformName, str]) -> None:
        breaker.trips += 1
        breaker.failures = 0
        breaker.until = self._clock.now() + timedelta(seconds=rest)
        log.warning("breaker open", platform=name[0].value, api=name[1], seconds=rest)

    def _close(self, breaker: _Breaker, name: tuple[PlatformName, str]) -> None:
        if breaker.until is not None:
            log.info("breaker closed", platform=name[0].value, api=name[1])
        breaker.failures, breaker.trips, breaker.until = 0, 0, None
