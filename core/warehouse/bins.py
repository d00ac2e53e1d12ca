"""Bin addresses as they are painted on the racks, and how high a picker has to reach."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import groupby

LEVEL_HEIGHTS_M: tuple[Decimal, ...] = (
    Decimal("0.1"),
    Decimal("0.6"),
    Decimal("1.1"),
    Decimal("1.6"),
    Decimal("2.1"),
)
"""Height of levels 1 to 5 in metres; every level above 5 keeps the last value (domain page, section 6)."""

CLIMB_FROM_LEVEL = 5
"""From this level on the picker needs a ladder, and the map says so."""

DASHED_MASK = "Z-AA-BB-L-XX"
"""Zone, aisle, bay, level, box: ``A-03-12-4-02``, the way the demo warehouses label their racks."""

FLOOR_ROW_MASK = "Z AA L BB"
"""Floor, row, level, slot: ``2 05 3 12``, the other common label; a slot has no boxes."""

_FIELDS = {"Z": "zone", "A": "aisle", "B": "bay", "L": "level", "X": "box"}


class BinAddressError(ValueError):
    """The text is not a bin address of this warehouse; the message names the text and the expected form."""


@dataclass(frozen=True, kw_only=True, order=True)
class BinAddress:
    """One box position on a rack. Sorts by zone, aisle, bay, level, box, like the labels do."""

    zone: str
    aisle: int
    bay: int
    level: int
    box: int = 1

    def __str__(self) -> str:
        return f"{self.zone}-{self.aisle:02}-{self.bay:02}-{self.level}-{self.box:02}"

    @property
    def aisle_label(self) -> str:
        """The sign at the head of the aisle: ``A-03``."""
        return f"{self.zone}-{self.aisle:02}"

    @property
    def bay_label(self) -> str:
        """The rack the picker stops at: ``A-03-12``."""
        return f"{self.zone}-{self.aisle:02}-{self.bay:02}"

    @property
    def height_m(self) -> Decimal:
        """How high the level lies, in metres (F057)."""
        return LEVEL_HEIGHTS_M[min(self.level, len(LEVEL_HEIGHTS_M)) - 1]

    @property
    def needs_ladder(self) -> bool:
        """True from level 5 up."""
        return self.level >= CLIMB_FROM_LEVEL

    @property
    def label(self) -> str:
        """Said at a stop (F057): ``A-03-12 第4层/1.6m 箱02``, with ``需登高`` where it applies."""
        climb = " 需登高" if self.needs_ladder else ""
        return f"{self.bay_label} 第{self.level}层/{self.height_m}m{climb} 箱{self.box:02}"


def parse_bin(text: str, mask: str = DASHED_MASK) -> BinAddress:
    """Read a bin label as printed, typed or scanned.

    1. Full-width characters, blanks around and lower case are accepted.
    2. Where the mask has separators, leading zeros may be missing (``A-3-12-4-2``); a mask without
       separators wants every digit.
    3. A field the mask does not have (a slot without boxes) is 1; numbers count from 1.

    Raises BinAddressError with the text and the form that was expected.
    """
    cleaned = unicodedata.normalize("NFKC", text).strip().upper()
    match = _pattern(mask).fullmatch(cleaned)
    if match is None:
        raise BinAddressError(f"{text!r} is not a bin address of the form {mask} (for example {_example(mask)})")
    found = match.groupdict()
    numbers = {name: int(found.get(name) or 1) for name in ("aisle", "bay", "level", "box")}
    for name, number in numbers.items():
        if number < 1:
            raise BinAddressError(f"{text!r}: {name} counts from 1")
    return BinAddress(zone=found.get("zone") or "A", **numbers)


@cache
def _pattern(mask: str) -> re.Pattern[str]:
    separated = any(char not in _FIELDS for char in mask)
    parts: list[str] = []
    for char, run in groupby(mask):
        width = len(list(run))
        name = _FIELDS.get(char)
        if name is None:
            parts.append(re.escape(char * width))
        elif name == "zone":
            parts.append(f"(?P<zone>[A-Z0-9]{{{'1,2' if separated else width}}})")
        else:
            parts.append(f"(?P<{name}>[0-9]{{{'1,3' if separated else width}}})")
    return re.compile("".join(parts))


def _example(mask: str) -> str:
    sample = {"Z": "A", "A": "03", "B": "12", "L": "4", "X": "02"}
    return "".join(sample.get(char, char) for char, _ in groupby(mask))
