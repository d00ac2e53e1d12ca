"""What a column holds: how a cell is read, how a value is written, what may be chosen."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.masters.cells import BadValue, RawCell, clean_text, code_text, half_width
from core.warehouse.bins import BinAddressError, parse_bin

Shown = str | int | float | dt.date | dt.time | None
"""What goes into a spreadsheet's cell."""

TEXT_FORMAT = "@"
MOST_PIECES = 100_000_000


@dataclass(frozen=True, kw_only=True)
class Kind:
    """The type of a column. ``read`` raises BadValue; it is not asked about empty cells."""

    read: Callable[[RawCell], Any]
    show: Callable[[Any], Shown] = field(default=lambda value: value)
    number_format: str = TEXT_FORMAT
    choices: tuple[str, ...] = ()
    """For the drop-down."""
    several: bool = False
    """More than one of the choices may stand in a cell, so the drop-down only proposes."""


def _same(value: Any) -> Shown:
    return str(value) if value else None


def whole(least: int = 0, most: int = MOST_PIECES) -> Kind:
    """Whole numbers; ``1,200``, ``20个`` and ``2.5`` are refused with the number they hold."""

    def read(cell: RawCell) -> int:
        number = _number(cell)
        if not number.is_integer():
            raise BadValue("要整数", f"{number:.0f}")
        if not least <= number <= most:
            raise BadValue(f"要在 {least} 到 {most} 之间", "")
        return int(number)

    return Kind(read=read, number_format="0")


def decimal(least: float, most: float) -> Kind:
    """Coordinates: degrees or metres."""

    def read(cell: RawCell) -> float:
        number = _number(cell)
        if not least <= number <= most:
            raise BadValue(f"要在 {least:g} 到 {most:g} 之间", "")
        return number

    return Kind(read=read, number_format="0.######")


def choice(values: Mapping[str, Any], also: Mapping[str, Any] | None = None) -> Kind:
    """One of a list; ``also`` are other spellings that mean one of them without doubt."""
    spelled = {
        **{label.casefold(): value for label, value in (also or {}).items()},
        **{label.casefold(): value for label, value in values.items()},
    }
    labels = {value: label for label, value in values.items()}

    def read(cell: RawCell) -> Any:
        text = half_width(cell)
        if text.casefold() not in spelled:
            raise BadValue("不在可选值里", " / ".join(values))
        return spelled[text.casefold()]

    return Kind(read=read, show=lambda value: labels.get(value, str(value)), choices=tuple(values))


def several(values: Mapping[str, Any]) -> Kind:
    """Some of a list, parted by 、 or ; — the order is kept."""
    labels = {value: label for label, value in values.items()}

    def read(cell: RawCell) -> list[Any]:
        words = split(clean_text(cell))
        for word in words:
            if word not in values:
                near = next((v for v in values if v.startswith(word[:2])), "")
                raise BadValue(f"“{word}”不在可选值里", near or " / ".join(values))
        return [values[word] for word in words]

    return Kind(
        read=read, show=lambda value: "、".join(labels[v] for v in value) or None, choices=tuple(values), several=True
    )


def split(text: str) -> list[str]:
    """Words of a cell that holds several, each once."""
    return list(dict.fromkeys(word.strip() for word in re.split(r"[、;;]", text) if word.strip()))


def _number(cell: RawCell) -> float:
    if cell.kind == "number" and isinstance(cell.value, int | float):
        return float(cell.value)
    if cell.kind in ("date", "flag"):
        raise BadValue("要数字", "")
    text = half_width(cell)
    if re.fullmatch(r"[+-]?\d{1,15}(\.\d{1,10})?", text):
        return float(text)
    inside = re.sub(r"[,\s]", "", text)
    found = re.fullmatch(r"([+-]?\d{1,15}(?:\.\d+)?)\D*", inside)
    raise BadValue("要数字", found[1] if found else "")


