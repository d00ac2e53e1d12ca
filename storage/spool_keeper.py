"""Has the replica's own spool, sooner or later, and takes in what replicas that never came back have left beside it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from core.clock import Clock
from core.repeated import RepeatedFailure
from storage.away import is_away
from storage.spool import Spool, SpoolTaken, SpoolUnavailable
from storage.spool_drain import Drain, LateDoor

log = logging.getLogger(__name__)

START_WAIT = 1.0
"""Real seconds that the start waits for a predecessor which is just ending; longer ones are waited for behind."""
TICK = 1.0
"""Real seconds between two looks at a file somebody else holds."""
ADOPT_EVERY = 60.0
"""Real seconds between two looks for files nobody holds."""


class SpoolKeeper:
    """1. A name that is taken, or a disk that cannot be written to, is tried again each second. 2. At the start and
    every minute, while the database is there: a spool in the same folder whose lock is free belonged to a replica that
    is gone; its rows are brought in. The file stays, empty, for a replica that comes back under its name.
    """

    def __init__(
        self,
        spool: Spool,
        drain: Drain,
        queue: LateDoor,
        clock: Clock,
        *,
        quiet: Callable[[], bool],
        start_wait: float = START_WAIT,
        tick: float = TICK,
        adopt_every: float = ADOPT_EVERY,
    ) -> None:
        """``quiet``: whether the database is there and the own spool has nothing to bring in."""
        self._spool = spool
        self._drain = drain
        self._queue = queue
        self._clock = clock
        self._quiet = quiet
        self._start_wait = start_wait
        self._tick = tick
        self._adopt_every = adopt_every
        self._told = False
        self._task: asyncio.Task[None] | None = None
        self._failure = RepeatedFailure("a spool left behind could not be brought in", known=_away)

    async def start(self) -> None:
        """Take the own file; without it (another process holds it, its disk is gone) the bot works all the same."""
        await self._take(self._start_wait)
        self._task = asyncio.create_task(self._run(), name="spool-keeper")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=1.0)

    async def adopt(self) -> int:
        """Bring in what lies beside and belongs to nobody. Returns how many messages that were."""
        brought, failed = 0, False
        for path in sorted(self._spool.path.parent.glob(f"*{self._spool.path.suffix}")):
            if path == self._spool.path:
                continue
            try:
                brought += await self._bring_in(path)
            except Exception as error:
                failed = True
                self._failure.failed(error)
        if not failed:
            self._failure.worked()
        return brought

    async def _take(self, wait: float) -> None:
        try:
            await self._spool.open(wait=wait)
        except SpoolUnavailable as error:
            if not self._told:
                log.error("no spool yet, tried again: %s", error)  # noqa: TRY400 - a state of the house, in one line
            self._told = True
            return
        if self._told:
            log.warning("the spool %s is here", self._spool.path.name)
        self._told = False
        self._drain.wake()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        next_look = loop.time()
        while True:
            if not self._spool.is_open:
                await self._take(0.0)
            if loop.time() >= next_look and self._quiet():
                await self.adopt()
                next_look = loop.time() + self._adopt_every
            await asyncio.sleep(self._tick)

    async def _bring_in(self, path: Path) -> int:
        """Nothing when its replica lives."""
        left = Spool(path)
        try:
            await left.open(wait=0.0)
            rows = left.rows
            if rows:
                await Drain(left, self._queue, self._clock, replica=path.stem, door=asyncio.Lock()).finish()
                log.warning("%d inbounds of the replica %s, which is gone, were brought in", rows, path.stem)
        except SpoolTaken:
            rows = 0
        finally:
            await left.close()
        return rows


def _away(error: BaseException) -> bool:
    return isinstance(error, SpoolUnavailable) or is_away(error)
