"""Which orders of a wave one picker fetches in one walk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.warehouse.allocation import Take
from core.warehouse.layout import Layout
from core.warehouse.plan import PlannedOrder


@dataclass(frozen=True, kw_only=True)
class TrolleyLimits:
    """What one tour may hold."""

    orders: int = 10
    lines: int = 40
    """Places on the list: one batch in one bin for one order line."""


def fill_trolleys(
    orders: Sequence[PlannedOrder], layout: Layout | None, limits: TrolleyLimits
) -> list[list[tuple[str, tuple[Take, ...]]]]:
    """Tours of one wave, each a list of orders with what to fetch for them.

    1. The most urgent order not yet on a tour opens the next one, so that a red order is in the first.
    2. It takes along the orders that add the fewest aisles to the walk, the more urgent one first, until the
       trolley is full. Without a floor plan the orders follow each other by urgency.
    3. An order with more lines than a trolley holds gets tours of its own, cut in bin order.

    ``orders`` come most urgent first.
    """
    tours: list[list[tuple[str, tuple[Take, ...]]]] = []
    waiting = list(orders)
    while waiting:
        first = waiting.pop(0)
        if len(first.takes) > limits.lines:
            tours.extend([(first.order_id, part)] for part in _cut(first.takes, limits.lines))
            continue
        tour, aisles, lines = [first], _aisles(first, layout), len(first.takes)
        while len(tour) < limits.orders:
            fitting = [order for order in waiting if lines + len(order.takes) <= limits.lines]
            if not fitting:
                break
            # min keeps the first of equals, which is the most urgent.
            nearest = min(fitting, key=lambda order: len(_aisles(order, layout) - aisles))
            waiting.remove(nearest)
            tour.append(nearest)
            aisles |= _aisles(nearest, layout)
            lines += len(nearest.takes)
        tours.append([(order.order_id, order.takes) for order in sorted(tour, key=orders.index)])
    return tours


def _aisles(order: PlannedOrder, layout: Layout | None) -> frozenset[int]:
    if layout is None:
        return frozenset()
    return frozenset(layout.spots[take.bin].aisle for take in order.takes if take.bin in layout.spots)


def _cut(takes: Sequence[Take], size: int) -> list[tuple[Take, ...]]:
    ordered = sorted(takes, key=lambda take: (take.bin, take.line_id))
    return [tuple(ordered[start : start + size]) for start in range(0, len(ordered), size)]
