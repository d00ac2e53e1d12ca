"""The floor of one warehouse: parallel aisles joined by cross aisles in front, behind and between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median_low
from typing import NamedTuple

from core.catalog import Bin
from core.warehouse.bins import BinAddressError, parse_bin

CROSS_AISLE_CLEARANCE_CM = 150
"""Distance from the outermost bay to the middle of the cross aisle where none is given."""


class LayoutError(ValueError):
    """The surveyed coordinates do not make a floor that can be walked; the message names bin and rule."""


class Point(NamedTuple):
    """A place on the floor, centimetres from the front left corner; y grows towards the back."""

    x: int
    y: int


@dataclass(frozen=True, kw_only=True)
class Spot:
    """Where one bin is reached from: an aisle, and how far along it."""

    aisle: int
    y_cm: int


@dataclass(frozen=True, kw_only=True)
class Depot:
    """Where a tour starts and ends: the crossing of an aisle with a cross aisle (0 = front)."""

    aisle: int = 0
    cross: int = 0


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Aisles from left to right, cross aisles from front to back, and the surveyed bins.

    Lengths are whole centimetres, so that two ways of equal length compare equal. Walking across an aisle
    to reach its other side is not counted, as is usual for picking aisles.
    """

    warehouse: str
    aisle_labels: tuple[str, ...]
    aisle_x_cm: tuple[int, ...]
    cross_y_cm: tuple[int, ...]
    spots: Mapping[str, Spot]
    depot: Depot = Depot()

    def __post_init__(self) -> None:
        if len(self.aisle_labels) != len(self.aisle_x_cm):
            raise LayoutError(f"{self.warehouse}: every aisle needs one label and one x")
        if any(a >= b for xs in (self.aisle_x_cm, self.cross_y_cm) for a, b in pairwise(xs)):
            raise LayoutError(f"{self.warehouse}: aisles and cross aisles must be listed in rising order")
        if len(self.cross_y_cm) < 2:
            raise LayoutError(f"{self.warehouse}: a block needs a cross aisle at its front and at its back")
        for label, spot in self.spots.items():
            if not 0 <= spot.aisle < len(self.aisle_x_cm):
                raise LayoutError(f"{self.warehouse}: bin {label} lies in aisle {spot.aisle}, which is not there")
            if not self.cross_y_cm[0] <= spot.y_cm <= self.cross_y_cm[-1]:
                raise LayoutError(f"{self.warehouse}: bin {label} lies outside the block (y = {spot.y_cm} cm)")

    def point(self, spot: Spot) -> Point:
        """The place on the floor in front of a bin."""
        return Point(self.aisle_x_cm[spot.aisle], spot.y_cm)

    def crossing(self, aisle: int, cross: int) -> Point:
        """The place where an aisle meets a cross aisle."""
        return Point(self.aisle_x_cm[aisle], self.cross_y_cm[cross])

    def distance_cm(self, a: Point, b: Point) -> int:
        """The shortest walk between two places: along the aisle, or through the best cross aisle."""
        if a.x == b.x:
            return abs(a.y - b.y)
        return abs(a.x - b.x) + min(abs(a.y - y) + abs(b.y - y) for y in self.cross_y_cm)

    def walk_cm(self, bins: Sequence[str], depot: Depot | None = None) -> int:
        """Length of the round walk that visits these surveyed bins in exactly this order."""
        start = self.crossing((depot or self.depot).aisle, (depot or self.depot).cross)
        places = [start, *(self.point(self.spots[label]) for label in bins), start]
        return sum(self.distance_cm(a, b) for a, b in pairwise(places))


def build_layout(
    warehouse: str,
    bins: Iterable[Bin],
    *,
    cross_y_m: Sequence[float] = (),
    depot: Depot | None = None,
) -> Layout:
    """Make the floor from the surveyed bins of one warehouse.

    1. Bins of other warehouses, without coordinates, or with a label that is no address are left out: they
       come at the end of a pick list, marked 无坐标 (F057).
    2. Bins of one zone and aisle share one walking line: the median of their x, so that the two sides of an
       aisle may carry their own x. Aisles whose lines coincide are walked as one.
    3. Without ``cross_y_m`` (metres, front to back) there is one cross aisle before the first bay and one
       behind the last.

    Raises LayoutError when a bin lies before the front or behind the back cross aisle, or when no bin has
    coordinates.
    """
    columns: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for row in bins:
        if row.warehouse != warehouse or row.x is None or row.y is None:
            continue
        try:
            aisle = parse_bin(row.label).aisle_label
        except BinAddressError:
            continue
        columns[aisle].append((row.label, round(row.x * 100), round(row.y * 100)))
    if not columns:
        raise LayoutError(f"{warehouse}: no bin has coordinates")

    lines: dict[int, list[str]] = defaultdict(list)
    for aisle in sorted(columns):
        lines[median_low(x for _, x, _ in columns[aisle])].append(aisle)
    xs = sorted(lines)
    spots = {
        label: Spot(aisle=index, y_cm=y)
        for index, x in enumerate(xs)
        for aisle in lines[x]
        for label, _, y in columns[aisle]
    }
    ys = [spot.y_cm for spot in spots.values()]
    cross = tuple(round(y * 100) for y in cross_y_m) or (
        min(ys) - CROSS_AISLE_CLEARANCE_CM,
        max(ys) + CROSS_AISLE_CLEARANCE_CM,
    )
    return Layout(
        warehouse=warehouse,
        aisle_labels=tuple("/".join(lines[x]) for x in xs),
        aisle_x_cm=tuple(xs),
        cross_y_cm=cross,
        spots=spots,
        depot=depot or Depot(),
    )
