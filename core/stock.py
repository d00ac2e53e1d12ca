"""Stock with its context: lots in bins, what is allocated, and every movement as a row (F052, F061, F064)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from core.warehouse.lots import QcState


@dataclass(kw_only=True)
class Lot:
    """One lot in one bin of one warehouse (a stock cell). available = on_hand − allocated − damaged, and 0 unless
    the QC state releases it. Quantities are pieces. Unique on (warehouse, lot_no, part_number, bin)."""

    lot_no: str
    part_number: str
    warehouse: str
    bin: str
    on_hand: int
    allocated: int = 0
    damaged: int = 0
    qc: QcState
    received_on: date
    expires_on: date | None = None
    id: int | None = None

    @property
    def available(self) -> int:
        if not self.qc.released:
            return 0
        return max(0, self.on_hand - self.allocated - self.damaged)

    def fefo(self) -> tuple[date, date, str, str]:
        """First expired first out: the order in which lots leave (same rule as ``warehouse.lots.fefo``)."""
        return (self.expires_on or date.max, self.received_on, self.lot_no, self.bin)


class AllocationState(StrEnum):
    HELD = "held"  # 占用: promised to an order line, still in the bin
    PICKED = "picked"  # taken from the bin, not yet scanned out
    SHIPPED = "shipped"  # scanned out: gone from on_hand
    RELEASED = "released"  # given back (short pick, recall)


@dataclass(kw_only=True)
class Allocation:
    """Pieces of a lot held for an order line."""

    order_number: str
    line_id: int
    lot_id: int
    lot_no: str
    part_number: str
    warehouse: str
    bin: str
    quantity: int
    state: AllocationState
    pick_list_id: int | None = None
    id: int | None = None


@dataclass(kw_only=True)
class StockMovement:
    """One change of a lot's on_hand; the sum over a lot equals its balance (F064). Append-only."""

    lot_id: int
    lot_no: str
    part_number: str
    warehouse: str
    bin: str
    delta: int
    cause: str
    """receipt, shipment, count."""
    ref: str
    by: str
    at: datetime
    id: int | None = None
