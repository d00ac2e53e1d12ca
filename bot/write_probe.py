"""Whether a message that came in now could be stored: known before the first one has to be refused (R18)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from core.repeated import RepeatedFailure
from storage.away import is_away
from storage.spool import SpoolUnavailable

Write = Callable[[], Awaitable[None]]

FRESH_FOR = 1.0
"""Real seconds an answer is good for: it costs a commit."""
ANSWER_WITHIN = 0.8
"""Real seconds that who asks waits; afterwards the last answer is given."""
DATABASE_WITHIN = 3.0
"""Real seconds the database has, as a message would give it."""


@dataclass(frozen=True, kw_only=True)
class CanStore:
    """What could be written to."""

    anywhere: bool = True
    spool: bool = True
    """Also during an outage of the database; True where there is no spool by design."""


class WriteProbe:
    """Writes to the spool and, where that fails or there is none, to the database."""

    def __init__(self, *, database: Write, spool: Write | None) -> None:
        self._database = database
        self._spool = spool
        self._last = CanStore()
        self._known_at = -FRESH_FOR
        self._asking: asyncio.Task[CanStore] | None = None
        self._hanging: asyncio.Future[None] | None = None
        self._failure = RepeatedFailure("nothing could be stored now", known=_expected)

    async def now(self) -> CanStore:
        """The truth of the last second or so. One question at a time, whoever asks."""
        now = asyncio.get_running_loop().time
        if self._asking is None:
            if now() - self._known_at < FRESH_FOR:
                return self._last
            self._asking = asyncio.create_task(self._ask(), name="write-probe")
        asking = self._asking
        done, _ = await asyncio.wait({asking}, timeout=ANSWER_WITHIN)
        if done and self._asking is asking:
            self._asking, self._last, self._known_at = None, asking.result(), now()
        return self._last

    async def stop(self) -> None:
        """A call to a silent database is left to its own end."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask(self) -> CanStore:
        spool = True
        if self._spool is not None:
            try:
                await self._spool()
            except Exception as error:
                if not _expected(error):
                    self._failure.failed(error)
                spool = False
            else:
                return CanStore()
        return CanStore(anywhere=await self._in_the_database(), spool=spool)

    async def _in_the_database(self) -> bool:
        if self._hanging is None:
            self._hanging = asyncio.ensure_future(self._database())
            self._hanging.add_done_callback(_taken_note_of)
        await asyncio.wait({self._hanging}, timeout=DATABASE_WITHIN)
        if not self._hanging.done():
            return False
        ended, self._hanging = self._hanging, None
        try:
            ended.result()
        except Exception as error:
            self._failure.failed(error)
            return False
        self._failure.worked()
        return True


def _expected(error: BaseException) -> bool:
    return isinstance(error, SpoolUnavailable) or is_away(error)


def _taken_note_of(ended: asyncio.Future[None]) -> None:
    """Nobody may be there any more to hear of it."""
    if not ended.cancelled():
        ended.exception()
