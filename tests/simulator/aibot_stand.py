"""The intelligent bot of a corp on loopback, and a bare client that sends it whatever a test wants."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer

from simulator.wecom import AibotConfig, AibotGroup, AppConfig, Member, WeComPlatform
from simulator.wecom.aibot import SOCKET
from simulator.world import Faults, WireLog
from tests.simulator.wecom_stand import CORP, MovableClock

BOT, SECRET = "aib-1", "long-secret"
GROUP = AibotGroup(chatid="wrGROUP", members=("XiaoA", "boss"))


async def until(condition: Callable[[], Any], seconds: float = 8.0) -> Any:
    async with asyncio.timeout(seconds):
        while not (found := condition()):  # noqa: ASYNC110 - facts about a server, not events
            await asyncio.sleep(0.005)
    return found


@dataclass
class Client:
    """Frames as they are; what comes without cmd answers the last request."""

    ws: aiohttp.ClientWebSocketResponse
    numbers: Any = field(default_factory=lambda: itertools.count(1))
    callbacks: list[dict[str, Any]] = field(default_factory=list)

    async def ask(self, cmd: str, body: dict[str, Any] | None = None, *, req_id: str = "") -> dict[str, Any]:
        """The acknowledgement."""
        frame = {"cmd": cmd, "headers": {"req_id": req_id or f"own-{next(self.numbers)}"}, "body": body or {}}
        await self.ws.send_str(json.dumps(frame, ensure_ascii=False))
        while True:
            answer = await self.next()
            if "cmd" not in answer:
                return answer
            self.callbacks.append(answer)

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(5):
            return dict(json.loads(await self.ws.receive_str()))

    async def callback(self) -> dict[str, Any]:
        return self.callbacks.pop(0) if self.callbacks else await self.next()

    async def subscribe(self, secret: str = SECRET) -> dict[str, Any]:
        return await self.ask("aibot_subscribe", {"bot_id": BOT, "secret": secret})


@dataclass
class AibotStand:
    platform: WeComPlatform
    clock: MovableClock
    wire: WireLog
    faults: Faults
    session: aiohttp.ClientSession
    url: str

    @contextlib.asynccontextmanager
    async def client(self, *, subscribed: bool = True) -> AsyncIterator[Client]:
        async with self.session.ws_connect(self.url) as ws:
            client = Client(ws)
            if subscribed:
                assert (await client.subscribe())["errcode"] == 0
            yield client

    def shown(self, user: str) -> list[Any]:
        """What the bot has put on that phone."""
        return [message for message in self.platform.chat(user) if not message.from_me]


@contextlib.asynccontextmanager
async def aibot_stand(*, clean: bool = True, **options: Any) -> AsyncIterator[AibotStand]:
    """``clean``: at the end the platform must have seen no violation."""
    clock = MovableClock()
    wire, faults = WireLog(clock), Faults()
    app = AppConfig(agentid=1000002, secret="s", token="Tok", aes_key="abcdefghij0123456789" * 2 + "abE")
    platform = WeComPlatform(
        clock=clock,
        wire=wire,
        faults=faults,
        corpid=CORP,
        apps=[app],
        members=[Member(userid="XiaoA", name="销售A"), Member(userid="boss", name="主管")],
        aibot=AibotConfig(aibotid=BOT, secret=SECRET),
        aibot_groups=(GROUP,),
        **options,
    )
    async with TestServer(platform.create_app()) as server, aiohttp.ClientSession() as session:
        url = str(server.make_url(SOCKET)).replace("http", "ws", 1)
        await platform.start()
        try:
            yield AibotStand(platform, clock, wire, faults, session, url)
        finally:
            await platform.stop()
    if clean:
        assert wire.violations == []
