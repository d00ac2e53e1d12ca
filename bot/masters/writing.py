"""Cells and sheets on their way out: codes stay text, and nothing in them is ever calculated."""

from __future__ import annotations

import re
from typing import Any

from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from bot.masters.kinds import TEXT_FORMAT, Shown

HEADER_FILL = PatternFill("solid", fgColor="1F4E79")
REQUIRED_FILL = PatternFill("solid", fgColor="C55A11")
HEADER_FONT = Font(bold=True, color="FFFFFF")
GREY = Font(color="7F7F7F")
WRAPPED = Alignment(wrap_text=True, vertical="top")
MOST_CELL_CHARACTERS = 32_767
"""What one cell of Excel holds."""
_CALCULATED = re.compile(r"[=+\-@\t\r]")


def out_cell(sheet: Any, value: Shown, number_format: str = TEXT_FORMAT) -> Any:
    """A cell that shows exactly this value.

    Text that a spreadsheet would take for a formula (``= + - @``, tab, return) is written as text with the quote
    prefix, so that it is not calculated either when somebody edits the cell.
    """
    if isinstance(value, str):
        value = ILLEGAL_CHARACTERS_RE.sub("", value)[:MOST_CELL_CHARACTERS]
    written: Any = value
    cell: Any = WriteOnlyCell(sheet, value=written)
    cell.number_format = number_format
    if isinstance(value, str):
        cell.data_type = "s"
        cell.quotePrefix = bool(_CALCULATED.match(value))
    return cell


def header_cell(sheet: Any, text: str, *, required: bool = False) -> Any:
    """A column's head; required ones stand out."""
    cell = out_cell(sheet, text)
    cell.font = HEADER_FONT
    cell.fill = REQUIRED_FILL if required else HEADER_FILL
    return cell


def set_widths(sheet: Any, widths: list[float]) -> None:
    """Column widths in characters."""
    for index, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(index)].width = width