def _date(cell: RawCell) -> dt.date:
    if cell.kind == "date":
        if isinstance(cell.value, dt.datetime):
            return cell.value.date()
        if isinstance(cell.value, dt.date):
            return cell.value
    if cell.kind == "number":
        raise BadValue("要日期,这里是数字", "按 2026-02-21 的样子填")
    text = half_width(cell)
    found = re.fullmatch(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})", text)
    if not found:
        raise BadValue("要日期", "按 2026-02-21 的样子填")
    try:
        return dt.date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        raise BadValue("没有这一天", "按 2026-02-21 的样子填") from None


def _time(cell: RawCell) -> dt.time:
    if cell.kind == "date" and isinstance(cell.value, dt.time):
        return cell.value.replace(second=0, microsecond=0)
    if cell.kind in ("date", "number", "flag"):
        raise BadValue("要几点几分", "按 15:30 的样子填")
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)(?::00)?", half_width(cell))
    if not found:
        raise BadValue("要几点几分", "按 15:30 的样子填")
    return dt.time(int(found[1]), int(found[2]))


def _plain(cell: RawCell) -> str:
    if cell.kind in ("number", "date", "flag"):
        raise BadValue(f"要文字,这里被 Excel 存成了{_STORED[cell.kind]}", "列设为文本后重填")
    return clean_text(cell)


def _bin_label(cell: RawCell) -> str:
    """Rack places in the form printed on the racks; areas without racks (隔离区) by a name without digits."""
    text = code_text(cell)
    if not any(char.isdigit() for char in text):
        return text
    try:
        address = parse_bin(text)
    except BinAddressError:
        raise BadValue("不是库位号", "按 区-排-架-层-箱 填,例如 A-03-12-4-02") from None
    if str(address) != text:
        raise BadValue("库位号写法不统一", str(address))
    return text


def _region(cell: RawCell) -> str:
    return _province(half_width(cell))


def _regions(cell: RawCell) -> list[str]:
    return [_province(word) for word in split(clean_text(cell))]


def _province(word: str) -> str:
    if word in PROVINCES:
        return word
    meant = next((short for short, name in PROVINCES.items() if word[:2] == name[:2]), "")
    raise BadValue(f"“{word}”不是省份简称", meant or "例如 沪、苏、浙")


PROVINCES: dict[str, str] = {
    "京": "北京",
    "津": "天津",
    "沪": "上海",
    "渝": "重庆",
    "冀": "河北",
    "豫": "河南",
    "云": "云南",
    "辽": "辽宁",
    "黑": "黑龙江",
    "湘": "湖南",
    "皖": "安徽",
    "鲁": "山东",
    "新": "新疆",
    "苏": "江苏",
    "浙": "浙江",
    "赣": "江西",
    "鄂": "湖北",
    "桂": "广西",
    "甘": "甘肃",
    "晋": "山西",
    "蒙": "内蒙古",
    "陕": "陕西",
    "吉": "吉林",
    "闽": "福建",
    "贵": "贵州",
    "粤": "广东",
    "青": "青海",
    "藏": "西藏",
    "川": "四川",
    "宁": "宁夏",
    "琼": "海南",
    "港": "香港",
    "澳": "澳门",
    "台": "台湾",
}
"""Regions of orders, customers and carriers are provinces by their one-character name."""

_STORED = {"number": "数字", "date": "日期", "flag": "逻辑值"}

CODE = Kind(read=code_text, show=_same)
TEXT = Kind(read=_plain, show=_same)
BIN = Kind(read=_bin_label, show=_same)
DATE = Kind(read=_date, number_format="yyyy-mm-dd")
TIME = Kind(read=_time, show=lambda value: f"{value:%H:%M}")
FLAG = choice({"是": True, "否": False}, also={"TRUE": True, "FALSE": False})
CODES = Kind(read=lambda cell: split(code_text(cell)), show=lambda value: ";".join(value) or None)
WORDS = Kind(read=lambda cell: split(_plain(cell)), show=lambda value: ";".join(value) or None)
REGION = Kind(read=_region, show=_same, choices=tuple(PROVINCES))
REGIONS = Kind(read=_regions, show=lambda value: "、".join(value) or None)
