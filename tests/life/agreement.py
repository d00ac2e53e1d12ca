"""Where books and model must agree after every step, and what must hold whatever happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from core.approvals import RequestState
from core.orders import OrderStatus
from core.stock import AllocationState
from core.timeline import first_broken
from core.waves import TaskState
from tests.life.books import Books
from tests.life.model import Model

HOLDING = (AllocationState.HELD, AllocationState.PICKED)
STOCK_OF = {
    TaskState.OPEN: AllocationState.HELD,
    TaskState.PICKED: AllocationState.PICKED,
    TaskState.SHORT: AllocationState.RELEASED,
    TaskState.SHIPPED: AllocationState.SHIPPED,
}


def agree(model: Model, books: Books) -> None:
    """Raises AssertionError at the first difference."""
    _orders(model, books)
    _decisions(model, books)
    _warehouse(model, books)
    _stock(model, books)
    _time(model, books)
    _trails(model, books)


def _same(what: str, in_books: Mapping[Any, Any], in_model: Mapping[Any, Any]) -> None:
    """Equal, or the entries that differ are named."""
    keys = [k for k in {**in_books, **in_model} if in_books.get(k) != in_model.get(k)]
    told = [f"{k}: books {in_books.get(k)}, model {in_model.get(k)}" for k in keys]
    assert not told, f"{what}: {'; '.join(told)}"


def _orders(model: Model, books: Books) -> None:
    _same(
        "orders",
        {n: (o.status, o.revision, o.owner_id) for n, o in books.orders.items()},
        {n: (o.status, o.revision, o.owner) for n, o in model.orders.items()},
    )
    sources = Counter(o.source_key for o in books.orders.values())
    assert [key for key, count in sources.items() if count > 1] == []


def _decisions(model: Model, books: Books) -> None:
    _same(
        "questions",
        {i: (r.order_number, r.revision, r.step, r.state) for i, r in books.requests.items()},
        {i: (q.number, q.revision, q.step, q.state) for i, q in model.questions.items()},
    )
    assert len(books.decisions) == len({d.request_id for d in books.decisions})
    _same(
        "decisions",
        {d.request_id: (d.verdict, d.by) for d in books.decisions},
        {q.id: q.verdict for q in model.questions.values() if q.verdict is not None},
    )
    pending = {n: 1 for n, o in model.orders.items() if o.status is OrderStatus.PENDING}
    asked = Counter(q.number for q in model.questions.values() if q.state is RequestState.OPEN)
    _same("open questions", asked, pending)


def _warehouse(model: Model, books: Books) -> None:
    _same("lists", {n: (x.state, x.claimed_by) for n, x in books.lists.items()}, model.lists)
    tasks = books.tasks()
    _same("tasks", {i: x.state for i, x in tasks.items()}, model.tasks)
    allocated = {a.id: a for a in books.allocations}
    for task in tasks.values():
        allocation = allocated[task.allocation_id]
        assert allocation.state is STOCK_OF[task.state]
        assert allocation.quantity == (0 if task.state is TaskState.SHORT else task.quantity)
    for number, order in books.orders.items():
        if order.status in (OrderStatus.RELEASED, OrderStatus.PICKING):
            held: Counter[int] = Counter()
            for a in books.allocations:
                if a.order_number == number and a.state is not AllocationState.RELEASED:
                    held[a.line_id] += a.quantity
            wanted = {x.id or 0: (x.quantity or 0) - x.short for x in order.lines}
            _same(f"pieces of {number}", +held, {k: pieces for k, pieces in wanted.items() if pieces})


def _stock(model: Model, books: Books) -> None:
    """Nothing is held that nobody asked for, nothing leaves without a movement, nothing is below zero."""
    held: Counter[int] = Counter()
    for a in books.allocations:
        if a.state in HOLDING:
            held[a.lot_id] += a.quantity
    for lot_id, lot in books.lots.items():
        assert lot.allocated == held[lot_id]
        assert lot.on_hand == model.opening[lot_id] - model.out[lot_id]
        assert books.moved.get(lot_id, 0) == model.out[lot_id]
        assert 0 <= lot.allocated <= lot.on_hand


def _time(model: Model, books: Books) -> None:
    ours = set(model.orders) | set(model.lists) | {f"ap:{i}" for i in model.questions}
    armed = [(key, due) for key, due in books.armed if key[1] in ours]
    assert len(armed) == len(dict(armed)), "an obligation has two live deadlines"
    _same("deadlines", dict(armed), model.armed)
    assert sum(1 for (kind, _, _), _ in books.armed if kind == "wave_tick") == 1


def _trails(model: Model, books: Books) -> None:
    for entries in books.trails.values():
        assert first_broken(entries) is None
    _same("trails", {n: books.trail(n) for n in books.orders}, {n: o.trail for n, o in model.orders.items()})
    refused = {card: books.trail(f"card:{card}").count("press.refused") for card in model.refused}
    _same("refused presses", refused, model.refused)
    assert len(books.notices) == len(set(books.notices))
    assert books.dead_letters == 0
