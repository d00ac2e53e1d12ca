"""Deadlines are rows: armed with the obligation, fired once, cancelled with it (reliability section 7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
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


class DeadlineState(StrEnum):
    ARMED = "armed"  # waits
    FIRED = "fired"  # its effect is committed
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
    id: int | None = None
