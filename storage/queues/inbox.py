"""What came in and is not done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    insert,
    literal_column,
    not_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.dml import ReturningUpdate

from core.inbound import RawInbound
from core.ports import SUSPECT_AFTER, InboxWork
from storage import tables as t
from storage.queues.arriving import Key, door_of, row_of
from storage.queues.claims import NO_LEASE, NOW, is_due, read, touch
from storage.session import unbroken


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """An inbound and when it reached us, which for a spooled one is not now."""

    raw: RawInbound
    received_at: datetime


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A spool that is coming in: what people wrote at ``oldest_at`` or later is not worked before ``until``."""

    oldest_at: datetime
    until: datetime


class SqlInboxQueue:
    """What came in and is not done. One conversation is worked in the order of the platform's time, one at a time."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._door = door_of(engine)

    async def store(self, batch: Sequence[RawInbound], received_at: datetime) -> list[int | None]:
        arrivals = [Arrival(raw=raw, received_at=received_at) for raw in batch]
        return await unbroken(self._store(arrivals, received_at)) if batch else []

    async def store_late(self, batch: Sequence[Arrival], now: datetime, mark: Mark | None, replica: str) -> None:
        """Rows from a replica's spool, and how far that spool has come in; rows that are there already change nothing.

        ``mark`` None: everything is in and nobody has to wait for this replica any more.
        """
        await unbroken(self._store(batch, now, (replica, mark)))

    async def _store(
        self, batch: Sequence[Arrival], now: datetime, progress: tuple[str, Mark | None] | None = None
    ) -> list[int | None]:
        first: dict[Key, int] = {
            (one.raw.platform, one.raw.dedupe_key): nth for nth, one in reversed(list(enumerate(batch)))
        }
        rows = [row_of(batch[nth].raw, batch[nth].received_at) for nth in sorted(first.values())]
        if progress is None:
            new = await self._door.store(rows, now)
        else:
            async with self._engine.begin() as connection:
                await self._note_mark(connection, *progress)
                new = await self._door.add(connection, rows, now) if rows else {}
        ids: list[int | None] = [None] * len(batch)
        for key, inbox_id in new.items():
            ids[first[key]] = inbox_id
        return ids

    async def _note_mark(self, connection: AsyncConnection, replica: str, mark: Mark | None) -> None:
        marks = t.spool_marks
        await connection.execute(delete(marks).where(marks.c.replica == replica))
        if mark is not None:
            await connection.execute(insert(marks).values(replica=replica, oldest_at=mark.oldest_at, until=mark.until))

    async def claim(
        self,
        owner: str,
        now: datetime,
        lease: float,
        limit: int,
        *,
        only: int | None = None,
        suspects: bool | None = None,
    ) -> list[InboxWork]:
        return await unbroken(self._claim(owner, now, lease, limit, only, suspects))

    async def _claim(
        self, owner: str, now: datetime, lease: float, limit: int, only: int | None, suspects: bool | None
    ) -> list[InboxWork]:
        values: dict[str, Any] = {
            "now": now,
            "claimer": owner,
            "leased_until": now + timedelta(seconds=lease),
            "most": limit,
        }
        if only is not None:
            values["this"] = only
        async with self._engine.begin() as connection:
            taken = {
                row.inbox_id: row for row in await connection.execute(_claim_of(only is not None, suspects), values)
            }
            if not taken:
                return []
            found = await connection.execute(_CONTENT, {"ids": list(taken)})
            return [_inbox_work(row, taken[row.id].attempts, taken[row.id].last_error) for row in found]

    async def renew(self, inbox_id: int, owner: str, until: datetime) -> bool:
        renewal = update(t.inbox_work).where(*_held(inbox_id, owner)).values(lease_until=until)
        return await touch(self._engine, renewal) == 1

    async def count(self, inbox_id: int, owner: str, tries: int) -> bool:
        counted = update(t.inbox_work).where(*_held(inbox_id, owner)).values(attempts=t.inbox_work.c.attempts + tries)
        return await touch(self._engine, counted) == 1

    async def retry(self, inbox_id: int, owner: str, *, available_at: datetime, error: str, count: bool = True) -> None:
        """Somebody else's row is left alone."""
        await touch(
            self._engine,
            update(t.inbox_work)
            .where(*_held(inbox_id, owner))
            .values(
                state="ready",
                available_at=available_at,
                last_error=error,
                attempts=t.inbox_work.c.attempts - (0 if count else 1),
                **NO_LEASE,
            ),
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

    async def waiting(self, since: datetime, limit: int) -> list[InboxWork]:
        untouched = (
            select(t.inbox)
            .join(t.inbox_work, t.inbox_work.c.inbox_id == t.inbox.c.id)
            .where(t.inbox_work.c.state == "ready", t.inbox_work.c.attempts == 0, t.inbox.c.received_at <= since)
            .order_by(t.inbox.c.id)
            .limit(limit)
        )
        return [_inbox_work(row, 0) for row in await read(self._engine, untouched)]


_CONTENT = select(t.inbox).where(t.inbox.c.id.in_(bindparam("ids", expanding=True))).order_by(t.inbox.c.id)


@cache
def _claim_of(one: bool, suspects: bool | None) -> ReturningUpdate[Any]:
    work = t.inbox_work.alias("w")
    older, other, mark = t.inbox_work.alias("older"), t.inbox_work.alias("other"), t.spool_marks
    due = select(work.c.inbox_id).where(
        is_due(work),
        ~exists().where(
            older.c.conv_key == work.c.conv_key,
            tuple_(older.c.platform_at, older.c.inbox_id) < tuple_(work.c.platform_at, work.c.inbox_id),
        ),
        # An older message may come in late, from a spool, while a newer one is in work.
        ~exists().where(
            literal_column(f"other.{t.LEASED_WORK}"),
            other.c.conv_key == work.c.conv_key,
            other.c.inbox_id != work.c.inbox_id,
            other.c.lease_until > NOW,
        ),
        ~exists().where(mark.c.oldest_at <= work.c.platform_at, mark.c.until > NOW),
    )
    if suspects is not None:
        known = work.c.last_error.startswith("#" + cast(work.c.attempts, String) + " ")
        suspect = and_(work.c.attempts >= SUSPECT_AFTER, not_(known))
        due = due.where(suspect if suspects else not_(suspect))
    if one:
        due = due.where(work.c.inbox_id == bindparam("this"))
    chosen = (
        due.order_by(work.c.inbox_id).limit(bindparam("most")).with_for_update(skip_locked=True, of=work).cte("chosen")
    )
    return (
        update(t.inbox_work)
        .where(t.inbox_work.c.inbox_id.in_(select(chosen.c.inbox_id)))
        .values(
            state="leased",
            owner=bindparam("claimer"),
            lease_until=bindparam("leased_until"),
            attempts=t.inbox_work.c.attempts + 1,
        )
        .returning(t.inbox_work.c.inbox_id, t.inbox_work.c.attempts, t.inbox_work.c.last_error)
    )


def _inbox_work(row: Any, attempts: int, last_error: str = "") -> InboxWork:
    return InboxWork(
        id=row.id,
        platform=row.platform,
        kind=row.kind,
        conv_key=row.conv_key,
        dedupe_key=row.dedupe_key,
        payload=row.payload,
        platform_at=row.platform_at,
        received_at=row.received_at,
        attempts=attempts,
        last_error=last_error,
    )


def _held(inbox_id: int, owner: str) -> tuple[ColumnElement[bool], ...]:
    work = t.inbox_work.c
    return (work.inbox_id == inbox_id, work.owner == owner, work.state == "leased")
