"""What one call to the driver writes is what the columns' own types would have written."""

from __future__ import annotations

import sqlite3
from datetime import timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Row, Text, cast, insert, select, text
from sqlalchemy.exc import DBAPIError

from core.inbound import RawInbound
from core.people import PlatformName
from storage import tables as t
from storage.database import SqlDatabase
from storage.queues import SqlInboxQueue
from storage.queues.inbox import Arrival, Mark
from tests.storage.conftest import START
from tests.storage.samples import raw

SHANGHAI = timezone(timedelta(hours=8))


async def _rows(database: SqlDatabase, table: Any) -> list[Row[Any]]:
    async with database.writer.begin() as connection:
        return list(await connection.execute(select(table).order_by(table.c[0])))


async def test_ids_follow_the_batch_and_a_repeated_message_has_none(database: SqlDatabase) -> None:
    queue = SqlInboxQueue(database.ingest)
    await queue.store([raw("m:known")], START)

    ids = await queue.store([raw(key) for key in ("m:z", "m:known", "m:a", "m:z", "m:b")], START)

    assert [ids[1], ids[3]] == [None, None]
    stored = {row.id: row.dedupe_key for row in await _rows(database, t.inbox)}
    new = [found for found in ids if found is not None]
    assert new == sorted(new)
    assert [stored[found] for found in new] == ["m:z", "m:a", "m:b"]


async def test_a_batch_of_any_size_goes_in_at_once(database: SqlDatabase) -> None:
    ids = await SqlInboxQueue(database.ingest).store([raw(f"m:{n}") for n in range(1_201)], START)

    assert len({found for found in ids if found is not None}) == 1_201
    assert len(await _rows(database, t.inbox_work)) == 1_201


async def test_every_column_is_as_if_its_type_had_written_it(database: SqlDatabase) -> None:
    message = RawInbound(
        platform=PlatformName.DINGTALK,
        dedupe_key="m:1",
        conv_key="c",
        kind="text",
        payload={"text": "前刹车片", "half": "\ud83d", "n": [1, None]},
        platform_at=START.astimezone(SHANGHAI),
        raw_sha256="ab",
    )
    values = {name: getattr(message, name) for name in RawInbound.__dataclass_fields__}
    async with database.writer.begin() as connection:
        await connection.execute(insert(t.inbox).values(**{**values, "dedupe_key": "m:0"}, received_at=START))

    await SqlInboxQueue(database.ingest).store([message], START)

    plain = [cast(c, Text).label(c.name) for c in t.inbox.c if c.name not in ("id", "dedupe_key")]
    async with database.writer.begin() as connection:
        usual, quick = (await connection.execute(select(*plain).order_by(t.inbox.c.id))).all()
    assert quick == usual
    (work,) = await _rows(database, t.inbox_work)
    assert (work.conv_key, work.platform_at, work.state, work.attempts) == ("c", START, "ready", 0)
    assert (work.available_at, work.owner, work.lease_until, work.last_error) == (START, "", None, "")


async def test_a_batch_that_fails_half_way_leaves_nothing_behind(database: SqlDatabase) -> None:
    queue = SqlInboxQueue(database.ingest)
    async with database.writer.begin() as connection:
        # The second half of the call has nowhere to write to.
        await connection.execute(text("ALTER TABLE inbox_work RENAME TO elsewhere"))

    with pytest.raises((DBAPIError, sqlite3.Error)):
        await queue.store([raw("m:1")], START)

    assert await _rows(database, t.inbox) == []
    async with database.writer.begin() as connection:
        await connection.execute(text("ALTER TABLE elsewhere RENAME TO inbox_work"))
    assert await queue.store([raw("m:1")], START) != [None]


async def test_late_rows_and_their_mark_are_one_transaction(database: SqlDatabase) -> None:
    queue = SqlInboxQueue(database.ingest)
    bad = RawInbound(
        platform=PlatformName.WECOM,
        dedupe_key="m:2",
        conv_key="c",
        kind="text",
        payload={"at": START},
        platform_at=START,
    )
    late = [Arrival(raw=one, received_at=START) for one in (raw("m:1"), bad)]

    with pytest.raises(TypeError):
        await queue.store_late(late, START, Mark(oldest_at=START, until=START), "1")

    assert await _rows(database, t.inbox) == []
    assert await _rows(database, t.spool_marks) == []
