"""What is to be sent, lane by lane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    TextClause,
    Update,
    and_,
    bindparam,
    exists,
    false,
    func,
    insert,
    literal_column,
    not_,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.dml import ReturningUpdate

from core.notices import UNKEYED, Delivery, DeliveryState, Painted, Priority
from core.people import PlatformName
from core.ports import SUSPECT_AFTER, Try
from storage import tables as t
from storage.painting import noted
from storage.queues.claims import NO_LEASE, is_due, read, touch
from storage.session import unbroken


class SqlOutboxQueue:
    """What is to be sent, lane by lane."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def claim(
        self,
        owner: str,
        now: datetime,
        lease: float,
        limit: int,
        *,
        unkeyed: int | None = None,
        urgent: bool = False,
        suspects: bool | None = None,
    ) -> list[Delivery]:
        return await unbroken(self._claim(owner, now, lease, limit, unkeyed, urgent, suspects))

    async def _claim(
        self,
        owner: str,
        now: datetime,
        lease: float,
        limit: int,
        unkeyed: int | None,
        urgent: bool,
        suspects: bool | None,
    ) -> list[Delivery]:
        claimed: list[Delivery] = []
        values = {"now": now, "claimer": owner, "leased_until": now + timedelta(seconds=lease)}
        async with self._engine.begin() as connection:
            for most, keyed in _shares(limit, unkeyed):
                if (most := min(most, limit - len(claimed))) > 0:
                    rows = await connection.execute(_claim_of(keyed, urgent, suspects), {**values, "most": most})
                    claimed += [Delivery(**row) for row in rows.mappings()]
        return sorted(claimed, key=lambda d: (d.priority, d.id or 0))

    async def renew(self, delivery_id: int, owner: str, until: datetime) -> bool:
        return await touch(self._engine, _mine(delivery_id, owner).values(lease_until=until)) == 1

    async def sent(
        self,
        delivery_id: int,
        owner: str,
        *,
        provider_id: str,
        at: datetime,
        tried: Try | None = None,
        painted: Painted | None = None,
    ) -> bool:
        values = {"this": delivery_id, "mine": owner, "provider": provider_id, "moment": at}
        return await unbroken(self._ended(_SENT, values, delivery_id, tried, painted))

    async def superseded(self, delivery_id: int, owner: str, *, tried: Try | None = None) -> None:
        needless = _mine(delivery_id, owner).values(state=DeliveryState.SUPERSEDED, **NO_LEASE)
        await unbroken(self._ended(needless, {}, delivery_id, tried))

    async def _ended(
        self,
        statement: ReturningUpdate[Any] | Update,
        values: dict[str, Any],
        delivery_id: int,
        tried: Try | None,
        painted: Painted | None = None,
    ) -> bool:
        """One try is over: what became of it, in one commit."""
        async with self._engine.begin() as connection:
            mine = (await connection.execute(statement, values)).rowcount == 1
            for noting, noted_values in noted(painted) if painted else ():
                await connection.execute(noting, noted_values)
            await _log(connection, delivery_id, tried)
        return mine

    async def retry(
        self,
        delivery_id: int,
        owner: str,
        *,
        available_at: datetime,
        error: str,
        count: bool = True,
        unsure: bool = False,
        give_up_at: datetime | None = None,
        tried: Try | None = None,
    ) -> None:
        later = _mine(delivery_id, owner).values(
            state=DeliveryState.READY,
            available_at=available_at,
            last_error=error,
            attempts=t.outbox.c.attempts - (0 if count else 1),
            unsure=true() if unsure else t.outbox.c.unsure,
            give_up_at=func.coalesce(t.outbox.c.give_up_at, give_up_at) if give_up_at else t.outbox.c.give_up_at,
            **NO_LEASE,
        )
        await unbroken(self._ended(later, {}, delivery_id, tried))

    async def keep(self, delivery_id: int, owner: str, body: dict[str, Any]) -> bool:
        return await touch(self._engine, _mine(delivery_id, owner).values(body=body)) == 1

    async def behind(self, delivery: Delivery, *, limit: int) -> list[Delivery]:
        row = t.outbox.c
        waiting = (
            select(t.outbox)
            .where(text(t.OPEN_DELIVERY), row.lane_key == delivery.lane_key, row.id > delivery.id)
            .order_by(row.id)
            .limit(limit)
        )
        return [Delivery(**dict(zip(t.outbox.c.keys(), r, strict=True))) for r in await read(self._engine, waiting)]

    async def fold(self, delivery_id: int, owner: str, body: dict[str, Any], folded: Sequence[int]) -> bool:
        return await unbroken(self._fold(delivery_id, owner, body, folded))

    async def _fold(self, delivery_id: int, owner: str, body: dict[str, Any], folded: Sequence[int]) -> bool:
        row = t.outbox.c
        untouched = (row.id.in_(folded), row.state == DeliveryState.READY, row.attempts == 0)
        said = update(t.outbox).where(*untouched).values(state=DeliveryState.SUPERSEDED, last_error=f"in {delivery_id}")
        async with self._engine.connect() as connection:
            mine = (await connection.execute(_mine(delivery_id, owner).values(body=body))).rowcount
            others = (await connection.execute(said)).rowcount
            if (mine, others) != (1, len(folded)):
                await connection.rollback()
                return False
            await connection.commit()
        return True

    async def failures(self, delivery_id: int, errcode: str) -> int:
        tries = t.delivery_log.c
        wanted = select(func.count()).where(tries.outbox_id == delivery_id, tries.errcode == errcode)
        return int((await read(self._engine, wanted))[0][0])

    async def oldest(self) -> dict[PlatformName, datetime]:
        waiting = (
            select(t.outbox.c.platform, func.min(t.outbox.c.created_at).label("since"))
            .where(text(t.OPEN_DELIVERY))
            .group_by(t.outbox.c.platform)
        )
        return {row.platform: row.since for row in await read(self._engine, waiting)}

    async def dead(self, delivery_id: int, owner: str, *, error: str, at: datetime, tried: Try | None = None) -> None:
        await unbroken(self._dead(delivery_id, owner, error, at, tried))

    async def _dead(self, delivery_id: int, owner: str, error: str, at: datetime, tried: Try | None) -> None:
        given_up = (
            _mine(delivery_id, owner).values(state=DeliveryState.DEAD, last_error=error, **NO_LEASE).returning(t.outbox)
        )
        async with self._engine.begin() as connection:
            await _log(connection, delivery_id, tried)
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

    async def next_available(self) -> datetime | None:
        """When the next row becomes due: a waiting one, or a leased one whose sender may have died."""
        waits = func.min(func.coalesce(t.outbox.c.lease_until, t.outbox.c.available_at))
        found: datetime | None = (await read(self._engine, select(waits).where(text(t.OPEN_DELIVERY))))[0][0]
        return found

    async def release_all(self, owner: str | None = None) -> None:
        freed = (
            update(t.outbox)
            .where(text(t.OPEN_DELIVERY), t.outbox.c.state == DeliveryState.LEASED)
            .values(state=DeliveryState.READY, unsure=true(), **NO_LEASE)  # it may have been sent before the end
        )
        await touch(self._engine, freed if owner is None else freed.where(t.outbox.c.owner == owner))


