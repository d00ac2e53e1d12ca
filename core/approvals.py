"""Approvals: who must decide on a submitted order, and that exactly one decision wins (F012, F124–F126)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from core.people import PlatformName, Role


class Step(StrEnum):
    """Nodes of the confirmation flow, in the order they are walked."""

    SUPERVISOR = "supervisor"  # 主管复核: only when a flag needs a waiver
    TECH = "tech"  # 技术确认: every order


STEP_ROLE: dict[Step, Role] = {Step.SUPERVISOR: Role.SUPERVISOR, Step.TECH: Role.TECH}
ESCALATION_ROLE: dict[Step, Role] = {Step.SUPERVISOR: Role.SALES_DIRECTOR, Step.TECH: Role.TECH_DIRECTOR}
"""To whom a question climbs that its own role leaves undecided (F126), or that nobody of it may decide."""
STEP_LABEL: dict[Step, str] = {Step.SUPERVISOR: "主管复核", Step.TECH: "技术确认"}


class Verdict(StrEnum):
    APPROVED = "approved"  # 通过
    REJECTED = "rejected"  # 驳回


class RequestState(StrEnum):
    OPEN = "open"  # waits for a decision
    DECIDED = "decided"  # has its one Decision
    WITHDRAWN = "withdrawn"  # the order was revised or cancelled


@dataclass(kw_only=True)
class ApprovalRequest:
    """A question put to a role: one row per order, revision and step (unique)."""

    order_number: str
    revision: int
    step: Step
    state: RequestState
    audience: list[str]
    """Person ids asked at first; authority is checked again at the press (law 6)."""
    opened_at: datetime
    due_at: datetime
    escalated_to: list[str] = field(default_factory=list)
    escalated_at: datetime | None = None
    id: int | None = None


@dataclass(kw_only=True)
class Decision:
    """The one decision on a request (unique key on request_id: law 2). Never updated, never deleted (F125)."""

    request_id: int
    order_number: str
    step: Step
    verdict: Verdict
    by: str
    by_name: str
    platform: PlatformName
    reason_code: str = ""
    note: str = ""
    at: datetime
    id: int | None = None
