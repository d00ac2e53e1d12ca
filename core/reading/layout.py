"""Geometry: the tilt of a page and its rows. No text is looked at here."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

import numpy as np

from core.reading.words import ReadPage, Word

WIDE = 2.5
"""Boxes at least this many times wider than tall tell the slope; short ones are noise."""
ENOUGH_FOR_FIELD = 8
ROUNDS = 5
TOLERANCE = 0.02
"""A box this much off the field counts half: stamps and logos fade out of the fit."""
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
    slopes, xs, ys, runs = np.array(samples).T
    if len(samples) < ENOUGH_FOR_FIELD:
        return Slope(a=_bounded(float(median(slopes))), b=0.0, c=0.0, x0=x0, y0=y0)
    grid = np.stack([np.ones_like(xs), xs - x0, ys - y0], axis=1)
    # A little ridge on b and c keeps a page with all its wide boxes in one column from being bent.
    ridge = np.diag([0.0, page.width * 3.0, page.height * 3.0])
    weights = runs.copy()
    for _ in range(ROUNDS):
        root = np.sqrt(weights)
        design = np.vstack([grid * root[:, None], ridge])
        target = np.concatenate([slopes * root, np.zeros(3)])
        field = np.linalg.lstsq(design, target, rcond=None)[0]
        weights = runs / (1 + ((slopes - grid @ field) / TOLERANCE) ** 2)
    a, b, c = (float(value) for value in field)
    return Slope(a=_bounded(a), b=b, c=c, x0=x0, y0=y0)


def rows_of(page: ReadPage) -> tuple[Row, ...]:
    """All words in rows from top to bottom, each row from left to right."""
    if not page.words:
        return ()
    slope = slope_of(page)
    pieces = sorted((_piece(word, slope) for word in page.words), key=lambda piece: piece.left)
    type_height = median(word.height for word in page.words)
    chains: list[list[Piece]] = []
    for piece in pieces:
        reach = SAME_ROW * min(type_height, max(piece.word.height, 0.6 * type_height))
        near = [chain for chain in chains if abs(chain[-1].level - piece.level) < reach and _follows(chain, piece)]
        if near:
            min(near, key=lambda chain: abs(chain[-1].level - piece.level)).append(piece)
        else:
            chains.append([piece])
    rows = [Row(pieces=tuple(chain), level=sum(p.level for p in chain) / len(chain)) for chain in chains]
    return tuple(sorted(rows, key=lambda row: row.level))


def _follows(chain: list[Piece], piece: Piece) -> bool:
    """Words of one row stand beside each other; each is compared with its left neighbour, so that rows may bend."""
    last = chain[-1]
    overlap = min(last.right, piece.right) - max(last.left, piece.left)
    return overlap < 0.5 * min(last.width, piece.width)


def _piece(word: Word, slope: Slope) -> Piece:
    x, y = word.middle
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = word.box
    left = slope.across((ax + dx) / 2, (ay + dy) / 2)
    right = slope.across((bx + cx) / 2, (by + cy) / 2)
    return Piece(word=word, text=word.text, left=min(left, right), right=max(left, right), level=slope.level(x, y))


def _bounded(slope: float) -> float:
    return max(-STEEPEST, min(STEEPEST, slope))
