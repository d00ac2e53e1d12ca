"""What is to be sent, lane by lane."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import TextClause, exists, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from core.notices import Delivery, DeliveryState
from storage import tables as t
from storage.queues.claims import NO_LEASE, is_due, read, touch
from storage.session import unbroken


class SqlOutboxQueue:
    """What is to be sent, lane by lane."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def claim(self, owner: str, now: datetime, lease: float, limit: int) -> list[Delivery]:
        return await unbroken(self._claim(owner, now, lease, limit))

    async def _claim(self, owner: str, now: datetime, lease: float, limit: int) -> list[Delivery]:
        row = t.outbox.alias("d")
        older = t.outbox.alias("older")
        chosen = (
            select(row.c.id)
            .where(
                _open("d"),
                is_due(row, now),
                ~exists().where(_open("older"), older.c.lane_key == row.c.lane_key, older.c.id < row.c.id),
            )
            .order_by(row.c.priority, row.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True, of=row)
            .cte("chosen")
        )
        claim = (
            update(t.outbox)
            .where(t.outbox.c.id.in_(select(chosen.c.id)))
            .values(
                state=DeliveryState.LEASED,
                owner=owner,
                lease_until=now + timedelta(seconds=lease),
                attempts=t.outbox.c.attempts + 1,
            )
            .returning(t.outbox)
        )
        async with self._engine.begin() as connection:
            rows = (await connection.execute(claim)).mappings().all()
        return sorted((Delivery(**r) for r in rows), key=lambda d: (d.priority, d.id or 0))

    async def sent(self, delivery_id: int, owner: str, *, provider_id: str, at: datetime) -> bool:
        marked = _mine(delivery_id, owner).values(
            state=DeliveryState.SENT, provider_id=provider_id, sent_at=at, last_error="", **NO_LEASE
        )
        return await touch(self._engine, marked) == 1

    async def superseded(self, delivery_id: int, owner: str) -> None:
        await touch(self._engine, _mine(delivery_id, owner).values(state=DeliveryState.SUPERSEDED, **NO_LEASE))

    async def retry(
        self, delivery_id: int, owner: str, *, available_at: datetime, error: str, count: bool = True
    ) -> None:
        await touch(
            self._engine,
            _mine(delivery_id, owner).values(
                state=DeliveryState.READY,
                available_at=available_at,
                last_error=error,
                attempts=t.outbox.c.attempts - (0 if count else 1),
                **NO_LEASE,
            ),
        )

    async def dead(self, delivery_id: int, owner: str, *, error: str, at: datetime) -> None:
        await unbroken(self._dead(delivery_id, owner, error, at))

    async def _dead(self, delivery_id: int, owner: str, error: str, at: datetime) -> None:
        given_up = (
            _mine(delivery_id, owner).values(state=DeliveryState.DEAD, last_error=error, **NO_LEASE).returning(t.outbox)
        )
        async with self._engine.begin() as connection:
            row = (await connection.execute(given_up)).first()
            if row is None:
                return
            payload = {
                "kind": row.kind.value,
                "platform": row.platform.value,
                "recipients": row.recipients,
                "lane_key": row.lane_key,
                "body": row.body,
            }
            await connection.execute(
                insert(t.dead_letters).values(
                    source="outbox",
                    source_id=row.id,
                    reason=error,
                    payload=payload,
                    attempts=row.attempts,
                    first_at=row.created_at,
                    last_at=at,
                    resolved_by="",
                    resolution="",
                )
            )

    async def log(
        self, delivery_id: int, attempt: int, *, at: datetime, result: str, errcode: str, latency_ms: int
    ) -> None:
        await touch(
            self._engine,
            insert(t.delivery_log).values(
                outbox_id=delivery_id, attempt=attempt, at=at, result=result, errcode=errcode, latency_ms=latency_ms
            ),
        )

    async def next_available(self) -> datetime | None:
        """When the next row becomes due: a waiting one, or a leased one whose sender may have died."""
        waits = func.min(func.coalesce(t.outbox.c.lease_until, t.outbox.c.available_at))
        found: datetime | None = (await read(self._engine, select(waits).where(text(t.OPEN_DELIVERY))))[0][0]
        return found

    async def release_all(self, owner: str | None = None) -> None:
        freed = (
            update(t.outbox)
            .where(text(t.OPEN_DELIVERY), t.outbox.c.state == DeliveryState.LEASED)
            .values(state=DeliveryState.READY, **NO_LEASE)
        )
        await touch(self._engine, freed if owner is None else freed.where(t.outbox.c.owner == owner))


def _open(alias: str) -> TextClause:
    """The predicate of the partial indexes, to the letter."""
    return text(f"{alias}.{t.OPEN_DELIVERY}")


def _mine(delivery_id: int, owner: str) -> Any:
    return update(t.outbox).where(
        t.outbox.c.id == delivery_id, t.outbox.c.owner == owner, t.outbox.c.state == DeliveryState.LEASED
    )
