"""What was given up and waits for a person."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from core.ports import DeadLetter
from storage import tables as t
from storage.queues.claims import read


class SqlDeadLetters:
    """What was given up and waits for a person."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def list(self, *, limit: int = 50) -> list[DeadLetter]:
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
