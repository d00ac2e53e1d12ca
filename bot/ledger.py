"""The call ledger of the month: what DingTalk meters, counted in the database (wire/dingtalk 7.3)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Literal

import structlog

from bot.metrics import Metrics
from core.clock import Clock
from core.desk import Act
from core.people import Role
from core.ports import Coordinator, Database
from core.repeated import RepeatedFailure

log = structlog.get_logger()

QUOTA_MARKS = (70, 90, 100)
"""Percent of the month's metered calls at which the administrators hear of it."""
WRITTEN_AFTER = 1.0
"""Real seconds for which calls are only in memory: so much of the count is lost when the process is killed."""


class CallLedger:
    """A running number per kind, shared by the replicas; it survives a restart.

    Calls are written down together, a second later and by nobody who waits: one row that every call of every replica
    had to lock would let a frozen replica hold up the others' messages. While the database is away they stay in memory.
    """

    def __init__(
        self,
        *,
        database: Database,
        coordinator: Coordinator,
        clock: Clock,
        metrics: Metrics,
        limits: dict[str, int],
        act: Callable[..., Awaitable[Act]],
        known: Callable[[BaseException], bool],
    ) -> None:
        self._database = database
        self._coordinator = coordinator
        self._clock = clock
        self._metrics = metrics
        self._limits = limits
        self._act = act
        self._unwritten: Counter[Literal["api", "stream"]] = Counter()
        self._writing: asyncio.Task[None] | None = None
        self._failure = RepeatedFailure("the month's calls could not be written down", known=known)

    def count(self, kind: Literal["api", "stream"]) -> None:
        """One more; at 70, 90 and 100 percent the administrators are told."""
        self._metrics.calls.labels(kind=kind).inc()
        self._unwritten[kind] += 1
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._later(), name="ledger")

    async def stop(self) -> None:
        """Write down what is still in memory."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        await self._write()

    async def _later(self) -> None:
        while self._unwritten:
            await asyncio.sleep(WRITTEN_AFTER)
            await self._write()

    async def _write(self) -> None:
        for kind in list(self._unwritten):
            calls = self._unwritten.pop(kind)
            try:
                await self._add(kind, calls)
            except Exception as error:
                self._unwritten[kind] += calls
                self._failure.failed(error)
            else:
                self._failure.worked()

    async def _add(self, kind: Literal["api", "stream"], calls: int) -> None:
        month = self._clock.now().date().replace(day=1)
        limit = self._limits[kind]
        async with self._database.transaction() as tx:
            used = await tx.numbers.next(f"calls:{kind}", month, calls)
            self._metrics.quota_used.labels(kind=kind).set(100 * used / max(1, limit))
            mark = max((p for p in QUOTA_MARKS if used - calls < limit * p // 100 <= used), default=None)
            if mark is None:
                return
            act = await self._act(tx, cause=f"quota:{kind}:{month}:{mark}")
            for admin in await tx.people.with_role(Role.ADMIN):
                await act.tell.say(admin, "quota_used", what=kind, percent=mark, used=used, limit=limit)
        log.warning("DingTalk quota", kind=kind, used=used, limit=limit)
        self._coordinator.wake("outbox")
