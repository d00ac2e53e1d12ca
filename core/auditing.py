"""The auditor's rule: which timers the open obligations want, and which of them are not there (reliability section 7).

Everything here is derived from rows: what is open now, and what its newest timer says. A timer that has gone off for
this very obligation is in order (a draft already shown to the manager has none left); one that was cancelled, or is
not there at all, is missing while the obligation is open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from core.deadlines import DeadlineKind, DeadlineState
from core.people import PlatformName
from core.rules import Rules

if TYPE_CHECKING:
    from core.anchoring import Anchor, Place, StoredLink

MARGIN = timedelta(seconds=60)
"""A step this near is not demanded: it may be going off on a replica whose clock is a little ahead."""


class TroubleKind(StrEnum):
    """What the auditor can find."""

    MISSING_TIMER = "missing_timer"  # an open obligation had no timer; it is armed again and reported
    OVERDUE_TIMER = "overdue_timer"  # a timer is long past its time and has not gone off
    STUCK_LEASE = "stuck_lease"  # work is leased, the lease ran out, and nobody takes it
    MUTED_SENDER = "muted_sender"  # notices wait and none leaves on that messenger
    SLOW_SENDER = "slow_sender"  # notices leave, but the oldest waits far too long
    INBOX_WAITS = "inbox_waits"  # an inbound has been waiting far too long
    BROKEN_CHAIN = "broken_chain"  # an entry of the trace was changed, moved or taken away
    BROKEN_ANCHOR = "broken_anchor"  # the trace is not what a seal says it was
    ANCHOR_FILE = "anchor_file"  # the seal could not be written outside the database
    SILENT_REPLICA = "silent_replica"  # another replica has not looked around for minutes and said no goodbye
    CLOCK_SKEW = "clock_skew"  # this machine's clock is wrong
    LOW_DISK = "low_disk"  # the disk is nearly full
    DATABASE_AWAY = "database_away"  # the database does not answer
    AUDIT_FAILED = "audit_failed"  # the round ended in an error of its own: nobody knows what it would have found
    SPOOL_LEFT = "spool_left"  # a replica stopped bringing its spool in: messages are still in its file


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """One finding. ``subject`` names it for people and tells it from others of its kind."""

    kind: TroubleKind
    subject: str
    since: datetime | None = None
    healed: bool = False
    """It has been put right by the auditor itself; said all the same."""


# ---------------------------------------------------------------- obligations


@dataclass(frozen=True, kw_only=True)
class DraftDuty:
    """A draft nobody has submitted. ``since``: when it last became one, at the earliest."""

    number: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class RequestDuty:
    """A question that waits for its decision."""

    request_id: int
    order_number: str
    opened_at: datetime
    due_at: datetime


@dataclass(frozen=True, kw_only=True)
class FuseDuty:
    """A live expedite."""

    number: str
    latest_ship_at: datetime
    escalated_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class ListDuty:
    """A pick list nobody has claimed."""

    number: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Duties:
    """Everything that is open at one moment."""

    drafts: Sequence[DraftDuty] = ()
    """Only those without an armed timer: old drafts whose time has passed are many."""
    requests: Sequence[RequestDuty] = ()
    fuses: Sequence[FuseDuty] = ()
    lists: Sequence[ListDuty] = ()


@dataclass(frozen=True, kw_only=True)
class Timer:
    """What is known of a timer."""

    kind: DeadlineKind
    ref: str
    step: str
    generation: int
    due_at: datetime
    state: DeadlineState


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A timer that an obligation must have."""

    kind: DeadlineKind
    ref: str
    about: str
    """The subject whose trace tells of it: order, pick list, or the house itself."""
    step: str = ""
    due_at: datetime
    done_from: datetime | None = None
    """One that went off counts when it was due at this time or later; None: only one that still waits counts."""


def wanted_timers(
    duties: Duties,
    *,
    rules: Rules,
    due_in: Callable[[datetime, float], datetime],
    house: Sequence[Wanted],
    now: datetime,
) -> list[Wanted]:
    """Obligations → the timers they must have.

    1. A draft: its two hours (F123). 2. A question: its four hours, and the reminder before them (F126). 3. A live
    expedite: every step that lies ahead; the last one always; the first alarm until it has been given (F076). 4. An
    unclaimed pick list: its twenty minutes. 5. The house itself: the next wave slot (F054), the next calendar check.
    """
    found = [
        Wanted(
            kind=DeadlineKind.DRAFT_UNSUBMITTED,
            ref=draft.number,
            about=draft.number,
            due_at=due_in(draft.since, rules.draft_hours),
            done_from=draft.since,
        )
        for draft in duties.drafts
    ]
    for request in duties.requests:
        found += _of_request(request, rules, now)
    for fuse in duties.fuses:
        found += _of_fuse(fuse, rules, now)
    found += [
        Wanted(
            kind=DeadlineKind.PICK_UNCLAIMED,
            ref=pick_list.number,
            about=pick_list.number,
            due_at=pick_list.created_at + timedelta(minutes=rules.claim_minutes),
            done_from=pick_list.created_at,
        )
        for pick_list in duties.lists
    ]
    return [*found, *house]


