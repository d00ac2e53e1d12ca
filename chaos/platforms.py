"""Both strict messengers for a company of any size, on one port of this process."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TypeVar

from aiohttp import web

from chaos.company import Company
from core.people import PlatformName
from simulator.clock import RunningClock
from simulator.dingtalk import DingTalkPlatform
from simulator.server import BODY_MOST, Accounts
from simulator.wecom import AppConfig, WeComPlatform
from simulator.world import Faults, PhoneMessage, Platform, Press, WireLog

T = TypeVar("T")

LOOK_AGAIN = 5.0
"""Real seconds after which somebody looks at their phone even when nothing moved on it."""


class Platforms:
    """Phones, callbacks and APIs.

    WeCom waits 5 s and tries three times in all; DingTalk sends an unacked message four times more, every 20 s.
    """

    def __init__(self, company: Company, port: int, callback: str, *, seed: int) -> None:
        a = self.accounts = Accounts()
        self.clock = RunningClock(datetime.now(UTC))
        self.wire = WireLog(self.clock)
        self.faults = Faults(seed=seed)
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        app = AppConfig(agentid=a.agentid, secret=a.secret, token=a.token, aes_key=a.aes_key, callback_url=callback)
        self.wecom = WeComPlatform(
            clock=self.clock,
            wire=self.wire,
            faults=self.faults,
            corpid=a.corpid,
            apps=[app],
            members=company.wecom_members(),
            retries=2,
            retry_delay=1.0,
        )
        self.dingtalk = DingTalkPlatform(
            clock=self.clock,
            wire=self.wire,
            faults=self.faults,
            corp_id=a.corp_id,
            client_id=a.client_id,
            client_secret=a.client_secret,
            robot_code=a.robot_code,
            members=company.dingtalk_members(),
            base_url=self.url,
            redelivery_after=20.0,
            redelivery_tries=4,
            ack_patience=1.0,
            api_qps=40,
            monthly_api_calls=10**9,
            monthly_stream=10**9,
            seed=seed,
        )
        self._by_name: dict[PlatformName, Platform] = {
            PlatformName.WECOM: self.wecom,
            PlatformName.DINGTALK: self.dingtalk,
        }
        self._moved: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.wecom.phones.watchers.append(self._touch)
        self.dingtalk.site.phones.watchers.append(self._touch)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Platforms]:
        app = web.Application(client_max_size=BODY_MOST)
        app.add_routes([*self.wecom.routes(), *self.dingtalk.routes()])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._port, backlog=1024).start()
        await self.wecom.start()
        await self.dingtalk.start()
        try:
            yield self
        finally:
            await self.dingtalk.stop()
            await self.wecom.stop()
            await runner.cleanup()

    def phone(self, platform: PlatformName, account: str) -> list[PhoneMessage]:
        """Everything on that phone, oldest first."""
        return self._by_name[platform].chat(account)

    async def say(self, platform: PlatformName, account: str, text: str) -> str:
        """The person types; returns the message id once the platform has its answer, or has given up for now."""
        return await self._by_name[platform].say(account, text)

    def delivered(self, message_id: str) -> bool:
        """False once WeCom has given a message up: a person sees that on the phone."""
        return all(str(inner.get("MsgId")) != message_id for inner in self.wecom.given_up)

    async def press(self, platform: PlatformName, press: Press) -> None:
        """Raises LookupError when the button is no longer live."""
        await self._by_name[platform].press(press)

    async def until(self, account: str, look: Callable[[], T | None], timeout: float) -> T | None:
        """What ``look`` finds on the phone, looked at whenever something moves there; None after ``timeout`` s."""
        end = asyncio.get_running_loop().time() + timeout
        moved = self._moved[account]
        while (found := look()) is None:
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                return None
            moved.clear()
            try:
                async with asyncio.timeout(min(left, LOOK_AGAIN)):
                    await moved.wait()
            except TimeoutError:
                continue
        return found

    def _touch(self, user: str) -> None:
        self._moved[user].set()
