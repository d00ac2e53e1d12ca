"""SQLite, asked once per statement, and in its thread only where something may be waited for.

aiosqlite goes to a thread for the cursor, the statement, its rows and the end of the cursor: four times for what takes
SQLite a few microseconds. Each time costs two switches of threads and a turn of the event loop, together more than
anything else that an order needs. A cursor here goes there once.

The writer does not even do that inside a transaction. It has the lock by then and the pages are in memory, so a
statement takes less time than the way to the thread; meanwhile everybody else waits for the one writer. What waits for
the lock or the disk (BEGIN, COMMIT), what has many rows (executemany) and what reads at length stays in the thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import aiosqlite

ITER_CHUNK = 64

How = Callable[[sqlite3.Cursor, str, Any], object]


class OneTripConnection(aiosqlite.Connection):
    """aiosqlite's connection and thread, with cursors of one trip."""

    direct = False
    """Statements inside a transaction run where they are asked for."""

    def cursor(self) -> OneTrip:  # type: ignore[override]
        return OneTrip(self)

    async def trip(self, cursor: OneTrip, how: How, sql: str, parameters: Any) -> None:
        if self.direct and how is sqlite3.Cursor.execute and self._conn.in_transaction:
            self._run(cursor, how, sql, parameters)
        else:
            await self._execute(self._run, cursor, how, sql, parameters)  # type: ignore[no-untyped-call]

    def end_with_process(self) -> None:
        """A process that ends does not wait for the thread."""
        self._thread.daemon = True

    def _run(self, result: OneTrip, how: How, sql: str, parameters: Any) -> None:
        cursor = self._conn.cursor()
        try:
            how(cursor, sql, parameters)
            result.description = cursor.description
            result.rows = cursor.fetchall() if cursor.description else []
            # Known only when the last row is fetched (DELETE … RETURNING).
            result.rowcount, result.lastrowid = cursor.rowcount, cursor.lastrowid
        finally:
            cursor.close()


class OneTrip:
    """What SQLAlchemy asks of a cursor. The statement, its rows and the end of the cursor are one trip."""

    def __init__(self, connection: OneTripConnection) -> None:
        self._connection = connection
        self.rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> OneTrip:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> OneTrip:
        await self._connection.trip(self, sqlite3.Cursor.execute, sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> OneTrip:
        await self._connection.trip(self, sqlite3.Cursor.executemany, sql, parameters)
        return self

    async def fetchall(self) -> list[Any]:
        rows, self.rows = self.rows, []
        return rows

    async def close(self) -> None:
        return None


def opener(database: str, *, uri: bool = False, direct: bool = False) -> Callable[[], Awaitable[aiosqlite.Connection]]:
    """For SQLAlchemy's ``async_creator``: opens the file. Raises sqlite3.OperationalError when it can't."""

    async def opened() -> aiosqlite.Connection:
        connection = OneTripConnection(
            lambda: sqlite3.connect(database, uri=uri, check_same_thread=False), iter_chunk_size=ITER_CHUNK
        )
        connection.end_with_process()
        connection.direct = direct
        return await connection

    return opened


@contextmanager
def unhurried(driver: object) -> Iterator[None]:
    """What this connection is asked now may take seconds: all of it goes to the thread, while others are answered."""
    if not isinstance(driver, OneTripConnection):
        yield
        return
    before, driver.direct = driver.direct, False
    try:
        yield
    finally:
        driver.direct = before
