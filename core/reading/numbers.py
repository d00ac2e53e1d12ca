"""Quantities and money as printed. Nothing is repaired: what is not plainly a number is none."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal

UNITS = (
    "个",
    "件",
    "只",
    "套",
    "箱",
    "盒",
    "打",
    "对",
    "副",
    "支",
    "条",
    "根",
    "瓶",
    "桶",
    "包",
    "片",
    "台",
    "付",
    "组",
    "把",
    "块",
    "卷",
    "升",
    "PCS",
    "EA",
    "SET",
    "BOX",
    "PC",
)
"""Words that may follow a quantity; boxes and dozens are counted out by the part's pack, elsewhere."""

_UNIT = "|".join(sorted(UNITS, key=len, reverse=True))
_QUANTITY = re.compile(rf"(?:[X×*]\s*)?(\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.0+)?\s*({_UNIT})?\.?")
_MONEY = re.compile(r"[¥￥$]?\s*(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?\s*元?")
MOST_DIGITS = 7
"""More digits than this are a part number, a phone or a date that slipped into the column."""


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A plainly printed quantity and its unit as printed, or an empty one."""

    pieces: int
    unit: str


def half_width(text: str) -> str:
    """Full-width letters, digits and signs as half-width ones, upper case."""
    return unicodedata.normalize("NFKC", text).upper().strip()


def quantity_of(text: str) -> Quantity | None:
    """`20`, `20个`, `×20`, `1,000`, `20.00`; None for anything else, also for `2O` and `2.5`."""
    match = _QUANTITY.fullmatch(half_width(text))
    if match is None:
        return None
    digits = match.group(1).replace(",", "")
    if len(digits) > MOST_DIGITS:
        return None
    return Quantity(pieces=int(digits), unit=match.group(2) or "")


def money_of(text: str) -> Decimal | None:
    """An amount in CNY as printed, or None."""
    match = _MONEY.fullmatch(half_width(text).replace("RMB", ""))
    if match is None:
        return None
    return Decimal(match.group(1).replace(",", "") + (match.group(2) or ""))
