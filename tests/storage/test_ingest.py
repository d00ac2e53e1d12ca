"""The group-commit writer: committed before the answer, many at once, and never hanging."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import pytest
from sqlalchemy.exc import OperationalError

from core.clock import MovableClock
from core.errors import IngestUnavailable
from core.inbound import RawInbound
from storage import writer as writing
from storage.database import SqlDatabase
from storage.queues import SqlInboxQueue
from storage.writer import BATCH_AT_MOST, GroupCommitWriter
from tests.servers import PostgresServer
from tests.storage.conftest import START
from tests.storage.samples import raw


class RecordingQueue(SqlInboxQueue):
    """The real queue, which also tells how many rows each commit had."""

    def __init__(self, database: SqlDatabase) -> None:
        super().__init__(database.writer)
        self.commits: list[int] = []

    async def store(self, batch: Sequence[RawInbound], received_at: datetime) -> list[int | None]:
        ids = await super().store(batch, received_at)
        self.commits.append(len(batch))
        return ids


class AwayQueue(SqlInboxQueue):
    """A database that is away for the first calls (all of them by default)."""

    def __init__(self, database: SqlDatabase, failures: int = 10**9) -> None:
        super().__init__(database.writer)
        self.failures = failures

    async def store(self, batch: Sequence[RawInbound], received_at: datetime) -> list[int | None]:
        if self.failures > 0:
            self.failures -= 1
            raise OperationalError("INSERT", {}, Exception("server closed the connection"))
        return await super().store(batch, received_at)


async def test_what_waits_together_is_committed_together(database: SqlDatabase, clock: MovableClock) -> None:
    queue = RecordingQueue(database)
    writer = GroupCommitWriter(queue, clock)

    ids = await asyncio.gather(*(writer.store(raw(f"m:{n}", f"u:{n}")) for n in range(600)))

    assert len(set(ids)) == 600
    assert len(queue.commits) <= 4
    assert max(queue.commits) <= BATCH_AT_MOST
    assert await queue.depth() == (600, START)
    await writer.close()


async def test_a_repeated_message_is_told_apart_in_the_same_batch(database: SqlDatabase, clock: MovableClock) -> None:
    writer = GroupCommitWriter(SqlInboxQueue(database.writer), clock)

    first, second, other = await asyncio.gather(*(writer.store(raw(key)) for key in ("m:1", "m:1", "m:2")))

    assert first is not None
    assert second is None
    assert other is not None
    assert await writer.store(raw("m:2")) is None
    await writer.close()


async def test_closing_commits_what_waits_and_takes_nothing_more(database: SqlDatabase, clock: MovableClock) -> None:
    writer = GroupCommitWriter(SqlInboxQueue(database.writer), clock)
    waiting = [asyncio.create_task(writer.store(raw(f"m:{n}"))) for n in range(20)]
    await asyncio.gather(writer.store(raw("m:last")))

    await writer.close()

    assert None not in await asyncio.gather(*waiting)
    with pytest.raises(IngestUnavailable):
        await writer.store(raw("m:late"))


async def test_a_short_outage_is_bridged(database: SqlDatabase, clock: MovableClock) -> None:
    writer = GroupCommitWriter(AwayQueue(database, failures=2), clock)

    assert await writer.store(raw("m:1")) is not None

    await writer.close()


async def test_a_long_outage_is_said_within_its_time(
    database: SqlDatabase, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "GIVE_UP_AFTER", 0.3)
    writer = GroupCommitWriter(AwayQueue(database), clock)

    outcomes = await asyncio.gather(*(writer.store(raw(f"m:{n}")) for n in range(5)), return_exceptions=True)

    assert [type(x) for x in outcomes] == [IngestUnavailable] * 5
    await writer.close()


async def test_one_row_that_cannot_be_stored_does_not_take_its_batch_along(
    database: SqlDatabase, clock: MovableClock
) -> None:
    writer = GroupCommitWriter(SqlInboxQueue(database.writer), clock)
    good = [raw(f"m:{n}") for n in range(3)]
    bad = RawInbound(
        platform=good[0].platform,
        dedupe_key="m:bad",
        conv_key="a",
        kind="text",
        payload={"at": START},
        platform_at=START,
    )

    outcomes = await asyncio.gather(*(writer.store(x) for x in (good[0], bad, *good[1:])), return_exceptions=True)

    assert isinstance(outcomes[1], IngestUnavailable)
    assert all(isinstance(x, int) for x in (outcomes[0], *outcomes[2:]))
    await writer.close()


@pytest.mark.parametrize("content", ["a\x00b", "\ud83d half a face", "😀"])
async def test_any_text_a_phone_can_send_is_kept(database: SqlDatabase, content: str) -> None:
    queue = SqlInboxQueue(database.writer)
    message = RawInbound(
        platform=raw("x").platform,
        dedupe_key="m:1",
        conv_key="a",
        kind="text",
        payload={"Content": content},
        platform_at=START,
    )

    await queue.store([message], START)

    (work,) = await queue.claim("w1", START, 30, 1)
    assert work.payload == {"Content": content}


@pytest.mark.postgres
async def test_messages_that_meet_a_restart_of_postgres_are_stored_after_it(
    postgres_template: PostgresServer, clock: MovableClock
) -> None:
    postgres_template.sql("CREATE DATABASE test_restart TEMPLATE template_jiedan")
    database = SqlDatabase(postgres_template.url("test_restart"))
    writer = GroupCommitWriter(SqlInboxQueue(database.writer), clock)
    assert await writer.store(raw("m:before")) is not None

    await asyncio.to_thread(postgres_template.stop, "immediate")
    during = asyncio.create_task(writer.store(raw("m:during")))
    await asyncio.to_thread(postgres_template.start)

    assert await during is not None
    await writer.close()
    await database.close()
    postgres_template.sql("DROP DATABASE test_restart WITH (FORCE)")
