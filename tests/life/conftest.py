"""The small desk, filled once; every run of the machine gets a copy of its own."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from core.clock import MovableClock
from core.falling_due import arm_next_wave
from storage.database import SqlDatabase
from tests.servers import PostgresServer, postgres_server
from tests.world_data import NOW, World

__all__ = ["postgres_server"]

Store = Callable[[], AbstractContextManager[str]]
"""Opens a fresh copy of the filled store; gives its URL."""
_numbers = itertools.count(1)


async def _fill(url: str) -> None:
    database = SqlDatabase(url)
    await database.create_all()
    world = World(database, MovableClock(NOW, speed=0.0))
    await world.fill()
    async with world.act("setup") as act:
        await arm_next_wave(act)
    await database.close()


@pytest.fixture(scope="session")
def sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("life")
    asyncio.run(_fill(f"sqlite+aiosqlite:///{folder}/filled.db"))

    @contextmanager
    def fresh() -> Iterator[str]:
        path = folder / f"life-{next(_numbers)}.db"
        shutil.copy(folder / "filled.db", path)
        yield f"sqlite+aiosqlite:///{path}"
        for left in (path, *(Path(f"{path}{end}") for end in ("-wal", "-shm", ".lock"))):
            left.unlink(missing_ok=True)

    return fresh


@pytest.fixture(scope="session")
def postgres_store(postgres_server: PostgresServer) -> Store:
    postgres_server.sql("CREATE DATABASE filled_life")
    asyncio.run(_fill(postgres_server.url("filled_life")))

    @contextmanager
    def fresh() -> Iterator[str]:
        name = f"life_{next(_numbers)}"
        postgres_server.sql(f"CREATE DATABASE {name} TEMPLATE filled_life STRATEGY FILE_COPY")
        yield postgres_server.url(name)
        postgres_server.sql(f"DROP DATABASE {name} WITH (FORCE)")

    return fresh


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest) -> Store:
    opened: Store = request.getfixturevalue(f"{request.param}_store")
    return opened
