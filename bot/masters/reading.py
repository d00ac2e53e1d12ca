"""From raw cells to rows of values: finds tables and columns by their headers and reads every cell strictly."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.masters.cells import BLANK, BadValue, RawCell, clean_text
from bot.masters.columns import Column, Table
from bot.masters.opening import RawSheet
from bot.masters.plan import ImportRow, Problem
from bot.masters.sheets import SHEET_ORDER

GUIDE_SHEETS = frozenset({"说明", "示例", "readme"})
"""Sheets of a template that hold no data."""
_HEADER_WITHIN = 10


@dataclass(frozen=True, kw_only=True)
class ReadSheet:
    """The rows of one sheet that could be read, and what could not."""

    table: Table | None
    rows: tuple[ImportRow, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_sheet(sheet: RawSheet, filename: str) -> ReadSheet:
    """Read one sheet.

    1. The table is told by the sheet's title, else by its headers; guide sheets and empty ones are passed over.
    2. A hidden sheet, an unknown one, one with merged cells, without a required column or with a column twice
       is not read at all, and said so.
    3. An unknown column is named and left out.
    4. A row with a cell that cannot be taken is left out whole, with a problem for each such cell.
    """
    name = sheet.title or filename
    if not sheet.rows or _bare(sheet.title) in GUIDE_SHEETS:
        return ReadSheet(table=None)
    if sheet.hidden:
        return _unread(name, "工作表是隐藏的,没有读", "取消隐藏后重传")
    table = _by_title(sheet.title) or _by_headers(sheet, filename)
    if table is None:
        return _unread(
            name, "认不出这张表是什么", f"用模板填,或把工作表名改成:{' / '.join(t.title for t in SHEET_ORDER)}"
        )
    at = _header_row(sheet, table)
    if at is None:
        return _unread(name, "前 10 行里没有表头", f"第一行写列名:{'、'.join(c.header for c in table.columns)}", table)
    if sheet.merged:
        return _unread(name, "有合并单元格,只有左上角一格有值", "取消合并,每行都填上值", table)
    _, header = sheet.rows[at]
    columns, problems = _columns(header, table, name)
    missing = [c.header for c in table.columns if c.required and c not in columns.values()]
    if missing:
        problem = Problem(
            sheet=name, row=0, column="、".join(missing), value="", reason="缺少必填的列", suggestion="用模板填"
        )
        return ReadSheet(table=table, problems=(*problems, problem))
    if sum(1 for cell in header if _column(cell.text, table)) > len(columns):
        return ReadSheet(table=table, problems=tuple(problems))
    width = max(index for index, cell in enumerate(header, 1) if cell.text.strip())
    rows: list[ImportRow] = []
    for number, cells in sheet.rows[at + 1 :]:
        if _is_key_row(cells, columns):
            continue
        values, faults = _row(number, cells, columns, name)
        faults += _beside(number, cells, width, name)
        problems += faults
        if not faults:
            key = table.row_key({**table.defaults(), **values})
            rows.append(ImportRow(number=number, key=key, values=values))
    return ReadSheet(table=table, rows=tuple(rows), problems=tuple(problems))


def _unread(name: str, reason: str, suggestion: str, table: Table | None = None) -> ReadSheet:
    problem = Problem(sheet=name, row=0, column="", value="", reason=reason, suggestion=suggestion)
    return ReadSheet(table=table, problems=(problem,))


def _bare(header: str) -> str:
    """A header or title without what people add to it: stars, blanks, full width."""
    return re.sub(r"[\s*]", "", unicodedata.normalize("NFKC", header)).casefold()


def _by_title(title: str) -> Table | None:
    bare = re.sub(r"\(\d+\)$", "", _bare(title))
    return next((t for t in SHEET_ORDER if bare in {_bare(x) for x in (t.title, t.key, *t.also)}), None)


def _by_headers(sheet: RawSheet, filename: str) -> Table | None:
    """The table whose required columns are all there; the file's name decides between two, else the better fit."""
    stem = _bare(filename).rpartition(".")[0]
    fitting = []
    for table in SHEET_ORDER:
        at = _header_row(sheet, table)
        if at is None:
            continue
        columns, _ = _columns(sheet.rows[at][1], table, "")
        found = set(columns.values())
        if all(column in found for column in table.columns if column.required):
            named = any(_bare(word) in stem for word in (table.title, table.key, *table.also))
            unknown = sum(1 for cell in sheet.rows[at][1] if not cell.empty) - len(found)
            fitting.append(((named, -unknown, len(found)), table))
    return max(fitting, key=lambda pair: pair[0])[1] if fitting else None


