"""A press on a DingTalk card is worked at once, so that its answer carries the repaint within two seconds."""

from __future__ import annotations

from typing import Any

import structlog

from bot.card_sending import CardSender
from bot.dingtalk.parse import foreign_company
from bot.inbox import InboxLoop
from bot.rendering import Renderer
from cards import dingtalk as dingtalk_cards
from core.inbound import RawInbound
from core.notices import CardKind
from core.people import PlatformName
from core.ports import Database

log = structlog.get_logger()


class PressAnswers:
    """T1 has stored the press; here T2 and T3 follow in the same breath, and the card as it stands now goes back."""

    def __init__(
        self, *, inbox: InboxLoop, sender: CardSender, renderer: Renderer, database: Database, corp_id: str = ""
    ) -> None:
        self._corp_id = corp_id
        self._inbox = inbox
        self._sender = sender
        self._renderer = renderer
        self._database = database

    async def answer(self, inbox_id: int | None, raw: RawInbound) -> dict[str, Any]:
        """The card answer of wire/dingtalk 6.5; empty when the card is not ours, nothing has to change, or it was
        pressed in another company.
        """
        if inbox_id is not None:
            await self._inbox.work_one(inbox_id)
        if foreign_company(raw.payload, self._corp_id):
            return {}
        card_id = str(raw.payload.get("data", raw.payload).get("outTrackId", ""))
        async with self._database.reading() as tx:
            posted = await tx.outbox.posted_by_card_id(PlatformName.DINGTALK, card_id)
            if posted is None:
                return {}
            act = await self._inbox.act(tx, cause="answer")
            card = await self._renderer.card(act, CardKind(posted.kind), posted.ref, PlatformName.DINGTALK)
        if card is None:
            return {}
        payload = self._renderer.payload(card, PlatformName.DINGTALK, None)
        await self._sender.mark_shown(posted, payload, closed=bool(card.closed_text))
        return dingtalk_cards.answer(card)
