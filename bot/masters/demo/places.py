"""Where the demo company works: provinces, stores, warehouses with their racks, and the carriers' runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import time

from core.catalog import Bin, Carrier, Warehouse
from core.warehouse.bins import BinAddress

STORES_OF: dict[str, tuple[str, int]] = {
    "沪": ("SH", 8),
    "苏": ("JS", 10),
    "浙": ("ZJ", 9),
    "皖": ("AH", 7),
    "赣": ("JX", 6),
    "鲁": ("SD", 7),
}
"""Province → prefix of its store codes and number of stores: 47 in all (N02)."""

ISOLATION = "隔离区"
"""Where goods wait that the inspectors hold; an area without racks, so it is on no pick map."""

AISLE_PITCH_M = 3.0
BAY_WIDTH_M = 2.8
FIRST_BAY_M = 2.0
BAYS, LEVELS, BOXES = 12, 5, 2
"""Of every aisle: odd bays on the left, even ones on the right, two facing each other."""


@dataclass(frozen=True, kw_only=True)
class Hall:
    """A warehouse and how many aisles each of its zones has. Every aisle holds 120 boxes."""

    warehouse: Warehouse
    zones: tuple[tuple[str, int], ...]


HALLS: tuple[Hall, ...] = (
    Hall(
        warehouse=Warehouse(
            code="KS",
            name="昆山中心仓",
            address="江苏省昆山市示例路 1 号",
            longitude=120.98,
            latitude=31.38,
            dock="2号月台",
            contact="仓储组长",
            regions=["沪", "苏", "浙", "皖", "赣", "鲁"],
        ),
        zones=(("A", 8), ("B", 2)),
    ),
    Hall(
        warehouse=Warehouse(
            code="HF",
            name="合肥仓",
            address="安徽省合肥市示例路 2 号",
            longitude=117.23,
            latitude=31.82,
            dock="1号月台",
            contact="合肥仓组长",
            regions=["皖", "赣"],
        ),
        zones=(("A", 4), ("B", 2)),
    ),
    Hall(
        warehouse=Warehouse(
            code="JN",
            name="济南前置仓",
            address="山东省济南市示例路 3 号",
            longitude=117.12,
            latitude=36.65,
            dock="1号月台",
            contact="济南仓组长",
            regions=["鲁"],
        ),
        zones=(("A", 3), ("B", 1)),
    ),
)

_ALL = ["沪", "苏", "浙", "皖", "赣", "鲁"]


def _carrier(code: str, name: str, hour: int, minute: int, capacity: int, regions: list[str], days: int) -> Carrier:
    return Carrier(
        code=code,
        name=name,
        warehouse=code.split("-")[1],
        cutoff=time(hour, minute),
        capacity=capacity,
        regions=list(regions),
        days=days,
    )


def demo_carriers() -> tuple[Carrier, ...]:
    """Eleven runs; every province of a warehouse is served by at least two of them (N25)."""
    return (
        _carrier("CP-KS", "沪苏城配", 11, 30, 60, ["沪", "苏"], 0),
        _carrier("SF-KS", "顺丰", 15, 30, 200, _ALL, 1),
        _carrier("ZH-KS", "浙沪专线", 16, 0, 120, ["沪", "浙"], 1),
        _carrier("DB-KS", "德邦", 17, 0, 150, _ALL, 2),
        _carrier("HD-KS", "华东专线", 18, 30, 180, _ALL, 2),
        _carrier("WZ-HF", "皖中专线", 14, 0, 80, ["皖"], 1),
        _carrier("SF-HF", "顺丰", 15, 30, 100, ["皖", "赣"], 1),
        _carrier("DB-HF", "德邦", 17, 0, 90, ["皖", "赣"], 2),
        _carrier("LT-JN", "鲁通专线", 12, 30, 60, ["鲁"], 1),
        _carrier("SF-JN", "顺丰", 15, 30, 80, ["鲁"], 1),
        _carrier("DB-JN", "德邦", 17, 0, 70, ["鲁"], 2),
    )


def demo_warehouses() -> tuple[Warehouse, ...]:
    """The three houses."""
    return tuple(replace(hall.warehouse, regions=list(hall.warehouse.regions)) for hall in HALLS)


def demo_bins() -> tuple[Bin, ...]:
    """2,400 places. Coordinates are where a picker stands: in the middle of the aisle, between two facing bays.

    Zones stand side by side with a wider lane between them. The last box of the last rack of each house gives way
    to the isolation area, which has no coordinates.
    """
    bins: list[Bin] = []
    for hall in HALLS:
        x = 0.0
        for zone, aisles in hall.zones:
            for aisle in range(1, aisles + 1):
                x += AISLE_PITCH_M
                bins += _aisle(hall.warehouse.code, zone, aisle, x)
            x += AISLE_PITCH_M
        bins[-1] = Bin(warehouse=hall.warehouse.code, label=ISOLATION)
    return tuple(bins)


def _aisle(warehouse: str, zone: str, aisle: int, x: float) -> list[Bin]:
    return [
        Bin(
            warehouse=warehouse,
            label=str(BinAddress(zone=zone, aisle=aisle, bay=bay, level=level, box=box)),
            x=x,
            y=round(FIRST_BAY_M + (bay - 1) // 2 * BAY_WIDTH_M, 2),
        )
        for bay in range(1, BAYS + 1)
        for level in range(1, LEVELS + 1)
        for box in range(1, BOXES + 1)
    ]


def store_codes(region: str) -> list[str]:
    """``SH01`` … of one province."""
    prefix, count = STORES_OF[region]
    return [f"{prefix}{number:02}" for number in range(1, count + 1)]
