"""The simple policies of the house as numbers that a shop may change (config section ``[rules]``)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Hours are business hours of the work calendar where ``business_clock`` is set, else natural hours (C11)."""

    draft_hours: float = 2
    """A draft not submitted for so long is shown to the regional manager (F123)."""
    approval_hours: float = 4
    """An approval nobody decided for so long climbs to the tech director (F126)."""
    approval_reminder_minutes: int = 30
    expedite_alarm_hours: float = 2
    """Less than this before the latest ship time and not out: the operations director is told (F076)."""
    business_clock: bool = True
    claim_minutes: int = 20
    """A pick list nobody claims for so long is shown to the warehouse lead."""
    sticky_draft: timedelta = timedelta(minutes=30)
    """How long “2行 20” without a number means the last draft (chat.md section 3)."""
    reply_slot: timedelta = timedelta(minutes=10)
    """How long “回复 1–n” waits for its answer."""
    duplicate_window: timedelta = timedelta(minutes=30)
    """Same customer, parts and quantities within this time: asked whether it is a duplicate (F035)."""
    max_reds: int = 3
    """Live red expedites a salesperson may have; the fourth is offered orange (F071)."""
    lists_orders: int = 10
    """Orders on one pick list at the most."""
    lists_lines: int = 40
    """Lines on one pick list at the most."""
