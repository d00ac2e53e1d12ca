"""Geometry: the tilt of a page and its rows. No text is looked at here."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

import numpy as np

from core.reading.words import ReadPage, Word

WIDE = 2.5
"""Boxes at least this many times wider than tall tell the slope; short ones are noise."""
ENOUGH_FOR_FIELD = 8
STEEPEST = 0.35
SAME_ROW = 0.55
"""Words whose middles differ by less than this share of the type height stand in one row."""


@dataclass(frozen=True, kw_only=True)
class Slope:
    """How text lines run over the page: dy/dx = a + b·(x - x0) + c·(y - y0). Tilt is `a`, perspective
    `b`, `c`."""

    a: float
    b: float
    c: float
    x0: float
    y0: float

    def level(self, x: float, y: float) -> float:
        """The height at which the text line through the point crosses the middle of the page."""
        dx = x - self.x0
        return self.y0 + (y - self.y0 - self.a * dx - self.b * dx * dx / 2) / (1 + self.c * dx)

    def across(self, x: float, y: float) -> float:
        """The place along the line, with the tilt taken out."""
        return x + self.a * (y - self.y0)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A word, or part of one, put upright: from `left` to `right` at height `level`."""

    word: Word
    text: str
    left: float
    right: float
    level: float

    @property
    def centre(self) -> float:
        return (self.left + self.right) / 2

    @property
    def width(self) -> float:
        return max(self.right - self.left, 1.0)


@dataclass(frozen=True, kw_only=True)
class Row:
    """Pieces at one height, from left to right."""

    pieces: tuple[Piece, ...]
    level: float

    @property
    def text(self) -> str:
        return " ".join(piece.text for piece in self.pieces)


def slope_of(page: ReadPage) -> Slope:
    """Fits the slope of the text lines by their wide boxes, outliers (stamps, logos) left out."""
    x0, y0 = page.width / 2, page.height / 2
    flat = Slope(a=0.0, b=0.0, c=0.0, x0=x0, y0=y0)
    if page.source != "ocr":
        return flat
    samples = []
    for word in page.words:
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = word.box
        run = (bx - ax + cx - dx) / 2
        if run > WIDE * word.height > 0:
            rise = (by - ay + cy - dy) / 2
            samples.append((rise / run, *word.middle, run))
    if not samples:
        return flat
    data = np.array(samples)
    slopes, xs, ys, weights = data.T
    middle = float(median(slopes))
    keep = np.abs(slopes - middle) < max(0.02, 3 * float(np.median(np.abs(slopes - middle))))
    if keep.sum() < ENOUGH_FOR_FIELD:
        return Slope(a=_bounded(middle), b=0.0, c=0.0, x0=x0, y0=y0)
    grid = np.stack([np.ones_like(xs), xs - x0, ys - y0], axis=1)[keep]
    root = np.sqrt(weights[keep])
    # A little ridge on b and c keeps a page with all its wide boxes in one column from being bent.
    ridge = np.diag([0.0, page.width * 3.0, page.height * 3.0])
    design = np.vstack([grid * root[:, None], ridge])
    target = np.concatenate([slopes[keep] * root, np.zeros(3)])
    a, b, c = (float(value) for value in np.linalg.lstsq(design, target, rcond=None)[0])
    return Slope(a=_bounded(a), b=b, c=c, x0=x0, y0=y0)


def rows_of(page: ReadPage) -> tuple[Row, ...]:
    """All words in rows from top to bottom, each row from left to right."""
    if not page.words:
        return ()
    slope = slope_of(page)
    pieces = sorted((_piece(word, slope) for word in page.words), key=lambda piece: piece.level)
    type_height = median(word.height for word in page.words)
    groups: list[list[Piece]] = []
    for piece in pieces:
        if groups:
            level = sum(other.level for other in groups[-1]) / len(groups[-1])
            reach = SAME_ROW * min(type_height, max(piece.word.height, 0.6 * type_height))
            if piece.level - level < reach:
                groups[-1].append(piece)
                continue
        groups.append([piece])
    return tuple(
        Row(
            pieces=tuple(sorted(group, key=lambda piece: piece.left)),
            level=sum(piece.level for piece in group) / len(group),
        )
        for group in groups
    )


def _piece(word: Word, slope: Slope) -> Piece:
    x, y = word.middle
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = word.box
    left = slope.across((ax + dx) / 2, (ay + dy) / 2)
    right = slope.across((bx + cx) / 2, (by + cy) / 2)
    return Piece(
        word=word, text=word.text, left=min(left, right), right=max(left, right), level=slope.level(x, y)
    )


def _bounded(slope: float) -> float:
    return max(-STEEPEST, min(STEEPEST, slope))
