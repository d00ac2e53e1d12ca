"""The result of planning: waves with their pick lists and reasons, and a reason for every order left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.warehouse.allocation import Shortage, Take
from core.warehouse.world import OrderClass


class LeftOutReason(StrEnum):
    """Why an order is in no wave. Hard: alone in the world it would not fit either. Contended: it would."""

    NO_STOCK = "no_stock"  # hard: a line is short in every warehouse that could send it
    QC_PENDING = "qc_pending"  # hard: the pieces are there and wait for inspection
    BATCH = "batch"  # hard: usable pieces are there, in batches a line does not accept
    EXPIRED = "expired"  # hard: the pieces are there, past their last good day
    NO_CARRIER = "no_carrier"  # hard: no run serves its region with a carrier it allows
    CUT_OFF_PASSED = "cut_off_passed"  # hard: stock is there, every suitable run has left
    NO_CAPACITY = "no_capacity"  # hard: no run of today has room for so many parcels, even alone
    STOCK_HELD = "stock_held"  # contended: orders that rank higher hold the pieces
    RUN_FULL = "run_full"  # contended: orders that rank higher fill the run

    @property
    def hard(self) -> bool:
        """True when nobody else's order is in the way."""
        return self not in (LeftOutReason.STOCK_HELD, LeftOutReason.RUN_FULL)


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """An order, or lines of one that may be split, that this plan leaves waiting."""

    order_id: str
    order_class: OrderClass
    line_ids: tuple[str, ...]
    reason: LeftOutReason
    warehouse: str | None = None
    """Where the reason was found: the warehouse that comes nearest to serving it."""
    run_id: str | None = None
    """The run that left, is too small or is full."""
    shortages: tuple[Shortage, ...] = ()
    """Stock reasons: what is missing, line by line."""
    holders: tuple[str, ...] = ()
    """Contended: take these orders out of the plan and this one fits ``warehouse`` and ``run_id``."""


@dataclass(frozen=True, kw_only=True)
class InclusionReason:
    """Why an order leaves now: 今日必发 / 库存齐 / 顺丰余42 (F054)."""

    order_class: OrderClass
    stock_complete: bool
    """False when an order that may be split leaves with a part of its lines."""
    carrier: str
    capacity_left: int
    """Parcels the run still takes after this order."""
    late: bool
    """Every run in time is gone or full: it leaves with the earliest one left, after its due time."""


@dataclass(frozen=True, kw_only=True)
class PlannedOrder:
    """An order, or lines of one that may be split, with batch, bin and pieces per line."""

    order_id: str
    line_ids: tuple[str, ...]
    takes: tuple[Take, ...]
    parcels: int
    reason: InclusionReason


@dataclass(frozen=True, kw_only=True)
class PlannedPickList:
    """One tour's worth of orders."""

    order_ids: tuple[str, ...]
    """Most urgent first."""
    takes: tuple[Take, ...]
    offered_to: str | None
    """The picker with the least to do in this plan; anybody of the warehouse may claim it (F056)."""


@dataclass(frozen=True, kw_only=True)
class PlannedWave:
    """Orders that leave one warehouse with one run."""

    warehouse: str
    run_id: str
    carrier: str
    cut_off_at: datetime
    orders: tuple[PlannedOrder, ...]
    """Most urgent first."""
    pick_lists: tuple[PlannedPickList, ...]


@dataclass(frozen=True, kw_only=True)
class WavePlan:
    """Waves, the most urgent first, and who waits why. Advice until ``storage`` has reserved every take."""

    made_at: datetime
    seed: int
    waves: tuple[PlannedWave, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def orders(self) -> tuple[PlannedOrder, ...]:
        """Every order of every wave."""
        return tuple(order for wave in self.waves for order in wave.orders)

    @property
    def must_ship_left(self) -> tuple[LeftOut, ...]:
        """Red and 今日必发 that do not leave: an exception card at once (F055)."""
        return tuple(left for left in self.left_out if left.order_class <= OrderClass.TODAY)

    @property
    def served(self) -> tuple[int, ...]:
        """Lines that leave, per class: plans are compared by this, class by class, most urgent first."""
        lines = Counter[OrderClass]()
        for order in self.orders:
            lines[order.reason.order_class] += len(order.line_ids)
        return tuple(lines[order_class] for order_class in OrderClass)
