"""Posting and repainting cards: rendered now, keyed by card id, repainted with one-shot codes (law 3 and law 10)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from bot.masterdata import DeskSource
from bot.platform_errors import CardGone
from bot.rendering import Renderer, digest
from cards.card import Card
from core.clock import Clock
from core.desk import Act
from core.notices import CardKind, ClickCode, Delivery, Painted, PostedCard
from core.people import PlatformName
from core.ports import Database, Messenger, Transaction
from core.telling import Address, Teller, card_id

log = structlog.get_logger()

CODE_LIFE = timedelta(hours=72)
SAID_WHEN_STALE = frozenset({CardKind.APPROVAL, CardKind.ESCALATION, CardKind.PICKUP, CardKind.PICK_LIST})
"""Cards on which somebody might still press in vain; the others' ends are told by the sentence of the change."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a send: the platform's id for it, whom it did not reach, and what the screens show since.

    ``painted`` is noted by whoever marks the delivery as sent, in the same commit.
    """

    provider_id: str
    unreachable: tuple[str, ...] = ()
    painted: Painted | None = None


class CardSender:
    """Brings the screens to the current state, whatever happened in between: late and repeated sends converge."""

    def __init__(self, *, database: Database, desks: DeskSource, renderer: Renderer, clock: Clock) -> None:
        self._database = database
        self._desks = desks
        self._renderer = renderer
        self._clock = clock

    async def send(self, delivery: Delivery, messenger: Messenger) -> Outcome | None:
        """None when the screens show this state already (superseded)."""
        kind, ref, key = CardKind(delivery.body["kind"]), delivery.body["ref"], delivery.body["key"]
        async with self._database.reading() as tx:
            act = Act(tx=tx, desk=await self._desks.get(tx), tell=Teller(tx, now=self._clock.now(), cause="render"))
            card = await self._renderer.card(act, kind, ref, delivery.platform)
            posted = await tx.outbox.posted(key, delivery.platform)
        if card is None or posted is None:
            return None
        if posted.posted_at is None:
            return await self._post(delivery, messenger, card, posted)
        payload = self._renderer.payload(card, delivery.platform, None)
        if digest(payload) == posted.shown_digest:
            return None
        return await self._repaint(delivery, messenger, card, posted)

    async def _post(self, delivery: Delivery, messenger: Messenger, card: Card, posted: PostedCard) -> Outcome | None:
        if card.closed_text and delivery.platform is PlatformName.WECOM:
            card = replace(
                card,
                closed_text="",
                buttons=(),
                more=(),
                choices=(),
                submit=None,
                body="\n".join(x for x in (card.closed_text, card.body) if x),
            )
        payload = self._renderer.payload(card, delivery.platform, posted.card_id)
        shown = digest(self._renderer.payload(card, delivery.platform, None))
        retry = delivery.unsure or delivery.attempts > 1
        result = await messenger.send_card(posted.recipients, payload, posted.card_id, retry=retry)
        # Had an earlier try of unknown outcome put it there, it stands in the state of that time, which nobody noted:
        # the delivery of a change since then, next in this lane, finds it different from anything.
        painted = Painted(
            platform=posted.platform,
            card_id=posted.card_id,
            digest=posted.shown_digest if result.already else shown,
            closed=bool(card.closed_text),
            posted_at=self._clock.now(),
            send_code=result.response_code,
        )
        return Outcome(provider_id=result.provider_id, unreachable=result.unreachable, painted=painted)

    async def _repaint(
        self, delivery: Delivery, messenger: Messenger, card: Card, posted: PostedCard
    ) -> Outcome | None:
        payload = self._renderer.payload(card, delivery.platform, None)
        shown = digest(payload)
        painted = Painted(platform=posted.platform, card_id=posted.card_id, digest=shown, closed=bool(card.closed_text))
        if delivery.platform is not PlatformName.WECOM:
            try:
                result = await messenger.update_card(posted, payload, "")
            except CardGone:
                return await self._fresh(delivery, messenger, card, posted)
            return Outcome(provider_id=result.provider_id, unreachable=result.unreachable, painted=painted)
        while (code := await self._take_code(posted, shown, passing=card.passing)) is not None:
            value, tried_for = code
            spent = replace(painted, spent=value)
            try:
                result = await messenger.update_card(posted, payload, value)
            except CardGone:
                if tried_for == shown:  # our earlier try of unknown outcome was the one that spent it
                    return Outcome(provider_id=posted.card_id, painted=spent)
                async with self._database.transaction() as tx:
                    await _spend(tx, posted, value)
                continue
            return Outcome(provider_id=result.provider_id, unreachable=result.unreachable, painted=spent)
        if card.passing:
            return None
        return await self._fresh(delivery, messenger, card, posted)

    async def _fresh(self, delivery: Delivery, messenger: Messenger, card: Card, posted: PostedCard) -> Outcome | None:
        """Law 10: no usable handle is left. A fresh card while it waits for somebody to act; a sentence when nothing is
        left to decide. The picker's own card always comes fresh: it is what they hold in the hand, and scans bring no
        update code."""
        if card.closed_text and card.kind is not CardKind.PICK_STOP:
            return await self._say_closed(delivery, card, posted)
        generation = posted.generation + 1
        new = PostedCard(
            platform=posted.platform,
            card_key=posted.card_key,
            generation=generation,
            kind=posted.kind,
            ref=posted.ref,
            recipients=posted.recipients,
            card_id=card_id(posted.kind, posted.ref, f"{posted.platform}:{posted.card_key}:{generation}"),
        )
        async with self._database.transaction() as tx:
            known = await tx.outbox.posted(posted.card_key, posted.platform)
            if known is None or known.generation < generation:
                await tx.outbox.save_posted(new)
            elif known.posted_at is not None:
                return None
        return await self._post(delivery, messenger, card, new)

    async def _say_closed(self, delivery: Delivery, card: Card, posted: PostedCard) -> Outcome | None:
        """Their copy still shows live buttons: say that it is over. Who heard it with the change is not told twice.

        A notice for each of them, recorded in the commit that settles the card: none is skipped or said twice when the
        sender dies between two of them.
        """
        if card.kind not in SAID_WHEN_STALE:
            return None
        shown = digest(self._renderer.payload(card, delivery.platform, None))
        async with self._database.transaction() as tx:
            row = await tx.outbox.posted_by_card_id(posted.platform, posted.card_id)
            assert row is not None
            tell = Teller(tx, now=self._clock.now(), cause=f"over:{posted.platform}:{posted.card_id}")
            for account in posted.recipients:
                to = Address(platform=posted.platform, account=account)
                await tell.say(to, "card_over", title=card.title, outcome=card.closed_text)
            row.shown_digest, row.closed = shown, True
            await tx.outbox.save_posted(row)
        return Outcome(provider_id=posted.card_id)

    async def mark_shown(self, posted: PostedCard, payload: dict[str, object], *, closed: bool) -> None:
        """The platform painted this state by itself: it was the answer to a press (DingTalk)."""
        shown = digest(dict(payload))
        if (shown, closed) != (posted.shown_digest, posted.closed):
            async with self._database.transaction() as tx:
                await tx.outbox.note_painted(
                    Painted(platform=posted.platform, card_id=posted.card_id, digest=shown, closed=closed)
                )

    async def _take_code(self, posted: PostedCard, shown: str, *, passing: bool) -> tuple[str, str] | None:
        """The newest click's code, else the one of the send, noted as tried before the call that may spend it; with
        what an earlier try wanted to show.

        The code of the send is not spent on a state on the way (``passing``): it is kept for a change that somebody has
        to act on, or for the end.
        """
        now = self._clock.now()
        async with self._database.transaction() as tx:
            for code in await tx.outbox.click_codes(posted.card_id):
                if now - code.received_at < CODE_LIFE:
                    before, code.tried_at, code.tried_for = code.tried_for, now, shown
                    return code.code, before
            row = await tx.outbox.posted_by_card_id(posted.platform, posted.card_id)
            if row is None or passing or not row.send_code or row.send_code_at is None:
                return None
            if now - row.send_code_at >= CODE_LIFE:
                return None
            # A row of its own from now on, so that a try of unknown outcome is remembered for it too.
            await tx.outbox.add_click_code(
                ClickCode(
                    card_id=posted.card_id,
                    code=row.send_code,
                    by_account="",
                    received_at=row.send_code_at,
                    tried_at=now,
                    tried_for=shown,
                )
            )
            value, row.send_code = row.send_code, ""
            await tx.outbox.save_posted(row)
            return value, ""


async def _spend(tx: Transaction, posted: PostedCard, value: str) -> None:
    for code in await tx.outbox.click_codes(posted.card_id):
        if code.code == value:
            code.spent = True
            return
