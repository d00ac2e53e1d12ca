"""How a batch gets into the inbox: one call to the driver, whatever its size.

Both databases could take the same SQLAlchemy statements, at ten calls a batch: each is a round trip to the server, or
a change to the connection's thread, which then waits for the interpreter that is busy reading the next callbacks.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from operator import attrgetter
from typing import Any, Protocol

from sqlalchemy import Column, Dialect
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from core.inbound import RawInbound
from storage import tables as t
from storage.rows import chunks

GIVEN = ("platform", "dedupe_key", "conv_key", "kind", "payload", "raw_sha256", "platform_at")
"""Columns that are fields of a RawInbound."""
_given = attrgetter(*GIVEN)
COLUMNS = tuple(t.inbox.c[name] for name in (*GIVEN, "received_at"))
NAMES = ", ".join(column.name for column in COLUMNS)
KEYS = "platform, dedupe_key"
WORK = (
    "INSERT INTO inbox_work (inbox_id, conv_key, platform_at, state, attempts, available_at, owner, lease_until,"
    " last_error) SELECT id, conv_key, platform_at, 'ready', 0, {now}, '', NULL, '' FROM {new}"
)
ROWS_AT_MOST = 500
"""In one statement on SQLite, which takes 32,766 values."""

Key = tuple[str, str]
"""Platform and dedupe key, as they are stored."""


class Door(Protocol):
    """Stores rows with their work; says the id of each that was not there. The order of the rows is that of the ids."""

    async def store(self, rows: Sequence[tuple[Any, ...]], now: datetime) -> dict[Key, int]:
        """In a transaction of its own, committed on return."""

    async def add(self, connection: AsyncConnection, rows: Sequence[tuple[Any, ...]], now: datetime) -> dict[Key, int]:
        """Inside the transaction of ``connection``."""


def door_of(engine: AsyncEngine) -> Door:
    return PostgresDoor(engine) if engine.dialect.name == "postgresql" else SqliteDoor(engine)


def row_of(raw: RawInbound, received_at: datetime) -> tuple[Any, ...]:
    """The values of ``COLUMNS``."""
    return (*_given(raw), received_at)


class _Values:
    """Values as the column types write them."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._writers = [_writer(column, engine.dialect) for column in COLUMNS]
        self._moment = _writer(t.inbox_work.c.available_at, engine.dialect)

    def row(self, row: tuple[Any, ...]) -> list[Any]:
        return [value if write is None else write(value) for write, value in zip(self._writers, row, strict=True)]

    def moment(self, at: datetime) -> Any:
        return at if self._moment is None else self._moment(at)


def _writer(column: Column[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """How the column's type writes a value on this database; None: as it is."""
    return column.type.dialect_impl(dialect).bind_processor(dialect)


class PostgresDoor:
    """One statement with an array for each column; outside a transaction it is one by itself: one round trip."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._values = _Values(engine)
        self._alone = engine.execution_options(isolation_level="AUTOCOMMIT")
        types = [column.type.compile(engine.dialect) for column in COLUMNS]
        places = ", ".join(f"${nth}::{kind}[]" for nth, kind in enumerate(types, start=1))
        arrived = f"unnest({places}) WITH ORDINALITY AS arrived ({NAMES}, nth)"
        work = WORK.format(now=f"${len(COLUMNS) + 1}", new="new")
        self._statement = f"""
            WITH new AS (
                INSERT INTO inbox ({NAMES}) SELECT {NAMES} FROM {arrived} ORDER BY nth
                ON CONFLICT ({KEYS}) DO NOTHING RETURNING id, {KEYS}, conv_key, platform_at
            ), work AS ({work})
            SELECT id, {KEYS} FROM new"""  # noqa: S608 - ours alone

    async def store(self, rows: Sequence[tuple[Any, ...]], now: datetime) -> dict[Key, int]:
        async with self._alone.connect() as connection:
            return await self.add(connection, rows, now)

    async def add(self, connection: AsyncConnection, rows: Sequence[tuple[Any, ...]], now: datetime) -> dict[Key, int]:
        arrays = [list(column) for column in zip(*map(self._values.row, rows), strict=True)]
        done = await connection.exec_driver_sql(self._statement, (*arrays, self._values.moment(now)))
        return {(row.platform, row.dedupe_key): row.id for row in done.all()}


class SqliteDoor:
    """One visit to the connection's thread. Each statement is one step there: between steps the thread would have to
    wait for the interpreter, so rows neither go in nor come back one by one."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._values = _Values(engine)

    async def store(self, rows: Sequence[tuple[Any, ...]], now: datetime) -> dict[Key, int]:
        async with self._engine.connect() as connection:
            return await self._visit(connection, _commit_new, rows, now)

    async def add(self, connection: AsyncConnection, rows: Sequence[tuple[Any, ...]], now: datetime) -> dict[Key, int]:
        return await self._visit(connection, _insert_new, rows, now)

    async def _visit(
        self, connection: AsyncConnection, work: _InThread, rows: Sequence[tuple[Any, ...]], now: datetime
    ) -> dict[Key, int]:
        values = [self._values.row(row) for row in rows]
        driver: Any = (await connection.get_raw_connection()).driver_connection
        # aiosqlite has no public name for running several statements in one visit.
        visit = driver._execute(work, driver._conn, values, self._values.moment(now))  # noqa: SLF001
        try:
            new: dict[Key, int] = await visit
        except sqlite3.OperationalError as error:
            raise OperationalError("INSERT INTO inbox", None, error) from error
        return new


_InThread = Callable[[sqlite3.Connection, Sequence[list[Any]], Any], dict[Key, int]]


def _commit_new(database: sqlite3.Connection, rows: Sequence[list[Any]], now: Any) -> dict[Key, int]:
    database.execute("BEGIN IMMEDIATE")
    try:
        new = _insert_new(database, rows, now)
        database.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # a full disk may have rolled back by itself
            database.execute("ROLLBACK")
        raise
    return new


def _insert_new(database: sqlite3.Connection, rows: Sequence[list[Any]], now: Any) -> dict[Key, int]:
    """Nobody else writes: what is above the highest id of before is new."""
    (before,) = database.execute("SELECT coalesce(max(id), 0) FROM inbox").fetchone()
    for some in chunks(rows, ROWS_AT_MOST):
        places = ", ".join([f"({', '.join('?' * len(COLUMNS))})"] * len(some))
        database.execute(
            f"INSERT INTO inbox ({NAMES}) VALUES {places} ON CONFLICT ({KEYS}) DO NOTHING",  # noqa: S608 - ours alone
            [value for row in some for value in row],
        )
    database.execute(WORK.format(now="?", new="inbox WHERE id > ?"), (now, before))
    found = f"SELECT json_group_array(json_array(id, {KEYS})) FROM inbox WHERE id > ?"  # noqa: S608 - ours alone
    (new,) = database.execute(found, (before,)).fetchone()
    return {(platform, key): inbox_id for inbox_id, platform, key in json.loads(new)}
