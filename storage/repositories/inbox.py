"""The end of an inbound, inside the transaction of its effect. Fencing: only the holder of the lease ends it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select

from core.errors import LeaseLost
from storage import tables as t
from storage.session import Work

_END = (
    delete(t.inbox_work)
    .where(t.inbox_work.c.inbox_id == bindparam("this"), t.inbox_work.c.owner == bindparam("mine"))
    .returning(t.inbox_work.c.attempts)
)


class SqlInboxDone:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def finish(self, inbox_id: int, owner: str) -> None:
        await self._end(inbox_id, owner)

    async def park(self, inbox_id: int, owner: str, reason: str, at: datetime, *, tries: int | None = None) -> None:
        claims = await self._end(inbox_id, owner)
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
                attempts=claims if tries is None else tries,
                first_at=row.received_at,
                last_at=at,
                resolved_by="",
                resolution="",
            )
        )

    async def _end(self, inbox_id: int, owner: str) -> int:
        ended = await self._work.run(_END, {"this": inbox_id, "mine": owner})
        attempts: int | None = ended.scalar()
        if attempts is None or not owner:
            raise LeaseLost(f"inbox {inbox_id} is no longer leased by {owner or 'anybody'}")
        return attempts