def _shares(limit: int, unkeyed: int | None) -> tuple[tuple[int, bool | None], ...]:
    """How many rows, of keyed channels or not: those without a key first, since their share is small."""
    if unkeyed is None or unkeyed >= limit:
        return ((limit, None),)
    return ((unkeyed, False), (limit, True))


@cache
def _claim_of(keyed: bool | None, urgent: bool, suspects: bool | None) -> ReturningUpdate[Any]:
    row = t.outbox.alias("d")
    older = t.outbox.alias("older")
    due = select(row.c.id).where(
        _open("d"),
        is_due(row),
        ~exists().where(_open("older"), older.c.lane_key == row.c.lane_key, older.c.id < row.c.id),
    )
    if keyed is not None:
        without = or_(false(), *((row.c.platform == name) & (row.c.kind == kind) for name, kind in sorted(UNKEYED)))
        due = due.where(not_(without) if keyed else without)
    if suspects is not None:
        suspect = and_(row.c.attempts >= SUSPECT_AFTER, row.c.last_error == literal_column("''"))
        due = due.where(suspect if suspects else not_(suspect))
    if urgent:
        due = due.where(row.c.priority == Priority.EXPEDITE)
    chosen = (
        due.order_by(row.c.priority, row.c.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True, of=row)
        .cte("chosen")
    )
    return (
        update(t.outbox)
        .where(t.outbox.c.id.in_(select(chosen.c.id)))
        .values(
            state=DeliveryState.LEASED,
            owner=bindparam("claimer"),
            lease_until=bindparam("leased_until"),
            attempts=t.outbox.c.attempts + 1,
            # Still leased means that its sender died or froze between the claim and the mark.
            unsure=or_(t.outbox.c.unsure, t.outbox.c.state == DeliveryState.LEASED),
        )
        .returning(t.outbox)
    )


def _open(alias: str) -> TextClause:
    """The predicate of the partial indexes, to the letter."""
    return text(f"{alias}.{t.OPEN_DELIVERY}")


def _mine(delivery_id: int, owner: str) -> Any:
    return update(t.outbox).where(
        t.outbox.c.id == delivery_id, t.outbox.c.owner == owner, t.outbox.c.state == DeliveryState.LEASED
    )


async def _log(connection: AsyncConnection, delivery_id: int, tried: Try | None) -> None:
    if tried is not None:
        await connection.execute(_LOG, {"outbox_id": delivery_id, **asdict(tried)})


_LOG = insert(t.delivery_log)
_SENT = (
    update(t.outbox)
    .where(
        t.outbox.c.id == bindparam("this"),
        t.outbox.c.owner == bindparam("mine"),
        t.outbox.c.state == DeliveryState.LEASED,
    )
    .values(
        state=DeliveryState.SENT,
        provider_id=bindparam("provider"),
        sent_at=bindparam("moment"),
        last_error="",
        **NO_LEASE,
    )
)
