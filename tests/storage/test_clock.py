"""All replicas read one time, the database's, whatever their own wall clocks say (R18)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from core.clock import steady_seconds, wall_time
from storage.clock import DatabaseClock
from storage.database import SqlDatabase
from tests.servers import PostgresServer

pytestmark = pytest.mark.postgres
CLOSE = timedelta(seconds=1)


@pytest.fixture
async def database(postgres_server: PostgresServer) -> SqlDatabase:
    return SqlDatabase(postgres_server.url("postgres"))


async def _there(database: SqlDatabase) -> datetime:
    async with database.writer.connect() as connection:
        at: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
    return at.astimezone(UTC)


class Wall:
    """A replica's wall clock that is wrong."""

    def __init__(self, off: timedelta) -> None:
        self.off = off

    def __call__(self) -> datetime:
        return wall_time() + self.off


async def test_replicas_with_wrong_wall_clocks_agree_and_each_knows_how_wrong_its_own_is(database: SqlDatabase) -> None:
    walls = [Wall(timedelta(hours=1)), Wall(timedelta(hours=-1)), Wall(timedelta())]
    clocks = [DatabaseClock(database.writer, wall=wall) for wall in walls]

    for clock in clocks:
        await clock.start()

    try:
        there = await _there(database)
        assert all(abs(clock.now() - there) < CLOSE for clock in clocks)
        assert all(abs(clock.skew() - wall.off) < CLOSE for clock, wall in zip(clocks, walls, strict=True))
        walls[2].off = timedelta(days=3)
        assert abs(clocks[2].now() - await _there(database)) < CLOSE
        assert abs(clocks[2].skew() - timedelta(days=3)) < CLOSE
    finally:
        for clock in clocks:
            await clock.stop()
        await database.close()


async def test_a_steady_counter_that_runs_off_is_brought_back_without_a_step_back(database: SqlDatabase) -> None:
    ahead = 0.0
    clock = DatabaseClock(database.writer, steady=lambda: steady_seconds() + ahead)
    await clock.measure()

    ahead = 3.0
    before = clock.now()
    behind = await clock.measure()

    assert -4 < behind.total_seconds() < -2
    assert clock.now() >= before
    ahead = 63.0
    assert abs((await clock.measure()).total_seconds() + 60) < 2
    await database.close()


async def test_a_database_whose_clock_was_set_forward_is_followed_at_once(database: SqlDatabase) -> None:
    lost = 0.0
    clock = DatabaseClock(database.writer, steady=lambda: steady_seconds() - lost)
    await clock.measure()

    lost = 3600.0
    await clock.measure()

    assert abs(clock.now() - await _there(database)) < CLOSE
    await database.close()


async def test_a_database_that_is_away_at_the_start_is_asked_again(postgres_server: PostgresServer) -> None:
    nowhere = SqlDatabase("postgresql+asyncpg://postgres@/postgres?host=/nowhere")
    asked = asyncio.Event()

    async def pause(_seconds: float) -> None:
        asked.set()
        await asyncio.Event().wait()

    clock = DatabaseClock(nowhere.writer, wall=Wall(timedelta(hours=1)), pause=pause)
    await clock.start()
    await asked.wait()

    assert not clock.measured
    assert abs(clock.now() - wall_time() - timedelta(hours=1)) < CLOSE
    await clock.stop()
    await nowhere.close()


async def test_the_first_answer_is_taken_as_it_is_and_the_next_one_comes_by_itself(database: SqlDatabase) -> None:
    rounds: list[float] = []
    enough = asyncio.Event()

    async def pause(seconds: float) -> None:
        rounds.append(seconds)
        if len(rounds) == 3:
            enough.set()
            await asyncio.Event().wait()

    clock = DatabaseClock(database.writer, wall=Wall(timedelta(hours=-2)), pause=pause, every=7.0)
    await clock.start()
    await enough.wait()

    assert rounds == [7.0, 7.0, 7.0]
    assert abs(clock.now() - await _there(database)) < CLOSE
    await clock.stop()
    await database.close()


def test_asking_a_database_that_is_away_raises(postgres_server: PostgresServer) -> None:
    async def ask(work: Callable[[], Awaitable[object]]) -> None:
        with pytest.raises((DBAPIError, OSError)):
            await work()

    nowhere = SqlDatabase("postgresql+asyncpg://postgres@/postgres?host=/nowhere")
    asyncio.run(ask(DatabaseClock(nowhere.writer).measure))


async def test_a_database_that_is_away_is_said_once_and_once_when_it_is_back(postgres_server: PostgresServer) -> None:
    database = SqlDatabase("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    rounds, go_on = 0, asyncio.Semaphore(0)

    async def pause(_: float) -> None:
        nonlocal rounds
        rounds += 1
        await go_on.acquire()

    clock = DatabaseClock(database.writer, pause=pause)
    with capture_logs() as logs:
        await clock.start()
        for n in range(5):
            async with asyncio.timeout(10):
                while rounds <= n:  # noqa: ASYNC110 - the clock's own task makes it true
                    await asyncio.sleep(0.01)
            go_on.release()
        await clock.stop()
        await database.close()
        back = SqlDatabase(postgres_server.url("postgres"))
        clock._engine = back.writer
        await clock.start()
        await clock.stop()
        await back.close()

    said = [line["event"] for line in logs]
    assert said == ["the database's time could not be asked", "over"]
    assert all(line.get("exc_info") is None for line in logs)
