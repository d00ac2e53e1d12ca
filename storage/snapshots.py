"""One moment of the order store as files, taken while it is worked on, and put back into an empty one.

Both engines give a consistent picture without stopping anybody: SQLite by ``VACUUM INTO`` through a read-only
connection (no instance lock, no checkpoint), PostgreSQL by COPY inside one REPEATABLE READ transaction. ``pg_dump``
is not used: it must be as new as the server, and is often not there at all.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from sqlalchemy import Connection, inspect, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from core.timeline import first_broken
from storage.database import SqlDatabase
from storage.migrations import config

VERSION_TABLE = "alembic_version"
SQLITE_PART = "database.sqlite.gz"
FAST = 1
"""Compression level: a nightly dump should be over soon, text shrinks well anyway."""


class NotEmpty(Exception):
    """A restore goes into an empty database only: nothing that exists is ever overwritten. Names what is there."""


class NotRestorable(Exception):
    """The snapshot does not fit: ``why`` is other_engine, database_unreadable, integrity, orphans, refused or counts,
    ``of`` the particulars."""

    def __init__(self, why: str, of: str) -> None:
        super().__init__(why, of)
        self.why = why
        self.of = of


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What a moment of the store consists of. ``tables`` stand in the order in which they can be filled."""

    engine: str
    """``sqlite`` or ``postgresql``."""
    revision: str
    """Schema revision (Alembic)."""
    tables: dict[str, int]
    """Rows of each table."""
    columns: dict[str, list[str]]
    sequences: dict[str, int]
    """``table.column`` → the last number that was handed out (PostgreSQL)."""
    parts: list[str]
    """Names of the files in the folder."""
    files: list[str]
    """Digests of the attachments that rows speak of."""


async def take(url: str, folder: Path) -> Snapshot:
    """The store as it is at one instant, written into ``folder``; its users notice nothing.

    Raises OSError when there is no room, sqlite3.Error or a DBAPI error when the database cannot be read.
    """
    parsed = make_url(url)
    if parsed.drivername.startswith("sqlite"):
        return await asyncio.to_thread(_take_sqlite, Path(parsed.database or ""), folder)
    return await _take_postgres(parsed, folder)


async def load(url: str, snapshot: Snapshot, folder: Path) -> None:
    """Put the snapshot into an empty database, all or nothing.

    Raises NotEmpty, NotRestorable.
    """
    parsed = make_url(url)
    engine = "sqlite" if parsed.drivername.startswith("sqlite") else "postgresql"
    if engine != snapshot.engine:
        raise NotRestorable("other_engine", f"{snapshot.engine} → {engine}")
    if engine == "sqlite":
        await asyncio.to_thread(_load_sqlite, Path(parsed.database or ""), snapshot, folder)
    else:
        await _load_postgres(parsed, snapshot, folder)


async def broken_chains(url: str) -> list[str]:
    """Subjects whose hash chain does not hold, with the first bad link: ``SO260221-0137 #4``."""
    database = SqlDatabase(url)
    found = []
    try:
        async with database.reading() as tx:
            for ref in await tx.timeline.refs():
                entry = first_broken(await tx.timeline.of(ref))
                if entry is not None:
                    found.append(f"{ref} #{entry.seq}")
    finally:
        await database.close()
    return found


@contextmanager
def scratch_sqlite(folder: Path) -> Iterator[str]:
    """The URL of a SQLite file that is gone afterwards."""
    path = folder / "rehearsal.db"
    try:
        yield f"sqlite+aiosqlite:///{path}"
    finally:
        for left in folder.glob("rehearsal.db*"):
            left.unlink()


async def create_scratch_postgres(url: str, name: str) -> str:
    """A new database on the same server; its URL. Needs CREATEDB; raises a DBAPI error without it."""
    await _administer(make_url(url), f'CREATE DATABASE "{name}"')
    return make_url(url).set(database=name).render_as_string(hide_password=False)


async def drop_scratch_postgres(url: str, name: str) -> None:
    await _administer(make_url(url), f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def _administer(url: URL, statement: str) -> None:
    engine = _connector(url)
    try:
        async with engine.connect() as connection:
            outside = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await outside.execute(text(statement))
    finally:
        await engine.dispose()


def _connector(url: URL) -> AsyncEngine:
    """Connections of their own, without the statement timeout of the bot's pool: a dump takes its time."""
    settings = {"application_name": "jiedan-backup", "timezone": "UTC", "statement_timeout": "0"}
    return create_async_engine(url, poolclass=NullPool, connect_args={"server_settings": settings, "timeout": 10})


# ---------------------------------------------------------------- SQLite


def _take_sqlite(path: Path, folder: Path) -> Snapshot:
    copy = folder / "database.sqlite"
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30)) as source:
        source.execute("VACUUM INTO ?", (str(copy),))
    with closing(sqlite3.connect(f"{copy.resolve().as_uri()}?mode=ro", uri=True)) as taken:
        tables = _counts(taken)
        revision = _one(taken, f"SELECT version_num FROM {VERSION_TABLE}") if VERSION_TABLE in tables else ""  # noqa: S608
        files = _digests(taken) if "attachments" in tables else []
    with copy.open("rb") as plain, gzip.open(folder / SQLITE_PART, "wb", compresslevel=FAST) as packed:
        shutil.copyfileobj(plain, packed, 1 << 20)
    copy.unlink()
    return Snapshot(
        engine="sqlite", revision=revision, tables=tables, columns={}, sequences={}, parts=[SQLITE_PART], files=files
    )


