"""Where SQLite works: beside the event loop wherever something may be waited for, on it inside a transaction."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import database as module
from storage.engine import Engines, connect

WHERE = text("SELECT here()")


@pytest.fixture
async def engines(tmp_path: Path) -> AsyncIterator[Engines]:
    found = connect(f"sqlite+aiosqlite:///{tmp_path / 'desk.db'}")
    yield found
    await found.close()


async def _tell_where(connection: AsyncConnection) -> Any:
    driver: Any = (await connection.get_raw_connection()).driver_connection
    await driver.create_function("here", 0, threading.get_ident)
    return driver


async def test_a_statement_of_a_writing_transaction_is_not_sent_to_the_thread(engines: Engines) -> None:
    async with engines.writer.begin() as connection:
        await _tell_where(connection)
        assert (await connection.execute(WHERE)).scalar() == threading.get_ident()


async def test_what_waits_for_the_lock_or_has_many_rows_is(engines: Engines) -> None:
    async with engines.writer.connect() as connection:
        driver = await _tell_where(connection)
        asked: list[str] = []
        await driver.set_trace_callback(lambda sql: asked.append(f"{sql} {threading.get_ident()}"))
        await connection.execute(text("CREATE TABLE t (n INTEGER)"))
        await connection.execute(text("INSERT INTO t VALUES (:n)"), [{"n": 1}, {"n": 2}])
        await connection.commit()
        await driver.set_trace_callback(None)

    here = str(threading.get_ident())
    elsewhere = [line.split()[0] for line in asked if not line.endswith(here)]
    assert elsewhere == ["BEGIN", "INSERT", "INSERT", "COMMIT"]


async def test_readers_read_in_their_threads(engines: Engines) -> None:
    async with engines.writer.begin():
        pass  # the file is there
    async with engines.reader.begin() as connection:
        await _tell_where(connection)
        assert (await connection.execute(WHERE)).scalar() != threading.get_ident()


async def test_a_migration_leaves_the_loop_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where: list[int] = []

    def upgrade(connection: Connection) -> None:
        connection.connection.create_function("here", 0, threading.get_ident)
        where.append(connection.execute(WHERE).scalar_one())

    monkeypatch.setattr(module, "upgrade", upgrade)
    database = module.SqlDatabase(f"sqlite+aiosqlite:///{tmp_path / 'desk.db'}")
    await database.migrate()
    async with database.writer.begin() as connection:
        await _tell_where(connection)
        where.append((await connection.execute(WHERE)).scalar_one())
    await database.close()

    assert [at == threading.get_ident() for at in where] == [False, True]
