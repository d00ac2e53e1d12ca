"""A failure that repeats many times a second is told once, and once more when it is over."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

log = structlog.get_logger()

AGAIN_AFTER = 60.0
"""Real seconds after which a failure that goes on is told again."""


class RepeatedFailure:
    """Of one loop. The first failure of a kind carries its traceback; the same again is silent for a minute.

    ``known`` names failures that need no traceback, such as a database that is away: one line says all of them.
    """

    def __init__(self, what: str, *, known: Callable[[BaseException], bool] = lambda _: False) -> None:
        self._what = what
        self._known = known
        self._told: dict[str, float] = {}
        self._times = 0

    def failed(self, error: Exception) -> None:
        self._times += 1
        known = self._known(error)
        kind, now = type(error).__name__, time.monotonic()
        about = "" if known else kind
        told = self._told.get(about)
        if told is None:
            log.error(self._what, error=kind, exc_info=None if known else error)
        elif now - told >= AGAIN_AFTER:
            log.error(self._what, error=kind, times=self._times)
        else:
            return
        self._told[about] = now

    def worked(self) -> None:
        if self._times:
            log.info("over", failure=self._what, times=self._times)
            self._times = 0
            self._told.clear()
