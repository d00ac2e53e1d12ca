"""Connections: one writer and many readers on SQLite, a pool on PostgreSQL (reliability section 5)."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from storage.sqlite_driver import opener
from storage.watchdog import cut_silent_connections

log = logging.getLogger(__name__)

BUSY_TIMEOUT_MS = 5_000
STATEMENT_TIMEOUT_MS = 10_000
SILENCE_SECONDS = 15.0
"""A server that lives has answered or given up a statement by then."""
GOODBYE_WITHIN = 2.0
"""Seconds for the connections to be closed in good order."""
INGEST_POOL = 2
WRITER_WAIT_SECONDS = 30
"""How long a transaction queues for the one SQLite writer, or for a free connection of the pool."""


class DatabaseInUse(Exception):
    """Another process works on this SQLite file. Stop it, or use PostgreSQL for several processes."""


@dataclass(frozen=True, kw_only=True)
class Engines:
    """Where transactions write and where reads go. On PostgreSQL both are the same pool."""

    writer: AsyncEngine
    reader: AsyncEngine
    ingest: AsyncEngine
    """What arrives does not queue behind what is worked on: connections of its own, where there can be several."""
    lock: int | None = None
    """File descriptor that holds the single-instance lock of a SQLite file."""
    cutters: Sequence[Callable[[], None]] = ()

    def cut(self) -> None:
        """Cut the connections on which somebody waits for an answer: the process must end, the database is silent."""
        for cut in self.cutters:
            cut()

    async def close(self) -> None:
        """A server that has fallen silent does not say goodbye, and nobody waits for it."""
        closing = asyncio.create_task(self._dispose())
        await asyncio.wait({closing}, timeout=GOODBYE_WITHIN if self.cutters else None)
        if closing.done():
            closing.result()
        else:
            log.warning("database connections left open, the server is silent")
            closing.cancel()
        if self.lock is not None:
            os.close(self.lock)

    async def _dispose(self) -> None:
        """One after the other: SQLite empties its log into the file when the last connection closes alone."""
        for engine in {self.reader, self.writer, self.ingest}:
            await engine.dispose()


def connect(url: str, *, pool_size: int = 10) -> Engines:
    """Engines for ``sqlite+aiosqlite:///path`` or ``postgresql+asyncpg://…``; nothing is opened yet but the lock.

    Raises DatabaseInUse when another process has the SQLite file, ValueError for any other kind of URL.
    """
    parsed = make_url(url)
    if parsed.drivername == "sqlite+aiosqlite" and parsed.database and parsed.database != ":memory:":
        return _sqlite(Path(parsed.database).resolve())
    if parsed.drivername == "postgresql+asyncpg":
        return _postgres(parsed, pool_size)
    raise ValueError("a database URL is sqlite+aiosqlite:///path/to/file.db or postgresql+asyncpg://…")


def _postgres(url: URL, pool_size: int) -> Engines:
    settings = {
        "application_name": "jiedan",
        "timezone": "UTC",
        "statement_timeout": str(STATEMENT_TIMEOUT_MS),
        "idle_in_transaction_session_timeout": "60000",
    }

    cutters: list[Callable[[], None]] = []

    def pool(size: int) -> AsyncEngine:
        engine = create_async_engine(
            url,
            pool_size=size,
            max_overflow=0,
            pool_timeout=WRITER_WAIT_SECONDS,
            pool_pre_ping=False,
            isolation_level="READ COMMITTED",
            connect_args={"server_settings": settings, "timeout": 5},
        )
        cutters.append(cut_silent_connections(engine, after=SILENCE_SECONDS))
        return engine

    shared = pool(pool_size)
    return Engines(writer=shared, reader=shared, ingest=pool(INGEST_POOL), cutters=cutters)


def _sqlite(path: Path) -> Engines:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = _lock(path)
    log.info("SQLite %s, database %s", sqlite3.sqlite_version, path.name)
    # One connection for all writes and all checkpoints: versions before 3.51.3 lose commits when a checkpoint races
    # with another connection's commit (WAL-reset bug).
    writer = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        async_creator=opener(str(path), direct=True),
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=WRITER_WAIT_SECONDS,
    )
    reader = create_async_engine(
        URL.create("sqlite+aiosqlite", database=f"file:{path}", query={"mode": "ro", "uri": "true"}),
        async_creator=opener(f"file:{path}?mode=ro", uri=True),
        poolclass=AsyncAdaptedQueuePool,
        pool_size=4,
        max_overflow=0,
        pool_timeout=WRITER_WAIT_SECONDS,
    )
    event.listen(writer.sync_engine, "connect", _writer_connected)
    event.listen(reader.sync_engine, "connect", _reader_connected)
    # A deferred BEGIN that reads and then writes gets SQLITE_BUSY at once, whatever the timeout.
    event.listen(writer.sync_engine, "begin", _begin_immediate)
    event.listen(reader.sync_engine, "begin", _begin)
    return Engines(writer=writer, reader=reader, ingest=writer, lock=lock)


def _lock(path: Path) -> int:
    held = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as taken:
        os.close(held)
        raise DatabaseInUse(f"{path} is used by another process; stop it, or use PostgreSQL") from taken
    return held


def _writer_connected(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    _pragmas(
        connection, "journal_mode = WAL", "synchronous = FULL", f"busy_timeout = {BUSY_TIMEOUT_MS}", "foreign_keys = ON"
    )


def _reader_connected(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    _pragmas(connection, f"busy_timeout = {BUSY_TIMEOUT_MS}", "query_only = ON")


def _pragmas(connection: Any, *pragmas: str) -> None:
    cursor = connection.cursor()
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
