"""Whatever is changed, moved or taken away in the trace behind the desk's back, the check finds it (R16)."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.trace_check import TraceWatch, verify
from core.clock import MovableClock
from core.ports import Transaction
from storage.database import SqlDatabase
from tests.storage.conftest import START

MUTATIONS = 300
"""Of each run here; ten thousand were tried once."""
TEXTS = ("ref", "action", "actor", "actor_name", "channel", "evidence", "details", "prev_hash", "hash")
ROWS = 24


@pytest.fixture
async def sealed(database: SqlDatabase, clock: MovableClock, tmp_path: Path) -> SqlDatabase:
    """Four chains of six entries, sealed in two seals, and the guards of the database taken away."""
    watch = TraceWatch(database, clock, anchor_file=tmp_path / "anchors.log")
    for part in (range(3), range(3, 6)):
        for nth in part:
            for order in range(4):
                await an_entry(database, f"SO{order}", nth)
        clock.advance(timedelta(minutes=10, seconds=1))
        assert len(await watch.seal_if_due()) == 1
    async with database.writer.begin() as connection:
        await unguard(connection)
    return database


async def an_entry(database: SqlDatabase, ref: str, nth: int) -> None:
    async with database.transaction() as tx:
        await tx.timeline.append(
            ref,
            "order.noted",
            actor="E1",
            actor_name="张三",
            channel="wecom",
            details={"n": nth, "客户": "上海一店", "list": [1, 2.5, None]},
            at=START + timedelta(seconds=nth),
        )


async def unguard(connection: AsyncConnection) -> None:
    if connection.dialect.name == "postgresql":
        for table in ("timeline", "timeline_anchors"):
            await connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        return
    names = (await connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))).scalars().all()
    for name in names:
        await connection.execute(text(f"DROP TRIGGER {name}"))


class Within:
    """The database as one open transaction sees it, so that a mutation is checked and then undone."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        yield self._tx


class Undo(Exception):
    pass


async def mutate(run: Any, chance: random.Random, *, postgres: bool) -> str:
    """One change behind the desk's back; says which."""
    row = chance.randint(1, ROWS)
    match chance.choice(("flip", "flip", "flip", "at", "number", "delete", "swap", "tail", "chain")):
        case "flip":
            column = chance.choice(TEXTS)
            old = (await run(f"SELECT {column} FROM timeline WHERE id = {row}")).scalar()
            await run(*flipped(column, row, old, chance, postgres=postgres))
            return f"flip {column} {row}"
        case "at":
            if postgres:
                await run(f"UPDATE timeline SET at = at + INTERVAL '1 microsecond' WHERE id = {row}")
            else:
                old = (await run(f"SELECT at FROM timeline WHERE id = {row}")).scalar()
                await run(*flipped("at", row, old, chance, postgres=False))
            return f"at {row}"
        case "number":
            column, bit = chance.choice(("id", "seq")), 1 << chance.randint(0, 12)
            value = (await run(f"SELECT {column} FROM timeline WHERE id = {row}")).scalar() ^ bit
            await run(f"UPDATE timeline SET {column} = {value} WHERE id = {row}")
            return f"{column} {row}"
        case "delete":
            await run(f"DELETE FROM timeline WHERE id = {row}")
            return f"delete {row}"
        case "swap":
            other = chance.choice([n for n in range(1, ROWS + 1) if n != row])
            column = chance.choice(("id", "seq", "details", "hash"))
            if column == "id":
                for a, b in ((row, 999), (other, row), (999, other)):
                    await run(f"UPDATE timeline SET id = {b} WHERE id = {a}")
                return f"swap id {row} {other}"
            kept = {n: (await run(f"SELECT {column} FROM timeline WHERE id = {n}")).scalar() for n in (row, other)}
            if kept[row] == kept[other]:
                raise Undo
            if column == "seq":
                await run(f"UPDATE timeline SET seq = 999 WHERE id = {row}")
            for n, value in ((other, kept[row]), (row, kept[other])):
                await run(f"UPDATE timeline SET {column} = :v WHERE id = {n}", {"v": value})
            return f"swap {column} {row} {other}"
        case "tail":
            await run("DELETE FROM timeline WHERE ref = 'SO3' AND seq = 6")
            return "the last entry of a chain"
        case _:
            await run("DELETE FROM timeline WHERE ref = 'SO2'")
            return "a whole chain"


