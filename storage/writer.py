"""Group commit: whatever inbounds wait while one commit runs go into the next one together (T1).

4 to 9 times the rate of a transaction per message and a far lower p99 (reliability section 9.1). With a spool beside
it, an inbound is durable within about a second although PostgreSQL is away; without one (SQLite) the messenger is told
within three seconds that it must send again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from core.clock import Clock
from core.errors import IngestUnavailable
from core.inbound import RawInbound
from core.ports import InboxQueue
from storage.away import is_away
from storage.spool import Spool, SpoolUnavailable
from storage.spool_drain import Drain, LateDoor
from storage.spool_keeper import SpoolKeeper

log = logging.getLogger(__name__)

WAITING_AT_MOST = 2_000
"""Inbounds in memory, none of them acknowledged yet."""
BATCH_AT_MOST = 256
SPOOL_AFTER = 1.0
"""Real seconds from arrival that PostgreSQL has, before the spool takes over."""
LEAST_TRY = 0.25
"""Real seconds the database has in any case, also for a message that waited long for its turn."""
GIVE_UP_AFTER = 3.0
"""Real seconds from arrival to a 503: the messenger (5 s) still has budget to send again."""
PAUSE_AFTER_FAILURE = 0.1
TRIES_BEFORE_SPOOL = 2
"""A pool full of dead connections is told by its first call; the second meets the database as it is."""
LATE_AT_MOST = 2
"""Calls that did not answer in time and still run; with so many the database is not asked again before one ends."""
RED_FOR = 15.0
"""Real seconds after a refusal in which the bot counts as unable to write; afterwards the next message tells."""


@dataclass(kw_only=True)
class _Waiting:
    raw: RawInbound
    arrived: float
    until: float
    stored: asyncio.Future[int | None]


class GroupCommitWriter:
    """The one door to the inbox. ``open`` takes the spool, ``close`` flushes what waits.

    With a spool, in this order: 1 s for PostgreSQL, then the local file, 503 after 3 s in all. While the file holds
    rows, new ones go there too, so that their order is kept. A commit of unknown outcome may leave a message in both:
    its key makes it one (reliability section 4).
    """

    def __init__(
        self,
        queue: InboxQueue,
        clock: Clock,
        *,
        spool: Spool | None = None,
        late: LateDoor | None = None,
        replica: str = "1",
        on_spooled: Callable[[int], None] = lambda _: None,
    ) -> None:
        """``late`` is where spooled rows go once the database is back, the same inbox as ``queue``."""
        self._queue = queue
        self._clock = clock
        self._spool = spool
        self._on_spooled = on_spooled
        self._waiting: asyncio.Queue[_Waiting] = asyncio.Queue(WAITING_AT_MOST)
        self._door = asyncio.Lock()
        self._late_door = late
        self._drain = Drain(spool, late, clock, replica=replica, door=self._door) if spool and late else None
        self._keeper: SpoolKeeper | None = None
        self._held = False
        self._late: set[asyncio.Future[list[int | None]]] = set()
        self._loop: asyncio.Task[None] | None = None
        self._closing = False
        self._troubled = False
        self._refused_at: float | None = None

    @property
    def spooled(self) -> int:
        """Inbounds in the local file, acknowledged and not yet in the database."""
        return self._spool.rows if self._spool is not None else 0

    @property
    def set_aside(self) -> int:
        """Spooled inbounds that the database refused for their own sake."""
        return self._spool.refused if self._spool is not None else 0

    @property
    def cannot_write(self) -> bool:
        """The last thing that happened, not long ago, was that a messenger had to be told to send again."""
        return self._refused_at is not None and asyncio.get_running_loop().time() < self._refused_at + RED_FOR

    async def open(self) -> None:
        """Take the spool; without it (its disk is gone, another process holds it) the bot works, cannot bridge an
        outage, and goes on trying."""
        if self._spool is None or self._late_door is None:
            return
        assert self._drain is not None
        self._keeper = SpoolKeeper(self._spool, self._drain, self._late_door, self._clock, quiet=self._quiet)
        await self._keeper.start()
        self._drain.allow(now=not self._held)
        self._drain.start()

    def _quiet(self) -> bool:
        return not (self._held or self._troubled or self.spooled)

    @property
    def has_spool(self) -> bool | None:
        """Whether an outage of the database could be bridged; None where there is no spool by design."""
        return self._spool.is_open if self._spool is not None else None

    async def probe_spool(self) -> None:
        """Raises SpoolUnavailable when the spool could not take a message now."""
        if self._spool is None:
            raise SpoolUnavailable("this replica has no spool")
        await self._spool.probe()

    def hold(self) -> None:
        """The database is not to be asked yet: it has not answered since the start, or has no tables."""
        self._held = True
        if self._drain is not None:
            self._drain.allow(now=False)

    def resume(self) -> None:
        """The database is there."""
        self._held = False
        if self._drain is not None:
            self._drain.allow(now=True)

    async def store(self, raw: RawInbound) -> int | None:
        """The inbox id after the commit; None for a message that is there already, or that the spool keeps for now.

        Raises IngestUnavailable when that took 3 s in all, or while closing. The row may still be committed then:
        the messenger sends again and meets its own key.
        """
        if self._closing:
            raise IngestUnavailable("the inbox is closing")
        if self._loop is None:
            self._loop = asyncio.create_task(self._write(), name="group-commit")
        loop = asyncio.get_running_loop()
        now = loop.time()
        waiting = _Waiting(raw=raw, arrived=now, until=now + GIVE_UP_AFTER, stored=loop.create_future())
        try:
            async with asyncio.timeout_at(waiting.until):
                await self._waiting.put(waiting)
                return await waiting.stored
        except TimeoutError:
            self._refused_at = loop.time()
            raise IngestUnavailable(f"not committed within {GIVE_UP_AFTER:g} s") from None

    async def close(self) -> None:
        """Make what waits durable, then stop. What is in the spool stays there for the next start."""
        self._closing = True
        if self._loop is not None:
            await self._waiting.join()
            self._loop.cancel()
            await asyncio.wait({self._loop})
            self._loop = None
        if self._late:
            await asyncio.wait(self._late, timeout=1.0)
        if self._keeper is not None:
            await self._keeper.stop()
        if self._drain is not None:
            await self._drain.stop()
        if self._spool is not None:
            await self._spool.close()

    async def _write(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < BATCH_AT_MOST and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            try:
                async with self._door:
                    await self._commit(batch)
            except Exception:
                log.exception("a batch of %d inbounds failed; they must come again", len(batch))
                for waiting in batch:
                    _answer(waiting, IngestUnavailable("the message cannot be stored"))
            finally:
                for _ in batch:
                    self._waiting.task_done()

    async def _commit(self, batch: list[_Waiting]) -> None:
        """Try until it is durable or nobody waits for it any more."""
        loop = asyncio.get_running_loop()
        tries = 0
        while batch := [w for w in batch if not w.stored.done() and w.until > loop.time()]:
            away = self._held or self.spooled or tries >= TRIES_BEFORE_SPOOL or len(self._late) >= LATE_AT_MOST
            if away and await self._to_spool(batch):
                return
            if self._held or len(self._late) >= LATE_AT_MOST:
                await asyncio.sleep(PAUSE_AFTER_FAILURE)
                continue
            try:
                ids = await self._in_time(batch)
            except TimeoutError as slow:
                tries = TRIES_BEFORE_SPOOL
                self._note_trouble(slow)
            except Exception as error:
                tries += 1
                if is_away(error):
                    self._note_trouble(error)
                    if self._spool is None or tries > TRIES_BEFORE_SPOOL:
                        await asyncio.sleep(PAUSE_AFTER_FAILURE)
                else:
                    await self._row_by_row(batch, error)
                    return
            else:
                self._note_stored(batch, ids)

    async def _in_time(self, batch: list[_Waiting]) -> list[int | None]:
        """One try. With a spool to fall back on it ends in time, while the call itself is left to run on: a driver
        call is never cancelled in mid-flight."""
        store = asyncio.ensure_future(self._queue.store([w.raw for w in batch], self._clock.now()))
        if self._spool is not None and self._spool.is_open:
            left = batch[0].arrived + SPOOL_AFTER - asyncio.get_running_loop().time()
            done, _ = await asyncio.wait({store}, timeout=max(LEAST_TRY, left))
            if not done:
                self._late.add(store)
                store.add_done_callback(self._late_done)
                raise TimeoutError
        return await store

    async def _to_spool(self, batch: list[_Waiting]) -> bool:
        """False when there is none or it cannot be written to."""
        if self._spool is None or self._drain is None:
            return False
        try:
            await self._spool.put([w.raw for w in batch], self._clock.now())
        except SpoolUnavailable as error:
            self._note_trouble(error)
            return False
        except Exception as error:
            await self._row_by_row(batch, error)
            return True
        self._drain.wake()
        self._on_spooled(len(batch))
        self._note_stored(batch, [None] * len(batch))
        return True

    async def _row_by_row(self, batch: list[_Waiting], error: Exception) -> None:
        """A row that cannot be stored at all does not take the others along."""
        if len(batch) > 1:
            for one in batch:
                await self._commit([one])
            return
        raw = batch[0].raw
        log.error("inbound %s %s cannot be stored", raw.platform, raw.dedupe_key, exc_info=error)
        _answer(batch[0], IngestUnavailable("the message cannot be stored"))

    def _note_stored(self, batch: list[_Waiting], ids: list[int | None]) -> None:
        if self._troubled and not self.spooled:
            log.warning("the inbox can be written to again")
            self._troubled = False
        self._refused_at = None
        for waiting, inbox_id in zip(batch, ids, strict=True):
            _answer(waiting, inbox_id)

    def _note_trouble(self, error: Exception) -> None:
        """Once per outage: it is tried again many times a second."""
        if not self._troubled:
            self._troubled = True
            log.warning("the inbox cannot be written to (%s)", type(error).__name__)

    def _late_done(self, store: asyncio.Future[list[int | None]]) -> None:
        self._late.discard(store)
        if not store.cancelled():
            store.exception()  # taken note of: what it was to store is in the spool


def _answer(waiting: _Waiting, outcome: int | IngestUnavailable | None) -> None:
    if waiting.stored.done():
        return
    if isinstance(outcome, IngestUnavailable):
        waiting.stored.set_exception(outcome)
    else:
        waiting.stored.set_result(outcome)
