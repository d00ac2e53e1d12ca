"""The bot's inbox loop and scheduler on a real database, in a process that can die between any two statements."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import event

from bot.app import PARSERS
from bot.inbox import InboxLoop
from bot.masterdata import DeskSource
from bot.scheduler import Scheduler
from core.clock import MovableClock
from core.inbound import RawInbound
from core.intake.check import RuleSettings
from core.ports import InboxWork
from core.rules import Rules
from core.workcalendar import DEMO_DAYS, WorkCalendar
from handlers import routes
from storage.coordinator import InProcessCoordinator
from storage.database import SqlDatabase
from storage.queues import SqlInboxQueue
from tests.cards.real_cards import KEYS
from tests.handlers.desk_chat import NoSlowWork
from tests.life.books import Books, read
from tests.world_data import NOW

LEASE = 15.0


class Crash(BaseException):
    """The process is gone. No handler of the bot catches this."""


class Moment(StrEnum):
    """When a process dies."""

    STATEMENT = "statement"  # just before its n-th write statement or read on the writing connection
    COMMIT = "commit"  # everything is written, nothing committed
    ANSWER = "answer"  # committed, but nobody has been woken or answered


class Fate:
    """Where the next death is. Watches the statements of one database."""

    def __init__(self, database: SqlDatabase) -> None:
        self._left: int | None = None
        self._moment = Moment.STATEMENT
        self._asleep = False
        engine = database.writer.sync_engine
        event.listen(engine, "before_cursor_execute", self._statement)
        event.listen(engine, "commit", self._commit)

    def kill(self, moment: Moment, nth: int) -> None:
        """Die at the nth such moment from now (1 = the next)."""
        self._moment, self._left = moment, nth

    def spare(self) -> None:
        self._left = None

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """Nobody dies in here: we are only looking."""
        self._asleep = True
        try:
            yield
        finally:
            self._asleep = False

    def meet(self, moment: Moment) -> None:
        if self._asleep or self._left is None or moment is not self._moment:
            return
        self._left -= 1
        if not self._left:
            self._left = None
            raise Crash

    def _statement(self, *_: Any) -> None:
        self.meet(Moment.STATEMENT)

    def _commit(self, *_: Any) -> None:
        self.meet(Moment.COMMIT)


class MortalCoordinator(InProcessCoordinator):
    """Woken right after a commit: the moment in which a process has done its work and told nobody."""

    def __init__(self, clock: MovableClock, fate: Fate) -> None:
        super().__init__(clock)
        self._fate = fate

    def wake(self, channel: str) -> None:
        self._fate.meet(Moment.ANSWER)
        super().wake(channel)


class Process:
    """One life of the bot: a lease owner of its own, nothing remembered from the life before."""

    _names = itertools.count(1)

    def __init__(self, database: SqlDatabase, clock: MovableClock, fate: Fate) -> None:
        self._coordinator = coordinator = MortalCoordinator(clock, fate)
        desks = DeskSource(database, calendar=WorkCalendar(DEMO_DAYS), rules=Rules(), checks=RuleSettings())
        self._scheduler = Scheduler(database=database, coordinator=coordinator, clock=clock, desks=desks)
        self._loop = InboxLoop(
            queue=SqlInboxQueue(database.writer),
            database=database,
            coordinator=coordinator,
            clock=clock,
            desks=desks,
            keys=KEYS,
            services=NoSlowWork(),
            parsers=PARSERS,
            handle=routes.handle,
            owner=f"life-{next(self._names)}",
            lease=LEASE,
        )

    async def tick(self) -> None:
        """Fire what is due, and see the waves that it asked for formed."""
        await self._scheduler.tick()
        if self._scheduler._planning is not None:
            await self._scheduler._planning

    async def claim(self) -> list[InboxWork]:
        """Take the next open message, if there is one."""
        return await self._loop._claim(1)

    async def until_empty(self, queue: SqlInboxQueue) -> None:
        """The loop as it runs in the bot, many conversations at once, until nothing is left."""
        self._loop.start()
        while (await queue.depth())[0]:
            await self._coordinator.wait("outbox", 0.1)
        await self._loop.stop()

    async def work(self, rows: list[InboxWork]) -> None:
        await self._loop._pool.now(rows)


class Machine:
    """The database and the clock outlive the processes that work on them."""

    def __init__(self, url: str) -> None:
        self.database = SqlDatabase(url)
        self.clock = MovableClock(NOW, speed=0.0)
        self.fate = Fate(self.database)
        self.queue = SqlInboxQueue(self.database.writer)
        self.process = self.another()

    def another(self) -> Process:
        return Process(self.database, self.clock, self.fate)

    async def books(self) -> Books:
        with self.fate.asleep():
            return await read(self.database)

    async def store(self, raw: RawInbound) -> int | None:
        return (await self.queue.store([raw], self.clock.now()))[0]

    async def start_again(self, *, wait: bool) -> None:
        """A new process after a death: the leases are given back at once, or run out by themselves."""
        self.fate.spare()
        self.process = self.another()
        if wait:
            self.clock.advance(timedelta(seconds=LEASE + 1))
        else:
            await self.queue.release_all()
