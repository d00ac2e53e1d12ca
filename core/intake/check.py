"""Checks a draft: every rule looks, every doubt becomes a finding in the rule's own terms (F031–F033)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, time

from core.findings import Finding, FindingCode, Severity
from core.intake import head_rules, line_rules
from core.intake.master import MasterIndex
from core.intake.order_draft import OrderDraft
from core.intake.settings import RuleSettings
from core.intake.sight import Rule, Sight
from core.workcalendar import WorkCalendar

__all__ = ["RULES", "RuleSettings", "check"]

_log = logging.getLogger(__name__)

RULES: tuple[Rule, ...] = (
    Rule(name="customer", run=head_rules.customer),
    Rule(name="frozen", run=head_rules.frozen),
    Rule(name="lines", run=head_rules.lines),
    Rule(name="part", run=line_rules.part),
    Rule(name="superseded", run=line_rules.superseded),
    Rule(name="name", run=line_rules.name),
    Rule(name="quantity", run=line_rules.quantity),
    Rule(name="absurd", run=line_rules.absurd),
    Rule(name="safety_stock", run=line_rules.safety_stock),
    Rule(name="pack", run=line_rules.pack),
    Rule(name="stock", run=line_rules.stock),
    Rule(name="confidence", run=line_rules.confidence),
    Rule(name="sums", run=head_rules.sums),
    Rule(name="due", run=head_rules.due),
    Rule(name="too_soon", run=head_rules.too_soon),
    Rule(name="requirements", run=head_rules.requirements),
)
"""Every check there is, in the order of the card."""


def check(
    draft: OrderDraft,
    index: MasterIndex,
    *,
    now: datetime,
    calendar: WorkCalendar,
    rules: RuleSettings | None = None,
    availability: Mapping[str, int] | None = None,
    cutoffs: Sequence[time] = (),
    table: Sequence[Rule] = RULES,
) -> tuple[Finding, ...]:
    """What is wrong or doubtful about a draft, head first, then line by line.

    ``availability`` gives pieces per part (None: stock is not looked at); ``cutoffs`` are the wall-clock times at
    which carriers that serve the customer leave (empty: not looked at). A rule that breaks gives a 规则异常 flag and
    the order is not lost (F033).
    """
    sight = Sight(
        draft=draft,
        index=index,
        now=now,
        calendar=calendar,
        rules=rules or RuleSettings(),
        availability=availability,
        cutoffs=tuple(cutoffs),
    )
    found: list[Finding] = []
    for rule in table:
        try:
            found += rule.run(sight)
        except Exception:
            _log.exception("rule %s failed; the order keeps a flag", rule.name)
            found.append(Finding(code=FindingCode.RULE_ERROR, severity=Severity.YELLOW, args=(("rule", rule.name),)))
    return tuple(sorted(found, key=lambda f: f.line or 0))
