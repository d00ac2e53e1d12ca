"""Master data from a file: a dry run that names every fault, then one transaction (newcomer page, section 9)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.masters.agreement import Agreement, SheetRow
from bot.masters.columns import Table
from bot.masters.master_set import read_masters
from bot.masters.opening import open_sheets
from bot.masters.plan import ImportPlan, ImportRow, OnFile
from bot.masters.reading import read_sheet
from bot.masters.sheets import SHEET_ORDER, TABLES
from core.errors import DomainError
from core.people import Person
from core.ports import Database, Transaction


@dataclass(frozen=True, kw_only=True)
class TableSummary:
    """What happened to one master."""

    title: str
    added: int
    changed: int
    unchanged: int


@dataclass(frozen=True, kw_only=True)
class ImportSummary:
    """What an import did, per table that the file had rows for; ``left_out`` rows had problems."""

    tables: tuple[TableSummary, ...]
    left_out: int

    @property
    def text(self) -> str:
        """``客户:新增 2,修改 0,未变 598`` per table, and how many rows were left out."""
        lines = [f"{t.title}:新增 {t.added:,},修改 {t.changed:,},未变 {t.unchanged:,}" for t in self.tables]
        return "\n".join([*lines, *([f"有误未导入 {self.left_out:,} 行"] if self.left_out else [])]) or "没有可导入的行"

    @property
    def added(self) -> int:
        """New rows."""
        return sum(table.added for table in self.tables)

    @property
    def changed(self) -> int:
        """Rows that now say something else."""
        return sum(table.changed for table in self.tables)

    @property
    def unchanged(self) -> int:
        """Rows that said what was on file."""
        return sum(table.unchanged for table in self.tables)


def read_workbook(data: bytes, filename: str, on_file: OnFile | None = None) -> ImportPlan:
    """Read an xlsx or CSV of master data and change nothing.

    Values are taken as they stand or not at all (F146): what a spreadsheet did to a code, a formula, a blank or a
    full-width digit is a problem with a suggestion. A row with a problem is left out whole; rows that refer to it
    too. ``on_file`` is what the rows are compared with; without it the file must stand by itself.

    Raises FileRefused when the file cannot be opened safely.
    """
    rows: dict[str, list[SheetRow]] = {table.key: [] for table in TABLES}
    agreement = Agreement(on_file=on_file or OnFile())
    for sheet in open_sheets(data, filename):
        read = read_sheet(sheet, filename)
        agreement.problems += read.problems
        if read.table is not None:
            rows[read.table.key] += [SheetRow(sheet=sheet.title or filename, row=row) for row in read.rows]
    usable = {table.key: agreement.take(table, rows[table.key]) for table in TABLES}
    return ImportPlan(filename=filename, rows=usable, problems=tuple(sorted(agreement.problems, key=_place)))


def _place(problem: Any) -> tuple[str, int]:
    return problem.sheet, problem.row


async def on_file(database: Database) -> OnFile:
    """The masters as they are now."""
    async with database.reading() as tx:
        return OnFile.of(await read_masters(tx))


async def dry_run(data: bytes, filename: str, database: Database) -> ImportPlan:
    """``read_workbook`` against the order store, in a thread, so that nobody waits for a large file."""
    return await asyncio.to_thread(read_workbook, data, filename, await on_file(database))


async def apply(plan: ImportPlan, database: Database, *, by: str, now: datetime) -> ImportSummary:
    """Write the usable rows of a plan, all of them or, on any error, none.

    1. A known key is changed in the columns that the file has, an unknown one is added; nothing is ever deleted.
    2. Rows that say what is on file are not written, so that importing an export changes nothing (F146).
    3. Stock goes in as receipts and counts with their movements (F064); what orders hold stays held.

    ``by`` is the person's id. Raises DomainError when the order store has moved on since the dry run, so that a
    row cannot be written any more: make a new dry run.
    """
    async with database.transaction() as tx:
        current = OnFile.of(await read_masters(tx))
        summaries: dict[str, TableSummary] = {}
        for table in TABLES:
            rows = plan.rows.get(table.key, ())
            if rows:
                summaries[table.key] = await _apply_table(tx, table, rows, current, by=by, now=now)
        summary = ImportSummary(
            tables=tuple(summaries[t.key] for t in SHEET_ORDER if t.key in summaries), left_out=plan.faulty
        )
        if summary.added or summary.changed:
            person = await tx.people.get(by)
            await tx.timeline.append(
                "masters",
                "masters.imported",
                actor=by,
                actor_name=person.name if person else by,
                channel="import",
                at=now,
                details={
                    "file": plan.filename,
                    "left_out": summary.left_out,
                    "rows": {key: [s.added, s.changed] for key, s in summaries.items()},
                },
            )
    return summary


async def _apply_table(
    tx: Transaction, table: Table, rows: tuple[ImportRow, ...], current: OnFile, *, by: str, now: datetime
) -> TableSummary:
    before = current.values[table.key]
    added: list[Mapping[str, Any]] = []
    changed: list[Mapping[str, Any]] = []
    for row in rows:
        old = before.get(row.key)
        new = {**(old or table.defaults()), **row.values}
        if old is None:
            added.append(new)
        elif new != old:
            changed.append(new)
    await _write(tx, table, [table.build(values) for values in (*added, *changed)], by=by, now=now)
    return TableSummary(
        title=table.title, added=len(added), changed=len(changed), unchanged=len(rows) - len(added) - len(changed)
    )


async def _write(tx: Transaction, table: Table, entities: list[Any], *, by: str, now: datetime) -> None:
    if not entities:
        return
    if table.key == "people":
        await _write_people(tx, entities)
    elif table.key == "lots":
        await tx.stock.receive(entities, by=by, at=now, ref="import")
    elif table.key == "calendar":
        await tx.catalog.upsert([replace(day, by=by, at=now) for day in entities])
    else:
        await tx.catalog.upsert(entities)


async def _write_people(tx: Transaction, people: list[Person]) -> None:
    """Accounts are taken from everybody first, so that two people may swap them in one file."""
    for person in people:
        await tx.people.save(replace(person, accounts=[]))
    for person in people:
        try:
            await tx.people.save(person)
        except ValueError as taken:
            raise DomainError("import_outdated", row=person.id) from taken
