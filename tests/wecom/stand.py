"""A WeCom corp on loopback, our callback listening to it and our messenger talking to it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.wecom.api import WeComMessenger
from bot.wecom.apps import WeComApp
from bot.wecom.callback import WeComCallback
from bot.wecom.parse import parse
from core.clock import MovableClock
from core.inbound import Inbound, RawInbound
from core.notices import CardKind, PostedCard
from core.people import PlatformName
from simulator.wecom import AppConfig, Member, WeComPlatform
from simulator.world import Faults, WireLog
from storage.coordinator import InProcessCoordinator

CORP = "ww8f5d0a2b3c4d5e6f"
START = datetime(2026, 2, 21, 9, 14, tzinfo=UTC)
SALES = WeComApp(
    corpid=CORP, agentid=1000002, secret="secret-sales", token="QDG6eK", aes_key="abcdefghij0123456789" * 2 + "abE"
)
DEPOT = WeComApp(
    corpid=CORP, agentid=1000003, secret="secret-depot", token="Tok2", aes_key="ABCDEFGHIJ9876543210" * 2 + "xyE"
)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
JPG = b"\xff\xd8\xff\xe0" + bytes(64)


@dataclass
class Stand:
    """``ingested`` is the inbox: keys are unique there, as in SQL."""

    clock: MovableClock
    wire: WireLog
    faults: Faults
    platform: WeComPlatform
    coordinator: InProcessCoordinator
    session: aiohttp.ClientSession
    api_base: str
    callback_url: str
    messenger: WeComMessenger
    ingested: dict[str, RawInbound] = field(default_factory=dict)
    deliveries: int = 0
    ingest_error: Exception | None = None
    counted: Counter[str] = field(default_factory=Counter)

    async def ingest(self, raw: RawInbound) -> int | None:
        self.deliveries += 1
        if self.ingest_error is not None:
            raise self.ingest_error
        if raw.dedupe_key in self.ingested:
            return None
        self.ingested[raw.dedupe_key] = raw
        return len(self.ingested)

    def count(self, name: str, /, **labels: str) -> None:
        self.counted["/".join((name, *labels.values()))] += 1

    def inbounds(self) -> list[Inbound]:
        return [parse(raw) for raw in self.ingested.values()]

    @property
    def last(self) -> Inbound:
        return self.inbounds()[-1]

    def messenger_of(self, app: WeComApp) -> WeComMessenger:
        return WeComMessenger(
            replace(app, base_url=self.api_base),
            self.session,
            self.coordinator,
            self.clock,
            rng=random.Random(7),
        )

    def texts(self, user: str) -> list[str]:
        return [message.text for message in self.platform.chat(user) if not message.from_me]

    def card(self, user: str) -> Any:
        return [message for message in self.platform.chat(user) if message.kind == "card"][-1]


def corp(clock: MovableClock, wire: WireLog, faults: Faults) -> WeComPlatform:
    apps = [
        AppConfig(agentid=app.agentid, secret=app.secret, token=app.token, aes_key=app.aes_key)
        for app in (SALES, DEPOT)
    ]
    apps[1].visible = frozenset({"kuguan"})
    members = [
        Member(userid="XiaoA", name="销售A"),
        Member(userid="boss1", name="主管一"),
        Member(userid="boss2", name="主管二"),
        Member(userid="kuguan", name="库管"),
        Member(userid="left", name="离职", status=5),
        Member(userid="nolicence", name="无许可", licensed=False),
    ]
    return WeComPlatform(
        clock=clock, wire=wire, faults=faults, corpid=CORP, apps=apps, members=members, callback_timeout=3.0
    )


@asynccontextmanager
async def running(*apps: WeComApp) -> AsyncIterator[Stand]:
    """Everything up; afterwards the simulator must have seen no violation of the protocol."""
    clock = MovableClock(START, speed=0.0)
    wire, faults = WireLog(clock), Faults()
    platform = corp(clock, wire, faults)
    listening = web.Application()
    stand: Stand

    async def ingest(raw: RawInbound) -> object:
        return await stand.ingest(raw)

    def count(name: str, /, **labels: str) -> None:
        stand.count(name, **labels)

    listening.add_routes(WeComCallback(apps or (SALES, DEPOT), ingest, clock, count=count, read_seconds=0.3).routes())
    async with (
        TestServer(listening) as ears,
        TestServer(platform.create_app()) as api,
        aiohttp.ClientSession() as session,
    ):
        coordinator = InProcessCoordinator(clock)
        base = str(api.make_url("/")).rstrip("/")
        url = str(ears.make_url("/wecom/callback"))
        for app in (SALES, DEPOT):
            platform.set_callback_url(app.agentid, url)
        messenger = WeComMessenger(replace(SALES, base_url=base), session, coordinator, clock, rng=random.Random(7))
        stand = Stand(clock, wire, faults, platform, coordinator, session, base, url, messenger)
        await platform.start()
        try:
            yield stand
        finally:
            await platform.stop()
        assert wire.violations == []


def posted(card_id: str) -> PostedCard:
    return PostedCard(
        platform=PlatformName.WECOM,
        card_key="approval:7",
        generation=1,
        card_id=card_id,
        kind=CardKind.APPROVAL,
        ref="7",
        recipients=["boss1", "boss2"],
        shown_digest="",
        posted_at=START,
    )
