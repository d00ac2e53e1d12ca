"""What every reader (picture, PDF, sheet) hands over: words with boxes on pages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Point = tuple[float, float]
Quad = tuple[Point, Point, Point, Point]
"""Corners clockwise from the top left of the text, in pixels of the upright page."""

Source = Literal["ocr", "pdf", "sheet"]
"""Where the words come from: recognised in a picture, a PDF's text layer, or cells of a sheet."""

CellKind = Literal["text", "number", "date", "formula", "merged"]
"""How a sheet stored the value. A part number stored as a number or a date has been damaged by Excel; a value
merged over several rows may be meant for each of them or for all together."""


def rect(left: float, top: float, right: float, bottom: float) -> Quad:
    """The box of an upright rectangle."""
    return ((left, top), (right, top), (right, bottom), (left, bottom))


@dataclass(frozen=True, kw_only=True)
class Word:
    """One run of text as the reader saw it; it may hold blanks or span two columns.

    `score` is the recogniser's own confidence, 0 to 1 (1 for text that was not recognised but read).
    `stained`: a stamp's red ink or a lamp's reflection lies over it or right beside it, so that even a high
    score proves nothing.
    """

    text: str
    box: Quad
    score: float = 1.0
    page: int = 0
    stained: bool = False
    kind: CellKind = "text"

    @cached_property
    def left(self) -> float:
        return min(x for x, _ in self.box)

    @cached_property
    def right(self) -> float:
        return max(x for x, _ in self.box)

    @cached_property
    def top(self) -> float:
        return min(y for _, y in self.box)

    @cached_property
    def bottom(self) -> float:
        return max(y for _, y in self.box)

    @cached_property
    def middle(self) -> Point:
        return (sum(x for x, _ in self.box) / 4, sum(y for _, y in self.box) / 4)

    @cached_property
    def height(self) -> float:
        """Height of the type: the shorter way across the box, whatever its tilt."""
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = self.box
        left: float = ((dx - ax) ** 2 + (dy - ay) ** 2) ** 0.5
        right: float = ((cx - bx) ** 2 + (cy - by) ** 2) ** 0.5
        return (left + right) / 2


@dataclass(frozen=True, kw_only=True)
class ReadPage:
    """One page as read, upright.

    `turned` is by how many degrees clockwise (0, 90, 180, 270) the picture was turned to stand upright, after
    its EXIF orientation; boxes are in the turned picture. `name` is the sheet's name for sheets.
    """

    width: int
    height: int
    words: tuple[Word, ...]
    source: Source
    number: int = 0
    turned: int = 0
    name: str = ""
