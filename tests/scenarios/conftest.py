"""The real bot and both strict messengers in one process; on SQLite alone, and on PostgreSQL with Redis."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

import demo
from bot.dingtalk.settings import StreamSettings
from bot.masters.demo import load_demo
from bot.wecom.aibot.settings import AibotSettings
from core.clock import MovableClock
from core.timeline import first_broken
from simulator.scenarios import Stage
from storage.database import SqlDatabase
from tests.servers import PostgresServer, RedisServer, postgres_server, redis_server

__all__ = ["postgres_server", "redis_server"]

QUICK_AIBOT = AibotSettings(
    bot_id="",
    secret="",
    ping_every=1.0,
    watchdog=4.0,
    backoff_first=0.05,
    backoff_most=0.2,
    stop_grace=2.0,
)
"""Real patience scaled down, so that no test waits for it."""
QUICK_STREAM = StreamSettings(backoff_first=0.05, backoff_most=0.2, watchdog=5.0, heartbeat=2.0, stop_grace=2.0)


async def _filled(url: str) -> None:
    database = SqlDatabase(url)
    await database.migrate()
    await load_demo(database, demo.MORNING)
    await database.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the demo's master data, copied for each test."""
    path = tmp_path_factory.mktemp("template") / "jiedan.db"
    asyncio.run(_filled(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> PostgresServer:
    postgres_server.sql("CREATE DATABASE scenario_template")
    asyncio.run(_filled(postgres_server.url("scenario_template")))
    return postgres_server


@pytest.fixture(params=["sqlite", pytest.param("postgres+redis", marks=pytest.mark.postgres)])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Where one test's bot keeps its data: both sizes of the house, and the same tests on each."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "jiedan.db")
        yield {}
        return
    server: PostgresServer = request.getfixturevalue("postgres_template")
    redis: RedisServer = request.getfixturevalue("redis_server")
    name = f"scenario_{uuid4().hex[:12]}"
    server.sql(f"CREATE DATABASE {name} TEMPLATE scenario_template")
    yield {"database_url": server.url(name), "redis_url": redis.url}
    server.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def running(home: dict[str, str], tmp_path: Path) -> AsyncIterator[demo.World]:
    clock = MovableClock(demo.MORNING)
    async with demo.world(tmp_path, fill=False, clock=clock, stream=QUICK_STREAM, aibot=QUICK_AIBOT, **home) as world:
        yield world


@pytest.fixture
async def stage(running: demo.World) -> AsyncIterator[Stage]:
    """The stage of one test. At its end: nothing on any phone that the test did not look at, no protocol violation,
    nothing the platforms dropped or gave up, nothing parked, and every hash chain whole."""
    stage = running.simulator.stage(idle=running.idle)
    yield stage
    await stage.settle()
    stage.check_nothing_unexpected()
    await check_nothing_lost(running)


async def check_nothing_lost(running: demo.World) -> None:
    assert running.simulator.wecom.silently_dropped == []
    assert running.simulator.wecom.given_up == []
    assert await running.bot.dead_letters.list() == []
    async with running.bot.database.reading() as tx:
        for ref in await tx.timeline.refs():
            assert first_broken(await tx.timeline.of(ref)) is None, ref


FOUR_HOURS = timedelta(hours=4, minutes=1)
