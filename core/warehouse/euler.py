"""One closed walk through every edge of a connected graph with an even number of edges everywhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from core.warehouse.layout import Point

Edge = tuple[Point, Point]


def closed_walk(edges: Iterable[Edge], start: Point) -> list[Point]:
    """Places in walking order, ``start`` first and last; every edge is walked exactly once (Hierholzer).

    Edges of no length are dropped. Raises ValueError when the edges cannot be walked in one round.
    """
    neighbours: dict[Point, list[tuple[Point, int]]] = defaultdict(list)
    count = 0
    for a, b in edges:
        if a != b:
            neighbours[a].append((b, count))
            neighbours[b].append((a, count))
            count += 1
    walked = [False] * count
    trail, walk = [start], []
    while trail:
        open_edges = neighbours[trail[-1]]
        while open_edges and walked[open_edges[-1][1]]:
            open_edges.pop()
        if open_edges:
            place, edge = open_edges.pop()
            walked[edge] = True
            trail.append(place)
        else:
            walk.append(trail.pop())
    if not all(walked) or walk[0] != walk[-1]:
        raise ValueError("the edges do not make one closed walk")
    return walk
