"""A bot on its own PostgreSQL, which the tests take away from it; WeCom's callbacks are the simulator's."""

from __future__ import annotations

import asyncio
import gc
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

import demo
from bot.masters.demo import load_demo
from cluster.servers import PostgresServer, short_folder
from storage.database import SqlDatabase


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Connections to a server that has gone cannot be closed in good order: the process that had them ends, or the
    garbage collector finds them. It does so here, and not in somebody else's test."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))
            item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))


@pytest.fixture(autouse=True)
def swept() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture(scope="session")
def own_server() -> Iterator[PostgresServer]:
    """Keeps what it has committed through a crash."""
    folder = short_folder()
    found = PostgresServer(folder, durable=True)
    found.sql("CREATE DATABASE filled")
    asyncio.run(_fill(found.url("filled")))
    yield found
    found.thaw()
    if found.running:
        found.stop("immediate")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def plain_tracebacks() -> Iterator[None]:
    """As ``jiedan run`` logs them. With all local variables, one traceback takes longer than an outage."""
    before = structlog.get_config()
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, structlog.dev.set_exc_info, plain])
    yield
    structlog.configure(**before)


async def _fill(url: str) -> None:
    database = SqlDatabase(url)
    await database.migrate()
    await load_demo(database, demo.MORNING)
    await database.close()


@pytest.fixture
def server(own_server: PostgresServer) -> PostgresServer:
    """Running, with a fresh database ``desk`` that holds the demo's master data."""
    own_server.thaw()
    if not own_server.running:
        own_server.start()
    own_server.sql("DROP DATABASE IF EXISTS desk WITH (FORCE)")
    own_server.sql("CREATE DATABASE desk TEMPLATE filled")
    return own_server


async def until(true: Callable[[], bool], within: float = 30.0) -> None:
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 - a server, a thread or another task makes it true
            await asyncio.sleep(0.02)


def files_below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())
