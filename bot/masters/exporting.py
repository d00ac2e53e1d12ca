"""Master data as a workbook: empty to be filled in, or with everything on file (F146)."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from bot.files.grid import MAX_ROWS
from bot.masters.columns import Table
from bot.masters.kinds import Shown
from bot.masters.master_set import MasterSet, read_masters
from bot.masters.sheets import BY_KEY, SHEET_ORDER
from bot.masters.writing import GREY, WRAPPED, header_cell, out_cell, set_widths
from core.ports import Database

HEAD_ROWS = 2
"""Chinese headers, and below them the hidden row of keys by which columns are known when a header is renamed."""
ROOM = MAX_ROWS - HEAD_ROWS
"""Rows of one sheet; what is more goes on in “库位(2)”."""
LONGEST_LIST = 255
"""Characters Excel allows for the list of a drop-down."""
GUIDE = (
    "橙色列必填,蓝色列可空。带 * 的是必填列。",
    "编码列已设为文本:请直接填或“只粘贴数值”,不要让 Excel 变成数字、日期或科学计数。",
    "导入先试读:可用多少行、每个问题在第几行第几列,确认后才写入;写入要么全部成功,要么一行不动。",
    "按编码更新:编码已有就改,没有就新增。不会删除;不用了的把“启用/在职”填 否。",
    "文件里没有的列不动;有的列留空,等于填默认值。",
    "一格多个值用 ; 或 、 隔开。日期写 2026-02-21,时间写 15:30。",
)


def write_templates(path: Path) -> None:
    """Write one xlsx with an empty sheet per master, drop-downs where the values are finite, and 说明 with an
    example row for each."""
    path.write_bytes(_workbook(MasterSet()))


async def export(database: Database) -> bytes:
    """Everything on file as an xlsx that imports without a difference."""
    async with database.reading() as tx:
        masters = await read_masters(tx)
        return export_masters(masters)


def export_masters(masters: MasterSet) -> bytes:
    """The same for a set at hand."""
    return _workbook(masters)


async def export_csv(database: Database, table_key: str) -> bytes:
    """One master as CSV for Excel (UTF-8 with byte order mark). Raises KeyError for an unknown table."""
    table = BY_KEY[table_key]
    async with database.reading() as tx:
        entities = table.rows_of(await read_masters(tx))
        rows = [[_csv_text(value) for value in _shown(table, entity)] for entity in entities]
    out = StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([column.header for column in table.columns])
    writer.writerows(rows)
    return out.getvalue().encode("utf-8-sig")


def _csv_text(value: Shown) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if isinstance(value, str) and re.match(r"[=+\-@\t\r]", text) else text


def _workbook(masters: MasterSet) -> bytes:
    book = Workbook(write_only=True)
    _guide(book.create_sheet("说明"))
    for table in SHEET_ORDER:
        entities = table.rows_of(masters)
        parts = [entities[at : at + ROOM] for at in range(0, len(entities), ROOM)] or [()]
        for number, part in enumerate(parts, 1):
            title = table.title if number == 1 else f"{table.title}({number})"
            _fill(book.create_sheet(title), table, part)
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _fill(sheet: Any, table: Table, entities: Iterable[Any]) -> None:
    sheet.freeze_panes = f"A{HEAD_ROWS + 1}"
    sheet.row_dimensions[2].hidden = True
    set_widths(sheet, [max(12.0, 2.4 * len(column.title)) for column in table.columns])
    for index, column in enumerate(table.columns, 1):
        letter = get_column_letter(index)
        # The whole column, so that what is typed below the last row is kept as text, too.
        sheet.column_dimensions[letter].number_format = column.kind.number_format
        _drop_down(sheet, letter, column.kind.choices, free=column.kind.several)
    sheet.append([header_cell(sheet, c.title, required=c.required) for c in table.columns])
    sheet.append([out_cell(sheet, column.key) for column in table.columns])
    formats = [column.kind.number_format for column in table.columns]
    for entity in entities:
        values = zip(_shown(table, entity), formats, strict=True)
        sheet.append([out_cell(sheet, value, number_format) for value, number_format in values])


def _shown(table: Table, entity: Any) -> Sequence[Shown]:
    values = table.values_of(entity)
    return [None if (v := values[c.key]) is None else c.kind.show(v) for c in table.columns]


def _drop_down(sheet: Any, letter: str, choices: tuple[str, ...], *, free: bool) -> None:
    """``free``: several values may stand in one cell, so the list only proposes."""
    listed = ",".join(choices)
    if not choices or len(listed) > LONGEST_LIST:
        return
    rule = DataValidation(type="list", formula1=f'"{listed}"', allow_blank=True, showErrorMessage=not free)
    rule.error = "请从列表里选"
    rule.add(f"{letter}{HEAD_ROWS + 1}:{letter}{MAX_ROWS}")
    sheet.data_validations.append(rule)


def _guide(sheet: Any) -> None:
    set_widths(sheet, [16, 14, 10, 24, 60])
    for line in GUIDE:
        sheet.append([out_cell(sheet, line)])
    sheet.append([])
    sheet.append([header_cell(sheet, text) for text in ("工作表", "列", "必填", "示例", "说明")])
    for table in SHEET_ORDER:
        for column in table.columns:
            note = column.note or (" / ".join(column.kind.choices) if len(column.kind.choices) <= 8 else "")
            texts = (table.title, column.header, "是" if column.required else "", column.example, note)
            cells = [out_cell(sheet, text or None) for text in texts]
            cells[3].font = GREY
            cells[4].alignment = WRAPPED
            sheet.append(cells)
