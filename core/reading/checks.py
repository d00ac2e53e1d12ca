"""Checks that turn misreadings into flags: the sheet's own sums, Excel's damage, bad or stamped print.

A score alone proves nothing (a "14" under a stamp was read "1" with 1.00), so sums and geometry speak
too; and a sum that comes out right clears the doubts it covers, so that not everything is flagged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from statistics import median

from core.reading.numbers import quantity_of
from core.reading.sheet import PartIndex, Problem, ProblemKind, SheetLine
from core.reading.table import CellText
from core.reading.words import Quad, Source

SURE_PART = 0.9
SURE_KNOWN_PART = 0.7
"""A text that is exactly one part of the master data may be read worse than an unknown one."""
SURE_QUANTITY = 0.95
SURE_FIELD = 0.85
CENT = Decimal("0.011")
ODD_WIDTH = 1.6
"""Times the usual width per digit from which on a digit may have been swallowed."""
EXCEL_DIGITS = 15
"""Excel keeps fifteen digits of a number; the rest became zeros."""

WIDE_STEP = 1.75
"""Times the usual distance between rows from which on one may have been lost between them."""

_SCIENTIFIC = re.compile(r"\d(?:\.\d+)?E\+?\d+", re.IGNORECASE)
_DATED = re.compile(
    r"\d{4}[-/]\d{1,2}(?:[-/]\d{1,2})?|\d{1,2}月\d{1,2}日?|\d{1,2}-[A-Za-z]{3}(?:-\d{2,4})?|[A-Za-z]{3}-\d{2,4}"
    r"|\d{4}年\d{1,2}月(?:\d{1,2}日)?"
)


def check_part(cell: CellText, line: int, index: PartIndex, source: Source) -> tuple[Problem, ...]:
    """Problems of a part cell: Excel's damage in sheets, bad print in pictures."""
    text = cell.text
    if source == "sheet":
        problem = _excel_damage(cell, line, index)
        return (problem,) if problem else ()
    known = index.hits(text) == 1
    if cell.stained or cell.score < (SURE_KNOWN_PART if known else SURE_PART):
        return (Problem(kind=ProblemKind.PART_UNSURE, line=line, text=text),)
    return ()


def _excel_damage(cell: CellText, line: int, index: PartIndex) -> Problem | None:
    text = cell.text
    known = index.hits(text) > 0
    if cell.kind == "formula" and not known:
        return Problem(kind=ProblemKind.PART_COMPUTED, line=line, text=text)
    if _SCIENTIFIC.fullmatch(text) and not known:
        return Problem(kind=ProblemKind.PART_SCIENTIFIC, line=line, text=text)
    if cell.kind == "number" and len(text) > EXCEL_DIGITS:
        return Problem(kind=ProblemKind.PART_SCIENTIFIC, line=line, text=text)
    if not known and (cell.kind == "date" or _DATED.fullmatch(text)):
        return Problem(kind=ProblemKind.PART_DATED, line=line, text=text)
    if not known and text.isdigit():
        for zeros in ("0", "00", "000"):
            if index.hits(zeros + text):
                return Problem(kind=ProblemKind.PART_LOST_ZEROS, line=line, text=text, suggestion=zeros + text)
    return None


@dataclass(frozen=True, kw_only=True)
class QuantityRead:
    """A line's quantity cell next to what was made of it, for the checks over all lines."""

    line: SheetLine
    cell: CellText | None


def check_quantities(reads: Sequence[QuantityRead], total: CellText | None, source: Source) -> list[Problem]:
    """Problems of all quantities of one table. Lines proved by a sum are not doubted for their print."""
    problems: list[Problem] = []
    widths = _digit_widths(reads)
    pieces = [read.line.quantity for read in reads]
    printed = quantity_of(total.text) if total else None
    adds_up = printed is not None and None not in pieces and sum(p or 0 for p in pieces) == printed.pieces
    if printed is not None and None not in pieces and not adds_up:
        problems.append(Problem(kind=ProblemKind.TOTAL_SUM, text=total.text if total else ""))
    for read in reads:
        line, cell = read.line, read.cell
        if cell is None:
            problems.append(Problem(kind=ProblemKind.QUANTITY_MISSING, line=line.position, text=line.row_text))
            continue
        if line.quantity is None:
            merged = cell.kind == "merged"
            kind = ProblemKind.QUANTITY_AMBIGUOUS if merged else ProblemKind.QUANTITY_UNREADABLE
            problems.append(Problem(kind=kind, line=line.position, text=cell.text))
            continue
        proof = line_sum(line)
        if proof is False:
            problems.append(Problem(kind=ProblemKind.LINE_SUM, line=line.position, text=line.row_text))
        elif proof is None and not adds_up and source == "ocr" and _doubtful(cell, widths):
            problems.append(Problem(kind=ProblemKind.QUANTITY_UNSURE, line=line.position, text=cell.text))
    return problems


def line_sum(line: SheetLine) -> bool | None:
    """Whether price × quantity is the amount; None where one of them is not printed."""
    if line.quantity is None or line.price is None or line.amount is None:
        return None
    return abs(line.price * line.quantity - line.amount) < CENT


def _doubtful(cell: CellText, usual: float) -> bool:
    if cell.stained or cell.score < SURE_QUANTITY:
        return True
    width = _digit_width(cell)
    return usual > 0 and width is not None and width > ODD_WIDTH * usual


def _digit_widths(reads: Sequence[QuantityRead]) -> float:
    widths = [width for read in reads if read.cell and (width := _digit_width(read.cell)) is not None]
    return median(widths) if len(widths) >= 3 else 0.0


def _digit_width(cell: CellText) -> float | None:
    """Type heights per digit, the margin that detection leaves at both ends taken off."""
    if len(cell.boxes) != 1 or not cell.text.isdigit():
        return None
    across, down = _size(cell.boxes[0])
    return max(across - 0.4 * down, 1.0) / (len(cell.text) * max(down, 1.0))


def _size(box: Quad) -> tuple[float, float]:
    (ax, ay), (bx, by), _, (dx, dy) = box
    return ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5, ((dx - ax) ** 2 + (dy - ay) ** 2) ** 0.5


def missing_numbers(seen: Sequence[int]) -> list[int]:
    """Running numbers left out between the first and the last, if they do run upwards one by one."""
    if len(seen) < 2 or list(seen) != sorted(set(seen)) or seen[0] > 2:
        return []
    gaps = [n for n in range(1, seen[-1] + 1) if n not in set(seen)]
    return gaps if len(gaps) <= len(seen) else []


def gaps_between(levels: Sequence[float]) -> int:
    """How many rows may be missing inside a picture's table, by its spacing."""
    steps = [below - above for above, below in pairwise(levels)]
    if len(steps) < 3:
        return 0
    usual = median(steps)
    return sum(1 for step in steps if step > WIDE_STEP * usual)
