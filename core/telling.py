"""Recording what must be told, in the transaction that caused it. The outbox sends it later (house rule 11)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.notices import CardKind, Delivery, DeliveryKind, PostedCard, Priority
from core.people import Person, PlatformName
from core.ports import Transaction

CARD_PREFIX: dict[CardKind, str] = {
    CardKind.DRAFT: "so",
    CardKind.APPROVAL: "ap",
    CardKind.REJECT_REASON: "rr",
    CardKind.ORDER: "or",
    CardKind.PICK_LIST: "pl",
    CardKind.PICK_STOP: "ps",
    CardKind.SHORT_REASON: "sr",
    CardKind.EXPEDITE_REASON: "xr",
    CardKind.EXPEDITE_TERMS: "xt",
    CardKind.EXPEDITE: "xp",
    CardKind.PICKUP: "pu",
    CardKind.ESCALATION: "es",
}


def card_id(kind: CardKind, ref: str, idem_key: str) -> str:
    """WeCom task_id / DingTalk outTrackId: a readable head and a hash of the key, ≤ 64 of ``[0-9A-Za-z_@-]``."""
    head = "".join(c for c in ref if c.isascii() and (c.isalnum() or c in "-_"))[:40]
    return f"{CARD_PREFIX[kind]}-{head}-{hashlib.sha256(idem_key.encode()).hexdigest()[:10]}"


def plain(args: dict[str, Any]) -> dict[str, Any]:
    """Arguments as they will be read back from the row: only what JSON holds."""
    kept: dict[str, Any] = json.loads(json.dumps(args, ensure_ascii=False, default=str))
    return kept


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where one notice goes."""

    platform: PlatformName
    account: str


def _once(to: Address, sentence: str) -> str:
    return f"once:{to.platform}:{to.account}:{sentence}"


def lane_of(to: Address, priority: Priority) -> str:
    """Texts and pictures reach a person in order; what is urgent does not queue behind what can wait."""
    lane = f"to:{to.platform}:{to.account}"
    return f"{lane}:urgent" if priority is Priority.EXPEDITE else lane


def home_of(person: Person, prefer: PlatformName | None = None) -> Address | None:
    """The messenger where a person lives (or the one a rule prefers); the other one when they have no account there;
    None when unreachable."""
    account = person.account_on(prefer or person.home) or next(iter(person.accounts), None)
    return Address(platform=account.platform, account=account.account) if account else None


Pace = Callable[[datetime, PlatformName, Sequence[str]], datetime]
"""When a new card for these accounts may be shown."""


