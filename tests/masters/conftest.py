"""A fresh SQLite order store per test."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.database import SqlDatabase


async def _create(path: Path) -> None:
    database = SqlDatabase(f"sqlite+aiosqlite:///{path}")
    await database.create_all()
    await database.close()


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("masters") / "empty.db"
    asyncio.run(_create(path))
    return path


@pytest.fixture
async def database(empty_store: Path, tmp_path: Path) -> AsyncIterator[SqlDatabase]:
    shutil.copy(empty_store, tmp_path / "jiedan.db")
    opened = SqlDatabase(f"sqlite+aiosqlite:///{tmp_path}/jiedan.db")
    yield opened
    await opened.close()
