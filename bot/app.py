"""Composition root: settings → storage → use cases → handlers → platforms; start and stop order."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any
from uuid import uuid4

import structlog
from aiohttp import ClientSession, web

from bot import health, parts, wiring
from bot.backlog import BacklogWatch, QueueLooks
from bot.backup import nightly_of
from bot.breakers import Breakers
from bot.dingtalk.api import DingTalkMessenger
from bot.dingtalk.settings import StreamSettings
from bot.http import Health, http_app
from bot.inbox import InboxLoop
from bot.ledger import CallLedger
from bot.masterdata import DeskSource
from bot.metrics import Metrics
from bot.ocr import OcrReader
from bot.opening import Opening, ended
from bot.outbox import OutboxLoop
from bot.platform_errors import PlatformError
from bot.platform_time import platform_time
from bot.rendering import Renderer
from bot.scheduler import Scheduler
from bot.services import DeskServices
from bot.settings import Settings
from bot.web import pages, parked
from bot.web.parked import ParkedPage
from bot.wecom.aibot.identity import OpenUserids
from bot.wecom.aibot.settings import AibotSettings
from bot.wecom.api import WeComMessenger
from bot.wecom.callback import WeComCallback
from bot.wiring import PARSERS
from cards.keys import Keys
from core.clock import Clock, SteadyClock
from core.errors import IngestUnavailable
from core.inbound import RawInbound
from core.people import PlatformName
from core.ports import Coordinator
from handlers import routes
from storage.away import is_away
from storage.clock import DatabaseClock
from storage.coordinator import InProcessCoordinator
from storage.database import SqlDatabase
from storage.engine import DatabaseInUse
from storage.files import FolderFileStore
from storage.leases import SqlLeases
from storage.queues import SqlDeadLetters, SqlInboxQueue, SqlOutboxQueue
from storage.redis_coordinator import RedisCoordinator
from storage.spool import Spool
from storage.writer import GroupCommitWriter

log = structlog.get_logger()

__all__ = ["PARSERS", "Bot", "DatabaseInUse"]


START_PATIENCE = 3.0
"""Real seconds after which the sockets open although the database (PostgreSQL) has not answered."""
FINISH_WITHIN = 5.5
"""Real seconds for what is in flight."""
STOP_WITHIN = 7.0
"""Real seconds for the loops; with the sockets' part the bot ends within ten."""
CUT_BEFORE_END = 1.5
"""Real seconds before that in which calls to a silent database are given up."""


