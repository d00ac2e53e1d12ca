"""Everything the database holds about orders, read at one moment."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, select

from core.approvals import ApprovalRequest, Decision
from core.deadlines import Deadline, DeadlineState
from core.orders import Order
from core.stock import Allocation, Lot
from core.timeline import TimelineEntry
from core.waves import PickList, PickTask
from storage import tables as t
from storage.database import SqlDatabase
from storage.session import Work

DeadlineKey = tuple[str, str, str]
"""Kind, subject, step."""


@dataclass(kw_only=True)
class Books:
    orders: dict[str, Order]
    requests: dict[int, ApprovalRequest]
    decisions: list[Decision]
    lots: dict[int, Lot]
    allocations: list[Allocation]
    lists: dict[str, PickList]
    armed: list[tuple[DeadlineKey, datetime]]
    trails: dict[str, list[TimelineEntry]]
    open_inbox: list[Row[tuple[int, str, int, str]]]
    dead_letters: int
    notices: list[str]
    moved: dict[int, int]
    """Lot → pieces that left it, by its movements."""

    def from_source(self, source_key: str) -> list[Order]:
        return [o for o in self.orders.values() if o.source_key == source_key]

    def tasks(self) -> dict[int, PickTask]:
        return {x.id or 0: x for pick_list in self.lists.values() for x in pick_list.tasks}

    def trail(self, ref: str) -> list[str]:
        return [e.action for e in self.trails.get(ref, [])]


async def read(database: SqlDatabase) -> Books:
    """One consistent look."""
    work = Work(database.writer, writing=False)
    try:
        trails: dict[str, list[TimelineEntry]] = defaultdict(list)
        for entry in await work.many(select(TimelineEntry).order_by(t.timeline.c.ref, t.timeline.c.seq)):
            trails[entry.ref].append(entry)
        moves = await work.run(select(t.stock_movements.c.lot_id, t.stock_movements.c.delta))
        moved: dict[int, int] = defaultdict(int)
        for lot_id, delta in moves:
            moved[lot_id] -= min(0, delta)
        w = t.inbox_work.c
        deadlines = await work.many(select(Deadline).where(t.deadlines.c.state == DeadlineState.ARMED))
        return Books(
            orders={o.number: o for o in await work.many(select(Order).order_by(t.orders.c.id))},
            requests={r.id or 0: r for r in await work.many(select(ApprovalRequest))},
            decisions=await work.many(select(Decision)),
            lots={x.id or 0: x for x in await work.many(select(Lot))},
            allocations=await work.many(select(Allocation)),
            lists={x.number: x for x in await work.many(select(PickList).order_by(t.pick_lists.c.id))},
            armed=[((d.kind.value, d.ref, d.step), d.due_at) for d in deadlines],
            trails=dict(trails),
            open_inbox=list((await work.run(select(w.inbox_id, w.state, w.attempts, w.last_error))).all()),
            dead_letters=len((await work.run(select(t.dead_letters.c.id))).all()),
            notices=list((await work.run(select(t.outbox.c.idem_key))).scalars()),
            moved=dict(moved),
        )
    finally:
        work.expunge_all()
        await work.rollback()
        await work.close()
