"""The end of an inbound, inside the transaction of its effect. Fencing: only the holder of the lease ends it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select

from core.errors import LeaseLost
from storage import tables as t
from storage.session import Work


class SqlInboxDone:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def finish(self, inbox_id: int, owner: str) -> None:
        await self._end(inbox_id, owner)

    async def park(self, inbox_id: int, owner: str, reason: str, at: datetime) -> None:
        attempts = await self._end(inbox_id, owner)
        row = (await self._work.run(select(t.inbox).where(t.inbox.c.id == inbox_id))).one()
        payload = {
            "platform": row.platform.value,
            "kind": row.kind,
            "conv_key": row.conv_key,
            "dedupe_key": row.dedupe_key,
            "content": row.payload,
        }
        await self._work.run(
            insert(t.dead_letters).values(
                source="inbox",
                source_id=inbox_id,
                reason=reason,
                payload=payload,
                attempts=attempts,
                first_at=row.received_at,
                last_at=at,
                resolved_by="",
                resolution="",
            )
        )

    async def _end(self, inbox_id: int, owner: str) -> int:
        ended = await self._work.run(
            delete(t.inbox_work)
            .where(t.inbox_work.c.inbox_id == inbox_id, t.inbox_work.c.owner == owner)
            .returning(t.inbox_work.c.attempts)
        )
        attempts: int | None = ended.scalar()
        if attempts is None or not owner:
            raise LeaseLost(f"inbox {inbox_id} is no longer leased by {owner or 'anybody'}")
        return attempts
