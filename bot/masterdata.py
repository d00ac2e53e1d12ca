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
    """Hands out the Desk; customers and parts are indexed once per version of the master data."""

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

        The version is read in the caller's own transaction, so that a busy bot does not need a second connection for
        every one it holds; only a change of master data is read anew, in a transaction of its own.
        """
        version = await tx.catalog.version()
        if self._desk is None or version != self._version:
            async with self._lock:
                if self._desk is None or version != self._version:
                    await self._load()
        assert self._desk is not None
        return self._desk

    async def _load(self) -> None:
        async with self._database.reading() as tx:
            self._version = await tx.catalog.version()
            index = MasterIndex.build(await tx.catalog.customers(), await tx.catalog.parts())
        self._desk = Desk(index=index, calendar=self._calendar, rules=self._rules, checks=self._checks)
