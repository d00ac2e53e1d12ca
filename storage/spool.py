"""What came in while PostgreSQL was away, in a local SQLite file (reliability section 4, Spool)."""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from core.inbound import RawInbound
from core.people import PlatformName
from storage.queues.inbox import Arrival
from storage.types import dump_json

log = logging.getLogger(__name__)

T = TypeVar("T")

LOCK_WAIT = 15.0
"""Seconds that the successor of a stopping process waits for its file."""
LOCK_EVERY = 0.1

SCHEMA = """
CREATE TABLE IF NOT EXISTS spool (
    id INTEGER PRIMARY KEY,
    platform TEXT NOT NULL,
    dedupe_key TEXT NOT NULL,
    conv_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    raw_sha256 TEXT NOT NULL,
    platform_at TEXT NOT NULL,
    received_at TEXT NOT NULL,
    refused TEXT NOT NULL DEFAULT '',
    UNIQUE (platform, dedupe_key)
);
CREATE INDEX IF NOT EXISTS ix_spool_order ON spool (platform_at, id) WHERE refused = '';
"""
"""The unique key makes a message that is sent again while it waits here one message."""
INSERT = """
INSERT INTO spool (platform, dedupe_key, conv_key, kind, payload, raw_sha256, platform_at, received_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
PROBE = (
    "INSERT INTO spool VALUES (NULL, 'probe', 'probe', '', '', zeroblob(16384), '', '', '', 'probe')",
    "DELETE FROM spool WHERE platform = 'probe'",
)
"""Takes room for a large message and gives it back."""
OLDEST = "SELECT * FROM spool WHERE refused = '' ORDER BY platform_at, id LIMIT ?"


class SpoolUnavailable(Exception):
    """The spool cannot be written to: its disk is full, or another process holds the file."""


class SpoolTaken(SpoolUnavailable):
    """Another process holds the file."""


@dataclass(frozen=True, kw_only=True)
class Spooled:
    """One row of the spool."""

    id: int
    arrival: Arrival


class Spool:
    """One file per replica, on a disk that outlives the process. Every call is one transaction in one thread.

    ``rows`` is how many wait to be brought in. A row that the database refuses for its own sake is set aside: it stays
    in the file for a person to look at and is counted in ``refused``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self.refused = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")
        self._connection: sqlite3.Connection | None = None
        self._lock: int | None = None

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    async def open(self, *, wait: float = LOCK_WAIT) -> None:
        """Take the file, with what a predecessor left in it.

        Raises SpoolTaken when another process still holds it after ``wait`` real seconds, SpoolUnavailable when the
        folder cannot be written to.
        """
        until = asyncio.get_running_loop().time() + wait
        while True:
            try:
                await self._run(self._open)
            except BlockingIOError:
                if asyncio.get_running_loop().time() >= until:
                    raise SpoolTaken(
                        f"{self.path} is used by another process; every replica needs a name of its own"
                    ) from None
                await asyncio.sleep(LOCK_EVERY)
            except (OSError, sqlite3.Error) as error:
                raise SpoolUnavailable(f"{self.path} cannot be opened: {error}") from error
            else:
                break
        if self.rows:
            log.warning("%d inbounds wait in the spool %s", self.rows, self.path.name)

    async def put(self, batch: Sequence[RawInbound], received_at: datetime) -> None:
        """Durable when it returns; a message that is here already stays as it is.

        Raises SpoolUnavailable, and then none of the batch is here; anything else is the fault of a row.
        """
        rows = [
            (
                raw.platform.value,
                raw.dedupe_key,
                raw.conv_key,
                raw.kind,
                dump_json(raw.payload),
                raw.raw_sha256,
                _text(raw.platform_at),
                _text(received_at),
            )
            for raw in batch
        ]
        try:
            added = await self._run(lambda: self._change(INSERT, rows))
        except sqlite3.Error as error:
            raise SpoolUnavailable(str(error)) from error
        self.rows += added  # not in one line with the await, which would read the count before it

    async def probe(self) -> None:
        """Whether a message could be kept here now: one is, for a moment. Raises SpoolUnavailable."""
        try:
            await self._run(lambda: self._change(PROBE[0], [()], PROBE[1]))
        except sqlite3.Error as error:
            raise SpoolUnavailable(str(error)) from error

    async def take(self, limit: int) -> list[Spooled]:
        """The oldest by the platform's time; they stay until they are deleted."""
        return await self._run(lambda: [_spooled(row) for row in self._held().execute(OLDEST, (limit,))])

    async def delete(self, rows: Sequence[Spooled]) -> None:
        gone = [(row.id,) for row in rows]
        deleted = await self._run(lambda: self._change("DELETE FROM spool WHERE id = ?", gone))
        self.rows -= deleted

    async def set_aside(self, row: Spooled, why: str) -> None:
        """The database will never take it."""
        reason = [(why[:500] or "refused", row.id)]
        aside = await self._run(lambda: self._change("UPDATE spool SET refused = ? WHERE id = ?", reason))
        self.rows -= aside
        self.refused += aside

    async def close(self) -> None:
        await self._run(self._close)
        self._thread.shutdown()

    async def _run(self, work: Callable[[], T]) -> T:
        """In the one thread, to its end, also when the caller is cancelled."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self._lock is None:
            lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(lock)
                raise
            self._lock = lock
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(SCHEMA)
        self.path.chmod(0o600)
        counted = "SELECT count(*) FILTER (WHERE refused = ''), count(*) FILTER (WHERE refused <> '') FROM spool"
        self.rows, self.refused = connection.execute(counted).fetchone()
        self._connection = connection

    def _held(self) -> sqlite3.Connection:
        if self._connection is None:
            raise SpoolUnavailable(f"{self.path} is not open")
        return self._connection

    def _change(self, statement: str, rows: Sequence[tuple[object, ...]], then: str = "") -> int:
        connection = self._held()
        connection.execute("BEGIN IMMEDIATE")
        try:
            changed = connection.executemany(statement, rows).rowcount
            if then:
                connection.execute(then)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # a full disk may have rolled back by itself
                connection.execute("ROLLBACK")
            raise
        return changed

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _text(at: datetime) -> str:
    """UTC of a fixed width: sorts like the time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _spooled(row: sqlite3.Row) -> Spooled:
    return Spooled(
        id=row["id"],
        arrival=Arrival(
            raw=RawInbound(
                platform=PlatformName(row["platform"]),
                dedupe_key=row["dedupe_key"],
                conv_key=row["conv_key"],
                kind=row["kind"],
                payload=json.loads(row["payload"]),
                raw_sha256=row["raw_sha256"],
                platform_at=datetime.fromisoformat(row["platform_at"]),
            ),
            received_at=datetime.fromisoformat(row["received_at"]),
        ),
    )
