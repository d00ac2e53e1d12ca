"""Stock as the planner sees it: one batch in one bin, its inspection state, and what a customer accepts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class QcState(StrEnum):
    """Where a batch stands with the inspectors (domain page, section 5)."""

    PENDING = "pending"  # received, not inspected yet: becomes available by itself when the inspector is done
    PASSED = "passed"  # inspected and good
    CONCESSION = "concession"  # a deviation was accepted: usable, unless the line wants passed batches only
    RECHECK = "recheck"  # was good once and waits for a second look
    FROZEN = "frozen"  # held by a decision; only a decision frees it
    REJECTED = "rejected"  # failed; goes back to the supplier or to scrap

    @property
    def released(self) -> bool:
        """Only these states may be allocated (F052)."""
        return self in (QcState.PASSED, QcState.CONCESSION)

    @property
    def awaiting(self) -> bool:
        """These become available without anybody buying anything."""
        return self in (QcState.PENDING, QcState.RECHECK)


QC_LABELS: dict[QcState, str] = {
    QcState.PENDING: "待检",
    QcState.PASSED: "合格",
    QcState.CONCESSION: "让步接收",
    QcState.RECHECK: "待复检",
    QcState.FROZEN: "冻结",
    QcState.REJECTED: "不合格",
}
"""The words people read on cards."""


@dataclass(frozen=True, kw_only=True)
class LotStock:
    """The units of one batch in one bin. Warehouse, part, batch and bin together name the cell once."""

    lot_no: str
    part_id: str
    warehouse: str
    bin: str
    free: int
    """Pieces on hand − reserved − frozen − damaged (F052)."""
    qc: QcState
    received_on: date
    expires_on: date | None = None
    """Last good day; None for goods that do not age."""

    @property
    def cell(self) -> tuple[str, str, str, str]:
        """Warehouse, part, batch, bin: the key of the conditional update that reserves it."""
        return (self.warehouse, self.part_id, self.lot_no, self.bin)

    def expired(self, today: date) -> bool:
        """True from the day after the last good day."""
        return self.expires_on is not None and self.expires_on < today

    def usable(self, today: date) -> bool:
        """Released by the inspectors, in date, and there is something."""
        return self.free > 0 and self.qc.released and not self.expired(today)


@dataclass(frozen=True, kw_only=True)
class BatchRule:
    """Which batches a line accepts. Every condition that is set must hold; an empty rule accepts any."""

    lots: frozenset[str] = frozenset()
    """Batch numbers the customer named; empty = any."""
    received_from: date | None = None
    """Only batches received on or after this day."""
    expires_from: date | None = None
    """Only batches good until at least this day; goods that do not age pass."""
    passed_only: bool = False
    """No concession batches: the customer wants an inspection report without a deviation (F010)."""

    @property
    def bound(self) -> bool:
        """True when the line cannot take just any usable batch."""
        return self != ANY_BATCH

    def accepts(self, lot: LotStock) -> bool:
        """Whether the line may be served from this batch, its QC state and date aside."""
        return (
            (not self.lots or lot.lot_no in self.lots)
            and (self.received_from is None or lot.received_on >= self.received_from)
            and (self.expires_from is None or lot.expires_on is None or lot.expires_on >= self.expires_from)
            and not (self.passed_only and lot.qc is QcState.CONCESSION)
        )


ANY_BATCH = BatchRule()


def fefo(lot: LotStock) -> tuple[date, date, str, str]:
    """The order in which batches leave: first expiry, then inbound date, then batch number, then bin."""
    return (lot.expires_on or date.max, lot.received_on, lot.lot_no, lot.bin)
