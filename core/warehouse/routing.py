"""The exact shortest picking tour, by a dynamic programme that sweeps the aisles from left to right.

Ratliff and Rosenthal (1983) showed that a shortest tour can be built aisle by aisle when one remembers, for
each crossing of the last aisle, only its degree (none, odd, even) and which crossings hang together. Here the
states are not a fixed table but computed, so that any number of cross aisles works (Roodbergen and de Koster
2001, Cambazard and Catusse 2018): their number grows with the cross aisles only, not with aisles or stops.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from core.warehouse.euler import Edge, closed_walk
from core.warehouse.layout import Depot, Layout, Point

_NONE, _ODD, _EVEN = 0, 1, 2
"""Degree of a crossing so far: untouched, odd, even and at least two."""

_State = tuple[tuple[int, int], ...]
"""Per crossing of the current aisle: degree, and the part of the tour it belongs to (0 = none)."""


class _Path(NamedTuple):
    """The cheapest way to reach a state: its length and the edges chosen, newest first."""

    length: int
    edges: tuple[Edge, ...]
    before: _Path | None


class _Piece(NamedTuple):
    """One way to serve the aisle between two cross aisles: steps at its ends, and whether it joins them."""

    length: int
    front: int
    back: int
    joins: bool
    edges: tuple[Edge, ...]


@dataclass(frozen=True, kw_only=True)
class Stop:
    """A bin to visit. ``stop_id`` comes back in the tour."""

    stop_id: str
    bin: str


@dataclass(frozen=True, kw_only=True)
class Tour:
    """A round walk from the depot past every surveyed stop and back."""

    length_cm: int
    stops: tuple[str, ...]
    """Stop ids in walking order, then those of ``unplaced``."""
    unplaced: tuple[str, ...]
    """Stops whose bin has no coordinates (无坐标), in the order of their bin labels."""
    path: tuple[Point, ...]
    """Corners of the walk, depot first and last; empty when no stop has coordinates."""

    @property
    def length_m(self) -> Decimal:
        """Metres, two decimals."""
        return Decimal(self.length_cm) / 100


def route(layout: Layout, stops: Sequence[Stop], depot: Depot | None = None) -> Tour:
    """The picker walks the shortest possible round past all stops (F057).

    Stops in front of the same bay follow each other, lower bin label first. Bins without coordinates come
    last, in label order. Raises nothing: with no surveyed stop the walk is empty.
    """
    depot = depot or layout.depot
    by_place: dict[Point, list[Stop]] = defaultdict(list)
    unplaced: list[Stop] = []
    for stop in sorted(stops, key=lambda stop: (stop.bin, stop.stop_id)):
        spot = layout.spots.get(stop.bin)
        if spot is None:
            unplaced.append(stop)
        else:
            by_place[layout.point(spot)].append(stop)

    loose = tuple(stop.stop_id for stop in unplaced)
    if not by_place:
        return Tour(length_cm=0, stops=loose, unplaced=loose, path=())
    best = _sweep(layout, by_place, depot)
    walk = closed_walk(_edges(best), layout.crossing(depot.aisle, depot.cross))
    ordered = [stop.stop_id for place in dict.fromkeys(walk) for stop in by_place.get(place, ())]
    return Tour(length_cm=best.length, stops=(*ordered, *loose), unplaced=loose, path=_corners(walk))


def _sweep(layout: Layout, places: Iterable[Point], depot: Depot) -> _Path:
    picks: dict[int, list[int]] = defaultdict(list)
    aisle_of = {x: index for index, x in enumerate(layout.aisle_x_cm)}
    for place in places:
        picks[aisle_of[place.x]].append(place.y)
    first, last = min(depot.aisle, *picks), max(depot.aisle, *picks)

    crossings = len(layout.cross_y_cm)
    states: dict[_State, _Path] = {((_NONE, 0),) * crossings: _Path(0, (), None)}
    for aisle in range(first, last + 1):
        if aisle == depot.aisle:
            states = _touch_depot(states, depot.cross)
        for block in range(crossings - 1):
            states = _serve_block(layout, states, aisle, block, sorted(picks.get(aisle, ())))
        if aisle < last:
            states = _step_right(layout, states, aisle)
    return min(
        (path for state, path in states.items() if _closed(state)),
        key=lambda path: path.length,
    )


def _touch_depot(states: dict[_State, _Path], cross: int) -> dict[_State, _Path]:
    """The depot's crossing must be on the tour, though no bin is there."""
    found: dict[_State, _Path] = {}
    for state, path in states.items():
        touched = state
        if state[cross][0] == _NONE:
            touched = _canonical((*state[:cross], (_EVEN, len(state) + 1), *state[cross + 1 :]))
        _keep(found, touched, path, 0, ())
    return found


def _closed(state: _State) -> bool:
    return all(degree != _ODD for degree, _ in state) and len({part for _, part in state if part}) == 1


def _canonical(state: _State) -> _State:
    names: dict[int, int] = {0: 0}
    return tuple((degree, names.setdefault(part, len(names))) for degree, part in state)


