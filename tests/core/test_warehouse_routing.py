"""The walk of the picker is the shortest there is, and passes every stop (F057)."""

from __future__ import annotations

import random
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from core.catalog import Bin
from core.warehouse.euler import closed_walk
from core.warehouse.layout import Depot, Layout, LayoutError, Point, Spot, build_layout
from core.warehouse.routing import Stop, Tour, route


def random_floor(dice: random.Random, blocks: int, stops: int) -> tuple[Layout, list[Stop]]:
    aisles = dice.randint(1, 7)
    xs, ys = [0], [dice.randint(-50, 50)]
    for _ in range(aisles - 1):
        xs.append(xs[-1] + dice.choice([200, 350, 400, 1000]))
    for _ in range(blocks):
        ys.append(ys[-1] + dice.choice([150, 500, 2000]))
    spots = {
        f"bin{n}": Spot(aisle=dice.randrange(aisles), y_cm=dice.choice([dice.randint(ys[0], ys[-1]), *ys]))
        for n in range(stops)
    }
    layout = Layout(
        warehouse="KS",
        aisle_labels=tuple(f"A-{n:02}" for n in range(1, aisles + 1)),
        aisle_x_cm=tuple(xs),
        cross_y_cm=tuple(ys),
        spots=spots,
        depot=Depot(aisle=dice.randrange(aisles), cross=dice.randrange(blocks + 1)),
    )
    return layout, [Stop(stop_id=label, bin=label) for label in spots]


def held_karp(layout: Layout, stops: list[Stop]) -> int:
    """Shortest round trip by dynamic programming over subsets: slow, and right beyond doubt."""
    start = layout.crossing(layout.depot.aisle, layout.depot.cross)
    places = list({layout.point(layout.spots[stop.bin]) for stop in stops})
    best = {(1 << i, i): layout.distance_cm(start, place) for i, place in enumerate(places)}
    for visited in range(1, 1 << len(places)):
        for last, here in enumerate(places):
            known = best.get((visited, last))
            if known is None:
                continue
            for next_, there in enumerate(places):
                if not visited & (1 << next_):
                    key = (visited | 1 << next_, next_)
                    length = known + layout.distance_cm(here, there)
                    best[key] = min(best.get(key, length), length)
    full = (1 << len(places)) - 1
    return min(best[full, i] + layout.distance_cm(place, start) for i, place in enumerate(places))


def assert_walkable(layout: Layout, stops: list[Stop], tour: Tour) -> None:
    start = layout.crossing(layout.depot.aisle, layout.depot.cross)
    assert tour.path[0] == tour.path[-1] == start
    assert sum(abs(a.x - b.x) + abs(a.y - b.y) for a, b in pairwise(tour.path)) == tour.length_cm
    for a, b in pairwise(tour.path):
        assert (a.x == b.x and a.x in layout.aisle_x_cm) or (a.y == b.y and a.y in layout.cross_y_cm)
    assert sorted(tour.stops) == sorted(stop.stop_id for stop in stops)
    assert layout.walk_cm(tour.stops) == tour.length_cm


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_tour_is_exactly_as_short_as_brute_force(blocks: int) -> None:
    dice = random.Random(blocks)
    for _ in range(250):
        layout, stops = random_floor(dice, blocks, dice.randint(1, 6))

        tour = route(layout, stops)

        assert tour.length_cm == held_karp(layout, stops)
        assert_walkable(layout, stops, tour)


def test_nine_stops_in_one_block_are_as_short_as_brute_force() -> None:
    dice = random.Random(9)
    for _ in range(12):
        layout, stops = random_floor(dice, 1, 9)

        tour = route(layout, stops)

        assert tour.length_cm == held_karp(layout, stops)


def test_thirty_stops_are_all_passed_and_never_longer_than_label_order() -> None:
    dice = random.Random(30)
    for blocks in (1, 2, 3):
        layout, stops = random_floor(dice, blocks, 30)

        tour = route(layout, stops)

        assert_walkable(layout, stops, tour)
        assert tour.length_cm <= layout.walk_cm(sorted(layout.spots))


def test_order_of_the_stops_handed_in_does_not_change_the_tour() -> None:
    layout, stops = random_floor(random.Random(5), 2, 12)

    assert route(layout, stops) == route(layout, stops[::-1])


