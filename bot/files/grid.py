"""Cells of a sheet as words on a page, so that sheets and pictures go through the same extractor."""

from __future__ import annotations

from dataclasses import dataclass

from core.reading.words import CellKind, ReadPage, Word, rect

CELL_WIDTH = 100
CELL_HEIGHT = 20
MAX_ROWS = 20_000
MAX_COLUMNS = 200


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One filled cell: 1-based row and column, text as a person sees it, columns it spans."""

    row: int
    column: int
    text: str
    kind: CellKind = "text"
    span: int = 1


def page_of(cells: list[Cell], *, number: int, name: str) -> ReadPage:
    """The cells as a page of fixed-size boxes: row 3 is from y=40 to y=60."""
    words = tuple(
        Word(
            text=cell.text,
            box=rect(
                (cell.column - 1) * CELL_WIDTH + 4,
                (cell.row - 1) * CELL_HEIGHT + 2,
                (cell.column - 1 + cell.span) * CELL_WIDTH - 4,
                cell.row * CELL_HEIGHT - 2,
            ),
            page=number,
            kind=cell.kind,
        )
        for cell in cells
    )
    return ReadPage(
        width=max((cell.column + cell.span - 1 for cell in cells), default=1) * CELL_WIDTH,
        height=max((cell.row for cell in cells), default=1) * CELL_HEIGHT,
        words=words,
        source="sheet",
        number=number,
        name=name,
    )
