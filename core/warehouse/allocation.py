"""Which batch in which bin each order line takes: first expired first out, released stock only (F052)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from core.warehouse.lots import ANY_BATCH, BatchRule, LotStock, QcState, fefo

__all__ = [
    "AllocationPlan",
    "BatchRule",
    "Demand",
    "LotStock",
    "QcState",
    "Shortage",
    "ShortageReason",
    "Take",
    "allocate",
]


class ShortageReason(StrEnum):
    """Why a line stays short. Each but NO_STOCK promises: lift this one obstacle and the line is full."""

    NO_STOCK = "no_stock"  # too few pieces, whatever the inspectors say and the customer accepts
    QC_PENDING = "qc_pending"  # enough accepted pieces wait for their inspection
    BATCH = "batch"  # enough usable pieces are there, in batches the customer does not accept
    EXPIRED = "expired"  # enough accepted, released pieces are there, past their last good day


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What one order line wants. ``line_id`` is unique in one call."""

    line_id: str
    part_id: str
    quantity: int
    rule: BatchRule = ANY_BATCH
    warehouse: str | None = None
    """Only from this warehouse; None = any of the lots handed in."""

    def __post_init__(self) -> None:
        if self.quantity < 1:
            raise ValueError(f"line {self.line_id} wants {self.quantity} pieces; a demand is at least 1")


@dataclass(frozen=True, kw_only=True)
class Take:
    """Pieces of one stock cell for one line."""

    line_id: str
    part_id: str
    warehouse: str
    lot_no: str
    bin: str
    quantity: int

    @property
    def cell(self) -> tuple[str, str, str, str]:
        """The stock cell this is taken from (``LotStock.cell``)."""
        return (self.warehouse, self.part_id, self.lot_no, self.bin)


@dataclass(frozen=True, kw_only=True)
class Shortage:
    """What one line did not get, with the pieces that exist but may not be used."""

    line_id: str
    part_id: str
    missing: int
    reason: ShortageReason
    awaiting_qc: int
    """Accepted pieces in date that wait for inspection."""
    other_batches: int
    """Usable pieces left over in batches the line does not accept."""
    expired: int
    """Accepted, released pieces past their last good day."""


@dataclass(frozen=True, kw_only=True)
class AllocationPlan:
    """Takes in the order of the demands, then of FEFO; one shortage per line that is not full."""

    takes: tuple[Take, ...]
    shortages: tuple[Shortage, ...]


def allocate(demands: Sequence[Demand], lots: Iterable[LotStock], today: date) -> AllocationPlan:
    """Every line gets batch, bin and pieces, or the reason why it stays short.

    1. Only batches that passed inspection or were accepted with a concession; never past the last good day.
    2. Lines bound to a batch choose first, the narrowest first; the others follow in the order given. If of
       any two rules one accepts a part of what the other accepts, or they share nothing, this fills
       every set of lines that can be filled.
    3. Inside what a line accepts: first expiry, then inbound date, then batch number, then bin.
    4. Never more than is free in a cell. A line that cannot be filled gets what there is and a Shortage;
       all-or-nothing is the caller's rule.

    Raises ValueError when a stock cell or a line is listed twice.
    """
    remaining: dict[tuple[str, str, str, str], int] = {}
    by_part: dict[str, list[LotStock]] = defaultdict(list)
    for lot in lots:
        if lot.cell in remaining:
            raise ValueError(f"stock cell {lot.cell} is listed twice")
        remaining[lot.cell] = max(lot.free, 0)
        by_part[lot.part_id].append(lot)
    for part_lots in by_part.values():
        part_lots.sort(key=fefo)

    takes: dict[str, list[Take]] = {demand.line_id: [] for demand in demands}
    if len(takes) != len(demands):
        raise ValueError("a line is listed twice")
    missing: dict[str, int] = {}
    for demand in _narrowest_first(demands, by_part, today):
        want = demand.quantity
        for lot in _within(demand, by_part):
            if want == 0:
                break
            quantity = min(want, remaining[lot.cell])
            if quantity > 0 and lot.usable(today) and demand.rule.accepts(lot):
                remaining[lot.cell] -= quantity
                want -= quantity
                takes[demand.line_id].append(_take(demand, lot, quantity))
        missing[demand.line_id] = want

    return AllocationPlan(
        takes=tuple(take for demand in demands for take in takes[demand.line_id]),
        shortages=tuple(
            _shortage(demand, missing[demand.line_id], by_part, remaining, today)
            for demand in demands
            if missing[demand.line_id]
        ),
    )


def _within(demand: Demand, by_part: dict[str, list[LotStock]]) -> list[LotStock]:
    lots = by_part.get(demand.part_id, [])
    if demand.warehouse is None:
        return lots
    return [lot for lot in lots if lot.warehouse == demand.warehouse]


def _narrowest_first(demands: Sequence[Demand], by_part: dict[str, list[LotStock]], today: date) -> list[Demand]:
    def width(demand: Demand) -> tuple[bool, int]:
        if not demand.rule.bound:
            return (True, 0)
        cells = (lot for lot in _within(demand, by_part) if lot.usable(today) and demand.rule.accepts(lot))
        return (False, sum(1 for _ in cells))

    return sorted(demands, key=width)


def _take(demand: Demand, lot: LotStock, quantity: int) -> Take:
    return Take(
        line_id=demand.line_id,
        part_id=lot.part_id,
        warehouse=lot.warehouse,
        lot_no=lot.lot_no,
        bin=lot.bin,
        quantity=quantity,
    )


def _shortage(
    demand: Demand,
    missing: int,
    by_part: dict[str, list[LotStock]],
    remaining: dict[tuple[str, str, str, str], int],
    today: date,
) -> Shortage:
    awaiting_qc = other_batches = expired = 0
    for lot in _within(demand, by_part):
        left = remaining[lot.cell]
        if not demand.rule.accepts(lot):
            other_batches += left if lot.usable(today) else 0
        elif lot.expired(today):
            expired += left if lot.qc.released else 0
        elif lot.qc.awaiting:
            awaiting_qc += left
    if awaiting_qc >= missing:
        reason = ShortageReason.QC_PENDING
    elif other_batches >= missing:
        reason = ShortageReason.BATCH
    elif expired >= missing:
        reason = ShortageReason.EXPIRED
    else:
        reason = ShortageReason.NO_STOCK
    return Shortage(
        line_id=demand.line_id,
        part_id=demand.part_id,
        missing=missing,
        reason=reason,
        awaiting_qc=awaiting_qc,
        other_batches=other_batches,
        expired=expired,
    )
