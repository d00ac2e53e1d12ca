"""What the picker holds: stops in walking order, each with batches and pieces, and the walk past them (F057)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from core.warehouse.bins import BinAddress, BinAddressError, parse_bin
from core.warehouse.layout import Layout
from core.warehouse.routing import Stop, Tour, route


@dataclass(frozen=True, kw_only=True)
class SheetItem:
    """Pieces of one batch to take out of a bin."""

    part_number: str
    lot_no: str
    quantity: int
    part_name: str = ""


@dataclass(frozen=True, kw_only=True)
class SheetPick:
    """One thing to fetch, as a pick task or a planned take knows it."""

    bin: str
    item: SheetItem


@dataclass(frozen=True, kw_only=True)
class SheetStop:
    """One bin to stop at. ``number`` counts from 1 in walking order."""

    number: int
    bin: str
    address: BinAddress | None
    """None when the label is no bin address; the label is then shown as it is."""
    items: tuple[SheetItem, ...]
    placed: bool
    """False = 无坐标: at the end of the list, not on the map."""

    @property
    def label(self) -> str:
        """``A-03-12 第4层/1.6m 箱02``, or the bare label."""
        return self.address.label if self.address else self.bin

    @property
    def pieces(self) -> int:
        """Pieces to take out here."""
        return sum(item.quantity for item in self.items)


@dataclass(frozen=True, kw_only=True)
class PickSheet:
    """One pick list on one picture."""

    wave_number: str
    warehouse_name: str
    orders: int
    lines: int
    must_ship: int
    layout: Layout | None
    tour: Tour
    stops: tuple[SheetStop, ...]

    @property
    def pieces(self) -> int:
        """Pieces on the whole sheet."""
        return sum(stop.pieces for stop in self.stops)


def pick_sheet(
    picks: Sequence[SheetPick],
    layout: Layout | None,
    *,
    wave_number: str,
    warehouse_name: str,
    orders: int,
    must_ship: int = 0,
) -> PickSheet:
    """Put everything of one pick list in walking order.

    1. All picks from one bin are one stop; equal part and batch are one item with the pieces added up.
    2. Stops follow the shortest walk; bins without coordinates come last, in label order.
    3. Without a floor every stop is one of those.
    """
    by_bin: dict[str, dict[SheetItem, int]] = defaultdict(dict)
    for pick in picks:
        kind = SheetItem(
            part_number=pick.item.part_number,
            lot_no=pick.item.lot_no,
            part_name=pick.item.part_name,
            quantity=0,
        )
        by_bin[pick.bin][kind] = by_bin[pick.bin].get(kind, 0) + pick.item.quantity
    tour = _walk(sorted(by_bin), layout)
    stops = tuple(
        SheetStop(
            number=number,
            bin=label,
            address=_address(label),
            items=tuple(
                SheetItem(
                    part_number=kind.part_number,
                    lot_no=kind.lot_no,
                    part_name=kind.part_name,
                    quantity=quantity,
                )
                for kind, quantity in by_bin[label].items()
            ),
            placed=label not in tour.unplaced,
        )
        for number, label in enumerate(tour.stops, start=1)
    )
    return PickSheet(
        wave_number=wave_number,
        warehouse_name=warehouse_name,
        orders=orders,
        lines=len(picks),
        must_ship=must_ship,
        layout=layout,
        tour=tour,
        stops=stops,
    )


def _walk(labels: Sequence[str], layout: Layout | None) -> Tour:
    if layout is None:
        return Tour(length_cm=0, stops=tuple(labels), unplaced=tuple(labels), path=())
    return route(layout, [Stop(stop_id=label, bin=label) for label in labels])


def _address(label: str) -> BinAddress | None:
    try:
        return parse_bin(label)
    except BinAddressError:
        return None
