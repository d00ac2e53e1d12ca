"""Order lines without a table: `04465-0K240 20个` printed or typed one under the other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.reading.headings import is_total, keys_in
from core.reading.layout import Row
from core.reading.numbers import UNITS, half_width
from core.reading.sheet import PartIndex

_TOKEN = re.compile(r"[A-Z0-9][A-Z0-9\-./]*[A-Z0-9]|[A-Z0-9]")
_NOT_PARTS = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}|1\d{10}|0\d{2,3}-?\d{7,8}|20\d{6}|\d+(\.\d+)?"
)
"""Dates, phone numbers, plain numbers: a part only when the master data says so."""
_UNIT = "|".join(sorted(UNITS, key=len, reverse=True))
_WITH_UNIT = re.compile(rf"(?<![A-Z0-9.\-/])(\d{{1,6}})\s*(?:{_UNIT})(?![A-Z])|[X×*]\s*(\d{{1,6}})(?![A-Z0-9\-])")
_BARE = re.compile(r"(?<![A-Z0-9.\-/])(\d{1,6})(?![A-Z0-9\-/]|\.\d|[年月日号])")
PART_LETTERS = 6
"""An unknown part number has at least this many letters and digits."""
LONGEST_JOIN = 5
"""A part number printed with blanks (04E 115 561 C) has at most this many pieces."""


@dataclass(frozen=True, kw_only=True)
class LooseLine:
    """A row with a part-like token; `quantities` are all numbers that could be meant, in the order of
    trust."""

    row: Row
    part: str
    quantities: tuple[str, ...]
    known: bool
    with_unit: bool


def loose_line(row: Row, index: PartIndex) -> LooseLine | None:
    """The row as an order line, or None. The longest run that the master data knows wins over any pattern."""
    text = half_width(row.text)
    if any(key.colon for key in keys_in(row.text)) or any(is_total(piece.text) for piece in row.pieces):
        return None
    part = _known_part(text, index)
    known = part is not None
    if part is None:
        part = next((token for token in _TOKEN.findall(text) if _part_like(token)), None)
    if part is None:
        return None
    rest = text.replace(part, " ｜ ", 1)
    units = [match.group(1) or match.group(2) for match in _WITH_UNIT.finditer(rest)]
    numbers = units or [match.group(1) for match in _BARE.finditer(rest)]
    return LooseLine(row=row, part=part, quantities=tuple(numbers), known=known, with_unit=bool(units))


def without_running_numbers(lines: Sequence[LooseLine]) -> list[LooseLine]:
    """Takes `1 2 3 …` at the beginnings of the rows for running numbers, not for quantities."""
    if len(lines) < 2 or any(line.with_unit for line in lines):
        return list(lines)
    leading = [line.quantities[0] if len(line.quantities) > 1 else "" for line in lines]
    if leading != [str(n) for n in range(1, len(lines) + 1)]:
        return list(lines)
    return [
        LooseLine(row=line.row, part=line.part, quantities=line.quantities[1:], known=line.known, with_unit=False)
        for line in lines
    ]


def _known_part(text: str, index: PartIndex) -> str | None:
    tokens = list(_TOKEN.finditer(text))
    for size in range(LONGEST_JOIN, 0, -1):
        for n in range(len(tokens) - size + 1):
            run = text[tokens[n].start() : tokens[n + size - 1].end()]
            if len(run) >= 3 and not (size > 1 and re.search(r"[^\w\s\-./]", run)) and index.hits(run):
                return run
    return None


def _part_like(token: str) -> bool:
    plain = re.sub(r"[^A-Z0-9]", "", token)
    if len(plain) < PART_LETTERS or _NOT_PARTS.fullmatch(token):
        return False
    return any(letter.isdigit() for letter in plain) and (
        "-" in token or (any(letter.isalpha() for letter in plain) and sum(map(str.isdigit, plain)) >= 3)
    )
