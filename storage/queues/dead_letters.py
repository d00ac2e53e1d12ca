"""What was given up and waits for a person."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from core.deadlines import DeadlineState
from core.notices import DeliveryState
from core.ports import DeadLetter
from storage import tables as t
from storage.queues.claims import NO_LEASE, read
from storage.session import unbroken


class SqlDeadLetters:
    """What was given up and waits for a person."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def list(self, *, limit: int = 50) -> list[DeadLetter]:
        """Open letters, newest first."""
        letters = t.dead_letters.c
        wanted = (
            select(
                letters.id,
                letters.source,
                letters.source_id,
                letters.reason,
                letters.attempts,
                letters.last_at,
                letters.payload,
            )
            .where(letters.resolved_at.is_(None))
            .order_by(letters.id.desc())
            .limit(limit)
        )
        return [
            DeadLetter(
                id=row.id,
                source=row.source,
                source_id=row.source_id,
                reason=row.reason,
                attempts=row.attempts,
                last_at=row.last_at,
                payload=row.payload,
            )
            for row in await read(self._engine, wanted)
        ]

    async def resend(self, letter_id: int, by: str, at: datetime) -> bool:
        return await unbroken(self._resolve(letter_id, by, at, "resent"))

    async def drop(self, letter_id: int, by: str, at: datetime) -> bool:
        return await unbroken(self._resolve(letter_id, by, at, "dropped"))

    async def _resolve(self, letter_id: int, by: str, at: datetime, resolution: str) -> bool:
        letters = t.dead_letters.c
        resolved = (
            update(t.dead_letters)
            .where(letters.id == letter_id, letters.resolved_at.is_(None))
            .values(resolved_by=by, resolved_at=at, resolution=resolution)
            .returning(letters.source, letters.source_id)
        )
        async with self._engine.begin() as connection:
            letter = (await connection.execute(resolved)).first()
            if letter is None:
                return False
            if resolution == "resent":
                await _reopen(connection, letter.source, letter.source_id, at)
            return True


async def _reopen(connection: AsyncConnection, source: str, source_id: int, at: datetime) -> None:
    if source == "deadline":
        await connection.execute(
            update(t.deadlines)
            .where(t.deadlines.c.id == source_id, t.deadlines.c.state == DeadlineState.PARKED)
            .values(state=DeadlineState.ARMED, attempts=0, available_at=at)
        )
        return
    if source == "outbox":
        await connection.execute(
            update(t.outbox)
            .where(t.outbox.c.id == source_id, t.outbox.c.state == DeliveryState.DEAD)
            .values(state=DeliveryState.READY, attempts=0, available_at=at, give_up_at=None, **NO_LEASE)
        )
        return
    row = (
        await connection.execute(select(t.inbox.c.conv_key, t.inbox.c.platform_at).where(t.inbox.c.id == source_id))
    ).one()
    await connection.execute(
        insert(t.inbox_work).values(
            inbox_id=source_id,
            conv_key=row.conv_key,
            platform_at=row.platform_at,
            state="ready",
            attempts=0,
            available_at=at,
            last_error="",
            **NO_LEASE,
        )
    )
