"""A failure that repeats many times a second is told once, and once more when it is over."""

from __future__ import annotations

import time

import structlog

log = structlog.get_logger()

AGAIN_AFTER = 60.0
"""Real seconds after which a failure that goes on is told again."""


class RepeatedFailure:
    """Of one loop. The first failure of a kind carries its traceback; the same again is silent for a minute."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._told: dict[str, float] = {}
        self._times = 0

    def failed(self, error: Exception) -> None:
        self._times += 1
        kind, now = type(error).__name__, time.monotonic()
        known = self._told.get(kind)
        if known is None:
            log.error(self._what, error=kind, exc_info=error)
        elif now - known >= AGAIN_AFTER:
            log.error(self._what, error=kind, times=self._times)
        else:
            return
        self._told[kind] = now

    def worked(self) -> None:
        if self._times:
            log.info("over", failure=self._what, times=self._times)
            self._times = 0
            self._told.clear()
