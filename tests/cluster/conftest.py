"""A folder that PostgreSQL's account may enter, and one replica on SQLite with its platforms."""

from __future__ import annotations

import io
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from bot.masters.demo import load_demo
from cluster.platforms import environment, platforms
from cluster.processes import free_port
from cluster.replica import Replica
from cluster.servers import short_folder
from simulator.server import Simulator
from storage.database import SqlDatabase


@pytest.fixture
def folder() -> Iterator[Path]:
    made = short_folder()
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def photo() -> bytes:
    """Any picture that a salesperson may send."""
    page = io.BytesIO()
    Image.new("RGB", (640, 480), "white").save(page, "JPEG")
    return page.getvalue()


@dataclass(frozen=True, kw_only=True)
class Shop:
    """The smallest deployment: one replica, one SQLite file."""

    replica: Replica
    simulator: Simulator
    database_url: str

    async def stored_events(self) -> int:
        """Different callbacks in the inbox; only after the replica has ended."""
        database = SqlDatabase(self.database_url)
        try:
            async with database.writer.connect() as connection:
                found = await connection.exec_driver_sql("SELECT count(*) FROM inbox WHERE dedupe_key LIKE 'e:%%'")
                return int(found.scalar_one())
        finally:
            await database.close()


@pytest.fixture
async def shop(folder: Path) -> AsyncIterator[Shop]:
    url = f"sqlite+aiosqlite:///{folder / 'jiedan.db'}"
    database = SqlDatabase(url)
    await database.migrate()
    await load_demo(database, datetime.now(UTC))
    await database.close()
    here, there = free_port(), free_port()
    env = environment(f"http://127.0.0.1:{there}", database_url=url, files=folder / "files")
    replica = Replica("bot", here, env, folder=folder)
    wecom = {"retry_delay": 0.3, "retries": 2}
    async with platforms(there, f"{replica.url}/wecom/callback", wecom=wecom) as simulator, replica:
        await replica.wait_ready(sockets=1)
        yield Shop(replica=replica, simulator=simulator, database_url=url)
