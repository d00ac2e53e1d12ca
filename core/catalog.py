"""Master data: customers, parts with aliases and supersession, warehouses, bins, carriers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum


@dataclass(kw_only=True)
class Customer:
    """A garage, dealer or fleet that orders. ``code`` is the customer number, e.g. ``K0231``."""

    code: str
    name: str
    region: str
    """Province the goods go to; decides which carriers serve it."""
    store: str = ""
    phone: str = ""
    address: str = ""
    tier: int = 3
    """1 strategic, 2 key, 3 regular."""
    frozen: bool = False
    """No order may be submitted for a frozen customer (F033)."""
    lead_days: int = 2
    """Working days promised when an order names no date (F051)."""
    active: bool = True


class AliasKind(StrEnum):
    OE = "oe"  # 原厂零件号
    BRAND = "brand"  # 品牌号
    ALIAS = "alias"  # what people write
    NAME = "name"  # trade name used in chat


@dataclass(kw_only=True)
class PartAlias:
    """Another way to name a part; found by its normal form. One alias may name several parts: then it is asked."""

    text: str
    normal: str
    kind: AliasKind
    part_number: str


@dataclass(kw_only=True)
class Part:
    """A stock-keeping unit. ``number`` is the company's code in its pretty form, always a string."""

    number: str
    normal: str
    name: str
    family: str
    unit: str = "个"
    pack: int = 1
    """Pieces per box; an order off the multiple is flagged yellow (F033)."""
    position: str = ""
    """左前, 右后, 成对 …"""
    grade: str = "品牌件"
    safety_stock: int | None = None
    """Pieces in the whole network; None or 0 is a flag of its own (F032)."""
    weight_g: int = 500
    superseded_by: str = ""
    """Successor's number; proposed, never swapped silently (F030)."""
    active: bool = True
    aliases: list[PartAlias] = field(default_factory=list)


@dataclass(kw_only=True)
class Warehouse:
    """A building goods leave from. Coordinates are GCJ-02, longitude first (F075)."""

    code: str
    name: str
    address: str = ""
    longitude: float | None = None
    latitude: float | None = None
    dock: str = ""
    contact: str = ""
    regions: list[str] = field(default_factory=list)
    """Provinces served from here, nearest first."""


@dataclass(kw_only=True)
class Bin:
    """A storage place ``A-03-12-4-02`` with its floor coordinates in metres; None = not surveyed (F057)."""

    warehouse: str
    label: str
    x: float | None = None
    y: float | None = None


@dataclass(kw_only=True)
class Carrier:
    """A carrier's daily run from one warehouse: cut-off on the wall clock and capacity in parcels (F053)."""

    code: str
    name: str
    warehouse: str
    cutoff: time
    capacity: int
    """Parcels a day when nothing else was entered for the day."""
    regions: list[str] = field(default_factory=list)
    days: int = 1
    """Days on the road."""


@dataclass(kw_only=True)
class CalendarDay:
    """The company's own word on one day; it stands above the published holidays."""

    day: date
    works: bool
    """True: people work although it is a holiday or weekend (调班)."""
    note: str = ""
    by: str = ""
    at: datetime | None = None
    """By whom and when it was entered; set when it is written."""
