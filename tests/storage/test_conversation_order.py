"""One conversation is worked in the order in which people wrote, also when older messages come in late."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storage.database import SqlDatabase
from storage.queues.inbox import Arrival, Mark, SqlInboxQueue
from tests.storage.conftest import START
from tests.storage.samples import raw

SECOND = timedelta(seconds=1)


@pytest.fixture
def inbox(database: SqlDatabase) -> SqlInboxQueue:
    return SqlInboxQueue(database.writer)


async def _claimed(inbox: SqlInboxQueue, after: timedelta = timedelta()) -> list[str]:
    return [work.dedupe_key for work in await inbox.claim("w1", START + after, 30, 10)]


async def test_an_older_message_that_was_stored_later_is_worked_first(inbox: SqlInboxQueue) -> None:
    await inbox.store([raw("m:newer", at=START + 2 * SECOND)], START)
    await inbox.store([raw("m:older", at=START + SECOND), raw("m:elsewhere", "b", at=START)], START)

    assert await _claimed(inbox) == ["m:older", "m:elsewhere"]


async def test_messages_of_one_second_keep_the_order_in_which_they_were_stored(inbox: SqlInboxQueue) -> None:
    await inbox.store([raw("m:z"), raw("m:a")], START)

    assert await _claimed(inbox) == ["m:z"]


async def test_an_older_message_waits_while_a_newer_one_is_in_work(database: SqlDatabase, inbox: SqlInboxQueue) -> None:
    (newer,) = await inbox.store([raw("m:newer", at=START + SECOND)], START)
    assert newer is not None
    assert await _claimed(inbox) == ["m:newer"]
    (older,) = await inbox.store([raw("m:older", at=START)], START)

    assert await _claimed(inbox) == []
    assert await inbox.claim("w2", START, 30, 1, only=older) == []

    async with database.transaction() as tx:
        await tx.inbox.finish(newer, "w1")
    assert await _claimed(inbox) == ["m:older"]


async def test_a_worker_that_died_over_a_newer_message_does_not_hold_up_an_older_one(inbox: SqlInboxQueue) -> None:
    await inbox.store([raw("m:newer", at=START + SECOND)], START)
    assert await _claimed(inbox) == ["m:newer"]
    await inbox.store([raw("m:older", at=START)], START)

    assert await _claimed(inbox, timedelta(seconds=30)) == ["m:older"]


async def test_nothing_newer_is_worked_while_a_spool_comes_in(inbox: SqlInboxQueue) -> None:
    mark = Mark(oldest_at=START + SECOND, until=START + 10 * SECOND)
    await inbox.store_late([Arrival(raw=raw("m:1", "a"), received_at=START)], START, mark, "1")
    (direct,) = await inbox.store([raw("m:3", "b", at=START + 3 * SECOND)], START)

    assert await _claimed(inbox) == ["m:1"]
    assert await inbox.claim("w2", START, 30, 1, only=direct) == []

    await inbox.store_late([Arrival(raw=raw("m:2", "b", at=START + 2 * SECOND), received_at=START)], START, None, "1")
    assert await _claimed(inbox) == ["m:2"]


async def test_a_replica_that_died_over_its_spool_holds_nothing_up_for_long(inbox: SqlInboxQueue) -> None:
    mark = Mark(oldest_at=START, until=START + 10 * SECOND)
    await inbox.store_late([Arrival(raw=raw("m:1"), received_at=START)], START, mark, "1")

    assert await _claimed(inbox, 9 * SECOND) == []
    assert await _claimed(inbox, 10 * SECOND) == ["m:1"]


async def test_each_spool_has_its_own_mark(inbox: SqlInboxQueue) -> None:
    mark = Mark(oldest_at=START, until=START + 10 * SECOND)
    for replica in ("1", "2"):
        await inbox.store_late([Arrival(raw=raw(f"m:{replica}", replica), received_at=START)], START, mark, replica)

    await inbox.store_late([Arrival(raw=raw("m:3", "3"), received_at=START)], START, None, "1")

    assert await _claimed(inbox) == []


async def test_a_spooled_message_keeps_the_moment_it_arrived(inbox: SqlInboxQueue) -> None:
    late = [Arrival(raw=raw("m:1"), received_at=START)]
    await inbox.store_late(late, START + 600 * SECOND, None, "1")
    await inbox.store_late(late, START + 601 * SECOND, None, "1")

    assert await inbox.depth() == (1, START)
    (work,) = await inbox.claim("w1", START + 600 * SECOND, 30, 10)
    assert (work.received_at, work.platform_at, work.attempts) == (START, START, 1)
