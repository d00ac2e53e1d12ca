"""Claim → send → mark: everything that must be told leaves from here, at least once and keyed wherever the platform
has a key (reliability section 6)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import structlog

from bot.card_sending import CardSender, Outcome
from bot.folding import folded
from bot.insisting import insisting
from bot.masterdata import DeskSource
from bot.platform_errors import (
    MediaGone,
    NotReachable,
    PlatformBusy,
    PlatformDown,
    PlatformError,
    QuotaExhausted,
    RateLimited,
    Throttled,
    TokenRejected,
    Unsent,
)
from bot.pool import ClaimPool
from bot.rendering import Renderer, picture_name
from bot.retries import LONGEST_WAIT, Retries
from bot.text_parts import split
from core.clock import Clock
from core.desk import Act
from core.notices import UNKEYED, Delivery, DeliveryKind, Priority
from core.people import PlatformName, Role
from core.ports import Coordinator, Database, FileStore, Messenger, OutboxQueue, SendResult, Transaction, Try
from core.telling import Address, Teller
from handlers import texts

log = structlog.get_logger()

URGENT_PLACES = 2
"""Kept free for expedites and escalations, whatever else is slow."""
UNKEYED_MOST = 1
"""In the air at once on channels without a key: so many at most are seen twice when the process is killed (R9)."""
DEFECTS = 8
"""Tries of a delivery that we ourselves cannot make ready, before it is parked."""
SUSPECTS_EVERY = 0.5
"""Real seconds."""
SILENT_ENDS = 10
"""Claims of a delivery after each of which its process vanished without a word, before it is parked."""

Count = Callable[..., None]


class OutboxLoop:
    """Sends without a batch barrier: ``concurrency`` deliveries at once, one per lane, and two more that are urgent."""

    def __init__(
        self,
        *,
        queue: OutboxQueue,
        database: Database,
        coordinator: Coordinator,
        clock: Clock,
        desks: DeskSource,
        renderer: Renderer,
        files: FileStore,
        messengers: Mapping[PlatformName, Messenger],
        owner: str,
        concurrency: int = 8,
        lease: float = 30.0,
        poll: float = 0.5,
        count: Count = lambda name, **labels: None,
    ) -> None:
        self._queue = queue
        self._database = database
        self._coordinator = coordinator
        self._clock = clock
        self._desks = desks
        self._renderer = renderer
        self._files = files
        self._messengers = messengers
        self._owner = owner
        self._lease = lease
        self._count = count
        self._retries = Retries(clock)
        self._unkeyed: set[int] = set()
        self._suspect: int | None = None
        self._suspects_at = 0.0
        self._cards = CardSender(database=database, desks=desks, renderer=renderer, clock=clock)
        self._pool = ClaimPool(
            "outbox",
            coordinator,
            claim=self._claim,
            work=self._guarded,
            key=_id,
            release=lambda: queue.release_all(owner),
            concurrency=concurrency + URGENT_PLACES,
            poll=poll,
        )
        self.start = self._pool.start
        self.stop = self._pool.stop

    @property
    def idle(self) -> bool:
        return self._pool.idle

    async def _claim(self, free: int) -> list[Delivery]:
        """By priority; the last places are left to what is urgent."""
        now, places = self._clock.now(), free - URGENT_PLACES
        claimed = await self._queue.claim(
            self._owner,
            now,
            self._lease,
            places if places > 0 else free,
            unkeyed=self._unkeyed_room(),
            urgent=places <= 0,
            suspects=False,
        )
        self._note_unkeyed(claimed)
        suspects = await self._claim_suspect(now, free - len(claimed))
        self._note_unkeyed(suspects)
        return claimed + suspects

    def _unkeyed_room(self) -> int:
        return max(0, UNKEYED_MOST - len(self._unkeyed))

    def _note_unkeyed(self, claimed: list[Delivery]) -> None:
        self._unkeyed |= {_id(delivery) for delivery in claimed if _unkeyed(delivery)}

    async def _claim_suspect(self, now: datetime, free: int) -> list[Delivery]:
        """A delivery of which nobody knows how its last try ended may be what ends the process. One such is in work at
        a time, so that few others die with it, and none of the innocent ever comes to its last try."""
        real = asyncio.get_running_loop().time
        if self._suspect is not None or free <= 0 or real() < self._suspects_at:
            return []
        room = min(1, self._unkeyed_room())
        found = await self._queue.claim(self._owner, now, self._lease, 1, unkeyed=room, suspects=True)
        for delivery in found:
            self._suspect = delivery.id
        self._suspects_at = 0.0 if found else real() + SUSPECTS_EVERY
        return found

    async def _guarded(self, delivery: Delivery) -> None:
        renewal = asyncio.create_task(self._renew(delivery))
        try:
            await self._work(delivery)
        except asyncio.CancelledError:
            raise
        except Exception:
            # The database is away: the lease runs out, and the row comes back as one that may have been sent.
            log.exception("delivery left to its lease", delivery=delivery.id)
        finally:
            renewal.cancel()
            with suppress(asyncio.CancelledError):
                await renewal
            if _unkeyed(delivery):
                self._unkeyed.discard(_id(delivery))
                self._pool.hurry()
            self._suspect = None if self._suspect == delivery.id else self._suspect

    async def _renew(self, delivery: Delivery) -> None:
        """A picture may take longer to send than a lease lasts."""
        while True:
            await asyncio.sleep(self._lease / 3)
            with suppress(Exception):  # the next round tries again
                if not await self._queue.renew(
                    _id(delivery), self._owner, self._clock.now() + timedelta(seconds=self._lease)
                ):
                    return

    async def _work(self, delivery: Delivery) -> None:
        started = self._clock.now()

        def tried(result: str, code: str = "") -> Try:
            return Try(
                attempt=delivery.attempts,
                at=started,
                result=result,
                errcode=code,
                latency_ms=round((self._clock.now() - started).total_seconds() * 1000),
            )

        try:
            if delivery.attempts > SILENT_ENDS and not delivery.last_error:
                said = tried("poison")
                await self._park(delivery, "every try ended without a word", said)
            else:
                outcome = await self._send(delivery)
                said = tried("sent" if outcome else "superseded")
                await insisting(partial(self._mark, delivery, outcome, said))
        except Throttled as full:
            self._count("throttled", platform=delivery.platform.value, api=full.api)
            await insisting(partial(self._failed, delivery, full, None))
            return  # the platform was not asked: no try
        except PlatformError as error:
            said = tried(type(error).__name__, error.code)
            await insisting(partial(self._failed, delivery, error, said))
        except Exception as error:
            said = tried("failed", type(error).__name__)
            log.exception("delivery failed", delivery=delivery.id)
            await self._defect(delivery, f"{type(error).__name__}: {error}"[:500], said)
        self._count("deliveries", platform=delivery.platform.value, result=said.result)
        log.info(
            "delivery",
            delivery=delivery.id,
            kind=delivery.kind.value,
            platform=delivery.platform.value,
            result=said.result,
            code=said.errcode,
            ms=said.latency_ms,
        )

    async def _send(self, delivery: Delivery) -> Outcome | None:
        """None: the screens show it already, nothing was sent."""
        messenger = self._messengers.get(delivery.platform)
        if messenger is None:
            raise NotReachable("no_platform", f"{delivery.platform} is not configured")
        if delivery.kind is DeliveryKind.CARD:
            return await self._cards.send(delivery, messenger)
        return await self._plain(delivery, messenger)

    async def _mark(self, delivery: Delivery, outcome: Outcome | None, tried: Try) -> None:
        """It is at the platform: forgetting that for a database that is away a moment would send it twice."""
        if outcome is None:
            await self._queue.superseded(_id(delivery), self._owner, tried=tried)
            return
        if outcome.unreachable:  # first, so that a crash in between tells nobody less
            await self._elsewhere(delivery, outcome.unreachable)
        if not await self._queue.sent(
            _id(delivery),
            self._owner,
            provider_id=outcome.provider_id,
            at=self._clock.now(),
            tried=tried,
            painted=outcome.painted,
        ):
            log.warning("delivery lease lost, sent all the same", delivery=delivery.id)

    async def _plain(self, delivery: Delivery, messenger: Messenger) -> Outcome:
        account = delivery.recipients[0]
        if delivery.kind is DeliveryKind.TEXT:
            body = await folded(self._queue, delivery, self._owner)
            return await self._text(delivery, messenger, texts.render(body["sentence"], body["args"]))
        data = await self._picture(delivery)
        if data is None:
            return Outcome(provider_id="")
        name = picture_name(delivery.body["source"], delivery.body["ref"])
        handle = await self._uploaded(delivery, messenger, data, name)
        result = await messenger.send_image(account, data, name, handle=handle, retry=delivery.unsure)
        return Outcome(provider_id=result.provider_id, unreachable=result.unreachable)

    async def _text(self, delivery: Delivery, messenger: Messenger, words: str) -> Outcome:
        result = SendResult()
        again = delivery.unsure
        for part in split(words):
            result = await messenger.send_text(delivery.recipients[0], part, retry=again)
            delivery.unsure = True  # a part is there: should a later one fail, the next try repeats this one
        return Outcome(provider_id=result.provider_id, unreachable=result.unreachable)

    async def _uploaded(self, delivery: Delivery, messenger: Messenger, data: bytes, name: str) -> str:
        """Uploaded once and noted before it is sent: the duplicate check compares the very handle."""
        known = delivery.body.get(_handle(delivery))
        if isinstance(known, str):
            return known
        handle = await messenger.upload_image(data, name)
        await self._queue.keep(_id(delivery), self._owner, {**delivery.body, _handle(delivery): handle})
        return handle

    async def _picture(self, delivery: Delivery) -> bytes | None:
        source, ref = delivery.body["source"], delivery.body["ref"]
        if source == "pick_map":
            async with self._database.reading() as tx:
                sheet = await self._renderer.sheet(await self._act(tx), ref)
            return await asyncio.to_thread(self._renderer.pick_map, sheet) if sheet else None
        return await self._renderer.annotated(ref, delivery.body.get("details", {}))

    async def _act(self, tx: Transaction) -> Act:
        return Act(tx=tx, desk=await self._desks.get(tx), tell=Teller(tx, now=self._clock.now(), cause="render"))

    async def _failed(self, delivery: Delivery, error: PlatformError, tried: Try | None) -> None:
        name, attempts = delivery.platform.value, delivery.attempts
        match error:
            case RateLimited():
                at = self._retries.after_limit(error, Priority(delivery.priority))
                await self._later(delivery, at, str(error), tried, count=False)
            case PlatformDown():
                delivery.unsure = delivery.unsure or not isinstance(error, Unsent)
                await self._later(delivery, self._retries.after_failure(attempts), str(error), tried)
            case PlatformBusy(code="-1"):
                answers = await self._queue.failures(_id(delivery), error.code) + 1
                await self._later(delivery, self._retries.after_busy(answers), str(error), tried)
            case PlatformBusy():
                await self._later(delivery, self._retries.after_failure(attempts), str(error), tried)
            case MediaGone() if _handle(delivery) in delivery.body:
                body = {key: value for key, value in delivery.body.items() if key != _handle(delivery)}
                await self._queue.keep(_id(delivery), self._owner, body)
                await self._later(delivery, self._retries.after_failure(attempts), str(error), tried)
            case TokenRejected():
                at = self._clock.now() + timedelta(seconds=error.retry_after or LONGEST_WAIT)
                await self._later(delivery, at, str(error), tried, count=False)
                await self._alarm(delivery, f"{name} 凭证被拒({error.code}),消息暂停发送,请检查密钥")
            case NotReachable():
                await self._park(delivery, str(error), tried)
            case QuotaExhausted():
                await self._park(delivery, str(error), tried)
                await self._alarm(delivery, f"{name} 本月额度已用完,消息改走另一平台")
            case _:
                await self._queue.dead(_id(delivery), self._owner, error=str(error), at=self._clock.now(), tried=tried)
                await self._alarm(delivery, f"{name} 拒绝了一条消息({error.code}),已搁置 {delivery.id}")

    async def _defect(self, delivery: Delivery, error: str, tried: Try) -> None:
        delivery.unsure = True
        at = self._retries.after_failure(delivery.attempts) if delivery.attempts < DEFECTS else None
        await insisting(partial(self._later, delivery, at, error, tried))

    async def _later(
        self, delivery: Delivery, at: datetime | None, error: str, tried: Try | None, *, count: bool = True
    ) -> None:
        """Try again ``at`` that time; with None, or past the budget of its urgency, the other messenger takes over.

        What is urgent changes over before a ban that outlasts its budget, not after. As long as somebody of the
        recipients has no other messenger it is tried here for a day.
        """
        until = self._retries.give_up_at(delivery)
        if at is None or at >= until:
            everybody = await self._elsewhere(delivery, tuple(delivery.recipients))
            if at is None or everybody or at >= self._retries.last_resort(delivery, until):
                await self._park(delivery, error, tried, forwarded=True)
                await self._alarm(
                    delivery, f"{delivery.platform.value} 有消息一直发不出去,能改走另一平台的已改走,请回复“搁置”查看"
                )
                return
        await self._queue.retry(
            _id(delivery),
            self._owner,
            available_at=at,
            error=error,
            count=count,
            unsure=delivery.unsure,
            give_up_at=until,
            tried=tried,
        )

    async def _park(self, delivery: Delivery, error: str, tried: Try | None, *, forwarded: bool = False) -> None:
        """Given up here: on to the other messenger, and a dead letter. In this order, so that a crash in between tells
        nobody less."""
        if not forwarded:
            await self._elsewhere(delivery, tuple(delivery.recipients))
        await self._queue.dead(_id(delivery), self._owner, error=error, at=self._clock.now(), tried=tried)

    async def _elsewhere(self, delivery: Delivery, accounts: tuple[str, ...]) -> bool:
        """People this channel did not reach get it on their other messenger; whether all of them have one."""
        moved = 0
        async with self._database.transaction() as tx:
            act = await self._act(tx)
            for account in accounts:
                person = await tx.people.by_account(delivery.platform, account)
                other = next((a for a in person.accounts if a.platform != delivery.platform), None) if person else None
                if person is None or other is None or delivery.body.get("fallback"):
                    continue
                tell = Teller(tx, now=act.now, cause=f"fallback:{delivery.idem_key}")
                to = Address(platform=other.platform, account=other.account)
                await tell.forward(delivery, to)
                moved += 1
        self._coordinator.wake("outbox")
        return moved == len(accounts)

    async def _alarm(self, delivery: Delivery, text: str) -> None:
        """An administrator hears of it once an hour per kind, on the messenger that still works."""
        if delivery.body.get("sentence") == "admin_alarm":
            return
        async with self._database.transaction() as tx:
            act = await self._act(tx)
            for admin in await tx.people.with_role(Role.ADMIN):
                for account in admin.accounts:
                    await act.tell.once(
                        Address(platform=account.platform, account=account.account),
                        "admin_alarm",
                        key=f"{text}:{act.now:%Y%m%d%H}",
                        text=text,
                    )
        self._coordinator.wake("outbox")


def _id(delivery: Delivery) -> int:
    assert delivery.id is not None
    return delivery.id


def _unkeyed(delivery: Delivery) -> bool:
    return (delivery.platform, delivery.kind) in UNKEYED


def _handle(delivery: Delivery) -> str:
    """Name in the body under which the uploaded picture is noted: each messenger has its own."""
    return f"handle_{delivery.platform.value}"
