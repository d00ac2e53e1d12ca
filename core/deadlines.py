"""Deadlines are rows: armed with the obligation, fired once, cancelled with it (reliability section 7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class DeadlineKind(StrEnum):
    DRAFT_UNSUBMITTED = "draft_unsubmitted"  # 2 h → regional manager (F123)
    APPROVAL_REMINDER = "approval_reminder"  # 30 min before the approval is due
    APPROVAL_DUE = "approval_due"  # 4 h → tech director (F126)
    EXPEDITE_AT_RISK = "expedite_at_risk"  # promise − 2 h → operations director (F076)
    EXPEDITE_FINAL = "expedite_final"  # promise − 1 h and promise: again (F076)
    PICK_UNCLAIMED = "pick_unclaimed"  # a pick list nobody claims → warehouse lead
    WAVE_TICK = "wave_tick"  # the next wave slot (:07 :22 :37 :52); firing arms the next one, missed ones coalesce
    WAVE_NOW = "wave_now"  # a red order waits: plan at once, not at the next slot (F054)
    WAVE_PLAN = "wave_plan"  # a plan that was asked for and not finished: its planner died, plan again
    CALENDAR_CHECK = "calendar_check"  # every morning: are next year's holidays published? arms the next morning


class DeadlineState(StrEnum):
    ARMED = "armed"  # waits
    FIRED = "fired"  # its effect is committed
    PARKED = "parked"  # raised each time it was fired: given up, a person looks at it
    CANCELLED = "cancelled"  # the obligation was met or withdrawn


@dataclass(kw_only=True)
class Deadline:
    """Unique on (kind, ref, step, generation): re-arming raises the generation."""

    kind: DeadlineKind
    ref: str
    """Order number, approval request id, pick list number."""
    step: str = ""
    generation: int = 1
    due_at: datetime
    state: DeadlineState = DeadlineState.ARMED
    policy: dict[str, Any] = field(default_factory=dict)
    """Snapshot of the rule that armed it."""
    fired_at: datetime | None = None
    cancel_reason: str = ""
    """Why it was cancelled; of a fired one, the higher step that spoke for it (``collapsed …``)."""
    attempts: int = 0
    """Times its firing failed."""
    available_at: datetime | None = None
    """When it may be fired: its due time, later after a failure. Set when it is armed."""
    last_error: str = ""
    id: int | None = None


MOST_ATTEMPTS = 5
"""Firings that may fail before a deadline is parked."""


def next_try(attempts: int) -> timedelta:
    """The pause after so many failures: 1, 2, 4, 8 seconds."""
    return timedelta(seconds=2 ** (attempts - 1))
