"""Bringing what was spooled into the database, in the order of the platform's time, once the database is back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from core.clock import Clock
from storage.away import is_away
from storage.queues.inbox import Arrival, Mark
from storage.spool import Spool, Spooled, SpoolUnavailable

log = logging.getLogger(__name__)

BATCH = 256
SETTLE = timedelta(seconds=2)
"""After a replica begins to bring its spool in, so long nobody works what came since the outage began: by then the
other replicas have begun as well, and a conversation that was spread over them keeps its order."""
HOLD = timedelta(seconds=10)
"""So long a replica that has stopped in the middle holds newer messages back."""
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 1.0
"""Real seconds between two tries while the database is away: with it the bot is back a second after the database."""
UNMARK_AFTER = 3.0
"""Real seconds after the last row went over until its mark is taken away: by then it holds nobody back."""
HANDOVER_WITHIN = 0.5
"""Real seconds for which arriving messages wait while the last rows go over."""


class LateDoor(Protocol):
    """Where late rows go: ``SqlInboxQueue``."""

    async def store_late(self, batch: Sequence[Arrival], now: datetime, mark: Mark | None, replica: str) -> None: ...


class Drain:
    """Empties a spool while the writer goes on filling it.

    1. The oldest 256 go over in one transaction, then leave the spool. After a crash between the two they go over
       once more and change nothing.
    2. When all that is left fits one batch, the ``door`` is closed to the writer meanwhile, so that the spool is empty
       at one moment and new messages go to the database again.
    3. A row that the database refuses for its own sake is set aside and holds nothing up.
    """

    def __init__(self, spool: Spool, queue: LateDoor, clock: Clock, *, replica: str, door: asyncio.Lock) -> None:
        self._spool = spool
        self._queue = queue
        self._clock = clock
        self._replica = replica
        self._door = door
        self._wanted = asyncio.Event()
        self._may_run = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._last: asyncio.Future[None] | None = None
        self._began: datetime | None = None
        self._since: datetime | None = None
        self._away = False
        self._marked = True
        """The database may know of this spool that it is coming in, also from a predecessor."""

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="spool-drain")

    def allow(self, *, now: bool) -> None:
        """Whether the database has its tables and may be asked."""
        if now:
            self._may_run.set()
        else:
            self._may_run.clear()

    def wake(self) -> None:
        """There is something in the spool."""
        self._wanted.set()

    async def stop(self) -> None:
        """What is still in the spool is brought in by the next start."""
        under_way = {task for task in (self._task, self._last) if task is not None}
        if self._task is not None:
            self._task.cancel()
        if under_way:
            await asyncio.wait(under_way, timeout=1.0)

    async def _run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            await self._may_run.wait()
            try:
                if not self._spool.rows:
                    await self._rest()
                    continue
                await self._round()
            except Exception as error:
                self._note_failure(error)
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, pause * 2)
            else:
                pause = FIRST_PAUSE
                self._away = False

    async def finish(self) -> None:
        """Bring everything in now, and be done; raises what the database raises."""
        while self._spool.rows:
            await self._round()
        await self._unmark()

    async def _rest(self) -> None:
        """Until there is something in the spool. That it came in is forgotten meanwhile, so that a mark which is still
        there long after its time tells of a replica that stopped in the middle."""
        self._wanted.clear()
        if self._spool.rows:
            return
        if not self._marked:
            await self._wanted.wait()
            return
        try:
            async with asyncio.timeout(UNMARK_AFTER):
                await self._wanted.wait()
        except TimeoutError:
            await self._unmark()

    async def _unmark(self) -> None:
        await self._queue.store_late([], self._clock.now(), None, self._replica)
        self._marked = False

    async def _round(self) -> None:
        if self._began is None or self._spool.rows > BATCH:
            await self._move()
            return
        async with self._door:
            # The writer waits, so the database has little time; a call that takes longer ends outside.
            last = self._last = asyncio.ensure_future(self._move())
            last.add_done_callback(_taken_note_of)
            await asyncio.wait({last}, timeout=HANDOVER_WITHIN)
        await asyncio.wait({last})
        last.result()

    async def _move(self) -> None:
        """One batch, oldest first."""
        found = await self._spool.take(BATCH + 1)
        rows, rest = found[:BATCH], found[BATCH:]
        if not rows:
            return
        now = self._clock.now()
        began = self._began or now
        since = self._since or rows[0].arrival.raw.platform_at
        mark = _mark(now, began, since, rest)
        self._marked = True
        arrivals = [row.arrival for row in rows]
        try:
            await self._queue.store_late(arrivals, now, mark, self._replica)
        except Exception as error:
            if is_away(error):
                raise
            await self._one_by_one(rows, now, mark)
        else:
            await self._spool.delete(rows)
        self._began, self._since = (began, since) if self._spool.rows else (None, None)
        log.info("%d spooled inbounds brought in, %d left", len(rows), self._spool.rows)

    async def _one_by_one(self, rows: Sequence[Spooled], now: datetime, mark: Mark | None) -> None:
        for row in rows:
            try:
                await self._queue.store_late([row.arrival], now, mark, self._replica)
            except Exception as error:
                if is_away(error):
                    raise
                raw = row.arrival.raw
                log.exception("spooled inbound %s %s cannot be stored, set aside", raw.platform, raw.dedupe_key)
                await self._spool.set_aside(row, repr(error))
            else:
                await self._spool.delete([row])

    def _note_failure(self, error: Exception) -> None:
        self._began = self._since = None
        if not isinstance(error, SpoolUnavailable) and not is_away(error):
            log.error("the spool could not be brought in", exc_info=error)
        elif self._spool.rows and not self._away:
            self._away = True
            log.warning("the database is away (%s), %d inbounds spooled", type(error).__name__, self._spool.rows)


def _taken_note_of(ended: asyncio.Future[None]) -> None:
    """Nobody may be there any more to hear of it."""
    if not ended.cancelled():
        ended.exception()


def _mark(now: datetime, began: datetime, since: datetime, rest: Sequence[Spooled]) -> Mark | None:
    """What this replica lets nobody overtake."""
    settling = now < began + SETTLE
    if rest:
        return Mark(oldest_at=since if settling else rest[0].arrival.raw.platform_at, until=now + HOLD)
    return Mark(oldest_at=since, until=began + SETTLE) if settling else None
