"""``core.ports.Leases`` in SQL: leadership that needs no Redis and survives the one who held it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, or_, update
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.ext.asyncio import AsyncEngine

from storage import tables as t
from storage.queues.claims import read, touch

_lease = t.leases.c


class SqlLeases:
    """One row per job. Every step is one statement, so that of several replicas exactly one wins."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._insert = PostgresInsert if engine.dialect.name == "postgresql" else SqliteInsert

    async def acquire(self, name: str, owner: str, now: datetime, ttl: float) -> bool:
        until = now + timedelta(seconds=ttl)
        statement = (
            self._insert(t.leases)
            .values(name=name, owner=owner, until=until)
            .on_conflict_do_update(
                index_elements=["name"],
                set_={"owner": owner, "until": until},
                where=or_(_lease.owner == owner, _lease.until <= now),
            )
            .returning(_lease.owner)
        )
        return bool(await read(self._engine, statement))

    async def renew(self, name: str, owner: str, now: datetime, ttl: float) -> bool:
        mine = (_lease.name == name) & (_lease.owner == owner)
        statement = update(t.leases).where(mine).values(until=now + timedelta(seconds=ttl))
        return await touch(self._engine, statement) == 1

    async def release(self, name: str, owner: str) -> None:
        await touch(self._engine, delete(t.leases).where((_lease.name == name) & (_lease.owner == owner)))

    async def release_all(self) -> None:
        await touch(self._engine, delete(t.leases))
