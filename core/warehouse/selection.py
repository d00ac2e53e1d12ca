"""Which orders leave, and with which run: strict class order, greedily, over the stock of each warehouse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from core.warehouse.allocation import AllocationPlan, Demand, allocate
from core.warehouse.lots import LotStock
from core.warehouse.world import CarrierRun, PlanningLine, PlanningOrder, PlanningWorld


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """An order, or lines of one that may be split, that leaves with a run."""

    order: PlanningOrder
    run: CarrierRun
    lines: tuple[PlanningLine, ...]
    capacity_left: int


@dataclass(kw_only=True)
class _PartStock:
    """One part in one warehouse: the lots, and what accepted orders want of it, in rank order."""

    lots: list[LotStock]
    usable: int
    wanted: dict[str, list[Demand]]

    def fits(self, more: Sequence[Demand], without: Collection[str], today: date) -> bool:
        kept = [d for order, demands in self.wanted.items() if order not in without for d in demands]
        demands = [*kept, *more]
        if sum(demand.quantity for demand in demands) > self.usable:
            return False
        if not any(demand.rule.bound for demand in demands):
            return True
        return not allocate(demands, self.lots, today).shortages


class Board:
    """The state of one planning: what has been accepted so far, and whether one more order fits."""

    def __init__(self, world: PlanningWorld) -> None:
        self.now: datetime = world.now
        self.today: date = world.now.date()
        self.accepted: list[Accepted] = []
        self.runs = sorted(world.runs, key=lambda run: (run.cut_off_at, run.warehouse, run.run_id))
        self._on_run: dict[str, list[Accepted]] = defaultdict(list)
        self._left = {run.run_id: run.capacity_left for run in world.runs}
        self._parts: dict[tuple[str, str], _PartStock] = {}
        lots: dict[tuple[str, str], list[LotStock]] = defaultdict(list)
        for lot in world.lots:
            lots[lot.warehouse, lot.part_id].append(lot)
        for key, part_lots in lots.items():
            usable = sum(lot.free for lot in part_lots if lot.usable(self.today))
            self._parts[key] = _PartStock(lots=part_lots, usable=usable, wanted={})

    def serving(self, order: PlanningOrder) -> list[CarrierRun]:
        """Runs that suit the order, the best first: in time before late, early cut-off before late, then the
        order's preferred warehouse. Runs that have left and runs without room are among them."""

        def preference(run: CarrierRun) -> tuple[bool, datetime, int]:
            place = order.warehouses.index(run.warehouse) if order.warehouses else 0
            return (not run.meets(order.due_at), run.cut_off_at, place)

        return sorted((run for run in self.runs if order.served_by(run)), key=preference)

    def departed(self, run: CarrierRun) -> bool:
        """Whether the cut-off has passed."""
        return run.cut_off_at <= self.now

    def has_room(self, run: CarrierRun, parcels: int, without: Collection[str] = ()) -> bool:
        """Whether the run takes so many parcels more, the orders ``without`` taken off again."""
        freed = 0
        if without:
            freed = sum(a.order.parcels for a in self.on_run(run) if a.order.order_id in without)
        return self._left[run.run_id] + freed >= parcels

    def on_run(self, run: CarrierRun) -> list[Accepted]:
        """Accepted orders of a run, in rank order."""
        return self._on_run[run.run_id]

    def has_stock(self, lines: Iterable[PlanningLine], warehouse: str, without: Collection[str] = ()) -> bool:
        """Whether every line can be filled there, beside all accepted orders but ``without``."""
        return not self.short_parts(lines, warehouse, without)

    def short_parts(self, lines: Iterable[PlanningLine], warehouse: str, without: Collection[str] = ()) -> list[str]:
        """Parts of which the lines do not get enough there."""
        short = []
        for part_id, demands in _by_part(lines, warehouse).items():
            stock = self._parts.get((warehouse, part_id))
            if stock is None or not stock.fits(demands, without, self.today):
                short.append(part_id)
        return short

    def wanting(self, part_id: str, warehouse: str) -> list[str]:
        """Accepted orders that want a part there, in rank order."""
        stock = self._parts.get((warehouse, part_id))
        return list(stock.wanted) if stock else []

    def alone(self, order: PlanningOrder, lines: Iterable[PlanningLine], warehouse: str) -> AllocationPlan:
        """What the lines would get there if only this order, with its lines already accepted, existed."""
        demands: list[Demand] = []
        lots: list[LotStock] = []
        for part_id, more in _by_part(lines, warehouse).items():
            stock = self._parts.get((warehouse, part_id))
            if stock is not None:
                demands += stock.wanted.get(order.order_id, [])
                lots += stock.lots
            demands += more
        return allocate(demands, lots, self.today)

    def accept(self, order: PlanningOrder, lines: Sequence[PlanningLine], run: CarrierRun) -> None:
        """Give the lines their place; the caller has asked ``has_room`` and ``has_stock``."""
        self._left[run.run_id] -= order.parcels
        for part_id, demands in _by_part(lines, run.warehouse).items():
            self._parts[run.warehouse, part_id].wanted.setdefault(order.order_id, []).extend(demands)
        accepted = Accepted(order=order, run=run, lines=tuple(lines), capacity_left=self._left[run.run_id])
        self.accepted.append(accepted)
        self._on_run[run.run_id].append(accepted)

    def batches(self) -> AllocationPlan:
        """Batches for everything accepted, lines bound to a batch first, then FEFO over the whole set."""
        plans = [
            allocate([d for demands in stock.wanted.values() for d in demands], stock.lots, self.today)
            for stock in self._parts.values()
        ]
        return AllocationPlan(
            takes=tuple(take for plan in plans for take in plan.takes),
            shortages=tuple(shortage for plan in plans for shortage in plan.shortages),
        )


def place(board: Board, order: PlanningOrder) -> tuple[PlanningLine, ...]:
    """Put one order on the best run that takes it, and return the lines that found no place.

    1. Runs are tried in the order of ``Board.serving``; one that has left or is full is skipped.
    2. The whole order goes, or nothing. An order that may be split goes in parts, the part with the most
       pieces first; each part is counted with all parcels of the order.
    """
    rest = order.lines
    while rest:
        left = _place_once(board, order, rest)
        if left == rest:
            break
        rest = left
    return rest


def _place_once(board: Board, order: PlanningOrder, lines: tuple[PlanningLine, ...]) -> tuple[PlanningLine, ...]:
    open_runs = [run for run in board.serving(order) if not board.departed(run) and board.has_room(run, order.parcels)]
    for run in open_runs:
        if board.has_stock(lines, run.warehouse):
            board.accept(order, lines, run)
            return ()
    if order.splittable and open_runs:
        parts = [(run, _fitting_lines(board, lines, run.warehouse)) for run in open_runs]
        run, part = max(parts, key=lambda part: sum(line.quantity for line in part[1]))
        if part:
            board.accept(order, part, run)
            return tuple(line for line in lines if line not in part)
    return lines


def _fitting_lines(board: Board, lines: Iterable[PlanningLine], warehouse: str) -> list[PlanningLine]:
    fitting: list[PlanningLine] = []
    for line in lines:
        if board.has_stock([*fitting, line], warehouse):
            fitting.append(line)
    return fitting


def _by_part(lines: Iterable[PlanningLine], warehouse: str) -> dict[str, list[Demand]]:
    found: dict[str, list[Demand]] = defaultdict(list)
    for line in lines:
        found[line.part_id].append(
            Demand(
                line_id=line.line_id,
                part_id=line.part_id,
                quantity=line.quantity,
                rule=line.rule,
                warehouse=warehouse,
            )
        )
    return found
