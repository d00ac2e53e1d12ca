"""PostgreSQL goes away while orders come in: each is durable within a second, none is lost or out of order."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import textwrap
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from cluster.servers import PostgresServer, short_folder
from core.clock import MovableClock, SystemClock
from core.errors import IngestUnavailable
from core.inbound import RawInbound
from storage import tables as t
from storage.database import SqlDatabase
from storage.queues import SqlInboxQueue
from storage.spool import Spool, SpoolUnavailable
from storage.writer import GroupCommitWriter
from tests.storage.conftest import START
from tests.storage.samples import raw

ACK_P99 = 1.5
"""Seconds (R3)."""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL of its own that keeps what it has committed through a crash."""
    folder = short_folder()
    found = PostgresServer(folder, durable=True)
    yield found
    found.thaw()
    if found.running:
        found.stop("immediate")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def url(server: PostgresServer) -> str:
    server.thaw()
    if not server.running:
        server.start()
    server.sql("DROP DATABASE IF EXISTS spooling WITH (FORCE)")
    server.sql("CREATE DATABASE spooling")
    database = SqlDatabase(server.url("spooling"))
    await database.create_all()
    await database.close()
    return server.url("spooling")


class Desk:
    """One replica's way in, on the machine's clock."""

    def __init__(self, url: str, folder: Path, replica: str = "1") -> None:
        self.database = SqlDatabase(url)
        queue = SqlInboxQueue(self.database.ingest)
        self.spool = Spool(folder / f"{replica}.spool")
        self.writer = GroupCommitWriter(queue, SystemClock(), spool=self.spool, late=queue, replica=replica)
        self.took: list[float] = []
        self.acked: list[str] = []

    async def take(self, message: RawInbound) -> int | None:
        started = asyncio.get_running_loop().time()
        inbox_id = await self.writer.store(message)
        self.took.append(asyncio.get_running_loop().time() - started)
        self.acked.append(message.dedupe_key)
        return inbox_id

    async def drained(self) -> None:
        await _until(lambda: self.writer.spooled == 0)

    async def close(self) -> None:
        await self.writer.close()
        await self.database.close()


@pytest.fixture
async def desk(url: str, tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Desk]]]:
    """Opens replicas; closes them at the end."""
    opened: list[Desk] = []

    async def begin(replica: str = "1") -> Desk:
        one = Desk(url, tmp_path, replica)
        await one.writer.open()
        opened.append(one)
        return one

    yield begin
    for one in opened:
        await one.close()


async def _until(true: Callable[[], bool], within: float = 30.0) -> None:
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 - another task, thread or server makes it true
            await asyncio.sleep(0.01)


async def _stored(database: SqlDatabase) -> list[str]:
    async with database.writer.begin() as connection:
        return list((await connection.execute(select(t.inbox.c.dedupe_key))).scalars())


def _said(n: int, conversations: int = 5) -> RawInbound:
    return raw(f"m:{n:05}", f"c{n % conversations}", START + timedelta(seconds=n))


async def _flow(desk: Desk, stop: asyncio.Event, every: float = 0.005) -> int:
    """Messages one after the other, like a platform that does not wait for the last answer."""
    sent = 0
    async with asyncio.TaskGroup() as all_of_them:
        while not stop.is_set():
            all_of_them.create_task(desk.take(_said(sent)))
            sent += 1
            await asyncio.sleep(every)
    return sent


@pytest.mark.postgres
@pytest.mark.parametrize("how", ["crash", "freeze"])
async def test_an_outage_while_messages_come_in_loses_none_and_refuses_none(
    server: PostgresServer, desk: Callable[..., Awaitable[Desk]], how: str
) -> None:
    one, stop = await desk(), asyncio.Event()
    flow = asyncio.create_task(_flow(one, stop))
    await _until(lambda: len(one.acked) > 50)

    await asyncio.to_thread(server.crash if how == "crash" else server.freeze)
    await _until(lambda: one.writer.spooled > 200)
    await asyncio.to_thread(server.start if how == "crash" else server.thaw)
    await one.drained()
    before = len(one.acked)
    await _until(lambda: len(one.acked) > before + 50)
    stop.set()
    sent = await flow
    await one.drained()

    assert len(one.acked) == sent
    assert sorted(await _stored(one.database)) == sorted(one.acked)
    assert sorted(one.took)[int(len(one.took) * 0.99)] <= ACK_P99
    assert max(one.took) < 3.0


