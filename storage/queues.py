"""The loops' side of inbox, outbox and dead letters: claims with leases, the same on SQLite and PostgreSQL.

A claim is one UPDATE over a SELECT: due rows that have no older open row in their conversation or lane, oldest first,
rows that another claim holds skipped. Attempts are counted at the claim, so that a message which kills its worker is
counted too (reliability sections 2 and 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Executable,
    Row,
    TextClause,
    and_,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from core.inbound import RawInbound
from core.notices import Delivery, DeliveryState
from core.ports import DeadLetter, InboxWork
from storage import tables as t
from storage.session import unbroken

_NO_LEASE = {"owner": "", "lease_until": None}


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
                "platform": raw.platform, "dedupe_key": raw.dedupe_key, "conv_key": raw.conv_key, "kind": raw.kind,
                "payload": raw.payload, "raw_sha256": raw.raw_sha256, "platform_at": raw.platform_at,
                "received_at": received_at,
            }
            for nth, raw in enumerate(batch) if first[raw.platform, raw.dedupe_key] == nth
        ]
        ids: list[int | None] = [None] * len(batch)
        async with self._engine.begin() as connection:
            new = (await connection.execute(self._insert, rows)).all()
            if new:
                await connection.execute(insert(t.inbox_work), [
                    {
                        "inbox_id": row.id, "conv_key": row.conv_key, "state": "ready", "attempts": 0,
                        "available_at": received_at, "owner": "", "lease_until": None, "last_error": "",
                    }
                    for row in new
                ])
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
            _due(work, now),
            ~exists().where(older.c.conv_key == work.c.conv_key, older.c.inbox_id < work.c.inbox_id),
        )
        if only is not None:
            due = due.where(work.c.inbox_id == only)
        due = due.order_by(work.c.inbox_id).limit(limit).with_for_update(skip_locked=True, of=work)
        claim = (
            update(t.inbox_work)
            .where(t.inbox_work.c.inbox_id.in_(due))
            .values(state="leased", owner=owner, lease_until=now + timedelta(seconds=lease),
                    attempts=t.inbox_work.c.attempts + 1)
            .returning(t.inbox_work.c.inbox_id, t.inbox_work.c.attempts)
        )
        async with self._engine.begin() as connection:
            attempts = {row.inbox_id: row.attempts for row in await connection.execute(claim)}
            if not attempts:
                return []
            found = await connection.execute(select(t.inbox).where(t.inbox.c.id.in_(attempts)).order_by(t.inbox.c.id))
            return [
                InboxWork(
                    id=row.id, platform=row.platform, kind=row.kind, conv_key=row.conv_key,
                    dedupe_key=row.dedupe_key, payload=row.payload, platform_at=row.platform_at,
                    received_at=row.received_at, attempts=attempts[row.id],
                )
                for row in found
            ]

    async def renew(self, inbox_id: int, owner: str, until: datetime) -> bool:
        renewal = update(t.inbox_work).where(*_held(inbox_id, owner)).values(lease_until=until)
        return await _touch(self._engine, renewal) == 1

    async def retry(self, inbox_id: int, owner: str, *, available_at: datetime, error: str) -> None:
        """Somebody else's row is left alone."""
        await _touch(
            self._engine,
            update(t.inbox_work)
            .where(*_held(inbox_id, owner))
            .values(state="ready", available_at=available_at, last_error=error, **_NO_LEASE),
        )

    async def release_all(self, owner: str | None = None) -> None:
        freed = update(t.inbox_work).where(t.inbox_work.c.state == "leased").values(state="ready", **_NO_LEASE)
        await _touch(self._engine, freed if owner is None else freed.where(t.inbox_work.c.owner == owner))

    async def depth(self) -> tuple[int, datetime | None]:
        oldest = select(func.count(), func.min(t.inbox.c.received_at)).select_from(
            t.inbox_work.join(t.inbox, t.inbox.c.id == t.inbox_work.c.inbox_id)
        )
        row: Any = (await _read(self._engine, oldest))[0]
        return int(row[0]), row[1]


