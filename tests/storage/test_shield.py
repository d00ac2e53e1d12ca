"""A cancelled task never tears a statement apart, and leaves no transaction behind."""

from __future__ import annotations

import asyncio

import pytest

from storage.database import SqlDatabase
from storage.session import unbroken
from tests.storage.conftest import START
from tests.storage.samples import an_order


async def test_a_cancelled_task_waits_for_its_statement_first() -> None:
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def statement() -> None:
        begun.set()
        await may_end.wait()
        ended.set()

    task = asyncio.create_task(unbroken(statement()))
    await begun.wait()
    task.cancel()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert ended.is_set()


async def test_cancelling_at_any_moment_keeps_all_or_nothing(database: SqlDatabase) -> None:
    async def use_case(nth: int) -> None:
        async with database.transaction() as tx:
            await tx.orders.add(an_order(f"SO{nth}"))
            await tx.timeline.append(
                f"SO{nth}", "order.created", actor="E1", actor_name="张三", channel="wecom", details={}, at=START
            )

    for nth in range(30):
        task = asyncio.create_task(use_case(nth))
        for _ in range(nth):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})

    await use_case(99)
    async with database.reading() as tx:
        orders = {f"SO{n}" for n in range(100) if await tx.orders.get(f"SO{n}")}
        assert orders == set(await tx.timeline.refs())
    assert "SO99" in orders
