"""An auditor that is quick to believe, beside a running bot, and a heartbeat service that it reports to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import text

import demo
from bot.auditor import Auditor
from bot.heartbeat import Heartbeat
from bot.trace_check import TraceWatch

TEXT = "K0231 04465-0K240 20个, 后天要"
TWO_MINUTES = timedelta(seconds=120)


class Outside:
    """A heartbeat service: remembers what it was told."""

    def __init__(self) -> None:
        self.pings: list[tuple[str, str]] = []
        self.url = ""

    async def heard(self, request: web.Request) -> web.Response:
        self.pings.append((request.path, await request.text()))
        return web.Response(text="OK")

    @property
    def fails(self) -> list[str]:
        return [body for path, body in self.pings if path.endswith("/fail")]

    @property
    def well(self) -> int:
        return sum(not path.endswith("/fail") for path, _ in self.pings)


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    service = Outside()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", service.heard)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}/jiedan"
    yield service
    await runner.cleanup()


@pytest.fixture
async def auditor(running: demo.World, outside: Outside) -> AsyncIterator[Auditor]:
    """The bot's own auditor, anew: quick to believe, with something outside to tell."""
    await running.bot.auditor.stop()
    if running.bot.aibot is not None:  # its lease is renewed by real seconds: a jump of the clock would look like death
        await running.bot.aibot.stop()
        async with asyncio.timeout(20):
            while await _leases(running):  # noqa: ASYNC110 - given back behind when the database is slow
                await asyncio.sleep(0.02)
    made = an_auditor(running, outside, replica=running.bot.owner)
    running.bot.auditor = made
    made.start()
    await until(lambda: outside.well > 0)
    yield made
    await made.stop()


def an_auditor(running: demo.World, outside: Outside, **terms: Any) -> Auditor:
    bot = running.bot
    values: dict[str, Any] = {
        "database": bot.database,
        "coordinator": bot.coordinator,
        "clock": bot.clock,
        "desks": bot.desks,
        "metrics": bot.metrics,
        "watch": TraceWatch(bot.database, bot.clock, anchor_file=running.folder / "anchors.log"),
        "heartbeat": Heartbeat(bot.session, bot.clock, url=outside.url, interval=60.0),
        "folder": running.folder,
        "alone": bot.database.single_instance,
        "grace": 0.3,
        "first": 0.0,
    }
    return Auditor(**{**values, **terms})


async def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - waits on a condition
            await asyncio.sleep(0.02)


async def _leases(running: demo.World) -> int:
    async with running.bot.database.writer.begin() as connection:
        held: int = (await connection.execute(text("SELECT count(*) FROM leases"))).scalar_one()
        return held


async def sql(running: demo.World, statement: str, **values: Any) -> None:
    async with running.bot.database.writer.begin() as connection:
        await connection.execute(text(statement), values)


def quiet(running: demo.World) -> Heartbeat:
    return Heartbeat(running.bot.session, running.clock, url="", interval=60.0)
