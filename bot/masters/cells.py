"""One cell as it stands in the file, and what can be wrong with it before anybody asks what it means."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

CellKind = Literal["text", "number", "date", "flag", "formula", "error"]

EXCEL_DIGITS = 15
"""Excel keeps fifteen digits of a number and writes zeros for the rest."""
SHOWN_AS_POWER = 10**11
"""From twelve digits on Excel shows a plain number as 4.465E+11."""

_POWER = re.compile(r"[+-]?\d(\.\d+)?[eE]\+\d{1,3}")
_DATED = re.compile(
    r"(\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}/\d{1,2}/\d{4})( 0?0:00(:00)?)?"
    r"|\d{1,2}月\d{1,2}日|\d{4}年\d{1,2}月(\d{1,2}日)?"
    r"|\d{1,2}-(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)|(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-\d{2}"
)
_CUT_OFF = re.compile(r"\d{15}0+")


@dataclass(frozen=True, kw_only=True)
class RawCell:
    """``text`` is what a person sees, blanks and all; ``value`` the number, date or time behind it."""

    text: str
    kind: CellKind = "text"
    value: float | dt.datetime | dt.date | dt.time | None = None

    @property
    def empty(self) -> bool:
        return self.kind == "text" and not self.text


BLANK = RawCell(text="")


class BadValue(ValueError):
    """The cell is not taken. ``reason`` and ``suggestion`` are Chinese, for the sheet of problems."""

    def __init__(self, reason: str, suggestion: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.suggestion = suggestion


def clean_text(cell: RawCell) -> str:
    """The text of a cell that has nothing to hide.

    Nothing is repaired: formulas, Excel's error values, blanks around the value and characters nobody sees raise
    BadValue with the value as it was probably meant.
    """
    if cell.kind == "formula":
        raise BadValue("单元格是公式,不是值", "复制后用“选择性粘贴 → 数值”贴回")
    if cell.kind == "error":
        raise BadValue(f"单元格是 Excel 的错误值 {cell.text}", "填上真实的值,或清空")
    visible = "".join(" " if c in "\n\r\t\u3000\u00a0" else c for c in cell.text if not _unseen(c))
    meant = " ".join(visible.split()) if visible != cell.text else visible.strip()
    if meant != cell.text:
        raise BadValue("前后有空格,或夹着看不见的字符、换行", meant or "清空这一格")
    return meant


def half_width(cell: RawCell) -> str:
    """A clean text without full-width letters and digits. Raises BadValue with the half-width form."""
    text = clean_text(cell)
    half = unicodedata.normalize("NFKC", text)
    if half != text:
        raise BadValue("有全角字符", half)
    return text


def code_text(cell: RawCell) -> str:
    """A code, character by character as it was assigned (F146: never coerced).

    Raises BadValue for what spreadsheets do to codes: numbers (leading zeros are gone), ``4.465E+11``, dates made
    of ``5-10``, digits past the fifteenth turned into zeros; and for full-width characters and blanks.
    """
    if cell.kind == "number":
        raise BadValue(*_number_in_place_of_code(cell))
    if cell.kind == "date":
        raise BadValue(f"像被 Excel 改成了日期 {cell.text}", f"列设为文本后重填{_as_typed(cell)}")
    if cell.kind == "flag":
        raise BadValue(f"像被 Excel 改成了逻辑值 {cell.text}", "列设为文本后重填")
    text = half_width(cell)
    if _POWER.fullmatch(text):
        raise BadValue(f"像被 Excel 改成了数字 {text},原来的位数已丢", "列设为文本后按原编码重填")
    if _DATED.fullmatch(text):
        raise BadValue(f"像被 Excel 改成了日期 {text}", "列设为文本后按原编码重填")
    if _CUT_OFF.fullmatch(text):
        raise BadValue("超过 15 位的数字,Excel 会把末尾改成 0", "核对末几位,列设为文本后重填")
    return text


def _number_in_place_of_code(cell: RawCell) -> tuple[str, str]:
    size = abs(cell.value) if isinstance(cell.value, int | float) else 0
    if size >= 10**EXCEL_DIGITS:
        return "超过 15 位的数字,Excel 已把末尾改成 0", "列设为文本后按原编码重填"
    if size >= SHOWN_AS_POWER:
        return f"像被 Excel 改成了数字 {size:.3E}", f"列设为文本后重填,可能是 {cell.text}"
    return "编码存成了数字,开头的 0 可能已经丢了", f"列设为文本后重填,现在是 {cell.text}"


def _as_typed(cell: RawCell) -> str:
    if isinstance(cell.value, dt.date):
        return f",原来可能是 {cell.value.month}-{cell.value.day}"
    return ""


def _unseen(char: str) -> bool:
    return char not in "\n\r\t" and unicodedata.category(char) in ("Cc", "Cf", "Co", "Cn", "Cs")
