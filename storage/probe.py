"""Whether the database could take a row now: reading from one that is full or read-only says nothing about that."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from storage import tables as t
from storage.session import unbroken

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"""A mark of this time holds nobody back."""


async def probe_database(engine: AsyncEngine, replica: str) -> None:
    """Write a row, take it away, commit. Raises what the database raises."""

    async def run() -> None:
        name = f"probe {replica}"
        async with engine.begin() as connection:
            await connection.execute(insert(t.spool_marks).values(replica=name, oldest_at=LONG_AGO, until=LONG_AGO))
            await connection.execute(delete(t.spool_marks).where(t.spool_marks.c.replica == name))

    await unbroken(run())