def _header_row(sheet: RawSheet, table: Table) -> int | None:
    """Title lines may stand above the headers; the headers name the natural key."""
    for index, (_, cells) in enumerate(sheet.rows[:_HEADER_WITHIN]):
        named = {c.key for cell in cells if (c := _column(cell.text, table))}
        if set(table.identity) <= named:
            return index
    return None


def _column(text: str, table: Table) -> Column | None:
    bare = _bare(text)
    if not bare:
        return None
    return next((c for c in table.columns if bare in {_bare(x) for x in (c.header, c.key, *c.also)}), None)


def _columns(header: Sequence[RawCell], table: Table, name: str) -> tuple[dict[int, Column], list[Problem]]:
    columns: dict[int, Column] = {}
    problems: list[Problem] = []
    for index, cell in enumerate(header):
        column = _column(cell.text, table)
        if column is None:
            if _bare(cell.text):
                problems.append(
                    Problem(
                        sheet=name,
                        row=0,
                        column=cell.text,
                        value="",
                        reason="不认识的列,没有导入",
                        suggestion="用模板里的列名,或删掉这一列",
                    )
                )
        elif column in columns.values():
            problems.append(
                Problem(
                    sheet=name,
                    row=0,
                    column=column.header,
                    value=cell.text,
                    reason="同一列出现了两次",
                    suggestion="只留一列",
                )
            )
        else:
            columns[index] = column
    return columns, problems


def _is_key_row(cells: Sequence[RawCell], columns: Mapping[int, Column]) -> bool:
    """The hidden row of English keys under the headers of a template."""
    return all(_at(cells, index).text == column.key for index, column in columns.items())


def _row(
    number: int, cells: Sequence[RawCell], columns: Mapping[int, Column], name: str
) -> tuple[dict[str, object], list[Problem]]:
    values: dict[str, object] = {}
    problems: list[Problem] = []
    for index, column in columns.items():
        cell = _at(cells, index)
        try:
            values[column.key] = _value(cell, column)
        except BadValue as bad:
            problems.append(
                Problem(
                    sheet=name,
                    row=number,
                    column=column.header,
                    value=cell.text,
                    reason=bad.reason,
                    suggestion=bad.suggestion,
                )
            )
    return values, problems


def _beside(number: int, cells: Sequence[RawCell], width: int, name: str) -> Iterator[Problem]:
    """A value right of the last header belongs to no column: in a CSV, a comma inside a value moved the rest."""
    for cell in cells[width:]:
        if cell.text.strip():
            yield Problem(
                sheet=name,
                row=number,
                column="",
                value=cell.text,
                reason="这一格在表头之外,不知道属于哪一列",
                suggestion="检查这一行是否错位",
            )
            return


def _value(cell: RawCell, column: Column) -> object:
    if not cell.empty:
        if cell.kind in ("formula", "error"):
            clean_text(cell)
        return column.kind.read(cell)
    if column.required:
        raise BadValue("必填,这里是空的", f"例如 {column.example}" if column.example else "")
    return column.initial()


def _at(cells: Sequence[RawCell], index: int) -> RawCell:
    return cells[index] if index < len(cells) else BLANK
