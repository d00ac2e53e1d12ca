"""What a rule sees, and what a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time

from core.findings import Finding
from core.intake.master import MasterIndex
from core.intake.order_draft import OrderDraft
from core.intake.settings import RuleSettings
from core.workcalendar import WorkCalendar


@dataclass(frozen=True, kw_only=True)
class Sight:
    """A draft, the master data, the day, and the stock, as one rule sees them."""

    draft: OrderDraft
    index: MasterIndex
    now: datetime
    calendar: WorkCalendar
    rules: RuleSettings
    availability: Mapping[str, int] | None = None
    """Pieces per part that could be promised; None = not looked at."""
    cutoffs: tuple[time, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A named check. ``run`` gives its findings; what it raises becomes a 规则异常 flag."""

    name: str
    run: Callable[[Sight], Iterable[Finding]]
