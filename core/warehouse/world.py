"""What the planner knows: waiting orders, carrier runs, stock, pickers; and how urgent an order is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum

from core.expedite import Level
from core.warehouse.layout import Layout
from core.warehouse.lots import ANY_BATCH, BatchRule, LotStock


class OrderClass(IntEnum):
    """Strict ranks: no number of orders of a later class buys out one of an earlier class."""

    RED = 0  # red expedite: alone ranks before must-ship (F055)
    TODAY = 1  # 今日必发: every later departure would miss the due time
    ORANGE = 2  # orange expedite
    YELLOW = 3  # yellow expedite
    TOMORROW = 4  # due on the next calendar day
    LATER = 5  # everything else


_CLASS_OF_LEVEL = {
    Level.RED: OrderClass.RED,
    Level.ORANGE: OrderClass.ORANGE,
    Level.YELLOW: OrderClass.YELLOW,
}


@dataclass(frozen=True, kw_only=True)
class CarrierRun:
    """One departure of one carrier from one warehouse."""

    run_id: str
    warehouse: str
    carrier: str
    cut_off_at: datetime
    """Parcels handed over until then leave with this run."""
    capacity_left: int
    """Parcels the run still takes today, those of tours already started taken off (F053)."""
    regions: frozenset[str] = frozenset()
    """Regions it delivers to; empty = everywhere."""
    transit: timedelta = timedelta(0)
    """Time on the road, where due means arrival; zero where due means leaving the house."""

    def meets(self, due_at: datetime) -> bool:
        """Whether goods on this run are in time."""
        return self.cut_off_at + self.transit <= due_at


@dataclass(frozen=True, kw_only=True)
class PlanningLine:
    """One position of a waiting order; ``line_id`` is unique in the world."""

    line_id: str
    part_id: str
    quantity: int
    rule: BatchRule = ANY_BATCH


@dataclass(frozen=True, kw_only=True)
class PlanningOrder:
    """An approved order that waits for its wave."""

    order_id: str
    order_class: OrderClass
    tier: int
    """Customer tier, 1 first."""
    due_at: datetime
    arrived_at: datetime
    parcels: int
    lines: tuple[PlanningLine, ...]
    region: str = ""
    carriers: frozenset[str] = frozenset()
    """Carriers the customer allows; empty = any."""
    warehouses: tuple[str, ...] = ()
    """Warehouses it may leave from, preferred first; empty = any."""
    splittable: bool = False
    """Lines may leave one by one."""

    def __post_init__(self) -> None:
        if not self.lines or self.parcels < 1:
            raise ValueError(f"order {self.order_id} needs at least one line and one parcel to be planned")

    @property
    def rank(self) -> tuple[int, int, datetime, datetime, str]:
        """Class, tier, due, arrival, then the number, so that two plans of one world are equal."""
        return (self.order_class, self.tier, self.due_at, self.arrived_at, self.order_id)

    def served_by(self, run: CarrierRun) -> bool:
        """Whether region, carrier and warehouse of the run suit the order; time and room aside."""
        return (
            (not run.regions or self.region in run.regions)
            and (not self.carriers or run.carrier in self.carriers)
            and (not self.warehouses or run.warehouse in self.warehouses)
        )


@dataclass(frozen=True, kw_only=True)
class Picker:
    """Somebody on shift who can be offered a pick list."""

    picker_id: str
    warehouse: str


@dataclass(frozen=True, kw_only=True)
class PlanningWorld:
    """Everything one planning looks at. Tours already started are not in it, nor their stock and capacity."""

    now: datetime
    orders: tuple[PlanningOrder, ...]
    runs: tuple[CarrierRun, ...]
    lots: tuple[LotStock, ...]
    pickers: tuple[Picker, ...] = ()
    layouts: Mapping[str, Layout] = field(default_factory=dict)
    """Floor per warehouse; without one, orders are put on pick lists in rank order only."""


def order_class(
    *, level: Level | None, due_at: datetime, now: datetime, departures: Iterable[CarrierRun]
) -> OrderClass:
    """How urgent a waiting order is at ``now`` (F055, F070).

    1. A red expedite ranks before everything.
    2. 今日必发: it is due today or overdue, or the departures after today that are known all come too late.
       When it is due after the last departure known, nothing forces it out today.
    3. Orange and yellow expedites rank between must-ship and the rest, unless rule 2 puts them higher.
    4. Then orders due on the next calendar day, then all others.

    ``departures``: runs of today and the next days that serve the order. Days are those of ``now``'s zone.
    """
    today = now.date()
    due_day = due_at.astimezone(now.tzinfo).date()
    runs = list(departures)
    if due_day <= today or _only_today_meets(due_at, runs, now):
        by_due = OrderClass.TODAY
    elif due_day == today + timedelta(days=1):
        by_due = OrderClass.TOMORROW
    else:
        by_due = OrderClass.LATER
    return by_due if level is None else min(by_due, _CLASS_OF_LEVEL[level])


def _only_today_meets(due_at: datetime, runs: list[CarrierRun], now: datetime) -> bool:
    later = [run for run in runs if run.cut_off_at.astimezone(now.tzinfo).date() > now.date()]
    if not later:
        return False
    beyond_horizon = max(later, key=lambda run: run.cut_off_at).cut_off_at < due_at
    return not beyond_horizon and not any(run.meets(due_at) for run in later)
