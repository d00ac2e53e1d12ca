"""What the tests of the adapter share: a served platform, the adapter against it, and a place that stores."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
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
from core.clock import MovableClock
from core.inbound import RawInbound
from simulator.dingtalk import DingTalkPlatform, Group, Member
from simulator.world import Faults, WireLog

START = datetime(2026, 2, 21, 2, 0, tzinfo=UTC)
CORP, CLIENT, SECRET = "dingcorp", "ding-app", "s3cret"
GROUP = "cidGROUP=="
MEMBERS = (
    Member(user_id="tech1", name="陈技术"),
    Member(user_id="boss", name="王经理"),
    Member(user_id="guest", name="外人", outsider=True),
)
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


async def until(condition: Callable[[], Any], seconds: float = 8.0) -> None:
    """Let the loop run until the condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - facts about a server, not events
            await asyncio.sleep(0.002)


class LocalCoordinator:
    """Tokens with a life, one flight at a time, and a throttle that can be told to hold back."""

    def __init__(self, clock: MovableClock) -> None:
        self._clock = clock
        self._tokens: dict[str, tuple[str, float]] = {}
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.hold: dict[str, float] = {}
        """Seconds to answer for a throttle key containing this text."""
        self.asked: list[str] = []

    async def throttle(self, key: str, *, rate: float, burst: int, now: datetime) -> float:
        self.asked.append(key)
        return next((wait for part, wait in self.hold.items() if part in key), 0.0)

    async def get_token(self, key: str) -> str | None:
        token, until_ = self._tokens.get(key, ("", 0.0))
        return token if token and self._clock.now().timestamp() < until_ else None

    async def put_token(self, key: str, token: str, ttl: float) -> None:
        self._tokens[key] = (token, self._clock.now().timestamp() + ttl)

    async def drop_token(self, key: str, token: str) -> None:
        if self._tokens.get(key, ("", 0.0))[0] == token:
            del self._tokens[key]

    @contextlib.asynccontextmanager
    async def single_flight(self, key: str, ttl: float) -> AsyncIterator[None]:
        async with self._locks[key]:
            yield

    def wake(self, channel: str) -> None: ...

    async def wait(self, channel: str, timeout: float) -> None: ...

    async def close(self) -> None: ...


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
    coordinator: LocalCoordinator
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
        call_timeout=5.0,
        stream=stream,
    )
    coordinator, store = LocalCoordinator(clock), Store()
    metered: list[str] = []
    alarms: list[str] = []

    async def meter(kind: str) -> None:
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
