"""What came in and is not done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, func, insert, select, update
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.ext.asyncio import AsyncEngine

from core.inbound import RawInbound
from core.ports import InboxWork
from storage import tables as t
from storage.queues.claims import NO_LEASE, is_due, read, touch
from storage.session import unbroken


class SqlInboxQueue:
    """What came in and is not done."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        dialect = PostgresInsert if engine.dialect.name == "postgresql" else SqliteInsert
        self._insert = (
            dialect(t.inbox)
            .on_conflict_do_nothing(index_elements=["platform", "dedupe_key"])
            .returning(t.inbox.c.id, t.inbox.c.platform, t.inbox.c.dedupe_key, t.inbox.c.conv_key)
        )

    async def store(self, batch: Sequence[RawInbound], received_at: datetime) -> list[int | None]:
        return await unbroken(self._store(batch, received_at)) if batch else []

    async def _store(self, batch: Sequence[RawInbound], received_at: datetime) -> list[int | None]:
        first = {(raw.platform, raw.dedupe_key): nth for nth, raw in reversed(list(enumerate(batch)))}
        rows = [
            {
                "platform": raw.platform,
                "dedupe_key": raw.dedupe_key,
                "conv_key": raw.conv_key,
                "kind": raw.kind,
                "payload": raw.payload,
                "raw_sha256": raw.raw_sha256,
                "platform_at": raw.platform_at,
                "received_at": received_at,
            }
            for nth, raw in enumerate(batch)
            if first[raw.platform, raw.dedupe_key] == nth
        ]
        ids: list[int | None] = [None] * len(batch)
        async with self._engine.begin() as connection:
            new = (await connection.execute(self._insert, rows)).all()
            if new:
                await connection.execute(
                    insert(t.inbox_work),
                    [
                        {
                            "inbox_id": row.id,
                            "conv_key": row.conv_key,
                            "state": "ready",
                            "attempts": 0,
                            "available_at": received_at,
                            "owner": "",
                            "lease_until": None,
                            "last_error": "",
                        }
                        for row in new
                    ],
                )
        for row in new:
            ids[first[row.platform, row.dedupe_key]] = row.id
        return ids

    async def claim(
        self, owner: str, now: datetime, lease: float, limit: int, *, only: int | None = None
    ) -> list[InboxWork]:
        return await unbroken(self._claim(owner, now, lease, limit, only))

    async def _claim(self, owner: str, now: datetime, lease: float, limit: int, only: int | None) -> list[InboxWork]:
        work = t.inbox_work.alias("w")
        older = t.inbox_work.alias("older")
        due = select(work.c.inbox_id).where(
            is_due(work, now),
            ~exists().where(older.c.conv_key == work.c.conv_key, older.c.inbox_id < work.c.inbox_id),
        )
        if only is not None:
            due = due.where(work.c.inbox_id == only)
        chosen = due.order_by(work.c.inbox_id).limit(limit).with_for_update(skip_locked=True, of=work).cte("chosen")
        claim = (
            update(t.inbox_work)
            .where(t.inbox_work.c.inbox_id.in_(select(chosen.c.inbox_id)))
            .values(
                state="leased",
                owner=owner,
                lease_until=now + timedelta(seconds=lease),
                attempts=t.inbox_work.c.attempts + 1,
            )
            .returning(t.inbox_work.c.inbox_id, t.inbox_work.c.attempts)
        )
        async with self._engine.begin() as connection:
            attempts = {row.inbox_id: row.attempts for row in await connection.execute(claim)}
            if not attempts:
                return []
            found = await connection.execute(select(t.inbox).where(t.inbox.c.id.in_(attempts)).order_by(t.inbox.c.id))
            return [
                InboxWork(
                    id=row.id,
                    platform=row.platform,
                    kind=row.kind,
                    conv_key=row.conv_key,
                    dedupe_key=row.dedupe_key,
                    payload=row.payload,
                    platform_at=row.platform_at,
                    received_at=row.received_at,
                    attempts=attempts[row.id],
                )
                for row in found
            ]

    async def renew(self, inbox_id: int, owner: str, until: datetime) -> bool:
        renewal = update(t.inbox_work).where(*_held(inbox_id, owner)).values(lease_until=until)
        return await touch(self._engine, renewal) == 1

    async def retry(self, inbox_id: int, owner: str, *, available_at: datetime, error: str) -> None:
        """Somebody else's row is left alone."""
        await touch(
            self._engine,
            update(t.inbox_work)
            .where(*_held(inbox_id, owner))
            .values(state="ready", available_at=available_at, last_error=error, **NO_LEASE),
        )

    async def release_all(self, owner: str | None = None) -> None:
        freed = update(t.inbox_work).where(t.inbox_work.c.state == "leased").values(state="ready", **NO_LEASE)
        await touch(self._engine, freed if owner is None else freed.where(t.inbox_work.c.owner == owner))

    async def depth(self) -> tuple[int, datetime | None]:
        oldest = select(func.count(), func.min(t.inbox.c.received_at)).select_from(
            t.inbox_work.join(t.inbox, t.inbox.c.id == t.inbox_work.c.inbox_id)
        )
        row: Any = (await read(self._engine, oldest))[0]
        return int(row[0]), row[1]


def _held(inbox_id: int, owner: str) -> tuple[ColumnElement[bool], ...]:
    work = t.inbox_work.c
    return (work.inbox_id == inbox_id, work.owner == owner, work.state == "leased")
