"""The thresholds of the intake rules (config section ``[checks]``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from core.findings import Severity


@dataclass(frozen=True, kw_only=True)
class RuleSettings:
    """What a shop may change about the checks (F032, F033)."""

    safety_percent: int = 200
    """More than so many percent of the safety stock goes to a supervisor; exactly as many does not."""
    safety_percent_by_part: Mapping[str, int] = field(default_factory=dict)
    """The same for single parts, by their code."""
    no_safety_stock: Severity = Severity.INFO
    """How a part without a safety stock is shown."""
    most_pieces: int = 9_999
    """More on one line is a slip of the keyboard."""
    usual_pieces: tuple[int, ...] = (10, 20, 50)
    """Offered as buttons when no quantity was written, rounded up to full boxes; never taken (script 1)."""
    low_score: float = 0.85
    """The recogniser's confidence below which a line is looked at again (0 to 1)."""
    handling: timedelta = timedelta(hours=2)
    """From approval to the dock at the least."""
    lead_days: int = 2
    """Working days when neither the order nor the customer says any (F051)."""
    name_likeness: int = 45
    """Percent of likeness below which a written trade name contradicts the matched part."""
