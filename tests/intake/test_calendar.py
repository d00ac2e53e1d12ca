"""Working days and business hours (F051, F126)."""

from __future__ import annotations

from datetime import date, datetime, time

import pytest

from core.clock import CHINA
from core.workcalendar import DEMO_DAYS, WorkCalendar

CALENDAR = WorkCalendar()
DEMO = WorkCalendar(DEMO_DAYS)


def at(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=CHINA)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 2, 17), False),  # Spring Festival
        (date(2026, 2, 28), True),  # a Saturday that makes up for it
        (date(2026, 2, 21), False),
        (date(2026, 3, 2), True),
        (date(2026, 10, 1), False),
        (date(2027, 1, 4), True),  # Monday of a year nobody has published
        (date(2027, 1, 3), False),
    ],
)
def test_holidays_and_make_up_days_are_known(day: date, works: bool) -> None:
    assert CALENDAR.is_workday(day) is works


def test_the_demo_day_is_a_working_day_by_override() -> None:
    assert DEMO.is_workday(date(2026, 2, 21))


def test_a_year_without_published_holidays_is_not_confirmed() -> None:
    assert CALENDAR.confirmed_year(2026)
    assert not CALENDAR.confirmed_year(2027)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        (at(2, 21, 9, 15), 4, at(2, 21, 13, 15)),
        (at(2, 21, 16), 4, at(2, 21, 20)),
        (at(2, 21, 19), 4, at(2, 24, 11)),  # 02-22 and 02-23 are days off
        (at(2, 21, 6), 2, at(2, 21, 10)),
        (at(2, 21, 22), 0.5, at(2, 24, 8, 30)),
        (at(2, 22, 12), 2, at(2, 24, 10)),
        (at(3, 5, 9), 30, at(3, 7, 15) if CALENDAR.is_workday(date(2026, 3, 7)) else at(3, 9, 15)),
        (at(3, 5, 9), 0, at(3, 5, 9)),
    ],
)
def test_nights_and_days_off_do_not_count(start: datetime, hours: float, end: datetime) -> None:
    assert DEMO.add_business_hours(start, hours) == end


def test_working_days_are_counted_forward() -> None:
    assert DEMO.add_workdays(date(2026, 2, 21), 2) == date(2026, 2, 25)
    assert DEMO.add_workdays(date(2026, 2, 21), 0) == date(2026, 2, 21)
    assert DEMO.add_workdays(date(2026, 2, 22), 0) == date(2026, 2, 24)
    assert DEMO.add_workdays(date(2026, 2, 22), 1) == date(2026, 2, 24)


def test_impossible_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        CALENDAR.add_business_hours(datetime(2026, 3, 2, 9), 1)  # noqa: DTZ001
    with pytest.raises(ValueError, match="forward"):
        CALENDAR.add_business_hours(at(3, 2, 9), -1)
    with pytest.raises(ValueError, match="opening to closing"):
        CALENDAR.add_business_hours(at(3, 2, 9), 1, opens=time(20), closes=time(8))
    with pytest.raises(ValueError, match="forward"):
        CALENDAR.add_workdays(date(2026, 3, 2), -1)
    with pytest.raises(ValueError, match="no working day"):
        WorkCalendar({date.fromordinal(date(2026, 3, 2).toordinal() + n): False for n in range(500)}).add_workdays(
            date(2026, 3, 2), 1
        )
