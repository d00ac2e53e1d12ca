"""What every use case at the order desk has at hand: master data, calendar, rules, and the notices of this act."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from core.clock import local
from core.intake.check import RuleSettings
from core.intake.master import MasterIndex
from core.ports import Transaction
from core.rules import Rules
from core.telling import Teller
from core.workcalendar import WorkCalendar


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Read-only context, the same for all use cases of one process until master data or rules change."""

    index: MasterIndex
    calendar: WorkCalendar
    rules: Rules
    checks: RuleSettings

    def due_in(self, now: datetime, hours: float) -> datetime:
        """``hours`` from now on the clock the policy prescribes: business hours, or natural ones (C11)."""
        if self.rules.business_clock:
            return self.calendar.add_business_hours(now, hours)
        return now + timedelta(hours=hours)


@dataclass(frozen=True, kw_only=True)
class Act:
    """One transaction of the desk: where to write, whom to tell, what time it is."""

    tx: Transaction
    desk: Desk
    tell: Teller

    @property
    def now(self) -> datetime:
        return self.tell.now

    @property
    def today(self) -> date:
        """The date on a Chinese wall clock."""
        return local(self.now).date()

    async def available(self, part_numbers: Iterable[str]) -> dict[str, int]:
        """Pieces that could be promised now, per part, over all warehouses (F052)."""
        wanted = sorted({n for n in part_numbers if n})
        totals = dict.fromkeys(wanted, 0)
        for lot in await self.tx.stock.lots(wanted):
            totals[lot.part_number] += lot.available
        return totals
