"""Working days and business hours of China, with the company's own exceptions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

import chinese_calendar

from core.clock import CHINA

DEMO_DAYS: Mapping[date, bool] = {date(2026, 2, 21): True}
"""The demo day is a Saturday in the Spring Festival weeks; the demo's calendar works on it (domain page, section 8)."""

OPENS = time(8)
CLOSES = time(20)
_HORIZON = 400
"""Days without any working day after which a calendar is taken to be wrong."""


CONFIRMED_BY = 15
"""Days of a year that the company has entered itself before the year counts as published: the State Council's list
has more than thirty, a single exception does not make a calendar."""


class WorkCalendar:
    """Which days the company works on.

    1. The company's own days come first (True = works): those it entered in the master data (``with_days``), under
       them those of the configuration.
    2. Then the published holidays and make-up days of China (packaged for 2004 to 2026).
    3. A year nobody has published yet counts Monday to Friday, and ``confirmed_year`` says False for it.
    """

    def __init__(self, overrides: Mapping[date, bool] | None = None) -> None:
        self._overrides = dict(overrides or {})

    def with_days(self, days: Mapping[date, bool]) -> WorkCalendar:
        """This calendar under the days that the company entered."""
        return WorkCalendar({**self._overrides, **days})

    def is_workday(self, day: date) -> bool:
        """Whether people work on that day."""
        if day in self._overrides:
            return self._overrides[day]
        try:
            return bool(chinese_calendar.is_workday(day))
        except NotImplementedError:
            return day.weekday() < 5

    def confirmed_year(self, year: int) -> bool:
        """False while the holidays of that year are neither in the packaged calendar nor entered by the company: every
        date shown is provisional."""
        if sum(day.year == year for day in self._overrides) >= CONFIRMED_BY:
            return True
        try:
            chinese_calendar.is_workday(date(year, 1, 1))
        except NotImplementedError:
            return False
        return True

    def add_workdays(self, day: date, days: int) -> date:
        """The working day that is ``days`` working days after ``day``; 0 gives the day itself or the next working day.

        Raises ValueError for a negative number and for a calendar without working days.
        """
        if days < 0:
            raise ValueError("working days are counted forward")
        at = self._workday_from(day)
        if at > day and days > 0:
            days -= 1
        for _ in range(days):
            at = self._workday_from(at + timedelta(days=1))
        return at

    def add_business_hours(
        self, start: datetime, hours: float, *, opens: time = OPENS, closes: time = CLOSES
    ) -> datetime:
        """The moment when ``hours`` hours of opening time have passed since ``start``, in UTC+8.

        Nights and days off do not count: 4 h from 19:00 end at 11:00 of the next working day. A sum that is used
        up exactly at closing time ends there, not on the next morning. Raises ValueError for a naive start,
        negative hours, or a day that closes before it opens.
        """
        if start.tzinfo is None:
            raise ValueError("business hours start at an aware datetime")
        if hours < 0 or closes <= opens:
            raise ValueError("business hours run forward, from opening to closing")
        at, left = start.astimezone(CHINA), timedelta(hours=hours)
        while True:
            day = at.date()
            begin, end = datetime.combine(day, opens, CHINA), datetime.combine(day, closes, CHINA)
            if self.is_workday(day) and at < end:
                at = max(at, begin)
                if left <= end - at:
                    return at + left
                left -= end - at
            at = datetime.combine(self._workday_from(day + timedelta(days=1)), opens, CHINA)

    def _workday_from(self, day: date) -> date:
        for ahead in range(_HORIZON):
            if self.is_workday(day + timedelta(days=ahead)):
                return day + timedelta(days=ahead)
        raise ValueError(f"no working day within {_HORIZON} days from {day}")