class Bot:
    """One running Jiedan. ``start`` makes it work, ``stop`` ends it within ten seconds and gives every lease back."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        reader: OcrReader | None = None,
        stream: StreamSettings | None = None,
        aibot: AibotSettings | None = None,
    ) -> None:
        self.settings = settings
        wiring.ensure_folder(settings)
        self.database = SqlDatabase(settings.database_url)
        self.clock: Clock = clock or self._own_clock()
        self.metrics = Metrics()
        self.stream_settings = stream
        self.aibot_settings = aibot
        self._own_reader = reader is None
        self.reader = reader or OcrReader(
            workers=settings.ocr.workers, timeout=settings.ocr.timeout_seconds, recycle_after=settings.ocr.recycle_after
        )
        self.owner = f"{socket.gethostname()}-{uuid4().hex[:8]}"
        self.coordinator: Coordinator = (
            RedisCoordinator(settings.redis_url, self.clock, replicas=settings.replicas)
            if settings.redis_url
            else InProcessCoordinator(self.clock)
        )
        self.files = FolderFileStore(Path(settings.files_dir))
        self.inbox_queue = SqlInboxQueue(self.database.writer)
        self.outbox_queue = SqlOutboxQueue(self.database.writer)
        self.dead_letters = SqlDeadLetters(self.database.writer)
        self.leases = SqlLeases(self.database.writer)
        arrivals = SqlInboxQueue(self.database.ingest)
        self.writer = GroupCommitWriter(
            arrivals,
            self.clock,
            spool=None if self.database.single_instance else Spool(wiring.spool_file(settings)),
            late=arrivals,
            replica=settings.replica,
            on_spooled=self.metrics.spool_used.inc,
        )
        self.desks = DeskSource(
            self.database,
            calendar=wiring.calendar(settings),
            rules=wiring.rules(settings),
            checks=wiring.checks(settings),
        )
        self.keys = Keys(settings.card_secret or uuid4().hex)
        self.renderer = Renderer(self.keys, self.files, public_url=settings.public_url)
        self.ready = False
        self.breakers = Breakers(self.clock)
        self.looks = QueueLooks(
            self.inbox_queue, self.dead_letters, self.outbox_queue, database=self.database, clock=self.clock
        )
        self.write_probe = parts.write_probe(self)
        self._clock_runs = False
        x = settings.dingtalk
        self.ledger = CallLedger(
            database=self.database,
            coordinator=self.coordinator,
            clock=self.clock,
            metrics=self.metrics,
            limits={"api": x.monthly_api_calls, "stream": x.monthly_stream},
            act=lambda tx, cause: self.inbox.act(tx, cause=cause),
            known=is_away,
        )

    async def start(self) -> None:
        """Spool, DingTalk's sockets, schema, leases of a dead predecessor, master data, loops, ticks.

        What the sockets bring is stored as soon as there is a schema, while the rest still begins. A database that is
        away does not hold them up: what they bring is spooled, and the rest begins when the database answers.
        """
        self.writer.hold()
        await self.writer.open()
        self.session = ClientSession()
        await self._compare_clocks()
        self.messengers = parts.messengers(self)
        corp = self.messengers.get(PlatformName.WECOM)
        self.identities = OpenUserids(corp if isinstance(corp, WeComMessenger) else None, self.coordinator)
        services = DeskServices(
            messengers=self.messengers,
            files=self.files,
            reader=self.reader,
            dead_letters=self.dead_letters,
            parked_page=self._parked_page,
        )
        self.inbox = InboxLoop(
            queue=self.inbox_queue,
            database=self.database,
            coordinator=self.coordinator,
            clock=self.clock,
            desks=self.desks,
            keys=self.keys,
            services=services,
            parsers=wiring.parsers(self.settings),
            recognise=self.identities.recognise,
            handle=routes.handle,
            owner=self.owner,
        )
        self.outbox = OutboxLoop(
            queue=self.outbox_queue,
            database=self.database,
            coordinator=self.coordinator,
            clock=self.clock,
            desks=self.desks,
            renderer=self.renderer,
            files=self.files,
            messengers=self.messengers,
            owner=self.owner,
            count=self.metrics.count,
        )
        self.scheduler = self._scheduler()
        self.backlog = BacklogWatch(
            queue=self.inbox_queue,
            database=self.database,
            coordinator=self.coordinator,
            clock=self.clock,
            act=self.inbox.act,
            parsers=wiring.parsers(self.settings),
        )
        self.aibot = parts.aibot(self)
        self.backups = nightly_of(
            self.settings,
            database=self.database,
            act=self.inbox.act,
            coordinator=self.coordinator,
            clock=self.clock,
            leases=self.leases,
            owner=self.owner,
        )
        self.auditor = parts.auditor(self)
        self.opening = Opening(
            self._open,
            self._not_open,
            away=is_away,
            patience=None if self.database.single_instance else START_PATIENCE,
        )
        self.stream = parts.stream(self)
        if self.stream is not None:  # first of all: what comes while nobody is connected DingTalk does not keep
            self.stream.start()
        try:
            await self.opening.start()
        except BaseException:
            if self.stream is not None:
                await self.stream.stop()
            raise
        self.auditor.start()
        self._menu = asyncio.create_task(self._install_menu(), name="menu")
        self.ready = True
        log.info("bot started", owner=self.owner, platforms=[p.value for p in self.messengers])

    async def _compare_clocks(self) -> None:
        """A wall clock that is wrong at the start is not believed when the platforms know better."""
        if not isinstance(self.clock, SteadyClock | DatabaseClock):
            return
        urls = [self.settings.wecom.base_url] if self.settings.wecom.enabled else []
        urls += [self.settings.dingtalk.api_base] if self.settings.dingtalk.enabled else []
        at = await platform_time(self.session, urls)
        if at is not None:
            self.clock.believe(at)

    def leave(self) -> None:
        """Say “not ready”, so that balancers send new requests elsewhere; those that still come are answered."""
        self.ready = False

    async def _open(self) -> None:
        """What needs the database, in this order."""
        if isinstance(self.clock, DatabaseClock) and not self._clock_runs:
            self._clock_runs = True
            await self.clock.start()
        await self.database.migrate()
        if self.database.single_instance:
            await self.inbox_queue.release_all()
            await self.outbox_queue.release_all()
            await self.leases.release_all()
        self.writer.resume()
        async with self.database.reading() as tx:
            # Before anything is claimed: a process that is killed while it still reads the master data has nothing in
            # work that could be taken for what killed it.
            await self.desks.get(tx)
        await self.scheduler.start()
        self.inbox.start()
        self.outbox.start()
        self.backlog.start()
        if self.aibot is not None:
            self.aibot.start()
        if self.backups is not None:
            self.backups.start()

    async def _not_open(self) -> None:
        """The database went away in the middle: the ticks are the one thing that may have begun."""
        await self.scheduler.stop()
        self.scheduler = self._scheduler()

    async def stop(self) -> None:
        """Readiness off → stop the sockets → flush the writer → finish what is in flight → give leases back.

        Also with a database that does not answer it is over in time: what is in the spool stays there, leases run out.
        """
        self.ready = False
        loop = asyncio.get_running_loop()
        until = loop.time() + STOP_WITHIN
        self._menu.cancel()
        await asyncio.gather(self._menu, return_exceptions=True)
        await self.opening.stop()
        await self.write_probe.stop()
        sources: dict[str, Coroutine[Any, Any, None]] = {}
        if self.stream is not None:
            sources["stream"] = self.stream.stop()
        if self.aibot is not None:
            sources["aibot"] = self.aibot.stop()
        if sources:
            await ended(until - CUT_BEFORE_END, **sources)
        await ended(until - CUT_BEFORE_END, writer=self.writer.close())
        parts: dict[str, Coroutine[Any, Any, None]] = {
            "auditor": self.auditor.stop(),
            "scheduler": self.scheduler.stop(),
            "inbox": self.inbox.stop(grace=FINISH_WITHIN),
            "outbox": self.outbox.stop(grace=FINISH_WITHIN),
            "backlog": self.backlog.stop(),
            "ledger": self.ledger.stop(),
        }
        if self.backups is not None:
            parts["backups"] = self.backups.stop()
        cutting = loop.call_at(until - CUT_BEFORE_END, self.database.cut)
        await ended(until, **parts)
        cutting.cancel()
        for messenger in self.messengers.values():
            if isinstance(messenger, DingTalkMessenger):
                await messenger.close()
        await self.session.close()
        if self._own_reader:
            await self.reader.close()
        await self.coordinator.close()
        self.database.cut()
        if isinstance(self.clock, DatabaseClock):
            await self.clock.stop()
        self.database.cut()
        await self.database.close()
        log.info("bot stopped", owner=self.owner)

    def web_app(self) -> web.Application:
        """The HTTP side: callbacks, health, metrics, pages."""
        callback = None
        if self.settings.wecom.enabled:
            callback = WeComCallback(
                [wiring.wecom_app(self.settings)], self.ingest, self.clock, count=self.metrics.count
            )
        record = [
            *pages.routes(self.database, self.keys, lambda tx: self.inbox.act(tx, cause="page")),
            *ParkedPage(
                database=self.database,
                keys=self.keys,
                clock=self.clock,
                dead_letters=self.dead_letters,
                coordinator=self.coordinator,
                metrics=self.metrics,
            ).routes(),
        ]
        return http_app(
            callback=callback, health=self.health, metrics=self.metrics, record=record, leaving=lambda: not self.ready
        )

    async def ingest(self, raw: RawInbound) -> int | None:
        """Store before acknowledging; wake the workers after the commit."""
        started = time.perf_counter()
        try:
            inbox_id = await self.writer.store(raw)
        except IngestUnavailable:
            self.metrics.ingest_refused.inc()
            raise
        self.metrics.ingest_seconds.observe(time.perf_counter() - started)
        if inbox_id is not None:
            self.coordinator.wake("inbox")
        return inbox_id

    async def health(self) -> Health:
        """What /readyz and /metrics tell: the truth as the database has it now, or that it does not answer."""
        return await health.look(self)

    def _parked_page(self, person_id: str) -> str:
        return parked.link(self.keys, self.settings.public_url, person_id, self.clock.now())

    @property
    def anchor_file(self) -> Path:
        """Where the seals of the trace are kept outside the database."""
        return Path(self.settings.anchor_file or Path(self.settings.files_dir).parent / "anchors.log")

    def _own_clock(self) -> Clock:
        """Several replicas share the database's time; a bot that is alone keeps its own pace (R18)."""
        return SteadyClock() if self.database.single_instance else DatabaseClock(self.database.writer)

    def _scheduler(self) -> Scheduler:
        return Scheduler(
            database=self.database,
            coordinator=self.coordinator,
            clock=self.clock,
            desks=self.desks,
            gauges=self.metrics,
            replicas=self.settings.replicas,
        )

    async def _install_menu(self) -> None:
        """The WeCom app menu; without it people still type. Tried again by the next start."""
        messenger = self.messengers.get(PlatformName.WECOM)
        if isinstance(messenger, WeComMessenger):
            try:
                await messenger.install_menu()
            except PlatformError as error:
                log.warning("the app menu could not be installed", code=error.code, detail=error.detail)
