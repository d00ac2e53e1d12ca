"""When the goods are wanted: dates as people write them, read against today (chat grammar, rule 3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from core.clock import CHINA
from core.intake.numerals import spoken_number
from core.part_number import squeezed

DEFAULT_TIME = time(18)
"""A day without an hour means 18:00."""

_HALF_A_YEAR = timedelta(days=180)
_WEEKDAYS = {
    "一": 0,
    "二": 1,
    "三": 2,
    "四": 3,
    "五": 4,
    "六": 5,
    "日": 6,
    "天": 6,
    "1": 0,
    "2": 1,
    "3": 2,
    "4": 3,
    "5": 4,
    "6": 5,
    "7": 6,
}
_ENGLISH_DAYS = {"mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6}
_AHEAD = {
    "今天": 0,
    "今日": 0,
    "当天": 0,
    "今晚": 0,
    "今早": 0,
    "today": 0,
    "明天": 1,
    "明日": 1,
    "明早": 1,
    "明晚": 1,
    "tomorrow": 1,
    "后天": 2,
    "後天": 2,
    "大后天": 3,
}
_DAY_PARTS = {
    "早上": time(12),
    "上午": time(12),
    "一早": time(12),
    "早": time(12),
    "中午": time(12),
    "下午": time(18),
    "傍晚": time(18),
    "晚上": time(20),
    "晚": time(20),
}

_NUM = r"(?:\d{1,2}|[一二两三四五六七八九十]{1,3})"
_NAMED = "交期|交货期|交货日期|交货时间|要货日期|要货时间|到货日期|到货时间|送货日期|送货时间|发货日期|(?<![a-z])due"
_SET = r"\s*[:=]?\s*(?:是|为|改到|改成|改为)?\s*"
_LABEL = rf"(?:(?:{_NAMED}|(?<![a-z])by){_SET})"
_CLOCK = (
    r"(?:\s*(?P<part>早上|上午|一早|中午|下午|傍晚|晚上|晚|早)?\s*"
    r"(?:(?P<hour>\d{1,2})(?::(?P<minute>\d{2})|[点时](?P<half>半)?(?:(?P<min2>\d{1,2})分?)?)(?![0-9]))?)"
)
_WANTED = (
    r"(?P<wanted>\s*(?:之前|以前|前|内)?\s*(?:必须|一定|务必)?\s*(?:要货|要到货|要到|要(?!求)|到货|送到|送达|交货|发货|发出|交|到(?!付)|送(?!货)|发(?![票顺德货]))?"
    r"(?!\d))"
)
_WEEK = r"(?:周|星期|礼拜)"
_DAY = re.compile(
    rf"""
    (?P<label>{_LABEL})?
    (?:
      (?<![0-9a-z])(?P<year>20\d\d)(?:[-/.年]\s*(?P<m1>\d{{1,2}})[-/.月]\s*(?P<d1>\d{{1,2}})[日号]?|(?P<m0>\d\d)(?P<d0>\d\d))(?![0-9a-z])
      |(?<![0-9a-z])(?P<m2>{_NUM})月(?P<d2>\d{{1,2}}|[一二三四五六七八九十]{{1,3}})[日号]?(?![0-9])
      |(?<![0-9a-z./-])(?P<m3>\d{{1,2}})/(?P<d3>\d{{1,2}})[日号]?(?![0-9a-z/.-])
      |(?<![0-9a-z./-])(?P<m4>\d{{1,2}})[.-](?P<d4>\d{{1,2}})(?:[日号])?(?![0-9a-z/.-])
      |(?P<day_of>下个月|下月|本月|这个月|当月)(?P<d5>\d{{1,2}})[日号]
      |(?<![0-9a-z\u4e00-\u9fff])(?P<d6>\d{{1,2}})[日号](?![0-9a-z线楼院栋])
      |(?P<week>下下|下个|下|本|这个|这)?{_WEEK}(?P<weekday>[一二三四五六日天1-7])(?!\d)
      |(?P<weekend>(?:下|本|这)?周末)
      |(?P<english>(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?)(?![a-z])
      |(?P<ahead>大后天|今天|今日|当天|今晚|今早|明天|明日|明早|明晚|后天|後天|today|tomorrow)
      |(?P<days>{_NUM})天(?:之后|以后|后|之内|以内|内)
      |(?P<month_end>本月底|这个月底|下月底|下个月底|月底|月末)
      |(?P<loose>月初|月中|下周(?![一二三四五六日天])|下个月(?!\d)|年底|节前|节后|上旬|中旬|下旬)
    )
    {_CLOCK}{_WANTED}
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LABELLED = re.compile(rf"(?:{_NAMED}){_SET}(?P<rest>[^,;、。\n\x00]{{1,20}})", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class DueReading:
    """A date as written and the moment it means, on the Chinese wall clock.

    ``at`` is None when it cannot be read or two readings are possible; ``readings`` are then offered.
    """

    text: str
    at: datetime | None = None
    readings: tuple[datetime, ...] = ()
    time_given: bool = False
    """False: 18:00 was taken."""


def dues_in(text: str, *, now: datetime) -> Iterator[tuple[int, int, DueReading]]:
    """Every date in a text where part numbers have been blanked out, with its place."""
    taken: list[tuple[int, int]] = []
    for found in _DAY.finditer(text):
        if reading := _read(found, now.astimezone(CHINA)):
            taken.append(found.span())
            yield found.start(), found.end(), reading
    for found in _LABELLED.finditer(text):
        if not any(a < found.end() and found.start() < b for a, b in taken):
            yield found.start(), found.end(), DueReading(text=found[0].strip())


def read_due(text: str, *, now: datetime) -> DueReading | None:
    """The one date a field or a correction holds; None for an empty text, unreadable for anything else."""
    written = squeezed(text)
    if not written:
        return None
    return one_due([reading for _, _, reading in dues_in(written, now=now)]) or DueReading(text=written)


def one_due(found: list[DueReading]) -> DueReading | None:
    """One order has one date: two that differ are both offered."""
    if not found:
        return None
    if len({r.at for r in found}) == 1 and len(found) >= 1:
        return found[0]
    readings = dict.fromkeys(at for r in found for at in (r.readings or ((r.at,) if r.at else ())))
    return DueReading(text=" / ".join(r.text for r in found), readings=tuple(readings))


def _read(found: re.Match[str], now: datetime) -> DueReading | None:
    written = found[0].strip()
    if found["m4"] and not (found["label"] or found["wanted"].strip() or written.endswith(("日", "号"))):
        return None
    if found["d6"] and not (
        found["label"]
        or found["wanted"].strip()
        or found.end() == len(found.string)
        or found.string[found.end()] in " ,;、。\n\x00"
    ):
        return None
    if found["m3"] and not _plausible(found):
        return None
    hour, given = _hour(found)
    days = _days(found, now.date())
    if hour is None or not days:
        return DueReading(text=written)
    moments = tuple(datetime.combine(day, hour, CHINA) for day in days)
    if len(moments) > 1:
        return DueReading(text=written, readings=moments, time_given=given)
    return DueReading(text=written, at=moments[0], readings=moments, time_given=given)


def _plausible(found: re.Match[str]) -> bool:
    """``3/5`` is a date; ``75/3`` is not, unless somebody says that it is one."""
    month, day = int(found["m3"]), int(found["d3"])
    return bool(found["label"] or found["wanted"].strip()) or (1 <= month <= 12 and 1 <= day <= 31)


def _days(found: re.Match[str], today: date) -> tuple[date, ...]:
    for kind, rule in _RULES:
        if found[kind] is not None:
            try:
                return rule(found, today)
            except (ValueError, OverflowError):
                return ()
    return ()


def _hour(found: re.Match[str]) -> tuple[time | None, bool]:
    part = found["part"] or {"今晚": "晚", "明晚": "晚", "今早": "早", "明早": "早"}.get(found["ahead"] or "", "")
    if found["hour"] is None:
        return _DAY_PARTS.get(part, DEFAULT_TIME), bool(part)
    hour, minute = int(found["hour"]), int(found["minute"] or found["min2"] or (30 if found["half"] else 0))
    if part in ("下午", "傍晚", "晚上", "晚") and hour < 12:
        hour += 12
    if hour == minute == 0 and not part:
        return DEFAULT_TIME, False
    if hour > 23 or minute > 59:
        return None, True
    return time(hour, minute), True


def _number(text: str) -> int:
    value = int(text) if text.isdigit() else spoken_number(text)
    if value is None:
        raise ValueError(text)
    return value


def _this_or_next_year(month: int, day: int, today: date) -> tuple[date, ...]:
    at = date(today.year, month, day)
    return (at if at >= today - _HALF_A_YEAR else date(today.year + 1, month, day),)


def _day_of_month(found: re.Match[str], today: date) -> tuple[date, ...]:
    day = int(found["d5"] or found["d6"])
    first = today.replace(day=1)
    if (found["day_of"] or "").startswith("下") or (found["d6"] and day < today.day):
        first = (first + timedelta(days=32)).replace(day=1)
    return (first.replace(day=day),)


def _weekday(found: re.Match[str], today: date) -> tuple[date, ...]:
    wanted = _WEEKDAYS[found["weekday"]]
    monday = today - timedelta(days=today.weekday())
    week = found["week"] or ""
    if week:
        ahead = 2 if week == "下下" else 1 if week.startswith("下") else 0
        return (monday + timedelta(days=7 * ahead + wanted),)
    return _coming(wanted, today)


def _coming(wanted: int, today: date) -> tuple[date, ...]:
    ahead = (wanted - today.weekday()) % 7
    if ahead == 0:
        return (today, today + timedelta(days=7))
    return (today + timedelta(days=ahead),)


def _weekend(found: re.Match[str], today: date) -> tuple[date, ...]:
    monday = today - timedelta(days=today.weekday()) + timedelta(days=7 if found["weekend"].startswith("下") else 0)
    return (monday + timedelta(days=5), monday + timedelta(days=6))


def _month_end(found: re.Match[str], today: date) -> tuple[date, ...]:
    months = 2 if found["month_end"].startswith("下") else 1
    first = today.replace(day=1)
    for _ in range(months):
        first = (first + timedelta(days=32)).replace(day=1)
    return (first - timedelta(days=1),)


_RULES: tuple[tuple[str, Callable[[re.Match[str], date], tuple[date, ...]]], ...] = (
    ("m1", lambda m, today: (date(int(m["year"]), int(m["m1"]), int(m["d1"])),)),
    ("m0", lambda m, today: (date(int(m["year"]), int(m["m0"]), int(m["d0"])),)),
    ("m2", lambda m, today: _this_or_next_year(_number(m["m2"]), _number(m["d2"]), today)),
    ("m3", lambda m, today: _this_or_next_year(int(m["m3"]), int(m["d3"]), today)),
    ("m4", lambda m, today: _this_or_next_year(int(m["m4"]), int(m["d4"]), today)),
    ("d5", _day_of_month),
    ("d6", _day_of_month),
    ("weekday", _weekday),
    ("weekend", _weekend),
    ("english", lambda m, today: _coming(_ENGLISH_DAYS[m["english"][:3].lower()], today)),
    ("ahead", lambda m, today: (today + timedelta(days=_AHEAD[m["ahead"].lower()]),)),
    ("days", lambda m, today: (today + timedelta(days=_number(m["days"])),)),
    ("month_end", _month_end),
    ("loose", lambda m, today: ()),
)
"""How each way of naming a day is read; the first group that matched decides. Several days = two readings."""
