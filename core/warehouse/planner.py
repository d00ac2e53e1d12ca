"""The wave tick's plan: which orders leave with which carrier run, from which batches, on which pick lists.

Plan number one is greedy and stands at once. An ``Improvement`` may replace it; what it returns is used only
when it breaks no rule and serves at least as much, class by class. So a stronger solver can be added, or time
out, without anything else changing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

from core.warehouse.allocation import Take
from core.warehouse.batching import TrolleyLimits, fill_trolleys
from core.warehouse.left_out import explain
from core.warehouse.plan import (
    InclusionReason,
    LeftOut,
    PlannedOrder,
    PlannedPickList,
    PlannedWave,
    WavePlan,
)
from core.warehouse.plan_check import violations
from core.warehouse.selection import Accepted, Board, place
from core.warehouse.world import PlanningWorld

Improvement = Callable[[PlanningWorld, WavePlan], WavePlan]
"""Takes a world and a valid plan of it, returns a better one; the plan carries the seed."""


def plan_waves(
    world: PlanningWorld,
    *,
    seed: int = 0,
    trolley: TrolleyLimits | None = None,
    improvements: Sequence[Improvement] = (),
) -> WavePlan:
    """Every waiting order is in a wave with a reason, or left out with a reason (F050–F055).

    1. Orders are taken strictly by class, tier, due time, arrival; an order goes whole or not at all, unless
       it may be split. A later order never takes what an earlier one could have used.
    2. Each goes with the earliest run in time that has room, from a warehouse with all its stock. When no run
       in time takes it, it goes late with the next one and its reason says so.
    3. One wave per run; its orders are put on pick lists that a trolley can hold (F056).
    4. ``improvements`` run in turn; see Improvement. ``seed`` is for them: equal worlds, equal plans.
    """
    board = Board(world)
    left_out: list[LeftOut] = []
    for order in sorted(world.orders, key=lambda order: order.rank):
        rest = place(board, order)
        if rest:
            left_out.append(explain(board, order, rest))
    plan = WavePlan(
        made_at=world.now,
        seed=seed,
        waves=_waves(world, board, trolley or TrolleyLimits()),
        left_out=tuple(left_out),
    )
    for improve in improvements:
        candidate = improve(world, plan)
        if candidate.served >= plan.served and not violations(world, candidate):
            plan = candidate
    return plan


def _waves(world: PlanningWorld, board: Board, trolley: TrolleyLimits) -> tuple[PlannedWave, ...]:
    takes: dict[str, list[Take]] = defaultdict(list)
    for take in board.batches().takes:
        takes[take.line_id].append(take)
    by_run: dict[str, list[Accepted]] = defaultdict(list)
    for accepted in board.accepted:
        by_run[accepted.run.run_id].append(accepted)

    load: Counter[str] = Counter()
    # Accepted orders come most urgent first, and so do the runs: the wave of a red order is the first.
    return tuple(_wave(world, group, takes, load, trolley) for group in by_run.values())


def _wave(
    world: PlanningWorld,
    group: Sequence[Accepted],
    takes: Mapping[str, Sequence[Take]],
    load: Counter[str],
    trolley: TrolleyLimits,
) -> PlannedWave:
    run = group[0].run
    orders = tuple(_planned(accepted, takes) for accepted in group)
    tours = fill_trolleys(orders, world.layouts.get(run.warehouse), trolley)
    return PlannedWave(
        warehouse=run.warehouse,
        run_id=run.run_id,
        carrier=run.carrier,
        cut_off_at=run.cut_off_at,
        orders=orders,
        pick_lists=tuple(_pick_list(world, run.warehouse, tour, load) for tour in tours),
    )


def _planned(accepted: Accepted, takes: Mapping[str, Sequence[Take]]) -> PlannedOrder:
    order, run = accepted.order, accepted.run
    return PlannedOrder(
        order_id=order.order_id,
        line_ids=tuple(line.line_id for line in accepted.lines),
        takes=tuple(take for line in accepted.lines for take in takes[line.line_id]),
        parcels=order.parcels,
        reason=InclusionReason(
            order_class=order.order_class,
            stock_complete=len(accepted.lines) == len(order.lines),
            carrier=run.carrier,
            capacity_left=accepted.capacity_left,
            late=not run.meets(order.due_at),
        ),
    )


def _pick_list(
    world: PlanningWorld,
    warehouse: str,
    tour: Sequence[tuple[str, Sequence[Take]]],
    load: Counter[str],
) -> PlannedPickList:
    pickers = sorted(picker.picker_id for picker in world.pickers if picker.warehouse == warehouse)
    takes = tuple(take for _, order_takes in tour for take in order_takes)
    offered_to = min(pickers, key=lambda picker: load[picker], default=None)
    if offered_to is not None:
        load[offered_to] += len(takes)
    return PlannedPickList(order_ids=tuple(order_id for order_id, _ in tour), takes=takes, offered_to=offered_to)
