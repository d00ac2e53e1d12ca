"""Claim → work → finish: every stored inbound is handled, in order inside its conversation, many at once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.masterdata import DeskSource
from bot.platform_errors import MediaGone, PlatformBusy, PlatformDown, PlatformError, RateLimited
from bot.pool import ClaimPool
from cards.keys import Keys
from core.acting import Actor
from core.clock import Clock
from core.desk import Act
from core.errors import DomainError, LeaseLost, PictureRefused
from core.inbound import Inbound, MessageKind
from core.notices import ClickCode, Priority
from core.people import Person, PlatformName, Role
from core.ports import SUSPECT_AFTER, Coordinator, Database, InboxQueue, InboxWork, Transaction
from core.telling import Address, Teller
from handlers.context import Services

log = structlog.get_logger()

MAX_ATTEMPTS = 5
SUSPECTS_EVERY = 0.5
GIVE_BACK_EVERY = 0.5
"""Real seconds."""
QUIET_POLL = 0.05
KILLER = f"the process ended {MAX_ATTEMPTS} times while this was worked on"
ONCE = frozenset({"not_your_decision", "not_your_order", "not_your_role"})
"""Refusals said once to the same person about the same thing: then silence (law 6)."""

Parse = Callable[[InboxWork], Inbound]


async def _as_reported(message: Inbound) -> Inbound:
    """Platforms name their people as the address book does."""
    return message


class InboundContext:
    """One inbound being handled: implements ``handlers.context.Context``."""

    def __init__(
        self, loop: InboxLoop, work: InboxWork, message: Inbound, person: Person | None, keys: Keys, services: Services
    ) -> None:
        self._loop = loop
        self._work = work
        self._person = person
        self.message = message
        self.keys = keys
        self.services = services
        self.finished = False

    @property
    def known(self) -> bool:
        return self._person is not None

    @property
    def actor(self) -> Actor:
        if self._person is None:
            raise DomainError("unknown_person", account=self.message.account)
        return Actor(person=self._person, platform=self.message.platform, account=self.message.account)

    @asynccontextmanager
    async def act(self) -> AsyncIterator[Act]:
        """Effect, trace, notices and “done” in one commit; raises LeaseLost when another worker has the row by now."""
        async with self._loop.database.transaction() as tx:
            act = await self._loop.act(tx, cause=f"in{self._work.id}")
            await self._note_code(act)
            yield act
            await tx.inbox.finish(self._work.id, self._loop.owner)
        self.finished = True
        self._loop.coordinator.wake("outbox")
        self._loop.coordinator.wake("deadlines")

    @asynccontextmanager
    async def look(self) -> AsyncIterator[Act]:
        async with self._loop.database.reading() as tx:
            yield await self._loop.act(tx, cause=f"look{self._work.id}")

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[Act]:
        async with self._loop.database.transaction() as tx:
            yield await self._loop.act(tx, cause=f"in{self._work.id}:aside")
        self._loop.coordinator.wake("outbox")

    async def _note_code(self, act: Act) -> None:
        """A WeCom click brings a one-shot code with which everybody's copy can be repainted."""
        press = self.message.press
        if press is not None and press.response_code:
            await act.tx.outbox.add_click_code(
                ClickCode(
                    card_id=press.card_id,
                    code=press.response_code,
                    by_account=self.message.account,
                    received_at=act.now,
                )
            )


