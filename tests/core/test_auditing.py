"""Obligations → wanted timers: which are missing, and which are in order although none waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.auditing import (
    DraftDuty,
    Duties,
    FuseDuty,
    ListDuty,
    RequestDuty,
    Timer,
    Wanted,
    missing_timers,
    wanted_timers,
)
from core.deadlines import DeadlineKind, DeadlineState
from core.rules import Rules

NOW = datetime(2026, 2, 20, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DRAFT = Duties(drafts=[DraftDuty(number="SO1", since=NOW)])
ASKED = Duties(requests=[RequestDuty(request_id=7, order_number="SO1", opened_at=NOW, due_at=NOW + 4 * HOUR)])


def wanted(duties: Duties, *, now: datetime = NOW) -> list[Wanted]:
    return wanted_timers(duties, rules=Rules(), due_in=lambda at, hours: at + hours * HOUR, house=[], now=now)


def a_timer(kind: DeadlineKind, ref: str, due_at: datetime, state: DeadlineState, **terms: object) -> Timer:
    values = {"step": "", "generation": 1, **terms}
    return Timer(kind=kind, ref=ref, due_at=due_at, state=state, **values)  # type: ignore[arg-type]


def test_a_draft_wants_its_two_hours() -> None:
    (one,) = missing_timers(wanted(DRAFT), [])

    assert (one.kind, one.ref, one.due_at) == (DeadlineKind.DRAFT_UNSUBMITTED, "SO1", NOW + 2 * HOUR)


@pytest.mark.parametrize(
    ("state", "due", "kept"),
    [
        (DeadlineState.ARMED, NOW + 2 * HOUR, True),
        (DeadlineState.FIRED, NOW + 2 * HOUR, True),
        (DeadlineState.PARKED, NOW + 2 * HOUR, True),
        (DeadlineState.CANCELLED, NOW + 2 * HOUR, False),
        (DeadlineState.FIRED, NOW - HOUR, False),
    ],
)
def test_a_timer_counts_when_it_waits_or_has_gone_off_for_this_very_obligation(
    state: DeadlineState, due: datetime, kept: bool
) -> None:
    timers = [a_timer(DeadlineKind.DRAFT_UNSUBMITTED, "SO1", due, state)]

    assert (missing_timers(wanted(DRAFT), timers) == []) is kept


def test_only_the_newest_generation_counts() -> None:
    old = a_timer(DeadlineKind.DRAFT_UNSUBMITTED, "SO1", NOW + 2 * HOUR, DeadlineState.ARMED)
    new = a_timer(DeadlineKind.DRAFT_UNSUBMITTED, "SO1", NOW + 2 * HOUR, DeadlineState.CANCELLED, generation=2)

    assert len(missing_timers(wanted(DRAFT), [new, old])) == 1


def test_a_question_wants_its_limit_and_the_reminder_while_that_lies_ahead() -> None:
    assert [w.kind for w in wanted(ASKED)] == [DeadlineKind.APPROVAL_DUE, DeadlineKind.APPROVAL_REMINDER]
    assert [w.kind for w in wanted(ASKED, now=NOW + 3.6 * HOUR)] == [DeadlineKind.APPROVAL_DUE]
    assert {w.about for w in wanted(ASKED)} == {"SO1"}


@pytest.mark.parametrize(
    ("left", "escalated", "steps"),
    [
        (5.0, False, ["0h", "1h", ""]),
        (1.5, True, ["0h", "1h"]),
        (1.5, False, ["0h", "1h", ""]),
        (0.5, True, ["0h"]),
        (-1.0, True, ["0h"]),
    ],
)
def test_a_live_expedite_wants_what_lies_ahead_and_its_first_alarm(
    left: float, escalated: bool, steps: list[str]
) -> None:
    fuse = FuseDuty(number="SO1", latest_ship_at=NOW + left * HOUR, escalated_at=NOW if escalated else None)

    assert [w.step for w in wanted(Duties(fuses=[fuse]))] == steps


def test_a_fuse_lit_anew_is_not_served_by_the_alarm_of_the_old_time() -> None:
    fuse = FuseDuty(number="SO1", latest_ship_at=NOW + 0.5 * HOUR, escalated_at=NOW)
    gone_off = a_timer(DeadlineKind.EXPEDITE_FINAL, "SO1", NOW - HOUR, DeadlineState.FIRED, step="0h")

    assert [w.step for w in missing_timers(wanted(Duties(fuses=[fuse])), [gone_off])] == ["0h"]


def test_an_unclaimed_list_wants_its_twenty_minutes() -> None:
    (one,) = wanted(Duties(lists=[ListDuty(number="W1-1", created_at=NOW)]))

    assert (one.kind, one.due_at) == (DeadlineKind.PICK_UNCLAIMED, NOW + timedelta(minutes=20))