def _load_sqlite(path: Path, snapshot: Snapshot, folder: Path) -> None:
    if any(left.stat().st_size for left in (path, Path(f"{path}-wal")) if left.exists()):
        raise NotEmpty(str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.restoring")
    try:
        with gzip.open(folder / SQLITE_PART, "rb") as packed, new.open("wb") as plain:
            os.fchmod(plain.fileno(), 0o600)
            shutil.copyfileobj(packed, plain, 1 << 20)
            plain.flush()
            os.fsync(plain.fileno())
        _examine_sqlite(new, snapshot)
        path.unlink(missing_ok=True)  # an empty file that was touched beforehand
        os.link(new, path)  # fails when somebody made it meanwhile; a rename would overwrite it
    except FileExistsError as taken:
        raise NotEmpty(str(path)) from taken
    except (OSError, EOFError, sqlite3.Error) as error:
        raise NotRestorable("database_unreadable", str(error)) from error
    finally:
        new.unlink(missing_ok=True)


def _examine_sqlite(path: Path, snapshot: Snapshot) -> None:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as restored:
        verdict = _one(restored, "PRAGMA integrity_check")
        if verdict != "ok":
            raise NotRestorable("integrity", str(verdict))
        orphans = restored.execute("PRAGMA foreign_key_check").fetchall()
        if orphans:
            raise NotRestorable("orphans", str(len(orphans)))
        _compare(_counts(restored), snapshot)


def _counts(connection: sqlite3.Connection) -> dict[str, int]:
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    ).fetchall()
    return {name: int(_one(connection, f'SELECT count(*) FROM "{name}"')) for (name,) in names}  # noqa: S608


def _digests(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT sha256 FROM attachments ORDER BY sha256")]


def _one(connection: sqlite3.Connection, statement: str) -> Any:
    row = connection.execute(statement).fetchone()
    return row[0] if row else ""


# ---------------------------------------------------------------- PostgreSQL


async def _take_postgres(url: URL, folder: Path) -> Snapshot:
    engine = _connector(url)
    try:
        async with engine.connect() as plain:
            connection = await plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            columns = await connection.run_sync(_fillable)
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            tables, parts = {}, []
            for table, names in columns.items():
                part = f"{table}.copy.gz"
                with gzip.open(folder / part, "wb", compresslevel=FAST) as packed:
                    said = await driver.copy_from_table(table, columns=names, output=packed)
                tables[table] = int(said.rpartition(" ")[2])
                parts.append(part)
            revision = (await connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}"))).scalar_one()  # noqa: S608
            files = (await connection.execute(text("SELECT sha256 FROM attachments ORDER BY sha256"))).scalars().all()
            return Snapshot(
                engine="postgresql",
                revision=revision,
                tables=tables,
                columns=columns,
                sequences=await connection.run_sync(_sequences),
                parts=parts,
                files=list(files),
            )
    finally:
        await engine.dispose()


def _fillable(connection: Connection) -> dict[str, list[str]]:
    """Tables so that what is pointed at comes first, with their columns; the revision is not data."""
    look = inspect(connection)
    order = [name for name, _ in look.get_sorted_table_and_fkc_names() if name is not None and name != VERSION_TABLE]
    return {table: [column["name"] for column in look.get_columns(table)] for table in order}


def _sequences(connection: Connection) -> dict[str, int]:
    """Read after the rows were: a sequence is outside every transaction, so it is never behind them."""
    owned = connection.execute(
        text(
            "SELECT t.relname, a.attname, pg_sequence_last_value(s.oid) FROM pg_class s "
            "JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i') "
            "JOIN pg_class t ON t.oid = d.refobjid "
            "JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid "
            "WHERE s.relkind = 'S' AND t.relnamespace = 'public'::regnamespace ORDER BY 1, 2"
        )
    )
    return {f"{table}.{column}": int(last) for table, column, last in owned if last is not None}


async def _load_postgres(url: URL, snapshot: Snapshot, folder: Path) -> None:
    engine = _connector(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_refuse_filled)
            await connection.run_sync(_upgrade, snapshot.revision)
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            counted = {}
            for table, names in snapshot.columns.items():
                with gzip.open(folder / f"{table}.copy.gz", "rb") as packed:
                    said = await driver.copy_to_table(table, columns=names, source=packed)
                counted[table] = int(said.rpartition(" ")[2])
            _compare(counted, snapshot)
            for name, last in snapshot.sequences.items():
                table, _, column = name.partition(".")
                await connection.execute(
                    text("SELECT setval(pg_get_serial_sequence(:table, :column), :last)"),
                    {"table": table, "column": column, "last": last},
                )
    except (NotEmpty, NotRestorable):
        raise
    except Exception as error:
        raise NotRestorable("refused", str(error)) from error
    finally:
        await engine.dispose()


def _refuse_filled(connection: Connection) -> None:
    there = inspect(connection).get_table_names()
    if there:
        raise NotEmpty(str(connection.engine.url.database))


def _upgrade(connection: Connection, revision: str) -> None:
    command.upgrade(config(connection), revision)


def _compare(counted: dict[str, int], snapshot: Snapshot) -> None:
    wrong = [
        f"{name} {counted.get(name)}/{wanted}"
        for name, wanted in snapshot.tables.items()
        if counted.get(name) != wanted
    ]
    if wrong:
        raise NotRestorable("counts", ", ".join(wrong))
