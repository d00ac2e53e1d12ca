"""Why an order waits: one reason per order that a test, or a person, can check (F054)."""

from __future__ import annotations

from collections.abc import Sequence

from core.warehouse.allocation import AllocationPlan, Shortage, ShortageReason
from core.warehouse.plan import LeftOut, LeftOutReason
from core.warehouse.selection import Board
from core.warehouse.world import CarrierRun, PlanningLine, PlanningOrder

_WORST_FIRST = (
    ShortageReason.NO_STOCK,
    ShortageReason.EXPIRED,
    ShortageReason.BATCH,
    ShortageReason.QC_PENDING,
)
"""With several short lines the order gets the reason that takes longest to mend."""


def explain(board: Board, order: PlanningOrder, lines: Sequence[PlanningLine]) -> LeftOut:
    """The reason why these lines found no place on the board, asked right after ``place`` refused them.

    1. NO_CARRIER: no run serves the order.
    2. NO_STOCK, EXPIRED, BATCH, QC_PENDING: alone in the world it would be short in every warehouse that has
       a run for it; told for the warehouse with the fewest pieces missing.
    3. CUT_OFF_PASSED, NO_CAPACITY: where stock is complete, every run has left, or none has room even alone.
    4. STOCK_HELD, RUN_FULL: it would fit alone; the holders named are enough: without them it fits.
    """
    serving = board.serving(order)
    if not serving:
        return _left_out(order, lines, LeftOutReason.NO_CARRIER)
    alone = {run.warehouse: board.alone(order, lines, run.warehouse) for run in serving}
    stocked = [run for run in serving if not alone[run.warehouse].shortages]
    if not stocked:
        warehouse = min(alone, key=lambda name: _missing(alone[name]))
        shortages = alone[warehouse].shortages
        return _left_out(order, lines, _worst(shortages), warehouse=warehouse, shortages=shortages)
    waiting = [run for run in stocked if not board.departed(run)]
    if not waiting:
        return _left_out(order, lines, LeftOutReason.CUT_OFF_PASSED, run=stocked[-1])
    roomy = [run for run in waiting if run.capacity_left - _own_parcels(board, order, run) >= order.parcels]
    if not roomy:
        widest = max(waiting, key=lambda run: run.capacity_left)
        return _left_out(order, lines, LeftOutReason.NO_CAPACITY, run=widest)
    return _contended(board, order, lines, roomy[0])


def _contended(board: Board, order: PlanningOrder, lines: Sequence[PlanningLine], run: CarrierRun) -> LeftOut:
    """Name holders from the lowest rank up until the order fits, so that the list stays short."""
    holders: list[str] = []
    short = board.short_parts(lines, run.warehouse)
    for part_id in short:
        part_lines = [line for line in lines if line.part_id == part_id]
        for holder in reversed(board.wanting(part_id, run.warehouse)):
            if board.has_stock(part_lines, run.warehouse, holders):
                break
            if holder not in (*holders, order.order_id):
                holders.append(holder)
    for accepted in reversed(board.on_run(run)):
        if board.has_room(run, order.parcels, holders):
            break
        if accepted.order.order_id not in (*holders, order.order_id):
            holders.append(accepted.order.order_id)
    reason = LeftOutReason.STOCK_HELD if short else LeftOutReason.RUN_FULL
    return _left_out(order, lines, reason, run=run, holders=holders)


def _own_parcels(board: Board, order: PlanningOrder, run: CarrierRun) -> int:
    return sum(a.order.parcels for a in board.on_run(run) if a.order.order_id == order.order_id)


def _left_out(
    order: PlanningOrder,
    lines: Sequence[PlanningLine],
    reason: LeftOutReason,
    *,
    run: CarrierRun | None = None,
    warehouse: str | None = None,
    shortages: Sequence[Shortage] = (),
    holders: Sequence[str] = (),
) -> LeftOut:
    return LeftOut(
        order_id=order.order_id,
        order_class=order.order_class,
        line_ids=tuple(line.line_id for line in lines),
        reason=reason,
        warehouse=run.warehouse if run else warehouse,
        run_id=run.run_id if run else None,
        shortages=tuple(shortages),
        holders=tuple(holders),
    )


def _missing(plan: AllocationPlan) -> int:
    return sum(shortage.missing for shortage in plan.shortages)


def _worst(shortages: Sequence[Shortage]) -> LeftOutReason:
    worst = min((shortage.reason for shortage in shortages), key=_WORST_FIRST.index)
    return LeftOutReason(worst.value)
