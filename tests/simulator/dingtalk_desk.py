"""What the DingTalk tests share: moved clocks, a served platform, a stream client that can misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from simulator.dingtalk import DingTalkPlatform, Group, Member
from simulator.world import Faults, WireLog

CARD_TOPIC = "/v1.0/card/instances/callback"
ROBOT_TOPIC = "/v1.0/im/bot/messages/get"
PUBLIC = "1366a1eb-bc54-4859-ac88-517c56a9acb1.schema"
OWN = "jiedan-own-approval.schema"
GROUP = "cidGROUP=="
MEMBERS = (
    Member(user_id="tech1", name="陈技术", title="技术"),
    Member(user_id="boss", name="王经理", manager_user_id="", roles=((7, "主管"),)),
    Member(user_id="guest", name="外人", outsider=True),
)


class MovedClock:
    """Time stands still until a test moves it."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
        self._sleepers: list[tuple[datetime, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now + timedelta(seconds=seconds), future))
        await future

    def move(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        for due, future in self._sleepers:
            if due <= self._now and not future.done():
                future.set_result(None)
        self._sleepers = [(due, future) for due, future in self._sleepers if not future.done()]

    def sleeping(self, seconds: float) -> bool:
        """Somebody waits for exactly that moment from now."""
        return any(due == self._now + timedelta(seconds=seconds) and not f.done() for due, f in self._sleepers)


async def until(condition: Callable[[], Any]) -> None:
    """Let the loop run until the condition holds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the conditions are facts about a server, not events
            await asyncio.sleep(0.001)


class Desk:
    """A served platform and a bare HTTP client with a token."""

    def __init__(self, platform: DingTalkPlatform, clock: MovedClock, pace: MovedClock, url: str) -> None:
        self.platform, self.clock, self.pace, self.url = platform, clock, pace, url
        self.http = aiohttp.ClientSession()
        self.token = ""

    @property
    def wire(self) -> WireLog:
        return self.platform.site.wire

    @property
    def faults(self) -> Faults:
        return self.platform.site.faults

    async def login(self) -> str:
        body = {"appKey": "ding-app", "appSecret": "s3cret"}
        async with self.http.post(f"{self.url}/v1.0/oauth2/accessToken", json=body) as answer:
            self.token = (await answer.json())["accessToken"]
        return self.token

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        if not self.token:
            await self.login()
        headers = {"x-acs-dingtalk-access-token": self.token, "Accept": "application/json"}
        async with self.http.request(method, self.url + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def post(self, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        return await self.call("POST", path, body)

    async def reply(self, url: str, body: Any) -> dict[str, Any]:
        async with self.http.post(url, json=body) as answer:
            assert answer.status == 200
            return dict(await answer.json())

    async def batch_send(self, users: list[str], text: str = "你好") -> tuple[int, dict[str, Any]]:
        param = json.dumps({"content": text})
        body = {"robotCode": "ding-app", "userIds": users, "msgKey": "sampleText", "msgParam": param}
        return await self.post("/v1.0/robot/oToMessages/batchSend", body)

    async def open(self, *, secret: str = "s3cret", accept: str = "application/json") -> aiohttp.ClientResponse:
        body = {
            "clientId": "ding-app",
            "clientSecret": secret,
            "subscriptions": [
                {"type": "EVENT", "topic": "*"},
                {"type": "CALLBACK", "topic": ROBOT_TOPIC},
                {"type": "CALLBACK", "topic": CARD_TOPIC},
            ],
        }
        url = f"{self.url}/v1.0/gateway/connections/open"
        return await self.http.post(url, json=body, headers={"Accept": accept})

    async def connect(self, **habits: Any) -> Bot:
        before = {connection.id for connection in self.platform.gateway.connections}
        async with await self.open() as answer:
            opened = await answer.json()
        params = {"ticket": opened["ticket"]}
        socket = await self.http.ws_connect(opened["endpoint"], params=params, autoping=False)
        bot = Bot(socket, **habits)
        await until(lambda: {c.id for c in self.platform.gateway.connections} - before)
        return bot


class Bot:
    """A stream client: keeps every frame; acks as told."""

    def __init__(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        *,
        acks: bool = True,
        answer: Callable[[dict[str, Any]], Any] = lambda _: {},
    ) -> None:
        self.socket, self.acks, self.answer = socket, acks, answer
        self.frames: list[dict[str, Any]] = []
        self.closed = False
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self.socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            frame = json.loads(message.data)
            self.frames.append(frame)
            if self.acks:
                await self.ack(frame)
        self.closed = True

    def of(self, topic: str) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame["headers"]["topic"] == topic]

    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(frame["data"]) for frame in self.of(ROBOT_TOPIC)]

    async def ack(self, frame: dict[str, Any], *, data: Any = None, code: int = 200) -> None:
        topic = frame["headers"]["topic"]
        if data is None and topic == "ping":
            data = frame["data"]
        elif data is None and frame["type"] == "EVENT":
            data = json.dumps({"status": "SUCCESS"})
        elif data is None:
            data = json.dumps({"response": self.answer(frame) if topic == CARD_TOPIC else None})
        await self.send(
            {
                "code": code,
                "headers": {"messageId": frame["headers"]["messageId"], "contentType": "application/json"},
                "message": "OK",
                "data": data,
            }
        )

    async def send(self, frame: Any) -> None:
        await self.socket.send_str(json.dumps(frame))

    async def close(self) -> None:
        await self.socket.close()
        await self._task


@contextlib.asynccontextmanager
async def desk(**terms: Any) -> AsyncIterator[Desk]:
    """A platform behind a real local HTTP server, with both clocks under the test's hand."""
    clock, pace = MovedClock(), MovedClock()
    platform = DingTalkPlatform(
        clock=clock,
        wire=WireLog(clock),
        faults=Faults(),
        corp_id="dingcorp",
        client_id="ding-app",
        client_secret="s3cret",
        robot_code="ding-app",
        members=MEMBERS,
        groups=(Group(conversation_id=GROUP, title="前线群", member_ids=("tech1", "boss")),),
        pace=pace,
        **terms,
    )
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.add_routes(platform.routes())
    server = TestServer(app)
    await server.start_server()
    platform.base_url = str(server.make_url("/"))
    await platform.start()
    held = Desk(platform, clock, pace, platform.base_url)
    try:
        yield held
    finally:
        await platform.stop()
        await held.http.close()
        await server.close()


def card_body(out_track_id: str = "ord-1-v1", **changes: Any) -> dict[str, Any]:
    """createAndDeliver of an approval card to the boss, on the public template."""
    buttons = {
        "msgButtons": [
            {"text": "通过", "color": "blue", "id": "approve", "request": True, "params": {"a": "approve"}},
            {"text": "驳回", "color": "gray", "id": "reject", "request": True},
            {"text": "明细", "url": "https://example.com/o/1"},
        ]
    }
    values = {"title": "订单 1 待审批", "markdown": "**4 件**", "tips": "请在 2 小时内处理"}
    return {
        "cardTemplateId": PUBLIC,
        "outTrackId": out_track_id,
        "callbackType": "STREAM",
        "cardData": {"cardParamMap": {**values, "sys_full_json_obj": json.dumps(buttons)}},
        "openSpaceId": "dtv1.card//IM_ROBOT.boss",
        "imRobotOpenSpaceModel": {"supportForward": False},
        "imRobotOpenDeliverModel": {"spaceType": "IM_ROBOT", "robotCode": "ding-app"},
        **changes,
    }
