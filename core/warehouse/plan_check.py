"""The rules that every plan must keep, whoever made it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from core.warehouse.plan import PlannedOrder, PlannedWave, WavePlan
from core.warehouse.world import CarrierRun, PlanningWorld


def violations(world: PlanningWorld, plan: WavePlan) -> list[str]:
    """One English sentence per broken rule; an empty list means that the plan may be committed.

    Stock: never more than is free in a cell, only released batches in date that the line accepts, and exactly
    the pieces the line wants. Runs: never more parcels than the run takes, none after its cut-off, only runs
    that serve the order. Orders: each line is in one wave or left out, once; only an order that may be split
    leaves in part. Pick lists hold exactly the takes of their wave.
    """
    return [*_stock(world, plan), *_runs(world, plan), *_lines(world, plan), *_lists(plan.waves)]


def _stock(world: PlanningWorld, plan: WavePlan) -> Iterator[str]:
    cells = {lot.cell: lot for lot in world.lots}
    lines = {line.line_id: line for order in world.orders for line in order.lines}
    taken: Counter[tuple[str, str, str, str]] = Counter()
    got: Counter[str] = Counter()
    for take in (take for order in plan.orders for take in order.takes):
        taken[take.cell] += take.quantity
        got[take.line_id] += take.quantity
        lot = cells.get(take.cell)
        if lot is None or not lot.usable(world.now.date()):
            yield f"{take.line_id} takes from {take.cell}, which is not usable"
        elif not lines[take.line_id].rule.accepts(lot) or lot.part_id != lines[take.line_id].part_id:
            yield f"{take.line_id} takes from {take.cell}, which it does not accept"
    for cell, quantity in taken.items():
        if cell in cells and quantity > cells[cell].free:
            yield f"{quantity} pieces are taken from {cell}, {cells[cell].free} are free"
    for line_id in (line_id for order in plan.orders for line_id in order.line_ids):
        if got[line_id] != lines[line_id].quantity:
            yield f"{line_id} gets {got[line_id]} pieces of {lines[line_id].quantity}"


def _runs(world: PlanningWorld, plan: WavePlan) -> Iterator[str]:
    runs = {run.run_id: run for run in world.runs}
    orders = {order.order_id: order for order in world.orders}
    for wave in plan.waves:
        run = runs[wave.run_id]
        parcels = sum(order.parcels for order in wave.orders)
        if parcels > run.capacity_left:
            yield f"{run.run_id} gets {parcels} parcels, {run.capacity_left} fit"
        if run.cut_off_at <= world.now:
            yield f"{run.run_id} has left"
        for planned in wave.orders:
            if not orders[planned.order_id].served_by(run):
                yield f"{run.run_id} does not serve {planned.order_id}"
            yield from _foreign_takes(planned, run)


def _foreign_takes(planned: PlannedOrder, run: CarrierRun) -> Iterator[str]:
    for take in planned.takes:
        if take.warehouse != run.warehouse:
            yield f"{planned.order_id} leaves {run.warehouse} and takes from {take.warehouse}"


def _lines(world: PlanningWorld, plan: WavePlan) -> Iterator[str]:
    seen: Counter[str] = Counter()
    for planned in plan.orders:
        seen.update(planned.line_ids)
    for left in plan.left_out:
        seen.update(left.line_ids)
    leaving = {line_id for planned in plan.orders for line_id in planned.line_ids}
    for order in world.orders:
        ids = [line.line_id for line in order.lines]
        yield from (f"{line_id} is in the plan {seen[line_id]} times" for line_id in ids if seen[line_id] != 1)
        if not order.splittable and 0 < len(leaving.intersection(ids)) < len(ids):
            yield f"{order.order_id} leaves in part"


def _lists(waves: Iterable[PlannedWave]) -> Iterator[str]:
    for wave in waves:
        of_orders = Counter(take for order in wave.orders for take in order.takes)
        of_lists = Counter(take for pick_list in wave.pick_lists for take in pick_list.takes)
        if of_orders != of_lists:
            yield f"the pick lists of {wave.run_id} do not hold what its orders take"
