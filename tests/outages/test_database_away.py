"""The bot without its database: it starts, takes orders, says how it is, goes on when the database is back, ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

import demo
from core.clock import MovableClock
from core.orders import OrderStatus
from simulator.scenarios import Stage
from storage.database import SqlDatabase
from tests.outages.conftest import until
from tests.scenarios.conftest import QUICK_STREAM, check_nothing_lost
from tests.servers import PostgresServer

pytestmark = pytest.mark.postgres

TEXT = "K0231 04465-0K240 {}个, 大后天要"


@asynccontextmanager
async def world(folder: Path, server: PostgresServer) -> AsyncIterator[demo.World]:
    running = demo.World(
        folder,
        port=demo.free_port(),
        clock=MovableClock(demo.MORNING),
        stream=QUICK_STREAM,
        database_url=server.url("desk"),
    )
    await running.start(fill=False)
    try:
        yield running
    finally:
        await running.stop()


async def test_orders_sent_during_an_outage_are_drafts_after_it(server: PostgresServer, tmp_path: Path) -> None:
    async with world(tmp_path, server) as running:
        stage: Stage = running.simulator.stage(idle=running.idle)
        sales = stage.phone("销售A")

        await asyncio.to_thread(server.crash)
        with capture_logs() as logs:
            for n in range(5):
                await sales.say(TEXT.format(n + 1))
            await until(lambda: running.bot.writer.spooled == 5)
            health = await running.bot.health()
            assert health.database_away
            assert health.ready
            assert not health.red
            assert "database away, 5 spooled" in health.amber
        await asyncio.to_thread(server.start)

        await stage.until(lambda: sum("订单草稿" in m.title for m in sales.messages()) == 5)
        await until(lambda: running.bot.writer.spooled == 0)
        assert not (await running.bot.health()).database_away
        assert len([line for line in logs if line["log_level"] == "error"]) <= 6
        await check_nothing_lost(running)
        async with running.bot.database.reading() as tx:
            orders = await tx.orders.in_status(*OrderStatus)
        assert [order.lines[0].quantity for order in sorted(orders, key=lambda o: o.id or 0)] == [1, 2, 3, 4, 5]


async def test_a_bot_that_starts_without_its_database_takes_orders_and_works_them_when_it_is_back(
    server: PostgresServer, tmp_path: Path
) -> None:
    await asyncio.to_thread(server.crash)
    async with world(tmp_path, server) as running:
        stage: Stage = running.simulator.stage(idle=running.idle)
        sales = stage.phone("销售A")
        assert not running.bot.opening.done

        await sales.say(TEXT.format(7))
        await until(lambda: running.bot.writer.spooled == 1)
        health = await running.bot.health()
        assert health.ready
        assert "database away, 1 spooled" in health.amber

        await asyncio.to_thread(server.start)
        await sales.wait_card("订单草稿", timeout=30)
        assert running.bot.opening.done


@pytest.mark.parametrize("how", ["gone", "silent", "gone since the start"])
async def test_a_bot_without_its_database_ends_in_time_and_keeps_what_is_spooled(
    server: PostgresServer, tmp_path: Path, how: str
) -> None:
    if how == "gone since the start":
        await asyncio.to_thread(server.crash)
    running = demo.World(
        tmp_path,
        port=demo.free_port(),
        clock=MovableClock(demo.MORNING),
        stream=QUICK_STREAM,
        database_url=server.url("desk"),
    )
    await running.start(fill=False)
    if how == "gone":
        await asyncio.to_thread(server.crash)
    elif how == "silent":
        server.freeze()
    sales = running.simulator.stage(idle=running.idle).phone("销售A")
    await sales.say(TEXT.format(3))
    await until(lambda: running.bot.writer.spooled == 1)

    started = asyncio.get_running_loop().time()
    await running.bot.stop()

    assert asyncio.get_running_loop().time() - started < 10.0
    server.thaw()
    if not server.running:
        await asyncio.to_thread(server.start)
    running.bot = running._make()
    await running._serve()
    await sales.wait_card("订单草稿", timeout=30)
    await running.stop()


async def test_replicas_that_start_together_bring_the_schema_up_once(server: PostgresServer) -> None:
    server.sql("DROP DATABASE IF EXISTS bare WITH (FORCE)")
    server.sql("CREATE DATABASE bare")
    replicas = [SqlDatabase(server.url("bare")) for _ in range(4)]

    await asyncio.gather(*(one.migrate() for one in replicas))

    async with replicas[0].reading() as tx:
        assert await tx.people.everybody() == []
    for one in replicas:
        await one.close()


async def test_a_silent_database_is_said_within_a_second_and_asked_once(server: PostgresServer, tmp_path: Path) -> None:
    async with world(tmp_path, server) as running:
        server.freeze()
        looks = await asyncio.gather(*(running.bot.health() for _ in range(20)))
        assert {look.database_away for look in looks} == {True}
        assert running.bot.looks._asking is not None
        server.thaw()
        async with asyncio.timeout(10):
            while (await running.bot.health()).database_away:
                logging.getLogger(__name__).debug("not yet")