def flipped(column: str, row: int, old: str, chance: random.Random, *, postgres: bool) -> tuple[str, dict[str, Any]]:
    """An UPDATE that alters one byte; on PostgreSQL one character, since it takes no broken text."""
    where = f"WHERE id = {row}"
    if postgres:
        at = chance.randrange(len(old))
        other = chance.choice([c for c in '0aZ"{}[]: 张' if c != old[at]])
        return f"UPDATE timeline SET {column} = :v {where}", {"v": old[:at] + other + old[at + 1 :]}
    raw = bytearray(old.encode())
    raw[chance.randrange(len(raw))] ^= 1 << chance.randint(0, 7)
    return f"UPDATE timeline SET {column} = CAST(:v AS TEXT) {where}", {"v": bytes(raw)}


async def test_every_mutation_of_the_trace_is_found(sealed: SqlDatabase) -> None:
    assert (await verify(sealed)).whole
    postgres = sealed.writer.dialect.name == "postgresql"
    chance, tried, unseen = random.Random(16), 0, []

    while tried < MUTATIONS:
        try:
            async with sealed.transaction() as tx:
                work: Any = tx.audits._work  # type: ignore[attr-defined]

                async def run(statement: str, values: dict[str, Any] | None = None, work: Any = work) -> Any:
                    return await work.run(text(statement), values or {})

                what = await mutate(run, chance, postgres=postgres)
                verdict = await verify(Within(tx))  # type: ignore[arg-type]
                tried += 1
                if verdict.whole:
                    unseen.append(what)
                raise Undo  # noqa: TRY301 - the transaction is to be rolled back
        except (Undo, DBAPIError):
            continue  # undone, or refused by a unique key

    assert unseen == []
    assert (await verify(sealed)).whole


async def test_the_file_outside_tells_when_the_seals_themselves_were_replaced(
    sealed: SqlDatabase, clock: MovableClock, tmp_path: Path
) -> None:
    kept = tmp_path / "anchors.log"
    assert (await verify(sealed, kept)).whole
    async with sealed.writer.begin() as connection:
        await connection.execute(text("DELETE FROM timeline WHERE ref = 'SO3' AND seq = 6"))
        await connection.execute(text("DELETE FROM timeline_anchors"))
    forged = TraceWatch(sealed, clock, anchor_file=tmp_path / "forged.log")
    await forged.seal_if_due()

    assert (await verify(sealed)).whole
    assert len((await verify(sealed, kept)).foreign_anchors) == 2


async def test_the_watch_finds_what_is_altered_while_the_desk_runs(
    sealed: SqlDatabase, clock: MovableClock, tmp_path: Path
) -> None:
    watch = TraceWatch(sealed, clock, anchor_file=tmp_path / "anchors.log")
    await watch.look()
    assert (watch.broken, watch.broken_anchors) == ({}, {})
    await an_entry(sealed, "SO1", 6)
    await watch.look()
    assert watch.broken == {}
    async with sealed.writer.begin() as connection:
        await connection.execute(text("UPDATE timeline SET actor_name = '李四' WHERE ref = 'SO0' AND seq = 2"))
        await connection.execute(text("DELETE FROM timeline WHERE ref = 'SO3' AND seq = 6"))

    for _ in range(4):
        await watch.look()

    assert list(watch.broken.values()) == ["SO0 #2"]
    assert len(watch.broken_anchors) == 1