def _add(degree: int, steps: int) -> int:
    if steps == 0:
        return degree
    if steps == 1:
        return _EVEN if degree == _ODD else _ODD
    return _ODD if degree == _ODD else _EVEN


def _serve_block(
    layout: Layout, states: dict[_State, _Path], aisle: int, block: int, ys: list[int]
) -> dict[_State, _Path]:
    pieces = _pieces(layout, aisle, block, ys)
    found: dict[_State, _Path] = {}
    for state, path in states.items():
        for piece in pieces:
            _keep(found, _apply(state, block, piece), path, piece.length, piece.edges)
    return found


def _apply(state: _State, block: int, piece: _Piece) -> _State:
    front, back = state[block], state[block + 1]
    front_part = front[1] or (len(state) + 1 if piece.front else 0)
    back_part = back[1] or (len(state) + 2 if piece.back else 0)
    changed = list(state)
    changed[block] = (_add(front[0], piece.front), front_part)
    changed[block + 1] = (_add(back[0], piece.back), back_part)
    if piece.joins:
        changed = [(degree, front_part if part == back_part else part) for degree, part in changed]
    return _canonical(tuple(changed))


def _pieces(layout: Layout, aisle: int, block: int, ys: list[int]) -> list[_Piece]:
    """Every way that can be part of a shortest tour: not at all (without stops), through, through and back,
    from either end to the farthest stop, and from both ends with the widest gap left out."""
    x = layout.aisle_x_cm[aisle]
    low, high = layout.cross_y_cm[block], layout.cross_y_cm[block + 1]
    # A stop on a crossing belongs to the block behind it, on the last crossing to the last block.
    is_last = block == len(layout.cross_y_cm) - 2
    stops = [y for y in ys if low <= y < high or (is_last and y == high)]
    chain = [Point(x, y) for y in (low, *stops, high)]
    through = _edges_along(chain)
    pieces = [
        _Piece(high - low, 1, 1, True, through),
        _Piece(2 * (high - low), 2, 2, True, through * 2),
    ]
    if not stops:
        return [_Piece(0, 0, 0, False, ()), *pieces]
    for gap in _gaps_worth_leaving(chain):
        near, far = chain[: gap + 1], chain[gap + 1 :]
        pieces.append(
            _Piece(
                2 * (near[-1].y - near[0].y + far[-1].y - far[0].y),
                2 if len(near) > 1 else 0,
                2 if len(far) > 1 else 0,
                False,
                (_edges_along(near) + _edges_along(far)) * 2,
            )
        )
    return pieces


def _gaps_worth_leaving(chain: list[Point]) -> set[int]:
    """Index of the gap before the first stop, after the last, and of the widest between two stops."""
    inner = range(1, len(chain) - 2)
    widest = max(inner, key=lambda i: chain[i + 1].y - chain[i].y, default=0)
    return {0, widest, len(chain) - 2}


def _step_right(layout: Layout, states: dict[_State, _Path], aisle: int) -> dict[_State, _Path]:
    """Leave an aisle: odd crossings go on once, even ones twice or not at all; no part may be left behind."""
    width = layout.aisle_x_cm[aisle + 1] - layout.aisle_x_cm[aisle]
    found: dict[_State, _Path] = {}
    for state, path in states.items():
        choices: list[tuple[int, ...]] = [()]
        for degree, _ in state:
            options = {_NONE: (0,), _ODD: (1,), _EVEN: (0, 2)}[degree]
            choices = [(*choice, option) for choice in choices for option in options]
        parts = {part for _, part in state if part}
        for choice in choices:
            if {part for (_, part), steps in zip(state, choice, strict=True) if steps} != parts:
                continue
            after = tuple(
                (_add(_NONE, steps), part if steps else 0) for (_, part), steps in zip(state, choice, strict=True)
            )
            edges = tuple(
                (layout.crossing(aisle, cross), layout.crossing(aisle + 1, cross))
                for cross, steps in enumerate(choice)
                for _ in range(steps)
            )
            _keep(found, _canonical(after), path, width * sum(choice), edges)
    return found


def _keep(found: dict[_State, _Path], state: _State, before: _Path, length: int, edges: tuple[Edge, ...]) -> None:
    known = found.get(state)
    if known is None or before.length + length < known.length:
        found[state] = _Path(before.length + length, edges, before)


def _edges_along(chain: list[Point]) -> tuple[Edge, ...]:
    return tuple(pairwise(chain))


def _edges(path: _Path) -> list[Edge]:
    edges: list[Edge] = []
    step: _Path | None = path
    while step is not None:
        edges.extend(step.edges)
        step = step.before
    return edges


def _corners(walk: list[Point]) -> tuple[Point, ...]:
    """The walk without the places where it goes straight on."""
    kept = walk[:1]
    for before, here, after in zip(walk, walk[1:], walk[2:], strict=False):
        straight = (here.x - before.x) * (after.x - here.x) > 0 or (here.y - before.y) * (after.y - here.y) > 0
        if not straight:
            kept.append(here)
    return (*kept, *walk[-1:]) if len(walk) > 1 else tuple(walk)