class Teller:
    """Notices of one transaction. ``cause`` names what happened (``in8123``, ``dl77``, ``wave:…``) and makes the
    keys of the deliveries: the same cause recorded twice is sent once."""

    def __init__(self, tx: Transaction, *, now: datetime, cause: str, pace: Pace | None = None) -> None:
        """``pace``: new cards wait until their readers have had time for the last one (catch-up after a downtime)."""
        self._tx = tx
        self._pace = pace
        self._now = now
        self._cause = cause
        self._count = 0

    @property
    def now(self) -> datetime:
        return self._now

    async def say(
        self, to: Address | Person, sentence: str, /, *, priority: Priority = Priority.RECEIPT, **args: Any
    ) -> None:
        """A sentence of the catalogue to one person. ``args`` are kept, the words are made at send time."""
        address = home_of(to) if isinstance(to, Person) else to
        if address is None:
            await self._unreachable(to, sentence)
            return
        await self._put(DeliveryKind.TEXT, address, {"sentence": sentence, "args": plain(args)}, priority)

    async def again(self, to: Address, sentence: str, /, *, key: str, **args: Any) -> None:
        """A sentence that is said once a minute for ``key``, and not while it still waits to be said: who sees no
        reaction taps again and again, and a slow hour must not drown in answers."""
        head = f"{_once(to, sentence)}:{key}:"
        if not await self._tx.outbox.waits(lane_of(to, Priority.RECEIPT), head):
            await self.once(to, sentence, key=f"{key}:{self._now:%Y%m%d%H%M}", **args)

    async def once(self, to: Address, sentence: str, /, *, key: str, **args: Any) -> None:
        """A sentence that is said once for ``key``, however often it is caused: then silence."""
        await self._tx.outbox.record(
            Delivery(
                idem_key=f"{_once(to, sentence)}:{key}",
                kind=DeliveryKind.TEXT,
                platform=to.platform,
                recipients=[to.account],
                lane_key=lane_of(to, Priority.RECEIPT),
                priority=Priority.RECEIPT,
                body={"sentence": sentence, "args": plain(args)},
                available_at=self._now,
                created_at=self._now,
            )
        )

    async def picture(
        self, to: Address | Person, source: str, ref: str, /, *, priority: Priority, **details: Any
    ) -> None:
        """A picture drawn at send time: ``source`` pick_map (ref pick list) or annotated (ref sha256 of a picture)."""
        address = home_of(to) if isinstance(to, Person) else to
        if address is not None:
            await self._put(DeliveryKind.IMAGE, address, {"source": source, "ref": ref, "details": details}, priority)

    async def show(
        self,
        kind: CardKind,
        ref: str,
        to: Sequence[Person] | Address,
        *,
        priority: Priority,
        audience: str = "",
        prefer: PlatformName | None = None,
        first: bool = False,
    ) -> None:
        """Show a card to people: one shared card on each messenger where somebody of them lives.

        Shown again to the same audience, the standing card is repainted; ``audience`` tells copies with different
        readers apart. ``prefer``: the messenger a rule names, for those who have an account there (F126).
        ``first``: the subject was made in this transaction, no card of it can stand.
        """
        for platform, accounts in self._by_platform(to, prefer).items():
            key = f"{kind}:{ref}:{audience}" if audience else f"{kind}:{ref}"
            posted = None if first else await self._tx.outbox.posted(key, platform)
            at = None
            if posted is None:
                at = self._pace(self._now, platform, accounts) if self._pace else self._now
                idem = f"{platform}:{key}:1"
                await self._tx.outbox.save_posted(
                    PostedCard(
                        platform=platform,
                        card_key=key,
                        generation=1,
                        card_id=card_id(kind, ref, idem),
                        kind=kind,
                        ref=ref,
                        recipients=accounts,
                    )
                )
            await self._paint(platform, key, kind, ref, accounts, priority, at=at)

    async def fresh(self, kind: CardKind, ref: str, to: Address, *, priority: Priority) -> None:
        """A new card although one of this kind may stand further up: answers to a question asked again."""
        await self.show(kind, ref, to, priority=priority, audience=f"{to.account}:{self._cause}")

    async def repaint(self, ref: str, *kinds: CardKind, priority: Priority = Priority.RECEIPT) -> None:
        """Every standing copy of the subject's cards shows the new state, on both messengers (law 3)."""
        for kind in kinds:
            for posted in await self._tx.outbox.posted_for(kind, ref):
                await self._paint(posted.platform, posted.card_key, kind, ref, posted.recipients, priority)

    async def forward(self, delivery: Delivery, to: Address) -> None:
        """The same notice over another channel, once: who was not reached there is reached here."""
        body = {**delivery.body, "fallback": True}
        if delivery.kind is DeliveryKind.CARD:
            await self.show(
                CardKind(body["kind"]),
                body["ref"],
                to,
                priority=Priority(delivery.priority),
                audience=f"{to.account}:fallback",
            )
            return
        await self._put(delivery.kind, to, body, Priority(delivery.priority))

    async def paint_again(self, platform: PlatformName, card_id: str) -> None:
        """The card somebody just pressed in vain shows its current state (law 5)."""
        posted = await self._tx.outbox.posted_by_card_id(platform, card_id)
        if posted is not None:
            await self._paint(platform, posted.card_key, posted.kind, posted.ref, posted.recipients, Priority.RECEIPT)

    def _by_platform(
        self, to: Sequence[Person] | Address, prefer: PlatformName | None
    ) -> dict[PlatformName, list[str]]:
        addresses: Iterable[Address | None] = [to] if isinstance(to, Address) else [home_of(p, prefer) for p in to]
        grouped: dict[PlatformName, list[str]] = {}
        for address in addresses:
            if address is not None and address.account not in grouped.setdefault(address.platform, []):
                grouped[address.platform].append(address.account)
        return {platform: accounts for platform, accounts in grouped.items() if accounts}

    async def _paint(
        self,
        platform: PlatformName,
        key: str,
        kind: CardKind,
        ref: str,
        accounts: list[str],
        priority: Priority,
        *,
        at: datetime | None = None,
    ) -> None:
        """``at``: when a new card may be shown; without it a standing one is repainted."""
        delivery = Delivery(
            idem_key=f"card:{platform}:{key}:{self._cause}",
            kind=DeliveryKind.CARD,
            platform=platform,
            recipients=accounts,
            lane_key=f"card:{platform}:{key}",
            priority=priority,
            body={"kind": kind.value, "ref": ref, "key": key},
            available_at=at or self._now,
            created_at=self._now,
        )
        await (self._tx.outbox.refresh(delivery) if at is None else self._tx.outbox.record(delivery))

    async def _put(self, kind: DeliveryKind, to: Address, body: dict[str, Any], priority: Priority) -> None:
        self._count += 1
        await self._tx.outbox.record(
            Delivery(
                idem_key=f"{kind}:{to.platform}:{to.account}:{self._cause}:{self._count}",
                kind=kind,
                platform=to.platform,
                recipients=[to.account],
                lane_key=lane_of(to, priority),
                priority=priority,
                body=body,
                available_at=self._now,
                created_at=self._now,
            )
        )

    async def _unreachable(self, to: Address | Person, sentence: str) -> None:
        """A person without any account cannot be told; the trace says so instead of silence."""
        if isinstance(to, Person):
            await self._tx.timeline.append(
                f"person:{to.id}",
                "notice.unreachable",
                actor="system",
                actor_name="系统",
                channel="system",
                details={"sentence": sentence, "cause": self._cause},
                at=self._now,
            )
