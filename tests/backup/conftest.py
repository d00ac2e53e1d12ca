"""A filled desk on either database, with a file, and a place for backups."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.ports import Attachment
from storage.database import SqlDatabase
from storage.files import FolderFileStore
from tests.servers import postgres_server
from tests.storage.conftest import START, database_url, postgres_template, sqlite_template
from tests.storage.samples import a_lot, a_person, an_order

__all__ = ["database_url", "postgres_server", "postgres_template", "sqlite_template"]

NIGHT = datetime(2026, 2, 20, 19, 10, tzinfo=UTC)
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A database in use, its files and its backups."""

    url: str
    database: SqlDatabase
    files: Path
    backups: Path
    picture: str
    """Digest of the one attachment."""


async def write_order(database: SqlDatabase, nth: int) -> None:
    """An order and its link in the trace, in one commit: a consistent backup has both or neither."""
    number = f"SO260220-{nth:04}"
    async with database.transaction() as tx:
        await tx.orders.add(an_order(number))
        await tx.timeline.append(
            number, "order.drafted", actor="E0001", actor_name="张三", channel="wecom", details={"nth": nth}, at=START
        )
        await tx.timeline.append(
            "everything", "order.drafted", actor="E0001", actor_name="张三", channel="wecom", details={}, at=START
        )


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    database = SqlDatabase(database_url)
    files = tmp_path / "files"
    picture = await FolderFileStore(files).put(PICTURE)
    async with database.transaction() as tx:
        await tx.people.save(a_person())
        await tx.stock.receive([a_lot()], by="E1", at=START, ref="RK1")
        await tx.attachments.add(
            Attachment(sha256=picture, kind="image", filename="1.png", size=len(PICTURE), by="E0001", at=START)
        )
    for nth in range(1, 6):
        await write_order(database, nth)
    yield Desk(url=database_url, database=database, files=files, backups=tmp_path / "backups", picture=picture)
    await database.close()
