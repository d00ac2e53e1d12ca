"""What the tests of the adapter share: a served platform, the adapter against it, and a place that stores."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.dingtalk.api import DingTalkMessenger
from bot.dingtalk.settings import DingTalkSettings, StreamSettings
from bot.dingtalk.stream import StreamClient
from cards.card import Button, Card, Style
from cards.dingtalk import render
from core.clock import MovableClock
from core.inbound import RawInbound
from core.notices import CardKind
from simulator.dingtalk import DingTalkPlatform, Group, Member
from simulator.world import Faults, WireLog
from storage.coordinator import InProcessCoordinator

START = datetime(2026, 2, 21, 2, 0, tzinfo=UTC)
CORP, CLIENT, SECRET = "dingcorp", "ding-app", "s3cret"
GROUP = "cidGROUP=="
MEMBERS = (
    Member(user_id="tech1", name="陈技术"),
    Member(user_id="boss", name="王经理"),
    Member(user_id="guest", name="外人", outsider=True),
)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
QUICK = StreamSettings(
    heartbeat=0.25,
    watchdog=1.0,
    backoff_first=0.02,
    backoff_most=0.2,
    stable_after=5.0,
    refused_wait=0.2,
    open_timeout=2.0,
    press_limit=0.5,
    stop_grace=2.0,
)
"""The real patience scaled down, so that no test waits for it."""


CARD = Card(
    kind=CardKind.APPROVAL,
    ref="17",
    source="接单 · 技术确认",
    title="技术确认 SO260221-0137",
    facts=(("客户", "K0231 华锐汽修"),),
    buttons=(
        Button(text="通过", key="ap|17|r3||aaaa", style=Style.PRIMARY),
        Button(text="驳回", key="rj|17|r3||bbbb", style=Style.NEGATIVE),
    ),
)


async def until(condition: Callable[[], Any], seconds: float = 8.0) -> None:
    """Let the loop run until the condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - facts about a server, not events
            await asyncio.sleep(0.002)


@dataclass
class Store:
    """The inbox as the adapter sees it: a unique key, ids, and a switch that makes it fail."""

    rows: list[RawInbound] = field(default_factory=list)
    broken: bool = False
    calls: int = 0
    answered: list[tuple[int | None, RawInbound]] = field(default_factory=list)
    answer: Callable[[int | None, RawInbound], Any] = lambda inbox_id, raw: {}
    gate: asyncio.Event | None = None
    """When set, ``answer_press`` waits for it."""

    async def ingest(self, raw: RawInbound) -> int | None:
        self.calls += 1
        if self.broken:
            raise ConnectionError("the database is away")
        if any(row.dedupe_key == raw.dedupe_key for row in self.rows):
            return None
        self.rows.append(raw)
        return len(self.rows)

    async def answer_press(self, inbox_id: int | None, raw: RawInbound) -> dict[str, Any]:
        if self.gate is not None:
            await self.gate.wait()
        self.answered.append((inbox_id, raw))
        return dict(self.answer(inbox_id, raw))


@dataclass(kw_only=True)
class Stand:
    platform: DingTalkPlatform
    clock: MovableClock
    settings: DingTalkSettings
    session: aiohttp.ClientSession
    coordinator: InProcessCoordinator
    store: Store
    stream: StreamClient
    messenger: DingTalkMessenger
    metered: list[str]
    alarms: list[str]

    @property
    def wire(self) -> WireLog:
        return self.platform.site.wire

    @property
    def faults(self) -> Faults:
        return self.platform.site.faults

    async def connected(self, count: int = 2) -> None:
        self.stream.start()
        await self.stream.wait_live(count)
        await until(lambda: len(self.platform.gateway.connections) >= count)

    def opens(self) -> int:
        return sum(entry.label == "connections/open" for entry in self.wire.entries)

    def calls(self, label: str) -> list[Any]:
        return [entry for entry in self.wire.entries if entry.label == label]


@contextlib.asynccontextmanager
async def stand(
    *, stream: StreamSettings = QUICK, secret: str = SECRET, clean: bool = True, **terms: Any
) -> AsyncIterator[Stand]:
    """The adapter and the simulated platform, connected over a real local server.

    ``clean``: at the end the platform must have seen no violation of the protocol.
    """
    clock = MovableClock(START)
    site_terms = {"ping_every": 0.05, "ping_grace": 2.0, "disconnect_grace": 0.5, **terms}
    platform = DingTalkPlatform(
        clock=clock,
        wire=WireLog(clock),
        faults=Faults(),
        corp_id=CORP,
        client_id=CLIENT,
        client_secret=SECRET,
        robot_code=CLIENT,
        members=MEMBERS,
        groups=(Group(conversation_id=GROUP, title="前线群", member_ids=("tech1", "boss")),),
        **site_terms,
    )
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.add_routes(platform.routes())
    server = TestServer(app)
    await server.start_server()
    platform.base_url = str(server.make_url("/"))
    await platform.start()
    settings = DingTalkSettings(
        client_id=CLIENT,
        client_secret=secret,
        api_base=platform.base_url,
        oapi_base=platform.base_url,
        api_qps=float(terms.get("api_qps", 20)),
        call_timeout=5.0,
        stream=stream,
    )
    coordinator, store = InProcessCoordinator(clock), Store()
    metered: list[str] = []
    alarms: list[str] = []

    def meter(kind: str) -> None:
        metered.append(kind)

    async def alarm(line: str) -> None:
        alarms.append(line)

    async with aiohttp.ClientSession() as session:
        client = StreamClient(
            settings,
            store.ingest,
            store.answer_press,
            clock,
            session=session,
            alarm=alarm,
            meter=meter,
        )
        messenger = DingTalkMessenger(settings, session, coordinator, clock, meter=meter)
        held = Stand(
            platform=platform,
            clock=clock,
            settings=settings,
            session=session,
            coordinator=coordinator,
            store=store,
            stream=client,
            messenger=messenger,
            metered=metered,
            alarms=alarms,
        )
        try:
            yield held
            if clean:
                assert platform.site.wire.violations == []
        finally:
            await client.stop()
            await messenger.close()
            await platform.stop()
            await server.close()


async def post_card(held: Stand, card_id: str = "ap-17-v3") -> None:
    """An approval card on the phones of both members."""
    await held.messenger.send_card(["tech1", "boss"], dict(render(CARD)), card_id, retry=False)


def last(held: Stand, user: str) -> Any:
    """The newest message on somebody's phone."""
    return held.platform.chat(user)[-1]
