"""A fresh database per test: a copied SQLite file, or a PostgreSQL database from a template."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.clock import MovableClock
from storage.database import SqlDatabase
from tests.servers import PostgresServer, postgres_server, redis_server

__all__ = ["postgres_server", "redis_server"]

START = datetime(2026, 2, 20, 2, 0, tzinfo=UTC)
_numbers = itertools.count(1)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(START, speed=0.0)


async def _create(url: str) -> None:
    database = SqlDatabase(url)
    await database.create_all()
    await database.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.db"
    asyncio.run(_create(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> PostgresServer:
    postgres_server.sql("CREATE DATABASE template_jiedan")
    asyncio.run(_create(postgres_server.url("template_jiedan")))
    return postgres_server


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database with all tables."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "jiedan.db")
        yield f"sqlite+aiosqlite:///{tmp_path}/jiedan.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres_template")
    name = f"test_{next(_numbers)}"
    server.sql(f"CREATE DATABASE {name} TEMPLATE template_jiedan STRATEGY FILE_COPY")
    yield server.url(name)
    server.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[SqlDatabase]:
    opened = SqlDatabase(database_url, pool_size=20)
    yield opened
    await opened.close()
