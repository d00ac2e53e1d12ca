"""工作日历: days of the company's own, from the sheet into every date that is counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from bot.masterdata import DeskSource
from bot.masters import DEMO_START, apply, dry_run, export
from core.intake.check import RuleSettings
from core.rules import Rules
from core.workcalendar import CONFIRMED_BY, WorkCalendar
from storage.database import SqlDatabase
from tests.masters.books import book, told

HEAD = ["日期", "上班", "备注"]
NEW_YEAR = date(2027, 1, 1)


async def _imported(database: SqlDatabase, *rows: Sequence[object]) -> str:
    plan = await dry_run(book(工作日历=[HEAD, *map(list, rows)]), "x.xlsx", database)
    assert told(plan) == []
    return (await apply(plan, database, by="E16", now=DEMO_START)).text


def _source(database: SqlDatabase) -> DeskSource:
    """The configuration says that both days are worked."""
    calendar = WorkCalendar({NEW_YEAR: True, date(2026, 10, 1): True})
    return DeskSource(database, calendar=calendar, rules=Rules(), checks=RuleSettings())


async def _calendar(source: DeskSource, database: SqlDatabase) -> WorkCalendar:
    async with database.reading() as tx:
        return (await source.get(tx)).calendar


async def test_a_day_of_the_sheet_stands_above_the_configuration_and_that_above_the_published_holidays(
    database: SqlDatabase,
) -> None:
    source = _source(database)
    assert (await _calendar(source, database)).is_workday(NEW_YEAR)

    assert await _imported(database, ["2027-01-01", "否", "元旦"]) == "工作日历:新增 1,修改 0,未变 0"

    calendar = await _calendar(source, database)
    assert not calendar.is_workday(NEW_YEAR)
    assert calendar.is_workday(date(2026, 10, 1))
    assert not calendar.is_workday(date(2026, 10, 2))
    assert not calendar.confirmed_year(2027)


async def test_a_day_is_changed_by_the_next_import_and_an_export_changes_nothing(database: SqlDatabase) -> None:
    await _imported(database, ["2027-02-06", "是", "春节调休"])

    assert await _imported(database, ["2027-02-06", "否", ""]) == "工作日历:新增 0,修改 1,未变 0"

    async with database.reading() as tx:
        (day,) = await tx.catalog.calendar_days()
    assert (day.day, day.works, day.note, day.by, day.at) == (date(2027, 2, 6), False, "", "E16", DEMO_START)
    plan = await dry_run(await export(database), "x.xlsx", database)
    assert plan.clean
    assert (await apply(plan, database, by="E16", now=DEMO_START)).changed == 0


async def test_a_year_that_the_company_has_filled_in_is_confirmed(database: SqlDatabase) -> None:
    days = [[(NEW_YEAR + timedelta(days=n)).isoformat(), "否", "假"] for n in range(CONFIRMED_BY)]
    await _imported(database, *days)

    calendar = await _calendar(_source(database), database)

    assert calendar.confirmed_year(2027)
    assert not calendar.confirmed_year(2028)


async def test_a_day_that_is_none_and_a_day_without_a_word_are_refused(database: SqlDatabase) -> None:
    plan = await dry_run(
        book(工作日历=[HEAD, ["2027-02-30", "否", ""], ["2027-03-01", "", ""], ["2027-03-02", "半天", ""]]),
        "x.xlsx",
        database,
    )

    assert [(p.row, p.column) for p in plan.problems] == [(2, "日期"), (3, "上班"), (4, "上班")]
    assert plan.usable == 0
