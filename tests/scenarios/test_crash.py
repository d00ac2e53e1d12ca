"""The real process, killed with SIGKILL while orders come in: nothing acknowledged is lost, nothing is done twice."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.masters.demo import load_demo
from cluster.platforms import environment, platforms
from cluster.processes import free_port
from cluster.replica import Replica
from core.orders import OrderStatus
from simulator.scenarios import Stage, steps
from simulator.scenarios.words import words
from storage.database import SqlDatabase
from tests.servers import PostgresServer

ORDERS = 10
KILLS = 3


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with the demo's master data, for a process of its own."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'jiedan.db'}"
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        server.sql("CREATE DATABASE crash")
        url = server.url("crash")
    database = SqlDatabase(url)
    await database.migrate()
    await load_demo(database, datetime.now(UTC))
    await database.close()
    return url


async def test_killed_again_and_again_it_loses_no_order_and_shows_no_card_twice(
    tmp_path: Path, database_url: str
) -> None:
    here, there = free_port(), free_port()
    base = f"http://127.0.0.1:{there}"
    env = environment(base, database_url=database_url, files=tmp_path / "files")
    replica = Replica("bot", here, env, folder=tmp_path)
    chance = random.Random(7)

    async with (
        platforms(there, f"{replica.url}/wecom/callback", wecom={"retry_delay": 2.0, "retries": 5}) as simulator,
        replica,
    ):
        stage = simulator.stage(timeout=90)
        await replica.wait_ready(sockets=1)

        async def killer() -> None:
            for nth in range(KILLS):
                await asyncio.sleep(chance.uniform(0.2, 0.9))
                if nth:
                    replica.kill_worker()
                else:
                    await replica.kill()
                    await replica.start()
                await replica.wait_ready(sockets=1)

        killing = asyncio.create_task(killer())
        await asyncio.gather(*(_order(stage, n) for n in range(ORDERS)))
        await killing
        await stage.until(lambda: _cards(stage, "技术甲", "技术确认").total() >= ORDERS)
        await stage.until(lambda: _submitted(stage).total() >= ORDERS)
        await stage.settle()

        assert await replica.terminate() == 0
        assert set(_cards(stage, "技术甲", "技术确认").values()) == {1}
        assert _cards(stage, "技术甲", "技术确认").total() == ORDERS
        assert simulator.wecom.given_up == []
        assert simulator.wecom.silently_dropped == []
        assert simulator.wire.violations == []
        assert set(_submitted(stage).values()) == {1}
        assert _submitted(stage).total() == ORDERS

    database = SqlDatabase(database_url)
    async with database.reading() as tx:
        orders = await tx.orders.in_status(*OrderStatus)
        assert [o.status for o in orders] == [OrderStatus.PENDING] * ORDERS
        assert len({o.source_key for o in orders}) == ORDERS
        for order in orders:
            asked = [e.action for e in await tx.timeline.of(order.number)]
            assert asked.count("order.submitted") == 1
    await database.close()


async def _order(stage: Stage, n: int) -> None:
    """One salesperson's order from typing to submitting, whatever happens to the bot meanwhile."""
    sales = stage.phone("销售A" if n % 2 else "销售B")
    await sales.say(f"K0231 04465-0K240 {n + 1}个, 大后天要")
    card = await sales.wait_card(lambda m: "订单草稿" in m.title and f"前刹车片 ×{n + 1} ✅" in words(m))
    await sales.press("确认提交", on=steps.number_on(card))


def _submitted(stage: Stage) -> Counter[str]:
    """The salespeople's own cards that say so."""
    return _cards(stage, "销售A", "待审批") + _cards(stage, "销售B", "待审批")


def _cards(stage: Stage, name: str, title: str) -> Counter[str]:
    """How many cards of each order stand on a phone."""
    return Counter(steps.number_on(m) for m in stage.phone(name).messages() if m.kind == "card" and title in m.title)
