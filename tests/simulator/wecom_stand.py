"""A WeCom corp on loopback for the tests: the platform, a listening bot, and a client of the API."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from simulator.wecom import AppConfig, Member, WeComPlatform
from simulator.world import Faults, WireLog

CORP = "ww8f5d0a2b3c4d5e6f"
SALES = 1000002
DEPOT = 1000003
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
JPG = b"\xff\xd8\xff\xe0" + bytes(64)
MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(64)
AMR = b"#!AMR\n" + bytes(64)


class MovableClock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self._now = datetime(2026, 2, 21, 9, 14, tzinfo=UTC)
        self._sleepers: list[tuple[datetime, asyncio.Event]] = []
        self.slept_on = asyncio.Event()
        """Set once somebody sleeps by this clock."""

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        event = asyncio.Event()
        self._sleepers.append((self._now + timedelta(seconds=seconds), event))
        self.slept_on.set()
        await event.wait()

    def move(self, **delta: float) -> None:
        self._now += timedelta(**delta)
        for due, event in self._sleepers:
            if due <= self._now:
                event.set()


class Bot:
    """The listening end: keeps what it gets and answers as scripted, else with an empty 200."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.script: deque[web.Response | Callable[[web.Request, bytes], web.Response]] = deque()
        self.silent = 0
        """How many of the next callbacks get no answer until the caller hangs up."""
        self.arrived = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.got.append((dict(request.query), body))
        self.arrived.set()
        if self.silent:
            self.silent -= 1
            await asyncio.Event().wait()
        step = self.script.popleft() if self.script else web.Response()
        return step if isinstance(step, web.Response) else step(request, body)


class Stand:
    def __init__(self, **options: Any) -> None:
        self.clock = MovableClock()
        self.wire = WireLog(self.clock)
        self.faults = Faults()
        self.bot = Bot()
        self.tokens: dict[int, str] = {}
        self.platform = WeComPlatform(
            clock=self.clock,
            wire=self.wire,
            faults=self.faults,
            corpid=CORP,
            apps=[
                AppConfig(
                    agentid=SALES,
                    secret="secret-sales",
                    token="QDG6eK",
                    aes_key="abcdefghij0123456789" * 2 + "abE",
                ),
                AppConfig(
                    agentid=DEPOT,
                    secret="secret-depot",
                    token="Tok2",
                    aes_key="ABCDEFGHIJ9876543210" * 2 + "xyE",
                    visible=frozenset({"kuguan"}),
                ),
            ],
            members=[
                Member(userid="XiaoA", name="销售A"),
                Member(userid="boss1", name="主管一", departments=(2,), tags=(9,)),
                Member(userid="boss2", name="主管二", departments=(2,)),
                Member(userid="kuguan", name="库管"),
                Member(userid="left", name="离职", status=5),
                Member(userid="nolicence", name="无许可", licensed=False),
            ],
            **options,
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Stand]:
        ears = web.Application()
        ears.router.add_route("*", "/wecom/callback", self.bot.handle)
        async with (
            TestServer(ears, handler_cancellation=True) as bot_server,
            TestServer(self.platform.create_app()) as api_server,
            aiohttp.ClientSession() as session,
        ):
            self.api_url = str(api_server.make_url("/cgi-bin/"))
            self.session = session
            self.callback_url = str(bot_server.make_url("/wecom/callback"))
            self.platform.set_callback_url(SALES, self.callback_url)
            await self.platform.start()
            try:
                yield self
            finally:
                await self.platform.stop()

    async def token(self, agentid: int = SALES) -> str:
        if agentid not in self.tokens:
            secret = self.platform.directory.app(agentid).secret
            answer = await self.get("gettoken", corpid=CORP, corpsecret=secret)
            self.tokens[agentid] = answer["access_token"]
        return self.tokens[agentid]

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        async with self.session.get(self.api_url + path, params=query) as response:
            return dict(await response.json())

    async def post(self, path: str, body: Any, *, agentid: int = SALES) -> dict[str, Any]:
        """POST raw UTF-8 JSON with the app's token."""
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        query = {"access_token": await self.token(agentid)}
        async with self.session.post(self.api_url + path, params=query, data=data) as response:
            return dict(await response.json())

    async def send(self, touser: str, msgtype: str, body: Any, **more: Any) -> dict[str, Any]:
        message = {"touser": touser, "msgtype": msgtype, "agentid": SALES, msgtype: body, **more}
        return await self.post("message/send", message)

    async def send_text(self, touser: str, content: str = "你好", **more: Any) -> dict[str, Any]:
        return await self.send(touser, "text", {"content": content}, **more)

    async def send_card(self, touser: str, card: dict[str, Any]) -> dict[str, Any]:
        return await self.send(touser, "template_card", card)

    async def update(self, code: str, **more: Any) -> dict[str, Any]:
        return await self.post("message/update_template_card", {"agentid": SALES, "response_code": code, **more})

    def inner(self, index: int = -1) -> str:
        """The decrypted XML of a callback the bot got."""
        query, body = self.bot.got[index]
        encrypt = body.decode().split("<Encrypt><![CDATA[")[1].split("]]>")[0]
        cipher = self.platform.cipher(SALES)
        cipher.check_signature(
            signature=query["msg_signature"],
            timestamp=query["timestamp"],
            nonce=query["nonce"],
            encrypt=encrypt,
        )
        return cipher.decrypt(encrypt).decode()


