"""The master data in memory, read again when its version has risen."""

from __future__ import annotations

import asyncio

from core.desk import Desk
from core.intake.check import RuleSettings
from core.intake.master import MasterIndex
from core.ports import Database, Transaction
from core.rules import Rules
from core.workcalendar import WorkCalendar


class DeskSource:
    """Hands out the Desk; customers, parts and the calendar are read once per version of the master data.

    ``calendar`` holds what the configuration says; the days entered in the master data stand above it.
    """

    def __init__(self, database: Database, *, calendar: WorkCalendar, rules: Rules, checks: RuleSettings) -> None:
        self._database = database
        self._calendar = calendar
        self._rules = rules
        self._checks = checks
        self._version = -1
        self._desk: Desk | None = None
        self._lock = asyncio.Lock()

    async def get(self, tx: Transaction) -> Desk:
        """The desk as of this transaction's master data.

        Version and data are read in the caller's own transaction. With a second one for each caller, callers that hold
        every connection of the pool would wait for each other when the data have changed, or at the start.
        """
        version = await tx.catalog.version()
        if self._desk is None or version != self._version:
            async with self._lock:
                if self._desk is None or version != self._version:
                    await self._load(tx, version)
        assert self._desk is not None
        return self._desk

    async def _load(self, tx: Transaction, version: int) -> None:
        index = MasterIndex.build(await tx.catalog.customers(), await tx.catalog.parts())
        days = {row.day: row.works for row in await tx.catalog.calendar_days()}
        self._desk = Desk(index=index, calendar=self._calendar.with_days(days), rules=self._rules, checks=self._checks)
        self._version = version
