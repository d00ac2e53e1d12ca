"""The real process, killed with SIGKILL while orders come in: nothing acknowledged is lost, nothing is done twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession, web

import demo
from bot.masters.demo import load_demo
from core.orders import OrderStatus
from simulator.clock import RunningClock
from simulator.scenarios import Stage, steps
from simulator.scenarios.words import words
from simulator.server import BODY_MOST, Accounts, Simulator
from storage.database import SqlDatabase
from tests.servers import PostgresServer

ORDERS = 10
KILLS = 3


class Process:
    """``python -m bot run`` with its configuration in the environment, as an operator would start it."""

    def __init__(self, folder: Path, port: int, platforms: str, database_url: str) -> None:
        a = Accounts()
        self.port = port
        self._env = {
            **os.environ,
            "JIEDAN_HOST": "127.0.0.1",
            "JIEDAN_PORT": str(port),
            "JIEDAN_CARD_SECRET": "a-secret-of-this-very-test",
            "JIEDAN_DATABASE_URL": database_url,
            "JIEDAN_FILES_DIR": str(folder / "files"),
            "JIEDAN_LOG_LEVEL": "WARNING",
            "JIEDAN_WECOM__ENABLED": "true",
            "JIEDAN_WECOM__CORPID": a.corpid,
            "JIEDAN_WECOM__AGENTID": str(a.agentid),
            "JIEDAN_WECOM__SECRET": a.secret,
            "JIEDAN_WECOM__TOKEN": a.token,
            "JIEDAN_WECOM__AES_KEY": a.aes_key,
            "JIEDAN_WECOM__BASE_URL": platforms,
            "JIEDAN_DINGTALK__ENABLED": "true",
            "JIEDAN_DINGTALK__CLIENT_ID": a.client_id,
            "JIEDAN_DINGTALK__CLIENT_SECRET": a.client_secret,
            "JIEDAN_DINGTALK__ROBOT_CODE": a.robot_code,
            "JIEDAN_DINGTALK__API_BASE": platforms,
            "JIEDAN_DINGTALK__OAPI_BASE": platforms,
        }
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bot", "run", env=self._env)
        async with ClientSession() as session, asyncio.timeout(30):
            while True:
                try:
                    async with session.get(f"http://127.0.0.1:{self.port}/readyz") as answer:
                        if answer.status == 200 and (await answer.json())["stream_sockets"]:
                            return
                except ClientError:
                    pass
                await asyncio.sleep(0.05)

    async def kill(self, how: signal.Signals = signal.SIGKILL) -> int:
        assert self._process is not None
        self._process.send_signal(how)
        return await self._process.wait()


@asynccontextmanager
async def _platforms(port: int, callback: str) -> AsyncIterator[Simulator]:
    clock = RunningClock(datetime.now(UTC))
    base = f"http://127.0.0.1:{port}"
    simulator = Simulator(clock=clock, base_url=base, wecom_callback=callback, wecom={"retry_delay": 2.0, "retries": 5})
    app = web.Application(client_max_size=BODY_MOST)
    app.add_routes(simulator.routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.stop()
        await runner.cleanup()


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
    here, there = demo.free_port(), demo.free_port()
    process = Process(tmp_path, here, f"http://127.0.0.1:{there}", database_url)
    chance = random.Random(7)

    async with _platforms(there, f"http://127.0.0.1:{here}/wecom/callback") as simulator:
        stage = simulator.stage(timeout=90)
        await process.start()

        async def killer() -> None:
            for _ in range(KILLS):
                await asyncio.sleep(chance.uniform(0.2, 0.9))
                await process.kill()
                await process.start()

        killing = asyncio.create_task(killer())
        await asyncio.gather(*(_order(stage, n) for n in range(ORDERS)))
        await killing
        await stage.until(lambda: _cards(stage, "技术甲", "技术确认").total() >= ORDERS)
        await stage.until(lambda: _submitted(stage).total() >= ORDERS)
        await stage.settle()

        assert await process.kill(signal.SIGTERM) == 0
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
