"""What both queues need: when a row is due, and short transactions of their own.

A claim chooses rows in a WITH clause, which PostgreSQL runs once. As an IN (SELECT … LIMIT n FOR UPDATE) it may be
run again for every row that is looked at, and then takes more than n.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Executable, Row, and_, bindparam, literal_column, or_
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.session import unbroken
from storage.types import UtcDateTime

NOW = bindparam("now", type_=UtcDateTime)
"""A claim is made once per process and run with values: putting it together costs more than running it."""
NO_LEASE = {"owner": "", "lease_until": None}


def is_due(row: Any) -> ColumnElement[bool]:
    """Ready and its time has come, or leased by somebody who let the lease run out."""
    state: ColumnElement[str] = literal_column(f"{row.name}.state")
    return or_(
        and_(state == literal_column("'ready'"), row.c.available_at <= NOW),
        and_(state == literal_column("'leased'"), row.c.lease_until <= NOW),
    )


async def read(engine: AsyncEngine, statement: Executable) -> Sequence[Row[Any]]:
    async def run() -> Sequence[Row[Any]]:
        async with engine.begin() as connection:
            return (await connection.execute(statement)).all()

    return await unbroken(run())


async def touch(engine: AsyncEngine, statement: Any) -> int:
    async def run() -> int:
        async with engine.begin() as connection:
            return int((await connection.execute(statement)).rowcount)

    return await unbroken(run())