@pytest.mark.postgres
async def test_after_an_outage_messages_go_to_the_database_again(
    server: PostgresServer, desk: Callable[..., Awaitable[Desk]]
) -> None:
    one, stop = await desk(), asyncio.Event()
    server.crash()
    assert await one.take(_said(0)) is None
    flow = asyncio.create_task(_flow(one, stop, every=0.001))

    server.start()
    await one.drained()
    stop.set()
    await flow
    await one.drained()

    assert await one.take(_said(99_999)) is not None


@pytest.mark.postgres
async def test_a_black_hole_costs_the_first_message_a_second_and_the_next_ones_nothing(
    server: PostgresServer, desk: Callable[..., Awaitable[Desk]]
) -> None:
    one = await desk()
    assert await one.take(_said(0)) is not None

    server.freeze()
    for n in range(1, 30):
        assert await one.take(_said(n)) is None
    server.thaw()
    await one.drained()

    assert 0.9 < one.took[1] < 1.5
    assert sorted(one.took[2:])[-5] < 0.25
    assert sorted(await _stored(one.database)) == sorted(one.acked)


@pytest.mark.postgres
async def test_a_conversation_spread_over_replicas_keeps_its_order_through_an_outage(
    server: PostgresServer, desk: Callable[..., Awaitable[Desk]]
) -> None:
    replicas = [await desk(str(n)) for n in range(3)]
    server.crash()
    said = 900
    await asyncio.gather(*(replicas[(n * 7) % 3].take(_said(n)) for n in reversed(range(said))))
    worked: dict[str, list[str]] = defaultdict(list)

    async def work() -> None:
        queue, clock, done = SqlInboxQueue(replicas[0].database.writer), SystemClock(), 0
        while done < said:
            try:
                for row in await queue.claim("w", clock.now(), 30, 20):
                    worked[row.conv_key].append(row.dedupe_key)
                    async with replicas[0].database.transaction() as tx:
                        await tx.inbox.finish(row.id, "w")
                    done += 1
            except Exception:
                await asyncio.sleep(0.01)

    working = asyncio.create_task(work())
    await asyncio.to_thread(server.start)
    async with asyncio.timeout(60):
        await working

    assert sum(len(keys) for keys in worked.values()) == said
    assert [keys for keys in worked.values() if keys != sorted(keys)] == []


