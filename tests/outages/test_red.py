"""/readyz is red when a message could be stored nowhere, before the first one had to be refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

import demo
from bot.http import Health
from bot.write_probe import CanStore, WriteProbe
from core.clock import MovableClock
from storage.spool import SpoolUnavailable
from tests.outages.test_database_away import world
from tests.scenarios.conftest import QUICK_STREAM
from tests.servers import PostgresServer
from tests.storage.test_disk_full import _largest_file, _largest_of


async def told(running: demo.World, wanted: Callable[[Health], bool]) -> Health:
    async with asyncio.timeout(20):
        while not wanted(health := await running.bot.health()):  # noqa: ASYNC110 - a disk or a server makes it true
            await asyncio.sleep(0.05)
    return health


async def test_a_full_disk_is_red_before_the_first_message_and_green_when_there_is_room(tmp_path: Path) -> None:
    async with demo.world(tmp_path, clock=MovableClock(demo.MORNING), stream=QUICK_STREAM) as running:
        assert not (await running.bot.health()).red

        with _largest_file(_largest_of(tmp_path) // 2):
            health = await told(running, lambda said: bool(said.red))
            assert health.red == ["cannot write"]
            assert b"jiedan_cannot_write 1.0" in running.bot.metrics.text()
        health = await told(running, lambda said: not said.red)

        assert not health.no_spool
        assert b"jiedan_cannot_write 0.0" in running.bot.metrics.text()


@pytest.mark.postgres
async def test_without_database_and_spool_a_replica_is_red_and_with_either_it_is_not(
    server: PostgresServer, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "spool"
    in_the_way.write_text("a file where the folder should be")
    async with world(tmp_path, server) as running:
        health = await told(running, lambda said: said.no_spool)
        assert not health.red
        assert "no spool, an outage of the database could not be bridged" in health.amber

        await asyncio.to_thread(server.crash)
        await told(running, lambda said: said.red == ["cannot write"])

        in_the_way.unlink()
        health = await told(running, lambda said: not said.red)
        assert health.database_away
        assert not health.no_spool
        await asyncio.to_thread(server.start)
        await told(running, lambda said: not said.database_away)


async def test_a_database_that_hangs_is_asked_once_and_the_last_answer_is_given_meanwhile() -> None:
    asked, go_on = 0, asyncio.Event()

    async def hangs() -> None:
        nonlocal asked
        asked += 1
        await go_on.wait()

    async def full() -> None:
        raise SpoolUnavailable("the disk is full")

    probe = WriteProbe(database=hangs, spool=full)

    first = await asyncio.gather(*(probe.now() for _ in range(5)))
    assert set(first) == {CanStore()}
    async with asyncio.timeout(10):
        while (await probe.now()).anywhere:
            continue
    assert asked == 1
    go_on.set()
    async with asyncio.timeout(10):
        while not (said := await probe.now()).anywhere:  # noqa: ASYNC110 - the probe makes it true
            await asyncio.sleep(0.01)
    assert said == CanStore(anywhere=True, spool=False)
    await probe.stop()
