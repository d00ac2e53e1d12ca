"""Tables: the heading row, its columns, and which word of a row stands in which column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from core.reading.headings import Column, headings_in, misread_headings_in
from core.reading.layout import Piece, Row
from core.reading.words import CellKind, Quad

OVERLAP_WORTH = 2.0
"""How many type heights of misalignment a full overlap with the column outweighs."""
GLUE = re.compile(
    r"(?<=[\u4e00-\u9fff])(?=[A-Z0-9])|(?<=[A-Za-z0-9])(?=[\u4e00-\u9fff])"
    r"|(?<=\d)(?=[^\w\s.,\-/])|\s+"
)
"""Where a word that spans columns may be cut: at blanks, between Chinese and Latin, after a number."""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One column of a table: what it means and from where to where it reaches.

    `misread`: its heading was recognised only by half, so that what stands in it must be confirmed.
    """

    column: Column
    left: float
    right: float
    heading: str
    misread: bool = False

    @property
    def centre(self) -> float:
        return (self.left + self.right) / 2


@dataclass(frozen=True, kw_only=True)
class CellText:
    """What stands in one cell; `score` is that of its worst word."""

    text: str
    boxes: tuple[Quad, ...]
    score: float
    stained: bool
    kind: CellKind
    page: int


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """The cells of one row by column; of columns that occur twice, all in order."""

    cells: tuple[tuple[int, CellText], ...]
    text: str
    page: int
    level: float

    def at(self, slot: int | None) -> CellText | None:
        """The cell in the slot with this number, if it is filled."""
        return next((cell for n, cell in self.cells if n == slot), None)


def heading_slots(row: Row) -> tuple[Slot, ...]:
    """The columns, if this is a heading row: two different known headings, one of them part or quantity,
    and little else in the row."""
    slots: list[Slot] = []
    unknown = 0
    exact = [headings_in(piece.text) for piece in row.pieces]
    for piece, plainly in zip(row.pieces, exact, strict=True):
        headings = plainly or (misread_headings_in(piece.text) if any(exact) else ())
        if not headings:
            unknown += 1
            slots.append(Slot(column=Column.OTHER, left=piece.left, right=piece.right, heading=piece.text))
        for heading in headings:
            part = cut(piece, heading.start, heading.end)
            slots.append(
                Slot(
                    column=heading.column,
                    left=part.left,
                    right=part.right,
                    heading=part.text,
                    misread=heading.misread,
                )
            )
    known = {slot.column for slot in slots} - {Column.OTHER}
    tells = known & {Column.PART, Column.QUANTITY, Column.SPEC}
    if len(known) < 2 or not tells or unknown * 2 > len(slots):
        return ()
    return tuple(sorted(slots, key=lambda slot: slot.left))


def fill(slots: Sequence[Slot], rows: Iterable[Row], page: int) -> tuple[TableRow, ...]:
    """Puts the words of the rows into the columns: first by the headings, then by where the rows' words
    stand."""
    rows = list(rows)
    split = [_split_row(slots, row) for row in rows]
    first = [_assign(slots, pieces) for pieces in split]
    settled = _settled(slots, split, first)
    filled = []
    for row, pieces in zip(rows, split, strict=True):
        cells: dict[int, list[Piece]] = {}
        for slot, piece in zip(_assign(settled, pieces), pieces, strict=True):
            cells.setdefault(slot, []).append(piece)
        joined = tuple((slot, _cell(own, page)) for slot, own in sorted(cells.items()))
        filled.append(TableRow(cells=joined, text=row.text, page=page, level=row.level))
    return tuple(filled)


def cut(piece: Piece, start: int, end: int) -> Piece:
    """Characters `start` to `end` of a piece, placed in proportion; Chinese letters are twice as wide."""
    text = piece.text
    widths = [1.0 if letter.isascii() else 1.9 for letter in text]
    whole = sum(widths) or 1.0
    left = piece.left + piece.width * sum(widths[:start]) / whole
    right = piece.left + piece.width * sum(widths[:end]) / whole
    return replace(piece, text=text[start:end].strip(), left=left, right=right)


def _split_row(slots: Sequence[Slot], row: Row) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    for piece in row.pieces:
        under = [slot for slot in slots if _overlap(slot, piece) > 0.5 * min(slot.right - slot.left, piece.width)]
        if len(under) < 2:
            pieces.append(piece)
            continue
        at = 0
        for gap in [*GLUE.finditer(piece.text), None]:
            end = gap.start() if gap else len(piece.text)
            if piece.text[at:end].strip():
                pieces.append(cut(piece, at, end))
            at = gap.end() if gap else end
    return tuple(sorted(pieces, key=lambda piece: piece.left))


def _overlap(slot: Slot, piece: Piece) -> float:
    return max(0.0, min(slot.right, piece.right) - max(slot.left, piece.left))


def _cost(slot: Slot, piece: Piece) -> float:
    """How badly a word stands in a column: its best misalignment (left, right or middle) less its overlap."""
    size = max(piece.word.height, 1.0)
    off = min(abs(slot.left - piece.left), abs(slot.right - piece.right), abs(slot.centre - piece.centre))
    share = _overlap(slot, piece) / max(1.0, min(slot.right - slot.left, piece.width))
    return off / size - OVERLAP_WORTH * share


def _assign(slots: Sequence[Slot], pieces: Sequence[Piece]) -> list[int]:
    """The cheapest assignment that keeps the order: no word stands in a column left of the word before it."""
    best: list[list[tuple[float, int]]] = []
    for n, piece in enumerate(pieces):
        line: list[tuple[float, int]] = []
        for s, slot in enumerate(slots):
            before = min(((best[n - 1][p][0], p) for p in range(s + 1)), default=(0.0, 0)) if n else (0.0, 0)
            line.append((before[0] + _cost(slot, piece), before[1]))
        best.append(line)
    if not pieces:
        return []
    chosen = [min(range(len(slots)), key=lambda s: best[-1][s][0])]
    for n in range(len(pieces) - 1, 0, -1):
        chosen.append(best[n][chosen[-1]][1])
    return chosen[::-1]


def _settled(slots: Sequence[Slot], rows: Sequence[Sequence[Piece]], assigned: list[list[int]]) -> list[Slot]:
    """Columns as wide as what stands in them (median edges), where at least two rows agree."""
    settled = []
    for s, slot in enumerate(slots):
        own = [piece for pieces, where in zip(rows, assigned, strict=True)
               for piece, at in zip(pieces, where, strict=True) if at == s]  # fmt: skip
        if len(own) < 2:
            settled.append(slot)
            continue
        left = median(piece.left for piece in own)
        right = median(piece.right for piece in own)
        settled.append(replace(slot, left=min(slot.left, left), right=max(slot.right, right)))
    return settled


def _cell(pieces: list[Piece], page: int) -> CellText:
    kinds = [piece.word.kind for piece in pieces]
    return CellText(
        text=" ".join(piece.text for piece in pieces),
        boxes=tuple(dict.fromkeys(piece.word.box for piece in pieces)),
        score=min(piece.word.score for piece in pieces),
        stained=any(piece.word.stained for piece in pieces),
        kind=kinds[0],
        page=page,
    )
