"""What the loops rely on: order per conversation, leases, fencing, dead letters."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.errors import LeaseLost
from core.notices import DeliveryState, Priority
from core.people import PlatformName
from core.ports import Try
from storage.database import SqlDatabase
from storage.queues import SqlDeadLetters, SqlInboxQueue, SqlOutboxQueue
from tests.storage.conftest import START
from tests.storage.samples import a_delivery, a_person, raw


@pytest.fixture
def inbox(database: SqlDatabase) -> SqlInboxQueue:
    return SqlInboxQueue(database.writer)


@pytest.fixture
def outbox(database: SqlDatabase) -> SqlOutboxQueue:
    return SqlOutboxQueue(database.writer)


async def test_a_message_delivered_twice_is_stored_once(inbox: SqlInboxQueue) -> None:
    first = await inbox.store([raw("m:1"), raw("m:2"), raw("m:1")], START)

    again = await inbox.store([raw("m:2"), raw("m:3")], START)

    assert first[2] is None
    assert again[0] is None
    assert len({first[0], first[1], again[1]}) == 3
    assert await inbox.depth() == (3, START)


async def test_one_conversation_is_worked_on_in_order_and_many_at_once(inbox: SqlInboxQueue) -> None:
    a1, a2, b1 = await inbox.store([raw("m:1", "a"), raw("m:2", "a"), raw("m:3", "b")], START)

    claimed = await inbox.claim("w1", START, 30, 10)

    assert [w.id for w in claimed] == [a1, b1]
    assert [w.attempts for w in claimed] == [1, 1]
    assert claimed[0].payload == {"Content": "K0231 04465-0K240 20个 m:1"}
    assert await inbox.claim("w2", START, 30, 10) == []
    assert a2 not in [w.id for w in claimed]


async def test_the_next_of_a_conversation_follows_when_the_first_is_done(
    database: SqlDatabase, inbox: SqlInboxQueue
) -> None:
    first, second = await inbox.store([raw("m:1"), raw("m:2")], START)
    assert first is not None
    await inbox.claim("w1", START, 30, 10)

    async with database.transaction() as tx:
        await tx.inbox.finish(first, "w1")

    assert [w.id for w in await inbox.claim("w1", START, 30, 10)] == [second]


async def test_a_message_that_waits_for_its_retry_holds_up_its_conversation_only(inbox: SqlInboxQueue) -> None:
    first, _, other = await inbox.store([raw("m:1", "a"), raw("m:2", "a"), raw("m:3", "b")], START)
    assert first is not None
    await inbox.claim("w1", START, 30, 1)

    await inbox.retry(first, "w1", available_at=START + timedelta(seconds=5), error="boom")

    assert [w.id for w in await inbox.claim("w1", START, 30, 10)] == [other]
    later = await inbox.claim("w1", START + timedelta(seconds=5), 30, 10)
    assert [(w.id, w.attempts) for w in later] == [(first, 2)]


async def test_just_one_message_can_be_claimed(inbox: SqlInboxQueue) -> None:
    _, wanted, behind = await inbox.store([raw("m:1", "a"), raw("m:2", "b"), raw("m:3", "b")], START)

    assert [w.id for w in await inbox.claim("w1", START, 30, 10, only=wanted)] == [wanted]
    assert await inbox.claim("w1", START, 30, 10, only=behind) == []


async def test_a_lease_that_ran_out_is_claimed_by_another_and_the_first_is_fenced_off(
    database: SqlDatabase, inbox: SqlInboxQueue
) -> None:
    (inbox_id,) = await inbox.store([raw("m:1")], START)
    assert inbox_id is not None
    await inbox.claim("frozen", START, 30, 10)
    assert await inbox.claim("w2", START + timedelta(seconds=29), 30, 10) == []

    (taken,) = await inbox.claim("w2", START + timedelta(seconds=30), 30, 10)

    async def effect_of_the_frozen() -> None:
        async with database.transaction() as tx:
            await tx.people.save(a_person())
            await tx.inbox.finish(inbox_id, "frozen")

    with pytest.raises(LeaseLost):
        await effect_of_the_frozen()

    assert taken.attempts == 2
    assert not await inbox.renew(inbox_id, "frozen", START + timedelta(hours=1))
    async with database.reading() as tx:
        assert await tx.people.everybody() == []


async def test_a_renewed_lease_is_not_taken(inbox: SqlInboxQueue) -> None:
    (inbox_id,) = await inbox.store([raw("m:1")], START)
    assert inbox_id is not None
    await inbox.claim("w1", START, 30, 10)

    assert await inbox.renew(inbox_id, "w1", START + timedelta(seconds=60))

    assert await inbox.claim("w2", START + timedelta(seconds=45), 30, 10) == []


async def test_leases_of_the_dead_predecessor_are_free_at_once(inbox: SqlInboxQueue) -> None:
    ids = await inbox.store([raw("m:1", "a"), raw("m:2", "b")], START)
    await inbox.claim("before the crash", START, 30, 10)

    await inbox.release_all()

    assert [w.id for w in await inbox.claim("after", START, 30, 10)] == ids


async def test_many_workers_never_share_a_message(inbox: SqlInboxQueue) -> None:
    ids = await inbox.store([raw(f"m:{n}", f"u:{n % 25}") for n in range(50)], START)

    rounds = await asyncio.gather(*(inbox.claim(f"w{n}", START, 30, 5) for n in range(12)))

    claimed = [w.id for batch in rounds for w in batch]
    assert len(claimed) == len(set(claimed))
    assert set(claimed) <= set(ids[:25])


async def test_a_parked_message_is_read_and_sent_again_by_a_person(database: SqlDatabase, inbox: SqlInboxQueue) -> None:
    letters = SqlDeadLetters(database.writer)
    first, second = await inbox.store([raw("m:1"), raw("m:2")], START)
    assert first is not None
    await inbox.claim("w1", START, 30, 10)
    async with database.transaction() as tx:
        await tx.inbox.park(first, "w1", "KeyError: x", START)

    (letter,) = await letters.list()
    assert (letter.source, letter.source_id, letter.attempts, letter.reason) == ("inbox", first, 1, "KeyError: x")
    assert [w.id for w in await inbox.claim("w1", START, 30, 10)] == [second]

    async with database.transaction() as tx:
        assert await tx.letters.resend(letter.id, "E0009", START)
        assert not await tx.letters.resend(letter.id, "E0009", START)
        assert not await tx.letters.drop(letter.id, "E0009", START)
    assert second is not None
    async with database.transaction() as tx:
        await tx.inbox.finish(second, "w1")
    assert [(w.id, w.attempts) for w in await inbox.claim("w1", START, 30, 10)] == [(first, 1)]
    assert await letters.list() == []


async def test_a_notice_recorded_twice_is_sent_once(database: SqlDatabase, outbox: SqlOutboxQueue) -> None:
    async with database.transaction() as tx:
        first, again = a_delivery("k1"), a_delivery("k1")
        assert await tx.outbox.put(first)
        assert not await tx.outbox.put(again)

    assert [d.id for d in await outbox.claim("s1", START, 30, 10)] == [first.id]
    assert again.id is None


async def test_lanes_keep_their_order_and_the_urgent_go_first(database: SqlDatabase, outbox: SqlOutboxQueue) -> None:
    async with database.transaction() as tx:
        for key, lane, priority in (
            ("a1", "a", Priority.DIGEST),
            ("a2", "a", Priority.EXPEDITE),
            ("b1", "b", Priority.PICK),
            ("c1", "c", Priority.EXPEDITE),
        ):
            await tx.outbox.put(a_delivery(key, lane, priority=priority))

    claimed = await outbox.claim("s1", START, 30, 10)

    assert [d.idem_key for d in claimed] == ["c1", "b1", "a1"]
    assert claimed[0].body == {"sentence": "received", "args": {"number": "SO1"}}
    assert claimed[0].state is DeliveryState.LEASED
    assert await outbox.sent(claimed[2].id or 0, "s1", provider_id="msgid", at=START)
    assert not await outbox.sent(claimed[2].id or 0, "s1", provider_id="msgid", at=START)
    assert [d.idem_key for d in await outbox.claim("s1", START, 30, 10)] == ["a2"]


async def test_a_send_parked_by_a_throttle_burns_no_attempt(database: SqlDatabase, outbox: SqlOutboxQueue) -> None:
    async with database.transaction() as tx:
        await tx.outbox.put(a_delivery("k1"))
    (delivery,) = await outbox.claim("s1", START, 30, 10)
    later = START + timedelta(seconds=7)

    await outbox.retry(delivery.id or 0, "s1", available_at=later, error="throttled", count=False)

    assert await outbox.next_available() == later
    assert await outbox.claim("s1", START, 30, 10) == []
    (again,) = await outbox.claim("s1", later, 30, 10)
    assert (again.attempts, again.last_error) == (1, "throttled")


async def test_a_dead_delivery_can_be_sent_again(database: SqlDatabase, outbox: SqlOutboxQueue) -> None:
    letters = SqlDeadLetters(database.writer)
    async with database.transaction() as tx:
        await tx.outbox.put(a_delivery("k1"))
        await tx.outbox.put(a_delivery("k2"))
    (delivery,) = await outbox.claim("s1", START, 30, 10)
    assert delivery.id is not None
    refused = Try(attempt=1, at=START, result="refused", errcode="40003", latency_ms=12)
    await outbox.dead(delivery.id, "s1", error="40003 invalid user", at=START, tried=refused)
    assert await outbox.failures(delivery.id, "40003") == 1

    (letter,) = await letters.list()
    assert (letter.source, letter.reason) == ("outbox", "40003 invalid user")
    (behind,) = await outbox.claim("s1", START, 30, 10)
    assert behind.idem_key == "k2"
    await outbox.superseded(behind.id or 0, "s1")

    async with database.transaction() as tx:
        assert await tx.letters.resend(letter.id, "E0009", START)
    assert [d.idem_key for d in await outbox.claim("s1", START, 30, 10)] == ["k1"]


async def test_a_sender_that_died_is_replaced_when_its_lease_runs_out(
    database: SqlDatabase, outbox: SqlOutboxQueue
) -> None:
    async with database.transaction() as tx:
        await tx.outbox.put(a_delivery("k1"))
    (first,) = await outbox.claim("dead", START, 30, 10)

    assert await outbox.next_available() == START + timedelta(seconds=30)
    (second,) = await outbox.claim("alive", START + timedelta(seconds=30), 30, 10)

    assert (first.id, second.attempts) == (second.id, 2)
    assert not await outbox.sent(first.id or 0, "dead", provider_id="", at=START)
    await outbox.release_all("alive")
    assert len(await outbox.claim("third", START, 30, 10)) == 1


async def test_few_are_claimed_where_the_platform_has_no_key_and_the_urgent_apart(
    database: SqlDatabase, outbox: SqlOutboxQueue
) -> None:
    async with database.transaction() as tx:
        for n in range(4):
            await tx.outbox.put(a_delivery(f"d{n}", f"d{n}", platform=PlatformName.DINGTALK))
            await tx.outbox.put(a_delivery(f"w{n}", f"w{n}"))
        await tx.outbox.put(a_delivery("x", "x", platform=PlatformName.DINGTALK, priority=Priority.EXPEDITE))

    urgent = await outbox.claim("s1", START, 30, 8, unkeyed=2, urgent=True)
    mixed = await outbox.claim("s1", START, 30, 5, unkeyed=2)
    keyed = await outbox.claim("s1", START, 30, 8, unkeyed=0)

    assert [d.idem_key for d in urgent] == ["x"]
    assert sorted(d.idem_key for d in mixed) == ["d0", "d1", "w0", "w1", "w2"]
    assert [d.idem_key for d in keyed] == ["w3"]


async def test_only_a_row_whose_sender_vanished_comes_back_as_perhaps_sent(
    database: SqlDatabase, outbox: SqlOutboxQueue
) -> None:
    async with database.transaction() as tx:
        await tx.outbox.put(a_delivery("parked", "a"))
        await tx.outbox.put(a_delivery("vanished", "b"))
        await tx.outbox.put(a_delivery("stopped", "c"))
    parked, vanished, stopped = await outbox.claim("s1", START, 30, 8)
    later = START + timedelta(seconds=31)
    await outbox.retry(parked.id or 0, "s1", available_at=START, error="throttled", count=False, give_up_at=later)
    assert await outbox.renew(stopped.id or 0, "s1", START + timedelta(seconds=60))
    assert not await outbox.renew(stopped.id or 0, "s2", START + timedelta(hours=1))

    again = await outbox.claim("s2", later, 30, 8)
    assert [(d.idem_key, d.unsure, d.attempts) for d in again] == [("parked", False, 1), ("vanished", True, 2)]
    assert again[0].give_up_at == later
    await outbox.release_all("s1")
    assert [(d.idem_key, d.unsure) for d in await outbox.claim("s2", later, 30, 8)] == [("stopped", True)]
    assert vanished.id == again[1].id


async def test_a_pile_is_folded_whole_or_not_at_all(database: SqlDatabase, outbox: SqlOutboxQueue) -> None:
    async with database.transaction() as tx:
        for n in range(4):
            await tx.outbox.put(a_delivery(f"k{n}"))
    (head,) = await outbox.claim("s1", START, 30, 8)
    behind = [d.id or 0 for d in await outbox.behind(head, limit=10)]
    body = {"sentence": "digest", "args": {"items": []}}

    assert len(behind) == 3
    assert not await outbox.fold(head.id or 0, "frozen", body, behind)
    assert not await outbox.fold(head.id or 0, "s1", body, [*behind, 999])
    assert len(await outbox.behind(head, limit=10)) == 3
    assert await outbox.fold(head.id or 0, "s1", body, behind)
    assert await outbox.behind(head, limit=10) == []
    assert (await outbox.oldest()) == {PlatformName.WECOM: START}
    assert await outbox.sent(head.id or 0, "s1", provider_id="1", at=START)
    assert await outbox.oldest() == {}


async def test_a_repaint_joins_the_one_that_waits_and_lends_it_its_urgency(
    database: SqlDatabase, outbox: SqlOutboxQueue
) -> None:
    for key, priority in (("k1", Priority.PICK), ("k2", Priority.RECEIPT), ("k3", Priority.DIGEST)):
        async with database.transaction() as tx:
            await tx.outbox.refresh(a_delivery(key, "card", priority=priority))

    (only,) = await outbox.claim("s1", START, 30, 10)
    assert (only.idem_key, only.priority) == ("k1", Priority.RECEIPT)
    async with database.transaction() as tx:  # the first is being painted, with what was true before
        await tx.outbox.refresh(a_delivery("k4", "card"))
    assert await outbox.sent(only.id or 0, "s1", provider_id="msgid", at=START)
    (after,) = await outbox.claim("s1", START, 30, 10)
    await outbox.retry(after.id or 0, "s1", available_at=START, error="network")
    async with database.transaction() as tx:  # it may stand on the screens already
        await tx.outbox.refresh(a_delivery("k5", "card"))

    assert [d.idem_key for d in await outbox.claim("s1", START, 30, 10)] == ["k4"]
    assert await outbox.sent(after.id or 0, "s1", provider_id="msgid", at=START)
    assert [d.idem_key for d in await outbox.claim("s1", START, 30, 10)] == ["k5"]


async def test_what_a_repaint_joins_is_not_painted_before_its_change_is_there(
    database: SqlDatabase, outbox: SqlOutboxQueue
) -> None:
    async with database.transaction() as tx:
        await tx.outbox.refresh(a_delivery("k1", "card"))

    changing, go_on = asyncio.Event(), asyncio.Event()

    async def change() -> None:
        async with database.transaction() as tx:
            await tx.outbox.refresh(a_delivery("k2", "card"))
            changing.set()
            await go_on.wait()

    change_made = asyncio.create_task(change())
    await changing.wait()
    claim = asyncio.create_task(outbox.claim("s1", START, 30, 10))
    await asyncio.sleep(0.1)
    early = claim.result() if claim.done() else []
    go_on.set()
    await change_made
    late = await claim if not early else []

    assert early == []
    assert [d.idem_key for d in late or await outbox.claim("s1", START, 30, 10)] == ["k1"]


async def test_an_answer_that_waits_is_not_said_again(database: SqlDatabase, outbox: SqlOutboxQueue) -> None:
    async with database.transaction() as tx:
        await tx.outbox.put(a_delivery("once:wecom:u1:sentence:about_it:1", "to"))
        assert await tx.outbox.waits("to", "once:wecom:u1:sentence:about_it:")
        assert not await tx.outbox.waits("to", "once:wecom:u1:sentence:aboutXit:")
        assert not await tx.outbox.waits("to:urgent", "once:wecom:u1:sentence:about_it:")

    await outbox.claim("s1", START, 30, 10)

    async with database.transaction() as tx:
        assert not await tx.outbox.waits("to", "once:wecom:u1:sentence:about_it:")


async def test_suspects_are_claimed_by_themselves_and_by_nobody_else(
    database: SqlDatabase, inbox: SqlInboxQueue, outbox: SqlOutboxQueue
) -> None:
    new, silent, failed = await inbox.store([raw(f"m{n}", f"wecom:u{n}") for n in range(3)], START)
    async with database.transaction() as tx:
        for key in ("new", "silent", "failed"):
            await tx.outbox.put(a_delivery(key, key))
    async with database.writer.begin() as connection:
        for table, this, row, error in (
            ("inbox_work", "inbox_id", silent, "#1 OSError"),  # the first failed, of the second nobody knows
            ("inbox_work", "inbox_id", failed, "#2 OSError"),
            ("outbox", "idem_key", "'silent'", ""),
            ("outbox", "idem_key", "'failed'", "http 503"),
        ):
            await connection.exec_driver_sql(
                f"UPDATE {table} SET attempts = 2, last_error = '{error}' WHERE {this} = {row}"
            )

    works = await inbox.claim("w1", START, 30, 10, suspects=False)
    sends = await outbox.claim("s1", START, 30, 10, suspects=False)
    assert ([w.id for w in works], [d.idem_key for d in sends]) == ([new, failed], ["new", "failed"])
    works = await inbox.claim("w1", START, 30, 10, suspects=True)
    sends = await outbox.claim("s1", START, 30, 10, suspects=True)
    assert ([(w.id, w.attempts) for w in works], [d.idem_key for d in sends]) == ([(silent, 3)], ["silent"])
