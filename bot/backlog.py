"""A queue that grows is seen: by operators in /readyz, and by the people whose message waits in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from bot.inbox import Parse
from bot.scheduler import OVERDUE
from core.clock import Clock
from core.desk import Act
from core.inbound import Inbound, MessageKind
from core.people import PlatformName
from core.ports import Coordinator, Database, DeadLetters, InboxQueue, InboxWork, OutboxQueue, Transaction
from core.repeated import RepeatedFailure
from core.telling import Address

log = structlog.get_logger()

ANSWER_WITHIN = 1.0
"""Real seconds the database has for the figures of /readyz; afterwards it counts as away."""
WAITS_LONG = timedelta(seconds=30)
FRESH_FOR = 0.25
"""Real seconds an answer is good for: several balancers and collectors ask as often as they like."""
EVERY = 5.0
"""Real seconds between two looks. Who is told has been seen waiting in two of them, so that a clock that is set
forward tells nobody."""
ONE_LOOK = 200
"""Messages looked at in one round, the oldest first."""
SAME_BACKLOG = 600
"""Seconds: messages that arrived in the same ten minutes make one sentence per sender."""
FROM_A_PERSON = frozenset(MessageKind) - {MessageKind.SYSTEM, MessageKind.OTHER, MessageKind.ENTER}


@dataclass(frozen=True, kw_only=True)
class Look:
    """The inbox as the database had it when it last answered."""

    open_rows: int = 0
    oldest: datetime | None = None
    parked: int = 0
    unsent: Mapping[PlatformName, datetime] = field(default_factory=dict)
    """Since when the oldest unsent notice of each platform waits."""
    overdue: int = 0
    """Armed timers whose time has passed and that nobody has fired."""
    away: bool = False
    """The database does not answer now."""


class QueueLooks:
    """Asks the database for the figures of /readyz, one question at a time, and never waits long for the answer."""

    def __init__(
        self, queue: InboxQueue, letters: DeadLetters, outbox: OutboxQueue, *, database: Database, clock: Clock
    ) -> None:
        self._queue = queue
        self._letters = letters
        self._outbox = outbox
        self._database = database
        self._clock = clock
        self._last = Look()
        self._known_at = -FRESH_FOR
        self._asked_at = 0.0
        self._asking: asyncio.Task[Look] | None = None
        self._failure = RepeatedFailure("the inbox could not be looked at")

    async def now(self) -> Look:
        """The truth, or the last one known with ``away``. Who asks while a question hangs already is not kept."""
        now = asyncio.get_running_loop().time
        if self._asking is None:
            if now() - self._known_at < FRESH_FOR:
                return self._last
            self._asking, self._asked_at = asyncio.create_task(self._ask(), name="queue-look"), now()
        asking = self._asking
        done, _ = await asyncio.wait({asking}, timeout=max(0.0, self._asked_at + ANSWER_WITHIN - now()))
        if not done:
            return replace(self._last, away=True)
        self._asking = None if self._asking is asking else self._asking
        try:
            self._last, self._known_at = asking.result(), now()
        except Exception as error:
            self._failure.failed(error)
            return replace(self._last, away=True)
        self._failure.worked()
        return self._last

    async def _ask(self) -> Look:
        open_rows, oldest = await self._queue.depth()
        letters, unsent = await self._letters.list(), await self._outbox.oldest()
        async with self._database.reading() as tx:
            overdue = await tx.deadlines.overdue(self._clock.now() - OVERDUE)
        return Look(open_rows=open_rows, oldest=oldest, parked=len(letters), unsent=unsent, overdue=overdue)


class BacklogWatch:
    """Tells a sender once that the message is kept and queues. Runs beside the inbox loop, so a backlog of it does not
    hold the sentence up; never refuses anything (reliability section 4, Backpressure)."""

    def __init__(
        self,
        *,
        queue: InboxQueue,
        database: Database,
        coordinator: Coordinator,
        clock: Clock,
        act: Callable[..., Awaitable[Act]],
        parsers: Mapping[PlatformName, Parse],
        every: float = EVERY,
    ) -> None:
        self._queue = queue
        self._database = database
        self._coordinator = coordinator
        self._clock = clock
        self._act = act
        self._parsers = parsers
        self._every = every
        self._seen: set[int] = set()
        self._task: asyncio.Task[None] | None = None
        self._failure = RepeatedFailure("the backlog could not be looked at")

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="backlog")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> int:
        """One round: who has waited long, now and at the last look, hears of it. Returns how many were told."""
        waiting = await self._queue.waiting(self._clock.now() - WAITS_LONG, ONE_LOOK)
        again = [work for work in waiting if work.id in self._seen]
        self._seen = {work.id for work in waiting}
        heads: dict[str, tuple[InboxWork, Inbound]] = {}
        for work in again:
            message = self._message(work)
            if message is not None and work.conv_key not in heads:
                heads[work.conv_key] = (work, message)
        if heads:
            async with self._database.transaction() as tx:
                for work, message in heads.values():
                    await self._tell(tx, work, message)
            self._coordinator.wake("outbox")
            log.warning("inbounds wait long", conversations=len(heads), oldest=waiting[0].id)
        return len(heads)

    async def _tell(self, tx: Transaction, work: InboxWork, message: Inbound) -> None:
        act = await self._act(tx, cause=f"in{work.id}:queued")
        to = Address(platform=message.platform, account=message.account)
        await act.tell.once(to, "queued", key=str(int(work.received_at.timestamp()) // SAME_BACKLOG))

    def _message(self, work: InboxWork) -> Inbound | None:
        """What a person sent; None for what nobody waits for, or nobody can read."""
        try:
            message = self._parsers[work.platform](work)
        except Exception:
            log.debug("a waiting inbound cannot be read", inbox=work.id)
            return None
        return message if message.account and message.kind in FROM_A_PERSON else None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                await self.look()
            except Exception as error:
                self._failure.failed(error)
            else:
                self._failure.worked()
