"""A replica without its spool goes on trying, and what a replica that never comes back has left is brought in."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from core.clock import SystemClock
from core.errors import IngestUnavailable
from core.inbound import RawInbound
from storage import tables as t
from storage.database import SqlDatabase
from storage.queues import SqlInboxQueue
from storage.spool import Spool, SpoolUnavailable
from storage.spool_drain import Drain
from storage.spool_keeper import SpoolKeeper
from storage.writer import GroupCommitWriter
from tests.servers import PostgresServer
from tests.storage.conftest import START
from tests.storage.samples import raw

NOWHERE = "postgresql+asyncpg://nobody@127.0.0.1:1/nothing"


@pytest.fixture
async def database(postgres_server: PostgresServer) -> AsyncIterator[SqlDatabase]:
    postgres_server.sql("DROP DATABASE IF EXISTS keeping WITH (FORCE)")
    postgres_server.sql("CREATE DATABASE keeping")
    found = SqlDatabase(postgres_server.url("keeping"))
    await found.create_all()
    yield found
    await found.close()


def writer_on(database: SqlDatabase, spool: Spool, replica: str = "1") -> GroupCommitWriter:
    queue = SqlInboxQueue(database.ingest)
    return GroupCommitWriter(queue, SystemClock(), spool=spool, late=queue, replica=replica)


def keeper_of(database: SqlDatabase, spool: Spool) -> SpoolKeeper:
    queue = SqlInboxQueue(database.ingest)
    drain = Drain(spool, queue, SystemClock(), replica="1", door=asyncio.Lock())
    return SpoolKeeper(spool, drain, queue, SystemClock(), quiet=lambda: True, tick=0.02, adopt_every=0.02)


async def _until(true: Callable[[], bool], within: float = 20.0) -> None:
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 - another task or thread makes it true
            await asyncio.sleep(0.01)


async def _left_behind(path: Path, *messages: RawInbound) -> None:
    spool = Spool(path)
    await spool.open()
    await spool.put(messages, START)
    await spool.close()


async def _stored(database: SqlDatabase) -> list[str]:
    async with database.writer.begin() as connection:
        return sorted((await connection.execute(select(t.inbox.c.dedupe_key))).scalars())


async def _marks(database: SqlDatabase) -> list[str]:
    async with database.writer.begin() as connection:
        return list((await connection.execute(select(t.spool_marks.c.replica))).scalars())


async def test_a_replica_whose_name_is_taken_starts_at_once_and_has_its_spool_later(tmp_path: Path) -> None:
    database = SqlDatabase(NOWHERE)
    other = Spool(tmp_path / "1.spool")
    await other.open()
    writer = writer_on(database, Spool(tmp_path / "1.spool"))
    loop = asyncio.get_running_loop()

    started = loop.time()
    await writer.open()
    assert loop.time() - started < 3.0
    assert writer.has_spool is False
    with pytest.raises(IngestUnavailable):
        await writer.store(raw("m:1"))
    await other.close()

    await _until(lambda: writer.has_spool is True)
    assert await writer.store(raw("m:2")) is None
    assert writer.spooled == 1
    await writer.close()
    await database.close()


async def test_a_folder_that_cannot_be_made_is_tried_until_it_can(tmp_path: Path) -> None:
    database = SqlDatabase(NOWHERE)
    in_the_way = tmp_path / "spool"
    in_the_way.write_text("a file where the folder should be")
    writer = writer_on(database, Spool(in_the_way / "1.spool"))
    await writer.open()
    assert writer.has_spool is False

    in_the_way.unlink()

    await _until(lambda: writer.has_spool is True)
    await writer.close()
    await database.close()


async def test_a_message_is_kept_for_a_moment_to_see_whether_one_could_be(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "1.spool")
    with pytest.raises(SpoolUnavailable):
        await spool.probe()
    await spool.open()
    await spool.put([raw("m:1")], START)

    await spool.probe()
    assert spool.rows == 1
    assert len(await spool.take(10)) == 1
    connection = spool._connection
    assert connection is not None
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute("VACUUM")
    connection.execute(f"PRAGMA max_page_count = {min(pages, 4)}")
    with pytest.raises(SpoolUnavailable):
        await spool.probe()

    await spool.close()


@pytest.mark.postgres
async def test_a_spool_nobody_holds_is_brought_in_and_one_that_is_held_is_left_alone(
    database: SqlDatabase, tmp_path: Path
) -> None:
    await _left_behind(tmp_path / "2.spool", raw("m:gone-1"), raw("m:gone-2", at=START + timedelta(seconds=1)))
    lives = Spool(tmp_path / "3.spool")
    await lives.open()
    await lives.put([raw("m:lives")], START)
    own = Spool(tmp_path / "1.spool")
    await own.open()

    brought = await keeper_of(database, own).adopt()

    assert brought == 2
    assert await _stored(database) == ["m:gone-1", "m:gone-2"]
    assert lives.rows == 1
    assert await _marks(database) == []
    back = Spool(tmp_path / "2.spool")
    await back.open(wait=0.0)
    assert back.rows == 0
    for spool in (lives, own, back):
        await spool.close()


@pytest.mark.postgres
async def test_a_running_replica_adopts_what_appears_beside_it_and_a_damaged_file_holds_nothing_up(
    database: SqlDatabase, tmp_path: Path
) -> None:
    (tmp_path / "2.spool").write_bytes(b"this is no database at all" * 100)
    own = Spool(tmp_path / "1.spool")
    keeper = keeper_of(database, own)
    await keeper.start()

    await _left_behind(tmp_path / "3.spool", raw("m:left"))

    async with asyncio.timeout(20):
        while await _stored(database) != ["m:left"]:  # noqa: ASYNC110 - another replica makes it true
            await asyncio.sleep(0.01)
    await keeper.stop()
    await own.close()
    assert (tmp_path / "2.spool").read_bytes().startswith(b"this is no database")


async def test_while_the_database_is_away_what_lies_beside_stays_and_is_nobodys(tmp_path: Path) -> None:
    database = SqlDatabase(NOWHERE)
    await _left_behind(tmp_path / "2.spool", raw("m:left"))
    own = Spool(tmp_path / "1.spool")
    await own.open()

    assert await keeper_of(database, own).adopt() == 0

    with sqlite3.connect(tmp_path / "2.spool") as left:
        assert left.execute("SELECT dedupe_key FROM spool").fetchall() == [("m:left",)]
    owner = Spool(tmp_path / "2.spool")
    await owner.open(wait=0.0)
    assert owner.rows == 1
    await owner.close()
    await own.close()
    await database.close()


@pytest.mark.postgres
async def test_after_a_spool_has_come_in_the_database_keeps_no_mark_of_it(
    database: SqlDatabase, tmp_path: Path
) -> None:
    await _left_behind(tmp_path / "1.spool", raw("m:left"))
    writer = writer_on(database, Spool(tmp_path / "1.spool"))

    await writer.open()
    await _until(lambda: writer.spooled == 0)

    async with asyncio.timeout(20):
        while await _marks(database):  # noqa: ASYNC110 - the drain makes it true
            await asyncio.sleep(0.01)
    assert await _stored(database) == ["m:left"]
    await writer.close()
