"""What history costs: typed orders worked off beside half a million finished ones, and on an empty desk (R11).

The real inbox loop claims, parses, drafts and commits (order, trace, card, timer, “done”) on both databases of each
kind, in turns. ``ROWS=20000 make bench ONLY=history`` is quick.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from sqlalchemy import Column, Table, text

from bench.sides import DATABASES, stores, until_empty
from bench.wecom import AGENT, CORP
from bot.app import PARSERS
from bot.inbox import InboxLoop
from bot.masterdata import DeskSource
from bot.wecom.parse import store_form
from cards.keys import Keys
from core.clock import SystemClock
from core.inbound import RawInbound
from core.intake.check import RuleSettings
from core.people import Role
from core.rules import Rules
from core.workcalendar import WorkCalendar
from handlers import routes
from storage import tables as t
from storage.coordinator import InProcessCoordinator
from storage.database import SqlDatabase
from storage.queues import SqlInboxQueue
from tests.handlers.desk_chat import NoSlowWork
from tests.world_data import CARRIERS, CUSTOMERS, PARTS, WAREHOUSE, lots, person

ROWS = int(os.environ.get("ROWS", "500000"))
CHUNK = 20_000
ROUNDS = 5
ORDERS = 120
CONVERSATIONS = 40
CLONED: tuple[tuple[Table, tuple[str, ...]], ...] = (
    (t.inbox, ("dedupe_key",)),
    (t.orders, ("number", "source_key", "fingerprint", "owner_id", "customer_code")),
    (t.order_lines, ()),
    (t.outbox, ("idem_key",)),
    (t.deadlines, ("ref",)),
    (t.timeline, ("ref",)),
)
"""What a finished order leaves, and the columns that tell one from another."""


class Desk:
    """One database with master data and the loop that works on it."""

    def __init__(self, url: str) -> None:
        self.database = SqlDatabase(url)
        self._dialect = self.database.writer.dialect.name
        self._clock = SystemClock()
        self._queue = SqlInboxQueue(self.database.writer)
        self._numbers = iter(range(1, 1_000_000))

    async def open(self) -> None:
        await self.database.create_all()
        async with self.database.transaction() as tx:
            await tx.people.save(person("E01", "销售A", Role.SALES, region="苏"))
            await tx.catalog.upsert([*CUSTOMERS, *PARTS, WAREHOUSE, *CARRIERS])
            await tx.stock.receive(lots(), by="import", at=self._clock.now(), ref="opening")
        await self.work(1)

    async def grow(self, orders: int) -> None:
        """The first order over and over again, finished: what a desk holds after years."""
        async with self.database.writer.begin() as connection:
            await connection.execute(text("UPDATE orders SET status = 'shipped'"))
            await connection.execute(text("UPDATE outbox SET state = 'sent'"))
            await connection.execute(text("UPDATE deadlines SET state = 'cancelled'"))
        for start in range(1, orders + 1, CHUNK):
            for table, unique in CLONED:
                statement = _clone(self._dialect, table, unique, start, min(start + CHUNK, orders + 1))
                async with self.database.writer.begin() as connection:
                    await connection.execute(text(statement))
        async with self.database.writer.connect() as connection:
            await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("ANALYZE"))

    async def work(self, orders: int) -> float:
        """Orders per second from the first claim to an empty inbox."""
        await self._queue.store([self._typed(next(self._numbers)) for _ in range(orders)], self._clock.now())
        desks = DeskSource(self.database, calendar=WorkCalendar(), rules=Rules(), checks=RuleSettings())
        loop = InboxLoop(
            queue=self._queue,
            database=self.database,
            coordinator=InProcessCoordinator(self._clock),
            clock=self._clock,
            desks=desks,
            keys=Keys("bench"),
            services=NoSlowWork(),
            parsers=PARSERS,
            handle=routes.handle,
            owner="bench",
        )
        started = time.perf_counter()
        loop.start()
        await until_empty(self._queue)
        spent = time.perf_counter() - started
        await loop.stop()
        return orders / spent

    def _typed(self, nth: int) -> RawInbound:
        message = {
            "ToUserName": CORP,
            "FromUserName": "e01-wecom",
            "CreateTime": str(int(time.time())),
            "MsgType": "text",
            "Content": f"K0231 04465-0K240 {nth % 40 + 1}个, 后天要",
            "MsgId": str(nth),
        }
        raw = store_form(message, AGENT, b"")
        return replace(raw, conv_key=f"wecom:{nth % CONVERSATIONS}")


LAST_MONTH = {
    "sqlite": "datetime(x.created_at, '-30 days') || '.000000'",
    "postgresql": "x.created_at - interval '30 days'",
}


def _clone(dialect: str, table: Table, unique: Sequence[str], start: int, end: int) -> str:
    """INSERT … SELECT of the table's first row for every n from ``start`` up to ``end``, a month old."""

    def value(column: Column[Any]) -> str:
        if column.name == "order_id":
            return "x.order_id + s.n"
        if column.name == "created_at":
            return LAST_MONTH[dialect]
        return f"x.{column.name} || '-' || s.n" if column.name in unique else f'x."{column.name}"'

    columns = [c for c in table.columns if c.name != "id"]
    names = ", ".join(f'"{c.name}"' for c in columns)
    values = ", ".join(value(c) for c in columns)
    numbers = f"WITH RECURSIVE s(n) AS (SELECT {start} UNION ALL SELECT n + 1 FROM s WHERE n + 1 < {end})"
    first = f"(SELECT * FROM {table.name} ORDER BY id LIMIT 1) x"
    return f"INSERT INTO {table.name} ({names}) {numbers} SELECT {values} FROM s, {first}"


async def history() -> dict[str, Any]:
    """R11: at least 300 orders a second beside the history, and at most a fifth slower than without it."""
    figures: dict[str, Any] = {"finished_orders": ROWS, "rounds": ROUNDS, "orders_per_round": ORDERS}
    with stores() as opened:
        for kind in DATABASES:
            async with AsyncExitStack() as closing:
                empty, full = Desk(opened.url(kind)), Desk(opened.url(kind))
                for desk in (empty, full):
                    closing.push_async_callback(desk.database.close)
                    await desk.open()
                filling = time.perf_counter()
                await full.grow(ROWS)
                figures[f"{kind}_filled_in_s"] = round(time.perf_counter() - filling)
                pairs = [await _pair(empty, full, turned) for turned in _turns()]
            figures[f"{kind}_empty_per_s"] = round(statistics.median(a for a, _ in pairs))
            figures[f"{kind}_full_per_s"] = round(statistics.median(b for _, b in pairs))
            figures[f"{kind}_ratio_full_to_empty"] = round(statistics.median(b / a for a, b in pairs), 3)
    return figures


def _turns() -> Iterator[bool]:
    for nth in range(ROUNDS):
        yield bool(nth % 2)


async def _pair(empty: Desk, full: Desk, turned: bool) -> tuple[float, float]:
    if turned:
        slow = await full.work(ORDERS)
        return await empty.work(ORDERS), slow
    return await empty.work(ORDERS), await full.work(ORDERS)
