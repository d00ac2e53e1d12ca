"""How a socket notices that the other side has gone, and how long the client waits before it tries again."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from bot.dingtalk.gateway import Gateway
from bot.dingtalk.receive import Receiver
from bot.dingtalk.settings import DingTalkSettings, StreamSettings
from bot.dingtalk.socket import Ending, StreamSocket
from bot.dingtalk.stream import Backoff
from bot.platform_errors import PlatformDown, PlatformError, RateLimited, TokenRejected
from core.clock import MovableClock
from tests.dingtalk.stand import QUICK, START, Store, until

PING = json.dumps({"type": "SYSTEM", "headers": {"topic": "ping", "messageId": "m1"}, "data": '{"opaque":"op-1"}'})


class Server:
    """A gateway of one socket that pings, pongs or keeps silent as told."""

    def __init__(self, *, pongs: bool, first: str = "") -> None:
        self.pongs, self.first = pongs, first
        self.received: list[str] = []
        self.pings = 0

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(autoping=False)
        await ws.prepare(request)
        if self.first:
            await ws.send_str(self.first)
        async for message in ws:
            if message.type is WSMsgType.PING:
                self.pings += 1
                if self.pongs:
                    await ws.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                self.received.append(message.data)
        return ws


@contextlib.asynccontextmanager
async def socket_to(server: Server, settings: StreamSettings = QUICK) -> AsyncIterator[StreamSocket]:
    app = web.Application()
    app.router.add_get("/", server.connect)
    served = TestServer(app)
    await served.start_server()
    clock = MovableClock(START)
    store = Store()
    receiver = Receiver(ingest=store.ingest, answer_press=store.answer_press, clock=clock, press_limit=1.0)
    async with aiohttp.ClientSession() as session:
        ws = await session.ws_connect(served.make_url("/"), autoping=False)
        one = StreamSocket(ws, receiver=receiver, settings=settings, clock=clock, on_frame=lambda: None)
        try:
            yield one
        finally:
            await one.retire(0.5)
            await served.close()


async def test_a_socket_that_answers_nothing_is_given_up() -> None:
    async with socket_to(Server(pongs=False)) as one:
        assert await one.ending is Ending.SILENT


async def test_a_socket_whose_pings_have_stopped_is_given_up_although_it_still_pongs() -> None:
    server = Server(pongs=True, first=PING)
    async with socket_to(server) as one:
        assert await one.ending is Ending.SILENT
        assert one.lived >= QUICK.watchdog
        assert json.loads(server.received[0])["data"] == '{"opaque":"op-1"}'


async def test_a_server_that_never_pings_is_believed_by_its_pongs() -> None:
    server = Server(pongs=True)
    async with socket_to(server) as one:
        await until(lambda: one.lived > 2 * QUICK.watchdog)

        assert not one.ending.done()
        assert server.pings >= 4


async def test_a_closed_socket_is_noticed_at_once() -> None:
    class Closing(Server):
        async def connect(self, request: web.Request) -> web.WebSocketResponse:
            ws = web.WebSocketResponse()
            await ws.prepare(request)
            await ws.close()
            return ws

    async with socket_to(Closing(pongs=True), StreamSettings()) as one:
        assert await one.ending is Ending.CLOSED


def test_waiting_doubles_up_to_a_minute_and_starts_again_after_a_reset() -> None:
    backoff = Backoff(StreamSettings())

    waits = [backoff.next() for _ in range(12)]
    for wait, whole in zip(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60], strict=True):
        assert whole / 2 <= wait <= whole
    backoff.reset()

    assert backoff.next() <= 1.0


@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        (401, '{"code":"authFailed","message":"鉴权失败"}', TokenRejected),
        (401, "", TokenRejected),
        (503, '{"code":"ServiceUnavailable"}', PlatformDown),
        (403, '{"code":"Forbidden.AccessDenied.QpsLimitForApi"}', RateLimited),
        (400, '{"code":"param.invalid"}', PlatformError),
        (200, "<xml/>", PlatformDown),
        (200, '{"endpoint":"https://evil.example","ticket":"t"}', PlatformDown),
        (200, '{"endpoint":"ws://127.0.0.1:9/connect"}', PlatformDown),
        (200, '{"endpoint":"ws://127.0.0.1:9/connect","ticket":"s/+="}', PlatformDown),
    ],
)
async def test_what_a_gateway_may_say_instead_of_a_socket(status: int, text: str, error: type) -> None:
    async def refuse(request: web.Request) -> web.Response:
        assert request.headers["Accept"] == "application/json"
        return web.Response(status=status, text=text, content_type="application/json")

    app = web.Application()
    app.router.add_post("/v1.0/gateway/connections/open", refuse)
    served = TestServer(app)
    await served.start_server()
    try:
        async with aiohttp.ClientSession() as session:
            base = str(served.make_url("")).rstrip("/")
            settings = DingTalkSettings(client_id="a", client_secret="b", api_base=base)
            with pytest.raises(error) as caught:
                await Gateway(settings, session).connect()
    finally:
        await served.close()

    assert "s/+=" not in str(caught.value)


async def test_a_gateway_that_never_answers_is_left_after_the_timeout() -> None:
    hang: asyncio.Event = asyncio.Event()

    async def silence(request: web.Request) -> Any:
        await hang.wait()
        return web.Response()

    app = web.Application()
    app.router.add_post("/v1.0/gateway/connections/open", silence)
    served = TestServer(app)
    await served.start_server()
    try:
        async with aiohttp.ClientSession() as session:
            settings = DingTalkSettings(
                client_id="a",
                client_secret="b",
                api_base=str(served.make_url("")).rstrip("/"),
                stream=dataclasses.replace(QUICK, open_timeout=0.05),
            )
            with pytest.raises(PlatformDown):
                await Gateway(settings, session).connect()
    finally:
        hang.set()
        await served.close()