def approval_card(task_id: str = "ap-SO260221-0137-v1", **changes: Any) -> dict[str, Any]:
    """An approval card that keeps every rule; None removes a field."""
    card: dict[str, Any] = {
        "card_type": "button_interaction",
        "task_id": task_id,
        "source": {"desc": "订单审批", "desc_color": 1},
        "main_title": {"title": "待审批 SO260221-0137", "desc": "张三 · 城东店"},
        "horizontal_content_list": [{"keyname": "数量", "value": "20 个"}],
        "action_menu": {"desc": "更多", "action_list": [{"text": "转交", "key": "forward"}]},
        "button_selection": {
            "question_key": "reason",
            "title": "驳回原因",
            "option_list": [{"id": "none", "text": "无"}, {"id": "price", "text": "价格异常"}],
            "selected_id": "none",
        },
        "button_list": [
            {"text": "通过", "style": 1, "key": "approve"},
            {"text": "驳回", "style": 4, "key": "reject"},
        ],
    }
    card.update(changes)
    return {name: value for name, value in card.items() if value is not None}


def vote_card(task_id: str = "vote-1", **changes: Any) -> dict[str, Any]:
    card: dict[str, Any] = {
        "card_type": "vote_interaction",
        "task_id": task_id,
        "main_title": {"title": "加急原因"},
        "checkbox": {
            "question_key": "why",
            "mode": 1,
            "option_list": [
                {"id": "rival", "text": "竞品抢单", "is_checked": True},
                {"id": "down", "text": "车辆停驶", "is_checked": False},
            ],
        },
        "submit_button": {"text": "确认", "key": "expedite"},
    }
    card.update(changes)
    return {name: value for name, value in card.items() if value is not None}


def multiple_card(task_id: str = "multi-1", **changes: Any) -> dict[str, Any]:
    options = [{"id": "red", "text": "红"}, {"id": "amber", "text": "黄"}]
    card: dict[str, Any] = {
        "card_type": "multiple_interaction",
        "task_id": task_id,
        "main_title": {"title": "加急"},
        "select_list": [{"question_key": "level", "title": "级别", "option_list": options}],
        "submit_button": {"key": "go"},
    }
    card.update(changes)
    return {name: value for name, value in card.items() if value is not None}


def notice_card(**changes: Any) -> dict[str, Any]:
    card: dict[str, Any] = {
        "card_type": "text_notice",
        "main_title": {"title": "已出库"},
        "card_action": {"type": 1, "url": "https://jiedan.example.com/o/7"},
    }
    card.update(changes)
    return {name: value for name, value in card.items() if value is not None}


def news_card(**changes: Any) -> dict[str, Any]:
    return notice_card(**{"card_type": "news_notice", "card_image": {"url": "https://p.example.com/a.png"}, **changes})
