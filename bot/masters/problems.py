"""The sheet of problems that goes back to whoever sent the file."""

from __future__ import annotations

from io import BytesIO

from openpyxl import Workbook

from bot.masters.plan import ImportPlan
from bot.masters.writing import header_cell, out_cell, set_widths

HEADERS = ("工作表", "行号", "列", "值", "问题", "建议")


def problem_sheet(plan: ImportPlan) -> bytes:
    """An xlsx with one row per problem: sheet, row number in the file sent, column, value, reason, suggestion."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("问题")
    sheet.freeze_panes = "A2"
    set_widths(sheet, [14, 8, 14, 26, 44, 44])
    sheet.append([header_cell(sheet, text) for text in HEADERS])
    for problem in plan.problems:
        shown = (
            problem.sheet,
            problem.row or "表头",
            problem.column,
            problem.value,
            problem.reason,
            problem.suggestion,
        )
        sheet.append([out_cell(sheet, value, "0" if isinstance(value, int) else "@") for value in shown])
    out = BytesIO()
    book.save(out)
    return out.getvalue()
