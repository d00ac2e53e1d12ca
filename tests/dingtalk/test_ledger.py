"""The month's calls: counted together by nobody who waits, and by all replicas in one number."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.ledger import CallLedger
from bot.metrics import Metrics
from core.clock import MovableClock
from core.desk import Act
from core.people import ChatAccount, Person, PlatformName, Role
from core.telling import Teller
from storage.coordinator import InProcessCoordinator
from storage.database import SqlDatabase

START = datetime(2026, 2, 20, 2, 0, tzinfo=UTC)
LIMIT = 100


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqlDatabase]:
    found = SqlDatabase(f"sqlite+aiosqlite:///{tmp_path}/jiedan.db")
    await found.create_all()
    account = ChatAccount(platform=PlatformName.WECOM, account="boss", person_id="E9")
    async with found.transaction() as tx:
        await tx.people.save(Person(id="E9", name="管理员", roles=[Role.ADMIN], region="", accounts=[account]))
    yield found
    await found.close()


class Away:
    """A database that can be taken away."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database
        self.gone = False

    def transaction(self) -> Any:
        if self.gone:
            raise ConnectionRefusedError("no database")
        return self._database.transaction()


def ledger(database: Any) -> CallLedger:
    clock = MovableClock(START)

    async def act(tx: Any, cause: str) -> Act:
        desk: Any = None  # the ledger asks nothing of it
        return Act(tx=tx, desk=desk, tell=Teller(tx, now=clock.now(), cause=cause))

    return CallLedger(
        database=database,
        coordinator=InProcessCoordinator(clock),
        clock=clock,
        metrics=Metrics(),
        limits={"api": LIMIT, "stream": LIMIT},
        act=act,
        known=lambda error: isinstance(error, OSError),
    )


async def told(database: SqlDatabase) -> list[tuple[str, int]]:
    async with database.writer.begin() as connection:
        rows = await connection.exec_driver_sql("SELECT body FROM outbox ORDER BY id")
        return [(body["what"], body["percent"]) for body in (json.loads(r[0])["args"] for r in rows)]


async def used(database: SqlDatabase, kind: str) -> int:
    async with database.writer.begin() as connection:
        rows = await connection.exec_driver_sql(f"SELECT last FROM numbers WHERE prefix = 'calls:{kind}'")
        return int(rows.scalar() or 0)


async def test_replicas_share_the_number_and_a_mark_that_is_passed_together_is_told_once(database: SqlDatabase) -> None:
    one, two = ledger(database), ledger(database)
    for _ in range(40):
        one.count("api")
        two.count("api")
    one.count("stream")

    await asyncio.gather(one.stop(), two.stop())

    assert (await used(database, "api"), await used(database, "stream")) == (80, 1)
    assert await told(database) == [("api", 70)]


async def test_calls_are_written_down_while_the_bot_runs(database: SqlDatabase) -> None:
    mine = ledger(database)
    for _ in range(3):
        mine.count("api")
    assert await used(database, "api") == 0

    async with asyncio.timeout(10):
        while await used(database, "api") < 3:  # noqa: ASYNC110 - a fact about a row
            await asyncio.sleep(0.05)
    mine.count("api")
    await mine.stop()

    assert await used(database, "api") == 4


async def test_what_is_called_without_the_database_is_counted_when_it_is_back(database: SqlDatabase) -> None:
    away = Away(database)
    away.gone = True
    mine = ledger(away)
    for _ in range(95):
        mine.count("stream")
    await mine.stop()
    assert await used(database, "stream") == 0

    away.gone = False
    mine.count("stream")
    await mine.stop()

    assert await used(database, "stream") == 96
    assert await told(database) == [("stream", 90)]