class InboxLoop:
    """Works the inbox off. ``concurrency`` conversations at once; a lease is renewed while its work lasts."""

    def __init__(
        self,
        *,
        queue: InboxQueue,
        database: Database,
        coordinator: Coordinator,
        clock: Clock,
        desks: DeskSource,
        keys: Keys,
        services: Services,
        parsers: Mapping[PlatformName, Parse],
        handle: Callable[[InboundContext], Awaitable[None]],
        owner: str,
        recognise: Callable[[Inbound], Awaitable[Inbound]] = _as_reported,
        concurrency: int = 8,
        lease: float = 15.0,
        poll: float = 0.5,
    ) -> None:
        self.database = database
        self.coordinator = coordinator
        self.owner = owner
        self._queue = queue
        self._clock = clock
        self._desks = desks
        self._keys = keys
        self._services = services
        self._parsers = parsers
        self._handle = handle
        self._recognise = recognise
        self._lease = lease
        self._alone: int | None = None
        self._suspects_at = 0.0
        self._pool = ClaimPool(
            "inbox",
            coordinator,
            claim=self._claim,
            work=self._guarded,
            key=lambda work: work.id,
            release=lambda: queue.release_all(owner),
            concurrency=concurrency,
            poll=poll,
        )
        self.start = self._pool.start
        self.stop = self._pool.stop

    async def act(self, tx: Transaction, *, cause: str) -> Act:
        """The desk's context inside a transaction."""
        desk = await self._desks.get(tx)
        return Act(tx=tx, desk=desk, tell=Teller(tx, now=self._clock.now(), cause=cause))

    async def work_one(self, inbox_id: int) -> bool:
        """Claim and handle just this row now (a card press that wants its answer); False when it is taken or done."""
        works = await self._queue.claim(self.owner, self._clock.now(), self._lease, 1, only=inbox_id)
        await self._pool.now(works)
        return bool(works)

    async def _claim(self, free: int) -> list[InboxWork]:
        if self._alone is not None:
            return []
        now, real = self._clock.now(), asyncio.get_running_loop().time
        works = await self._queue.claim(self.owner, now, self._lease, free, suspects=False)
        if len(works) < free and real() >= self._suspects_at:
            suspects = await self._queue.claim(self.owner, now, self._lease, 1, suspects=True)
            for suspect in suspects:
                self._alone = suspect.id
            self._suspects_at = 0.0 if suspects else real() + SUSPECTS_EVERY
            works += suspects
        return works

    async def _guarded(self, work: InboxWork) -> None:
        renewal = asyncio.create_task(self._renew(work))
        started = self._clock.now()
        try:
            if work.attempts > MAX_ATTEMPTS:
                log.error("inbox parked, it ended its worker each time", inbox=work.id)
                await self._park(work, KILLER, tries=work.attempts - 1)  # this claim was none
            elif await self._may_begin(work):
                await self._work(work)
        except asyncio.CancelledError:
            raise
        except LeaseLost:
            log.warning("inbox lease lost, nothing kept", inbox=work.id)
        except Exception as error:
            await self._failed(work, error)
        finally:
            renewal.cancel()
            with suppress(asyncio.CancelledError):
                await renewal
            self._alone = None if self._alone == work.id else self._alone
        took = (self._clock.now() - started).total_seconds()
        log.info("inbox worked", inbox=work.id, kind=work.kind, platform=work.platform.value, ms=round(took * 1000))

    async def _may_begin(self, work: InboxWork) -> bool:
        """A suspect waits until it is alone, so that it takes nobody with it; a second one (a press that wants its
        answer now) goes back for later. Its attempt counts from the moment it begins: where everything is killed all
        the time, waiting is no guilt (R12)."""
        if work.attempts <= SUSPECT_AFTER or work.last_error.startswith(f"#{work.attempts - 1} "):
            return True
        if self._alone not in (None, work.id):
            later = self._clock.now() + timedelta(seconds=1)
            await self._queue.retry(work.id, self.owner, available_at=later, error=work.last_error, count=False)
            return False
        self._alone = work.id
        if self._pool.busy > 1:
            await self._queue.count(work.id, self.owner, -1)
            while self._pool.busy > 1:  # noqa: ASYNC110 - what is in work ends by itself
                await asyncio.sleep(QUIET_POLL)
            return await self._queue.count(work.id, self.owner, 1)
        return True

    async def _renew(self, work: InboxWork) -> None:
        while True:
            await asyncio.sleep(self._lease / 3)
            until = self._clock.now() + timedelta(seconds=self._lease)
            try:
                if not await self._queue.renew(work.id, self.owner, until):
                    return
            except Exception as error:
                log.warning("inbox lease not renewed", inbox=work.id, error=type(error).__name__)

    async def _work(self, work: InboxWork) -> None:
        message = await self._recognise(self._parsers[work.platform](work))
        person = await self._person(message)
        context = InboundContext(self, work, message, person, self._keys, self._services)
        try:
            await self._handle(context)
        except (DomainError, PictureRefused) as refusal:
            await self._answer(context, refusal.sentence, refusal.args_for_text)
        except MediaGone:
            await self._answer(context, "media_gone", {})
        if not context.finished:
            async with context.act():
                pass

    async def _person(self, message: Inbound) -> Person | None:
        if not message.account:
            return None
        async with self.database.reading() as tx:
            return await tx.people.by_account(message.platform, message.account)

    async def _answer(self, context: InboundContext, sentence: str, args: dict[str, Any]) -> None:
        """A refusal: nothing of the attempt is kept, the person hears the truth, a pressed card is painted anew."""
        message = context.message
        to = Address(platform=message.platform, account=message.account)
        async with context.act() as act:
            about = repr(sorted(args.items()))
            if sentence in ONCE:
                await act.tell.once(to, sentence, key=about, **args)
            elif message.press is not None:
                await act.tell.again(to, sentence, key=about, **args)
            else:
                await act.tell.say(to, sentence, **args)
            if message.press is not None:
                await act.tx.timeline.append(
                    f"card:{message.press.card_id}",
                    "press.refused",
                    actor=context.actor.id if context.known else "",
                    actor_name=context.actor.person.name if context.known else message.account,
                    channel=message.platform.value,
                    details={"why": sentence, "key": message.press.key[:80]},
                    at=act.now,
                )
                await act.tell.paint_again(message.platform, message.press.card_id)

    async def _failed(self, work: InboxWork, error: Exception) -> None:
        """Retry with backoff; after five attempts it is parked where a person can see and resend it."""
        now = self._clock.now()
        reason = f"{type(error).__name__}: {error}"[:500]
        waits = isinstance(error, PlatformDown | PlatformBusy | RateLimited)
        if work.attempts < MAX_ATTEMPTS:
            delay = (
                error.retry_after
                if isinstance(error, PlatformError) and error.retry_after
                else (2 ** (work.attempts - 1) * random.uniform(0.7, 1.3))
            )
            log.warning(
                "inbox failed, will retry", inbox=work.id, attempt=work.attempts, error=reason, exc_info=not waits
            )
            said = f"#{work.attempts} {reason}"
            if not await self._given_back(work, available_at=now + timedelta(seconds=delay), error=said):
                return
            if work.attempts == 1 and work.kind not in (MessageKind.PRESS, MessageKind.SYSTEM, MessageKind.OTHER):
                await self._tell_sender(work, "will_retry", f"in{work.id}:retry", {})
            return
        log.error("inbox parked", inbox=work.id, error=reason, exc_info=error)
        await self._park(work, reason)

    async def _given_back(self, work: InboxWork, *, available_at: datetime, error: str) -> bool:
        """Ready again for a later try. While the database is away it is asked each second, so that the row does not
        wait for the end of its lease once it is back; False when that came first."""
        until = self._clock.now() + timedelta(seconds=self._lease)
        while True:
            try:
                await self._queue.retry(work.id, self.owner, available_at=available_at, error=error)
            except Exception as away:
                if self._clock.now() >= until:
                    log.warning("inbox left to the end of its lease", inbox=work.id, error=type(away).__name__)
                    return False
                await asyncio.sleep(GIVE_BACK_EVERY)
            else:
                return True

    async def _park(self, work: InboxWork, reason: str, *, tries: int | None = None) -> None:
        code = f"E-IN-{work.id}"
        try:
            async with self.database.transaction() as tx:
                await tx.inbox.park(work.id, self.owner, reason, self._clock.now(), tries=tries)
                act = await self.act(tx, cause=f"in{work.id}:parked")
                for admin in await tx.people.with_role(Role.ADMIN):
                    await act.tell.say(
                        admin,
                        "admin_parked",
                        code=code,
                        person=work.conv_key,
                        reason=reason[:120],
                        page=self._services.parked_page(admin.id),
                        priority=Priority.EXPEDITE,
                    )
        except LeaseLost:
            return
        self.coordinator.wake("outbox")
        await self._tell_sender(work, "parked", f"in{work.id}:parked:sender", {"code": code})

    async def _tell_sender(self, work: InboxWork, sentence: str, cause: str, args: dict[str, Any]) -> None:
        """The sender hears of it, also when the message cannot be parsed: the account ends the conversation key."""
        try:
            account = self._parsers[work.platform](work).account
        except Exception:
            account = work.conv_key.rpartition(":")[2]
        if not account:
            return
        async with self.database.transaction() as tx:
            act = await self.act(tx, cause=cause)
            await act.tell.say(Address(platform=work.platform, account=account), sentence, **args)
        self.coordinator.wake("outbox")