def _of_request(request: RequestDuty, rules: Rules, now: datetime) -> list[Wanted]:
    ref = f"ap:{request.request_id}"
    due = Wanted(
        kind=DeadlineKind.APPROVAL_DUE,
        ref=ref,
        about=request.order_number,
        due_at=request.due_at,
        done_from=request.opened_at,
    )
    remind = request.due_at - timedelta(minutes=rules.approval_reminder_minutes)
    if remind <= request.opened_at or remind <= now + MARGIN:
        return [due]
    return [
        due,
        Wanted(
            kind=DeadlineKind.APPROVAL_REMINDER,
            ref=ref,
            about=request.order_number,
            due_at=remind,
            done_from=request.opened_at,
        ),
    ]


def _of_fuse(fuse: FuseDuty, rules: Rules, now: datetime) -> list[Wanted]:
    latest = fuse.latest_ship_at
    at_risk = latest - timedelta(hours=rules.expedite_alarm_hours)
    hour_before = latest - timedelta(hours=1)
    found = [
        Wanted(
            kind=DeadlineKind.EXPEDITE_FINAL,
            ref=fuse.number,
            about=fuse.number,
            step="0h",
            due_at=latest,
            done_from=latest - MARGIN,
        )
    ]
    if hour_before > now + MARGIN:
        found.append(
            Wanted(kind=DeadlineKind.EXPEDITE_FINAL, ref=fuse.number, about=fuse.number, step="1h", due_at=hour_before)
        )
    if at_risk > now + MARGIN or (at_risk < now - MARGIN and fuse.escalated_at is None):
        found.append(
            Wanted(
                kind=DeadlineKind.EXPEDITE_AT_RISK,
                ref=fuse.number,
                about=fuse.number,
                due_at=at_risk,
                done_from=at_risk - MARGIN,
            )
        )
    return found


def missing_timers(wanted: Sequence[Wanted], timers: Sequence[Timer]) -> list[Wanted]:
    """The wanted ones whose newest timer neither waits nor has gone off for this obligation."""
    newest: dict[tuple[DeadlineKind, str, str], Timer] = {}
    for timer in timers:
        key = (timer.kind, timer.ref, timer.step)
        if key not in newest or newest[key].generation < timer.generation:
            newest[key] = timer
    return [w for w in wanted if not _kept(w, newest.get((w.kind, w.ref, w.step)))]


def _kept(wanted: Wanted, timer: Timer | None) -> bool:
    if timer is None or timer.state is DeadlineState.CANCELLED:
        return False
    if timer.state is DeadlineState.ARMED:
        return True
    return wanted.done_from is not None and timer.due_at >= wanted.done_from


# ---------------------------------------------------------------- what the store tells the auditor


@dataclass(frozen=True, kw_only=True)
class Late:
    """A row that should have been dealt with by now."""

    subject: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Unsent:
    """What waits to leave on one messenger."""

    platform: PlatformName
    count: int
    oldest: datetime
    last_sent: datetime | None
    """When the newest notice that left did so."""


@dataclass(frozen=True, kw_only=True)
class ReplicaPass:
    replica: str
    at: datetime


class Audits(Protocol):
    """The auditor's view of the store, inside one transaction."""

    async def duties(self) -> Duties: ...

    async def timers(self, refs: Sequence[str]) -> list[Timer]: ...

    async def overdue(self, before: datetime) -> list[Late]:
        """Armed timers due before ``before``, oldest first, at most 200."""

    async def stuck_leases(self, before: datetime) -> list[Late]:
        """Inbox, outbox and leader leases that ended before ``before`` and are still held, oldest first."""

    async def unsent(self, now: datetime, before: datetime) -> list[Unsent]:
        """Open deliveries recorded before ``before`` that are due or have been tried, per messenger."""

    async def oldest_inbound(self) -> datetime | None: ...

    async def left_spools(self, before: datetime) -> list[Late]:
        """Replicas that were bringing their spool in, and have said nothing more of it since ``before``."""

    async def passes(self) -> list[ReplicaPass]: ...

    async def note_pass(self, replica: str, at: datetime, findings: int) -> None: ...

    async def say_goodbye(self, replica: str) -> None:
        """This replica stops in good order; nobody is to miss it."""

    async def forget_replicas(self, before: datetime) -> None: ...

    async def links(self, *, after: int, upto: int | None = None, limit: int) -> list[StoredLink]:
        """Entries of the trace in order of their ids, as they stand in the rows."""

    async def heads(self, places: Sequence[Place]) -> dict[Place, str]:
        """Hashes at the given places, those that are there."""

    async def settled(self) -> int:
        """The id up to which no entry can appear any more: writers are let finish first (PostgreSQL)."""

    async def anchors(self, *, after: int = 0, limit: int | None = None) -> list[Anchor]:
        """Oldest first, those that reach further than ``after``."""

    async def last_anchor(self, *, alone: bool = False) -> Anchor | None:
        """``alone``: nobody else adds one until this transaction ends."""

    async def add_anchor(self, anchor: Anchor) -> None: ...
