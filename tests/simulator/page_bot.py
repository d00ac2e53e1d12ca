"""A simulator on a port with a tiny bot behind it that speaks both wires: enough for phones to be alive."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from simulator.clock import RunningClock
from simulator.server import BODY_MOST, Simulator
from tests.simulator.dingtalk_desk import PUBLIC, Bot

NUMBER = "SO260221-0137"
FACTS = [
    ("客户", "华锐汽修 K0231(按编码)"),
    ("1行", "04465-0K240 前刹车片 ×20 ✅ 可用64"),
    ("交期", "02-23(周一) 18:00 前"),
]
MENU = {
    "button": [
        {
            "name": "下单",
            "sub_button": [
                {"type": "pic_photo_or_album", "name": "拍照下单", "key": "photo_order"},
                {"type": "click", "name": "我的单", "key": "my_orders"},
            ],
        },
        {
            "name": "仓库",
            "sub_button": [
                {"type": "scancode_waitmsg", "name": "扫码出库", "key": "scan_out"},
                {"type": "click", "name": "拣货任务", "key": "picks"},
            ],
        },
        {"type": "click", "name": "待办", "key": "todo"},
    ]
}


class TinyBot:
    """Drafts, submits, asks 技术甲, and tells the salesperson; everything else is answered with its own words."""

    def __init__(self, simulator: Simulator, url: str) -> None:
        self.sim, self.url = simulator, url
        self.filters = 48
        self.heard: list[dict[str, str]] = []
        self.restarts = 0
        self._code = ""
        self._token = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._stream: Bot | None = None

    # -- hooks the page is given -----------------------------------------------------------------

    async def restart_bot(self) -> None:
        self.restarts += 1

    async def bot_state(self, ref: str) -> dict[str, Any]:
        if ref != NUMBER:
            return {}
        return {"number": ref, "status": "pending", "lines": [{"part": "04465-0K240", "quantity": 20}]}

    async def tick_wave(self) -> None:
        await self.send("cangguan_a", "text", {"content": "波次 W0221-09A"})

    # -- both wires ------------------------------------------------------------------------------

    async def start(self) -> None:
        self.http = aiohttp.ClientSession()
        accounts = self.sim.accounts
        query = {"corpid": accounts.corpid, "corpsecret": accounts.secret}
        async with self.http.get(f"{self.url}/cgi-bin/gettoken", params=query) as answer:
            self._token = (await answer.json())["access_token"]
        await self.wecom("menu/create", MENU, agentid=str(accounts.agentid))
        body = {
            "clientId": accounts.client_id,
            "clientSecret": accounts.client_secret,
            "subscriptions": [
                {"type": "CALLBACK", "topic": "/v1.0/im/bot/messages/get"},
                {"type": "CALLBACK", "topic": "/v1.0/card/instances/callback"},
            ],
        }
        accept = {"Accept": "application/json"}
        async with self.http.post(f"{self.url}/v1.0/gateway/connections/open", json=body, headers=accept) as answer:
            opened = await answer.json()
        params = {"ticket": opened["ticket"]}
        socket = await self.http.ws_connect(opened["endpoint"], params=params, autoping=False)
        self._stream = Bot(socket, answer=self.clicked)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._stream is not None:
            await self._stream.close()
        await self.http.close()

    async def callback(self, request: web.Request) -> web.Response:
        """WeCom posts here: open, answer at once, act later."""
        encrypt = ElementTree.fromstring(await request.read()).findtext("Encrypt") or ""
        inner = ElementTree.fromstring(self.sim.wecom.cipher(self.sim.accounts.agentid).decrypt(encrypt))
        fields = {element.tag: element.text or "" for element in inner.iter()}
        self.heard.append(fields)
        self._later(self.act(fields))
        return web.Response()

    async def act(self, fields: dict[str, str]) -> None:
        user, kind = fields["FromUserName"], fields["MsgType"]
        if kind == "event" and fields["Event"] == "template_card_event":
            await self.pressed(fields)
        elif kind == "text" and re.search(r"K\d{4}", fields["Content"]):
            await self.send(user, "template_card", self.draft())
        elif kind == "text":
            await self.send(user, "text", {"content": f"没看懂：{fields['Content']}"})
        elif kind == "event":
            said = f"{fields.get('EventKey')} {fields.get('ScanResult', '')}".strip()
            await self.send(user, "text", {"content": said})
        else:
            await self.send(user, "text", {"content": f"收到{kind}"})

    async def pressed(self, fields: dict[str, str]) -> None:
        self._code = fields["ResponseCode"]
        if fields["EventKey"] == "round":
            self.filters = 50
            await self.repaint(self.draft(new=False))
        elif fields["EventKey"] == "submit":
            await self.repaint({**self.draft(new=False), **submitted(), "replace_text": "已提交"})
            await self.ask_tech()

    async def ask_tech(self) -> None:
        accounts = self.sim.accounts
        async with self.http.post(
            f"{self.url}/v1.0/oauth2/accessToken",
            json={"appKey": accounts.client_id, "appSecret": accounts.client_secret},
        ) as answer:
            token = (await answer.json())["accessToken"]
        body = {
            "cardTemplateId": PUBLIC,
            "outTrackId": "ap-17",
            "callbackType": "STREAM",
            "cardData": {"cardParamMap": approval()},
            "openSpaceId": "dtv1.card//IM_ROBOT.jishu_jia",
            "imRobotOpenSpaceModel": {"supportForward": False},
            "imRobotOpenDeliverModel": {"spaceType": "IM_ROBOT", "robotCode": accounts.robot_code},
        }
        headers = {"x-acs-dingtalk-access-token": token, "Accept": "application/json"}
        url = f"{self.url}/v1.0/card/instances/createAndDeliver"
        async with self.http.post(url, json=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()

    def clicked(self, frame: dict[str, Any]) -> dict[str, Any]:
        news = f"✅ {NUMBER} 已由 技术甲 于 10:02 通过,等下一波次下仓。"
        self._later(self.send("xiaoshou_a", "text", {"content": news}))
        closed = approval(live=False)
        return {"cardData": {"cardParamMap": closed}, "cardUpdateOptions": {"updateCardDataByKey": True}}

    # -- payloads --------------------------------------------------------------------------------

    def draft(self, *, new: bool = True) -> dict[str, Any]:
        flag = "🟡非整箱→50?" if self.filters == 48 else "✅"
        facts = [*FACTS[:2], ("2行", f"90915-YZZD4 机油滤 ×{self.filters} {flag}"), FACTS[2]]
        buttons = [{"text": "确认提交", "style": 1, "key": "submit"}]
        if self.filters == 48:
            buttons.append({"text": "2行改50", "style": 3, "key": "round"})
        card: dict[str, Any] = {
            "card_type": "button_interaction",
            "source": {"desc": "接单 · 订单草稿", "desc_color": 1},
            "main_title": {"title": f"订单草稿 {NUMBER}", "desc": "识别 2 行"},
            "horizontal_content_list": [{"keyname": key, "value": value} for key, value in facts],
            "sub_title_text": "首责 销售A·企微·09:14",
            "action_menu": {"desc": "更多", "action_list": [{"text": "作废", "key": "cancel"}]},
            "button_list": buttons,
        }
        return {**card, "task_id": f"so-{NUMBER}"} if new else card

    async def send(self, user: str, msgtype: str, content: dict[str, Any]) -> None:
        body = {"touser": user, "msgtype": msgtype, "agentid": self.sim.accounts.agentid, msgtype: content}
        await self.wecom("message/send", body)

    async def repaint(self, card: dict[str, Any]) -> None:
        body = {"userids": [], "atall": 1, "agentid": self.sim.accounts.agentid, "response_code": self._code}
        await self.wecom("message/update_template_card", {**body, "template_card": card})

    async def wecom(self, path: str, body: dict[str, Any], **query: str) -> None:
        data = json.dumps(body, ensure_ascii=False).encode()
        params = {"access_token": self._token, **query}
        async with self.http.post(f"{self.url}/cgi-bin/{path}", params=params, data=data) as answer:
            told = await answer.json()
        assert told["errcode"] == 0, told

    def _later(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def submitted() -> dict[str, Any]:
    return {
        "source": {"desc": "接单 · 订单", "desc_color": 0},
        "main_title": {"title": f"{NUMBER} 待审批", "desc": "华锐汽修"},
        "horizontal_content_list": [
            {"keyname": "状态", "value": "✅ 已提交 09:15"},
            {"keyname": "下一步", "value": "技术确认"},
            {"keyname": "责任人", "value": "技术甲、技术乙"},
            {"keyname": "截止", "value": "13:15 剩 3:58"},
        ],
    }


def approval(*, live: bool = True) -> dict[str, str]:
    lines = ["**华锐汽修 · 销售A 提交 · 剩 3:58**", "1行：04465-0K240 前刹车片 ×20", "2行：90915-YZZD4 机油滤 ×50"]
    if not live:
        lines.insert(0, "**✅ 已由 技术甲 于 10:02 在钉钉通过,无需处理**")
    buttons = [
        {"text": "通过", "color": "blue", "id": "ap|17", "request": True},
        {"text": "驳回", "color": "red", "id": "rj|17", "request": True},
    ]
    return {
        "title": f"技术确认 {NUMBER}",
        "markdown": "\n\n".join(lines),
        "tips": "接单 · 待审批",
        "sys_full_json_obj": json.dumps({"msgButtons": buttons if live else []}, ensure_ascii=False),
    }


class Served:
    """What a test holds: the simulator, its bot, its address, and a client."""

    def __init__(self, simulator: Simulator, bot: TinyBot, url: str, http: aiohttp.ClientSession) -> None:
        self.sim, self.bot, self.url, self.http = simulator, bot, url, http

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.http.get(self.url + path) as answer:
            return answer.status, await answer.json()

    async def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        async with self.http.post(self.url + path, json={} if body is None else body) as answer:
            return answer.status, await answer.json()

    async def delete(self, path: str) -> tuple[int, Any]:
        async with self.http.delete(self.url + path) as answer:
            return answer.status, await answer.json()


@contextlib.asynccontextmanager
async def served(*, port: int | None = None) -> AsyncIterator[Served]:
    """The page with both platforms and the tiny bot, all behind one port."""
    simulator = Simulator(clock=RunningClock(speed=0))
    port = port or unused_port()
    bot = TinyBot(simulator, f"http://127.0.0.1:{port}")
    simulator.hooks = bot
    app = web.Application(client_max_size=BODY_MOST)
    app.add_routes(simulator.routes())
    app.router.add_post("/wecom/callback", bot.callback)
    async with TestServer(app, port=port) as server, aiohttp.ClientSession() as http:
        url = str(server.make_url("")).rstrip("/")
        simulator.set_addresses(base_url=url, wecom_callback=f"{url}/wecom/callback")
        await simulator.start()
        await bot.start()
        try:
            yield Served(simulator, bot, url, http)
        finally:
            await bot.stop()
            await simulator.stop()
