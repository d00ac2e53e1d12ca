"""A disk that takes nothing more: what cannot be committed is not acknowledged, and space heals it (R18)."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from core.clock import MovableClock
from core.errors import IngestUnavailable
from storage import tables as t
from storage import writer as writing
from storage.database import SqlDatabase
from storage.queues import SqlInboxQueue
from storage.writer import GroupCommitWriter
from tests.storage.samples import raw


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqlDatabase]:
    opened = SqlDatabase(f"sqlite+aiosqlite:///{tmp_path}/jiedan.db")
    await opened.create_all()
    yield opened
    await opened.close()


@pytest.fixture
async def writer(
    database: SqlDatabase, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[GroupCommitWriter]:
    monkeypatch.setattr(writing, "GIVE_UP_AFTER", 0.4)
    opened = GroupCommitWriter(SqlInboxQueue(database.writer), clock)
    yield opened
    await opened.close()


async def _pragma(database: SqlDatabase, statement: str) -> int:
    async with database.writer.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection  # past BEGIN IMMEDIATE
        assert driver is not None
        found = await (await driver.execute(f"PRAGMA {statement}")).fetchone()
        return int(found[0]) if found else 0


async def _stored(database: SqlDatabase) -> list[str]:
    async with database.writer.begin() as connection:
        return sorted((await connection.execute(select(t.inbox.c.dedupe_key))).scalars())


async def _answers(writer: GroupCommitWriter, keys: list[str]) -> dict[str, bool]:
    """Which were acknowledged."""
    outcomes = await asyncio.gather(*(writer.store(raw(key)) for key in keys), return_exceptions=True)
    assert all(isinstance(x, int | IngestUnavailable) for x in outcomes)
    return dict(zip(keys, (isinstance(x, int) for x in outcomes), strict=True))


@contextmanager
def _largest_file(size: int) -> Iterator[None]:
    """The kernel refuses every write beyond this size, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _largest_of(folder: Path) -> int:
    return max(path.stat().st_size for path in folder.iterdir())


async def test_a_full_database_acknowledges_nothing_and_heals_when_there_is_room(
    database: SqlDatabase, writer: GroupCommitWriter
) -> None:
    await _pragma(database, f"max_page_count = {await _pragma(database, 'page_count')}")
    keys = [f"m:{n}" for n in range(200)]

    refused = await _answers(writer, keys)

    assert set(refused.values()) == {False}
    assert await _stored(database) == []
    assert writer.cannot_write
    await _pragma(database, "max_page_count = 1000000")
    assert set((await _answers(writer, keys)).values()) == {True}
    assert await _stored(database) == sorted(keys)
    assert not writer.cannot_write


async def test_a_disk_that_takes_no_more_bytes_loses_nothing_that_was_acknowledged(
    database: SqlDatabase, writer: GroupCommitWriter, tmp_path: Path
) -> None:
    first = await _answers(writer, ["m:before"])
    size = _largest_of(tmp_path)

    with _largest_file(size):
        during = await _answers(writer, [f"m:{n}" for n in range(300)])
        assert False in during.values()
        assert writer.cannot_write
    after = await _answers(writer, ["m:after"])

    acked = [key for key, was in {**first, **during, **after}.items() if was]
    assert set(acked) <= set(await _stored(database))
    assert after == {"m:after": True}
    assert not writer.cannot_write


async def test_a_disk_that_was_mounted_read_only_is_answered_with_send_again(
    database: SqlDatabase, writer: GroupCommitWriter
) -> None:
    await _pragma(database, "query_only = ON")
    assert await _answers(writer, ["m:1"]) == {"m:1": False}

    await _pragma(database, "query_only = OFF")
    assert await _answers(writer, ["m:1"]) == {"m:1": True}
