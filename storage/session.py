"""The session a use case works in: entities are tracked, and a cancelled task never tears a statement apart."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, CursorResult, Executable, Result, Select, Table, func, inspect, select
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy.orm.util import identity_key

from storage.changes import WritingSession, note_change, note_changes

T = TypeVar("T")
E = TypeVar("E")


async def unbroken(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end even when the waiting task is cancelled; the cancellation is raised afterwards.

    A driver call that is cancelled in mid-flight can give a broken connection, or one with an open transaction,
    back to the pool (SQLAlchemy #13241, #13381, #6592).
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            task.exception()  # taken note of: the cancellation is what the caller hears
        raise


def insert_into(table: Table, postgres: bool) -> PostgresInsert | SqliteInsert:
    return PostgresInsert(table) if postgres else SqliteInsert(table)


@cache
def _recorded(table: Table, postgres: bool) -> PostgresInsert | SqliteInsert:
    return insert_into(table, postgres).on_conflict_do_nothing()


class Work(AsyncSession):
    """One transaction's session."""

    def __init__(self, engine: AsyncEngine, *, writing: bool) -> None:
        super().__init__(
            bind=engine,
            expire_on_commit=False,
            sync_session_class=WritingSession if writing else Session,
            autoflush=writing,
        )
        self.postgres = engine.dialect.name == "postgresql"
        self._last: dict[Table, list[dict[str, Any]]] = {}
        self.born: set[str] = set()
        """Subjects that this transaction has made: until the commit nobody else knows their number, so nothing of
        theirs is looked for or locked."""
        self.heads: dict[str, tuple[int, str]] = {}
        """The newest link (sequence, hash) of each chain that this transaction extends: nobody else can meanwhile."""

    async def run(self, statement: Executable, params: Any = None) -> Result[Any]:
        """Execute, uninterrupted."""
        return await unbroken(self.execute(statement, params))

    async def changed(self, statement: Executable, params: Any = None) -> int:
        """Execute an UPDATE or DELETE and say how many rows it touched."""
        result = await unbroken(self.execute(statement, params))
        assert isinstance(result, CursorResult)
        return int(result.rowcount)

    async def one(self, statement: Select[E], params: Any = None) -> E | None:
        return (await self.run(statement, params)).unique().scalars().first()

    async def many(self, statement: Select[E]) -> list[E]:
        return list((await self.run(statement)).scalars().unique())

    async def put(self, *entities: object) -> None:
        """Insert now, so that the ids are known."""
        self.add_all(entities)
        await unbroken(self.flush())

    async def save(self) -> None:
        """Write what was changed, inside lists and dicts too."""
        note_changes(self.sync_session)
        await unbroken(self.flush())
        recorded, self._last = self._last, {}
        for table, rows in recorded.items():
            await self.run(_recorded(table, self.postgres), rows)

    def at_last(self, table: Table, row: dict[str, Any]) -> None:
        """Insert with everything else that is recorded so, in one statement before the commit; a row whose unique
        key is there already is left out. For rows nobody reads in this transaction: a statement each would cost more
        than the rest of a firing."""
        self._last.setdefault(table, []).append(row)

    async def locked(self, entity: type[E], table: Table, where: ColumnElement[bool]) -> E | None:
        """Read with the row lock, as it is now. On SQLite the transaction is the only writer already."""
        if not self.postgres:
            return await self.one(select(entity).where(where))
        row_id = (await self.run(select(table.c.id).where(where).with_for_update())).scalar()
        if row_id is None:
            return None
        known = self.sync_session.identity_map.get(identity_key(entity, row_id))
        if known is not None:
            note_change(known)
        return await self.one(select(entity).where(table.c.id == row_id).execution_options(populate_existing=True))

    async def fresh(self, statement: Select[E], params: Any = None) -> E | None:
        """Read again what a statement has just changed underneath a tracked entity."""
        return await self.one(statement.execution_options(populate_existing=True), params)

    async def alone(self, *key: object) -> None:
        """Let nobody else work under this key until the transaction ends (PostgreSQL advisory lock)."""
        if self.postgres:
            digest = hashlib.sha256("|".join(map(str, key)).encode()).digest()
            await self.run(select(func.pg_advisory_xact_lock(int.from_bytes(digest[:8], signed=True))))

    def insert(self, table: Table) -> PostgresInsert | SqliteInsert:
        """An INSERT that knows ON CONFLICT, in the dialect at hand."""
        return insert_into(table, self.postgres)

    def forget(self, which: Callable[[object], bool]) -> None:
        """Let go of what was read of these: the rows are about to be written past the session."""
        for known in list(self.sync_session):
            if which(known) and known in self.sync_session:
                self.sync_session.expunge(known)

    def holds(self, entity: type[object], row_id: int) -> bool:
        """Whether this row was read as an entity."""
        return identity_key(entity, row_id) in self.sync_session.identity_map

    def tracks(self, entity: object) -> bool:
        return bool(inspect(entity).session is self.sync_session)