def test_bins_without_coordinates_come_last_in_label_order() -> None:
    layout = two_aisles()
    stops = [Stop(stop_id=b, bin=b) for b in ("Q-09-01-1-01", "A-02-01-1-01", "Q-01-01-1-01", "A-01-02-3-01")]

    tour = route(layout, stops)

    assert tour.unplaced == ("Q-01-01-1-01", "Q-09-01-1-01")
    assert tour.stops[-2:] == tour.unplaced
    assert set(tour.stops[:2]) == {"A-02-01-1-01", "A-01-02-3-01"}


def test_without_any_surveyed_bin_there_is_a_list_but_no_walk() -> None:
    tour = route(two_aisles(), [Stop(stop_id="1", bin="Q-09-01-1-01")])

    assert tour == Tour(length_cm=0, stops=("1",), unplaced=("1",), path=())


def test_two_bins_at_one_bay_are_one_place_and_follow_each_other() -> None:
    layout = two_aisles()
    stops = [Stop(stop_id="high", bin="A-01-02-5-01"), Stop(stop_id="low", bin="A-01-02-3-01")]

    tour = route(layout, stops)

    assert tour.stops == ("low", "high")
    assert tour.length_cm == 2 * 300
    assert tour.length_m == Decimal("6.00")
    assert tour.path == (Point(100, 0), Point(100, 300), Point(100, 0))


def two_aisles() -> Layout:
    return build_layout(
        "KS",
        [
            Bin(warehouse="KS", label="A-01-01-1-01", x=0.9, y=1.5),
            Bin(warehouse="KS", label="A-01-02-3-01", x=1.0, y=3.0),
            Bin(warehouse="KS", label="A-01-02-5-01", x=1.1, y=3.0),
            Bin(warehouse="KS", label="A-02-01-1-01", x=4.0, y=1.5),
            Bin(warehouse="KS", label="A-02-02-1-01"),
            Bin(warehouse="KS", label="隔离区", x=1.0, y=1.0),
            Bin(warehouse="HF", label="A-03-01-1-01", x=9.0, y=1.5),
        ],
    )


def test_the_floor_is_made_from_the_surveyed_bins_of_one_warehouse() -> None:
    layout = two_aisles()

    assert layout.aisle_labels == ("A-01", "A-02")
    assert layout.aisle_x_cm == (100, 400)
    assert layout.cross_y_cm == (0, 450)
    assert sorted(layout.spots) == ["A-01-01-1-01", "A-01-02-3-01", "A-01-02-5-01", "A-02-01-1-01"]


def test_a_bin_outside_the_block_is_named() -> None:
    bins = [Bin(warehouse="KS", label="A-01-01-1-01", x=1.0, y=9.0)]

    with pytest.raises(LayoutError, match=r"A-01-01-1-01 lies outside the block \(y = 900 cm\)"):
        build_layout("KS", bins, cross_y_m=(0.0, 5.0))


def test_a_warehouse_without_surveyed_bins_has_no_floor() -> None:
    with pytest.raises(LayoutError, match="KS: no bin has coordinates"):
        build_layout("KS", [Bin(warehouse="KS", label="A-01-01-1-01")])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"aisle_labels": ("A-01",)}, "one label and one x"),
        ({"aisle_x_cm": (400, 100)}, "rising order"),
        ({"cross_y_cm": (0,)}, "front and at its back"),
        ({"spots": {"b": Spot(aisle=2, y_cm=1)}}, "aisle 2, which is not there"),
    ],
)
def test_a_floor_that_cannot_be_walked_is_refused(change: dict[str, Any], message: str) -> None:
    floor: dict[str, Any] = {
        "warehouse": "KS",
        "aisle_labels": ("A-01", "A-02"),
        "aisle_x_cm": (100, 400),
        "cross_y_cm": (0, 450),
        "spots": {},
    }

    with pytest.raises(LayoutError, match=message):
        Layout(**(floor | change))


def test_edges_that_are_not_one_round_are_refused() -> None:
    a, b, c = Point(0, 0), Point(0, 1), Point(1, 1)

    with pytest.raises(ValueError, match="one closed walk"):
        closed_walk([(a, b), (b, c)], a)
