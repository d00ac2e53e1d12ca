"""The master data in memory, read again when its version has risen."""

from __future__ import annotations

import asyncio

from core.desk import Desk
from core.intake.check import RuleSettings
from core.intake.master import MasterIndex
from core.ports import Database
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

    async def get(self) -> Desk:
        async with self._lock:
            async with self._database.reading() as tx:
                version = await tx.catalog.version()
                if self._desk is None or version != self._version:
                    customers, parts = await tx.catalog.customers(), await tx.catalog.parts()
                    self._desk = Desk(
                        index=MasterIndex.build(customers, parts),
                        calendar=self._calendar,
                        rules=self._rules,
                        checks=self._checks,
                    )
                    self._version = version
            return self._desk
