"""The platforms' time, by the Date of their answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from bot.platform_time import platform_time


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


async def _server(date: str) -> TestServer:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=404, headers={"Date": date})

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    server = TestServer(app)
    await server.start_server()
    return server


async def test_any_answer_of_a_platform_tells_the_time(session: ClientSession) -> None:
    server = await _server("Mon, 02 Mar 2026 09:00:00 GMT")
    at = await platform_time(session, ["http://127.0.0.1:9/nobody", str(server.make_url("/cgi-bin"))])
    assert at == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    await server.close()


async def test_two_platforms_that_disagree_are_not_believed(session: ClientSession) -> None:
    one, other = await _server("Mon, 02 Mar 2026 09:00:00 GMT"), await _server("Mon, 02 Mar 2026 10:00:00 GMT")
    assert await platform_time(session, [str(one.make_url("/")), str(other.make_url("/"))]) is None
    await one.close()
    await other.close()


@pytest.mark.parametrize("date", ["", "yesterday", "32 Foo"])
async def test_nobody_or_nonsense_is_no_time(session: ClientSession, date: str) -> None:
    server = await _server(date)
    assert await platform_time(session, [str(server.make_url("/"))]) is None
    assert await platform_time(session, []) is None
    await server.close()
