"""The call ledger of the month: what DingTalk meters, counted in the database (wire/dingtalk 7.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Literal

import structlog

from bot.metrics import Metrics
from core.clock import Clock
from core.desk import Act
from core.people import Role
from core.ports import Coordinator, Database

log = structlog.get_logger()

QUOTA_MARKS = (70, 90, 100)
"""Percent of the month's metered calls at which the administrators hear of it."""


class CallLedger:
    """A running number per kind, shared by the replicas; it survives a restart. What is called while the database is
    away is counted with the next call after it."""

    def __init__(
        self,
        *,
        database: Database,
        coordinator: Coordinator,
        clock: Clock,
        metrics: Metrics,
        limits: dict[str, int],
        act: Callable[..., Awaitable[Act]],
        away: Callable[[], bool],
    ) -> None:
        self._database = database
        self._coordinator = coordinator
        self._clock = clock
        self._metrics = metrics
        self._limits = limits
        self._act = act
        self._away = away
        self._uncounted: Counter[str] = Counter()

    async def count(self, kind: Literal["api", "stream"]) -> None:
        """One more; at 70, 90 and 100 percent the administrators are told."""
        self._metrics.calls.labels(kind=kind).inc()
        if self._away():
            self._uncounted[kind] += 1
            return
        month = self._clock.now().date().replace(day=1)
        limit = self._limits[kind]
        calls, self._uncounted[kind] = self._uncounted[kind] + 1, 0
        async with self._database.transaction() as tx:
            numbers = [await tx.numbers.next(f"calls:{kind}", month) for _ in range(calls)]
            used = numbers[-1]
            self._metrics.quota_used.labels(kind=kind).set(100 * used / max(1, limit))
            mark = next((p for p in QUOTA_MARKS if limit * p // 100 in numbers), None)
            if mark is None:
                return
            act = await self._act(tx, cause=f"quota:{kind}:{month}:{mark}")
            for admin in await tx.people.with_role(Role.ADMIN):
                await act.tell.say(admin, "quota_used", what=kind, percent=mark, used=used, limit=limit)
        log.warning("DingTalk quota", kind=kind, used=used, limit=limit)
        self._coordinator.wake("outbox")
