"""Claim → send → mark: everything that must be told leaves from here, at least once and keyed wherever the platform
has a key (reliability section 6)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from bot.card_sending import CardSender
from bot.masterdata import DeskSource
from bot.platform_errors import (
    NotReachable,
    PlatformBusy,
    PlatformDown,
    PlatformError,
    QuotaExhausted,
    RateLimited,
    TokenRejected,
)
from bot.pool import ClaimPool
from bot.rendering import Renderer, picture_name
from core.clock import Clock
from core.desk import Act
from core.notices import Delivery, DeliveryKind, Priority
from core.people import PlatformName, Role
from core.ports import Coordinator, Database, FileStore, Messenger, OutboxQueue, Transaction
from core.telling import Address, Teller
from handlers import texts

log = structlog.get_logger()

MAX_ATTEMPTS: dict[Priority, int] = {
    Priority.EXPEDITE: 8,
    Priority.RECEIPT: 8,
    Priority.APPROVAL: 10,
    Priority.PICK: 10,
    Priority.DIGEST: 12,
}
TEXT_BYTES = 2000
LONGEST_WAIT = 60.0


class Breaker:
    """Opens after five network errors in a row to one platform; half-open with one probe after ``rest`` seconds."""

    def __init__(self, clock: Clock, *, limit: int = 5, rest: float = 10.0) -> None:
        self._clock = clock
        self._limit = limit
        self._rest = timedelta(seconds=rest)
        self._failures: dict[PlatformName, int] = {}
        self._until: dict[PlatformName, datetime] = {}

    def wait(self, platform: PlatformName) -> float:
        """Seconds to wait before this platform is tried; 0 when it may be tried now."""
        if self._failures.get(platform, 0) < self._limit:
            return 0.0
        left = (self._until[platform] - self._clock.now()).total_seconds()
        if left > 0:
            return left
        self._until[platform] = self._clock.now() + self._rest
        return 0.0

    def failed(self, platform: PlatformName) -> None:
        self._failures[platform] = self._failures.get(platform, 0) + 1
        self._until[platform] = self._clock.now() + self._rest

    def worked(self, platform: PlatformName) -> None:
        self._failures.pop(platform, None)


class OutboxLoop:
    """Sends without a batch barrier: ``concurrency`` deliveries at once, one per lane."""

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
        self._breaker = Breaker(clock)
        self._cards = CardSender(database=database, desks=desks, renderer=renderer, clock=clock)
        self._pool = ClaimPool(
            "outbox",
            coordinator,
            claim=self._claim,
            work=self._guarded,
            key=_id,
            release=lambda: queue.release_all(owner),
            concurrency=concurrency,
            poll=poll,
        )
        self.start = self._pool.start
        self.stop = self._pool.stop

    @property
    def idle(self) -> bool:
        return self._pool.idle

    async def _claim(self, free: int) -> list[Delivery]:
        return await self._queue.claim(self._owner, self._clock.now(), self._lease, free)

    async def _guarded(self, delivery: Delivery) -> None:
        delivery_id = _id(delivery)
        started = self._clock.now()
        wait = self._breaker.wait(delivery.platform)
        if wait > 0:
            await self._queue.retry(
                delivery_id,
                self._owner,
                available_at=started + timedelta(seconds=wait),
                error="breaker open",
                count=False,
            )
            return
        code, result = "", "sent"
        try:
            await self._send(delivery)
            self._breaker.worked(delivery.platform)
        except asyncio.CancelledError:
            raise
        except PlatformError as error:
            code, result = error.code, type(error).__name__
            await self._failed(delivery, error)
        except Exception as error:
            code, result = type(error).__name__, "failed"
            log.exception("delivery failed", delivery=delivery.id)
            await self._again(delivery, f"{type(error).__name__}: {error}"[:500])
        latency = round((self._clock.now() - started).total_seconds() * 1000)
        await self._queue.log(
            delivery_id, delivery.attempts, at=started, result=result, errcode=code, latency_ms=latency
        )
        log.info(
            "delivery",
            delivery=delivery_id,
            kind=delivery.kind.value,
            platform=delivery.platform.value,
            result=result,
            code=code,
            ms=latency,
        )

    async def _send(self, delivery: Delivery) -> None:
        messenger = self._messengers.get(delivery.platform)
        assert delivery.id is not None
        if messenger is None:
            raise NotReachable("no_platform", f"{delivery.platform} is not configured")
        if delivery.kind is DeliveryKind.CARD:
            outcome = await self._cards.send(delivery, messenger)
            if outcome is None:
                await self._queue.superseded(delivery.id, self._owner)
                return
            provider, unreachable = outcome
        else:
            provider, unreachable = await self._plain(delivery, messenger)
        await self._queue.sent(delivery.id, self._owner, provider_id=provider, at=self._clock.now())
        if unreachable:
            await self._elsewhere(delivery, unreachable)

    async def _plain(self, delivery: Delivery, messenger: Messenger) -> tuple[str, tuple[str, ...]]:
        account = delivery.recipients[0]
        retry = delivery.attempts > 1
        if delivery.kind is DeliveryKind.TEXT:
            words = texts.render(delivery.body["sentence"], delivery.body["args"])
            result = None
            for part in split(words):
                result = await messenger.send_text(account, part, retry=retry)
            assert result is not None
            return result.provider_id, result.unreachable
        data = await self._picture(delivery)
        if data is None:
            return "", ()
        name = picture_name(delivery.body["source"], delivery.body["ref"])
        result = await messenger.send_image(account, data, name)
        return result.provider_id, result.unreachable

    async def _picture(self, delivery: Delivery) -> bytes | None:
        source, ref = delivery.body["source"], delivery.body["ref"]
        if source == "pick_map":
            async with self._database.reading() as tx:
                sheet = await self._renderer.sheet(await self._act(tx), ref)
            return await asyncio.to_thread(self._renderer.pick_map, sheet) if sheet else None
        return await self._renderer.annotated(ref, delivery.body.get("details", {}))

    async def _act(self, tx: Transaction) -> Act:
        return Act(tx=tx, desk=await self._desks.get(tx), tell=Teller(tx, now=self._clock.now(), cause="render"))

    async def _failed(self, delivery: Delivery, error: PlatformError) -> None:
        assert delivery.id is not None
        now = self._clock.now()
        match error:
            case RateLimited():
                later = now + timedelta(seconds=max(error.retry_after or 1.0, 0.05))
                await self._queue.retry(delivery.id, self._owner, available_at=later, error=str(error), count=False)
            case PlatformDown():
                self._breaker.failed(delivery.platform)
                await self._again(delivery, str(error))
            case PlatformBusy():
                await self._again(delivery, str(error))
            case TokenRejected():
                later = now + timedelta(seconds=error.retry_after or LONGEST_WAIT)
                await self._queue.retry(delivery.id, self._owner, available_at=later, error=str(error), count=False)
                await self._alarm(delivery, f"{delivery.platform.value} 凭证被拒({error.code}),消息暂停发送,请检查密钥")
            case NotReachable():
                await self._elsewhere(delivery, tuple(delivery.recipients))
                await self._queue.dead(delivery.id, self._owner, error=str(error), at=now)
            case QuotaExhausted():
                await self._elsewhere(delivery, tuple(delivery.recipients))
                await self._queue.dead(delivery.id, self._owner, error=str(error), at=now)
                await self._alarm(delivery, f"{delivery.platform.value} 本月额度已用完,消息改走另一平台")
            case _:
                await self._queue.dead(delivery.id, self._owner, error=str(error), at=now)
                await self._alarm(
                    delivery, f"{delivery.platform.value} 拒绝了一条消息({error.code}),已搁置 {delivery.id}"
                )

    async def _again(self, delivery: Delivery, error: str) -> None:
        """Full jitter on 0.5 s·2ⁿ; given up after the attempts its priority allows."""
        assert delivery.id is not None
        now = self._clock.now()
        if delivery.attempts >= MAX_ATTEMPTS[Priority(delivery.priority)]:
            await self._queue.dead(delivery.id, self._owner, error=error, at=now)
            await self._elsewhere(delivery, tuple(delivery.recipients))
            return
        ceiling = min(LONGEST_WAIT, 0.5 * 2**delivery.attempts)
        later = now + timedelta(seconds=random.uniform(0.1, ceiling))
        await self._queue.retry(delivery.id, self._owner, available_at=later, error=error)

    async def _elsewhere(self, delivery: Delivery, accounts: tuple[str, ...]) -> None:
        """People this channel did not reach get it on their other messenger; with no other channel it stays parked."""
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
        self._coordinator.wake("outbox")

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


def split(text: str) -> list[str]:
    """Parts of at most 2000 bytes, cut at line ends where possible: both messengers cut longer texts silently."""
    parts: list[str] = []
    current = ""
    for piece in (short for line in text.split("\n") for short in _short_pieces(line)):
        candidate = f"{current}\n{piece}" if current else piece
        if len(candidate.encode()) <= TEXT_BYTES:
            current = candidate
            continue
        parts.append(current)
        current = piece
    return [*parts, current]


def _short_pieces(line: str) -> list[str]:
    """A line that is longer than a message, cut between characters."""
    pieces: list[str] = []
    rest = line
    while len(rest.encode()) > TEXT_BYTES:
        head = rest.encode()[:TEXT_BYTES].decode(errors="ignore")
        pieces.append(head)
        rest = rest[len(head) :]
    return [*pieces, rest]