CHILD = """
import asyncio, sys
from tests.storage.test_spool import Desk, _said
from pathlib import Path

async def main():
    desk = Desk(sys.argv[1], Path(sys.argv[2]))
    await desk.writer.open()
    await asyncio.gather(*(desk.take(_said(n)) for n in range(40)))
    print("acked", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.postgres
async def test_what_a_killed_process_had_spooled_is_brought_in_by_the_next(
    server: PostgresServer, url: str, desk: Callable[..., Awaitable[Desk]], tmp_path: Path
) -> None:
    server.crash()
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", textwrap.dedent(CHILD), url, str(tmp_path)), stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"acked\n"

    os.kill(child.pid, signal.SIGKILL)
    await child.communicate()
    successor = await desk()
    assert successor.writer.spooled == 40
    server.start()
    await successor.drained()

    assert sorted(await _stored(successor.database)) == [f"m:{n:05}" for n in range(40)]


@pytest.mark.postgres
async def test_rows_brought_in_before_a_crash_are_brought_in_again_and_change_nothing(
    url: str, desk: Callable[..., Awaitable[Desk]], tmp_path: Path
) -> None:
    left = Spool(tmp_path / "1.spool")
    await left.open()
    await left.put([_said(n) for n in range(300)], START)
    await left.close()
    database = SqlDatabase(url)
    queue = SqlInboxQueue(database.writer)
    ids = await queue.store([_said(n) for n in range(100)], START)
    (work,) = await queue.claim("w", START, 30, 1)
    async with database.transaction() as tx:
        await tx.inbox.finish(work.id, "w")

    one = await desk()
    await one.drained()

    assert len(await _stored(database)) == 300
    assert (await queue.depth())[0] == 299
    assert len(set(ids)) == 100
    await database.close()


@pytest.mark.postgres
async def test_a_message_sent_again_during_the_outage_is_one(
    server: PostgresServer, desk: Callable[..., Awaitable[Desk]]
) -> None:
    one = await desk()
    server.crash()

    await one.take(_said(1))
    await one.take(_said(1))
    assert one.writer.spooled == 1
    server.start()
    await one.drained()

    assert await one.take(_said(1)) is None
    assert await _stored(one.database) == ["m:00001"]


@pytest.mark.postgres
async def test_a_spooled_row_the_database_refuses_is_set_aside_and_holds_nothing_up(
    server: PostgresServer, desk: Callable[..., Awaitable[Desk]]
) -> None:
    one = await desk()
    server.crash()
    await one.take(raw("m:\x00", "a", START))
    await one.take(_said(1))

    server.start()
    await one.drained()

    assert await _stored(one.database) == ["m:00001"]
    assert one.writer.set_aside == 1


@pytest.mark.postgres
async def test_a_full_spool_disk_is_answered_with_send_again_and_heals(
    server: PostgresServer, desk: Callable[..., Awaitable[Desk]]
) -> None:
    one = await desk()
    server.crash()
    await one.take(_said(0))
    connection = one.spool._connection
    assert connection is not None
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")

    outcomes = await asyncio.gather(*(one.take(_said(n)) for n in range(1, 200)), return_exceptions=True)

    assert {type(x) for x in outcomes} == {IngestUnavailable}
    assert one.writer.cannot_write
    connection.execute("PRAGMA max_page_count = 1000000")
    await asyncio.gather(*(one.take(_said(n)) for n in range(1, 200)))
    assert not one.writer.cannot_write
    server.start()
    await one.drained()
    assert len(await _stored(one.database)) == 200


async def test_one_process_has_a_spool_to_itself_and_its_successor_waits_for_it(tmp_path: Path) -> None:
    first, second = Spool(tmp_path / "1.spool"), Spool(tmp_path / "1.spool")
    await first.open()
    with pytest.raises(SpoolUnavailable, match="name of its own"):
        await second.open(wait=0.0)

    waiting = asyncio.create_task(second.open())
    await first.put([raw("m:1")], START)
    await first.close()
    await waiting

    assert second.rows == 1
    await second.close()


async def test_the_spool_gives_back_what_it_was_given_oldest_first(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "1.spool")
    await spool.open()
    newer, older = raw("m:newer", at=START + timedelta(seconds=1)), raw("m:older")

    await spool.put([newer, older], START)

    taken = await spool.take(10)
    assert [row.arrival.raw for row in taken] == [older, newer]
    assert [row.arrival.received_at for row in taken] == [START, START]
    await spool.delete(taken[:1])
    assert spool.rows == 1
    assert [row.arrival.raw for row in await spool.take(10)] == [newer]
    await spool.close()


@pytest.mark.postgres
async def test_before_the_database_has_its_tables_messages_are_spooled(
    server: PostgresServer, tmp_path: Path, clock: MovableClock
) -> None:
    server.sql("DROP DATABASE IF EXISTS bare WITH (FORCE)")
    server.sql("CREATE DATABASE bare")
    one = Desk(server.url("bare"), tmp_path)
    one.writer.hold()
    await one.writer.open()

    assert await one.take(_said(1)) is None
    await one.database.create_all()
    assert one.writer.spooled == 1
    one.writer.resume()
    await one.drained()

    assert await _stored(one.database) == ["m:00001"]
    assert await one.take(_said(2)) is not None
    await one.close()