class SqlOutboxQueue:
    """What is to be sent, lane by lane."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def claim(self, owner: str, now: datetime, lease: float, limit: int) -> list[Delivery]:
        return await unbroken(self._claim(owner, now, lease, limit))

    async def _claim(self, owner: str, now: datetime, lease: float, limit: int) -> list[Delivery]:
        row = t.outbox.alias("d")
        older = t.outbox.alias("older")
        due = (
            select(row.c.id)
            .where(
                _open("d"), _due(row, now),
                ~exists().where(_open("older"), older.c.lane_key == row.c.lane_key, older.c.id < row.c.id),
            )
            .order_by(row.c.priority, row.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True, of=row)
        )
        claim = (
            update(t.outbox)
            .where(t.outbox.c.id.in_(due))
            .values(state=DeliveryState.LEASED, owner=owner, lease_until=now + timedelta(seconds=lease),
                    attempts=t.outbox.c.attempts + 1)
            .returning(t.outbox)
        )
        async with self._engine.begin() as connection:
            rows = (await connection.execute(claim)).mappings().all()
        return sorted((Delivery(**r) for r in rows), key=lambda d: (d.priority, d.id or 0))

    async def sent(self, delivery_id: int, owner: str, *, provider_id: str, at: datetime) -> bool:
        marked = _mine(delivery_id, owner).values(
            state=DeliveryState.SENT, provider_id=provider_id, sent_at=at, last_error="", **_NO_LEASE
        )
        return await _touch(self._engine, marked) == 1

    async def superseded(self, delivery_id: int, owner: str) -> None:
        await _touch(
            self._engine, _mine(delivery_id, owner).values(state=DeliveryState.SUPERSEDED, **_NO_LEASE)
        )

    async def retry(
        self, delivery_id: int, owner: str, *, available_at: datetime, error: str, count: bool = True
    ) -> None:
        await _touch(
            self._engine,
            _mine(delivery_id, owner).values(
                state=DeliveryState.READY, available_at=available_at, last_error=error,
                attempts=t.outbox.c.attempts - (0 if count else 1), **_NO_LEASE,
            ),
        )

    async def dead(self, delivery_id: int, owner: str, *, error: str, at: datetime) -> None:
        await unbroken(self._dead(delivery_id, owner, error, at))

    async def _dead(self, delivery_id: int, owner: str, error: str, at: datetime) -> None:
        given_up = (
            _mine(delivery_id, owner)
            .values(state=DeliveryState.DEAD, last_error=error, **_NO_LEASE)
            .returning(t.outbox)
        )
        async with self._engine.begin() as connection:
            row = (await connection.execute(given_up)).first()
            if row is None:
                return
            payload = {
                "kind": row.kind.value, "platform": row.platform.value, "recipients": row.recipients,
                "lane_key": row.lane_key, "body": row.body,
            }
            await connection.execute(
                insert(t.dead_letters).values(
                    source="outbox", source_id=row.id, reason=error, payload=payload, attempts=row.attempts,
                    first_at=row.created_at, last_at=at, resolved_by="", resolution="",
                )
            )

    async def log(
        self, delivery_id: int, attempt: int, *, at: datetime, result: str, errcode: str, latency_ms: int
    ) -> None:
        await _touch(
            self._engine,
            insert(t.delivery_log).values(
                outbox_id=delivery_id, attempt=attempt, at=at, result=result, errcode=errcode, latency_ms=latency_ms
            ),
        )

    async def next_available(self) -> datetime | None:
        """When the next row becomes due: a waiting one, or a leased one whose sender may have died."""
        waits = func.min(func.coalesce(t.outbox.c.lease_until, t.outbox.c.available_at))
        found: datetime | None = (await _read(self._engine, select(waits).where(text(t.OPEN_DELIVERY))))[0][0]
        return found

    async def release_all(self, owner: str | None = None) -> None:
        freed = (
            update(t.outbox)
            .where(text(t.OPEN_DELIVERY), t.outbox.c.state == DeliveryState.LEASED)
            .values(state=DeliveryState.READY, **_NO_LEASE)
        )
        await _touch(self._engine, freed if owner is None else freed.where(t.outbox.c.owner == owner))


class SqlDeadLetters:
    """What was given up and waits for a person."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def list(self, *, limit: int = 50) -> list[DeadLetter]:
        """Open letters, newest first."""
        letters = t.dead_letters.c
        wanted = (
            select(letters.id, letters.source, letters.source_id, letters.reason, letters.attempts, letters.last_at,
                   letters.payload)
            .where(letters.resolved_at.is_(None))
            .order_by(letters.id.desc())
            .limit(limit)
        )
        return [
            DeadLetter(id=row.id, source=row.source, source_id=row.source_id, reason=row.reason,
                       attempts=row.attempts, last_at=row.last_at, payload=row.payload)
            for row in await _read(self._engine, wanted)
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
    if source == "outbox":
        await connection.execute(
            update(t.outbox)
            .where(t.outbox.c.id == source_id, t.outbox.c.state == DeliveryState.DEAD)
            .values(state=DeliveryState.READY, attempts=0, available_at=at, **_NO_LEASE)
        )
        return
    conv_key = (await connection.execute(select(t.inbox.c.conv_key).where(t.inbox.c.id == source_id))).scalar_one()
    await connection.execute(
        insert(t.inbox_work).values(
            inbox_id=source_id, conv_key=conv_key, state="ready", attempts=0, available_at=at, last_error="",
            **_NO_LEASE,
        )
    )


def _due(row: Any, now: datetime) -> ColumnElement[bool]:
    """Ready and its time has come, or leased by somebody who let the lease run out."""
    state: ColumnElement[str] = literal_column(f"{row.name}.state")
    return or_(
        and_(state == literal_column("'ready'"), row.c.available_at <= now),
        and_(state == literal_column("'leased'"), row.c.lease_until <= now),
    )


def _open(alias: str) -> TextClause:
    """The predicate of the partial indexes, to the letter."""
    return text(f"{alias}.{t.OPEN_DELIVERY}")


def _held(inbox_id: int, owner: str) -> tuple[ColumnElement[bool], ...]:
    work = t.inbox_work.c
    return (work.inbox_id == inbox_id, work.owner == owner, work.state == "leased")


def _mine(delivery_id: int, owner: str) -> Any:
    return update(t.outbox).where(
        t.outbox.c.id == delivery_id, t.outbox.c.owner == owner, t.outbox.c.state == DeliveryState.LEASED
    )


async def _read(engine: AsyncEngine, statement: Executable) -> Sequence[Row[Any]]:
    async def run() -> Sequence[Row[Any]]:
        async with engine.begin() as connection:
            return (await connection.execute(statement)).all()

    return await unbroken(run())


async def _touch(engine: AsyncEngine, statement: Any) -> int:
    async def run() -> int:
        async with engine.begin() as connection:
            return int((await connection.execute(statement)).rowcount)

    return await unbroken(run())
