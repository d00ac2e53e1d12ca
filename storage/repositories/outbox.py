"""Notices recorded with the change that caused them, and the ledger of cards that stand in people's chats."""

from __future__ import annotations

from sqlalchemy import func, select

from core.notices import CardKind, ClickCode, Delivery, PostedCard
from core.people import PlatformName
from storage import tables as t
from storage.rows import columns_of
from storage.session import Work

_cards = t.posted_cards.c


class SqlOutbox:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def put(self, delivery: Delivery) -> bool:
        inserted = await self._work.run(
            self._work.insert(t.outbox)
            .values(columns_of(delivery, t.outbox))
            .on_conflict_do_nothing(index_elements=["idem_key"])
            .returning(t.outbox.c.id)
        )
        row_id = inserted.scalar()
        if row_id is None:
            return False
        delivery.id = row_id
        return True

    async def record(self, delivery: Delivery) -> None:
        self._work.at_last(t.outbox, columns_of(delivery, t.outbox))

    async def posted(self, card_key: str, platform: PlatformName) -> PostedCard | None:
        return await self._work.one(
            select(PostedCard)
            .where(_cards.platform == platform, _cards.card_key == card_key)
            .order_by(_cards.generation.desc())
            .limit(1)
        )

    async def posted_by_card_id(self, platform: PlatformName, card_id: str) -> PostedCard | None:
        return await self._work.one(select(PostedCard).where(_cards.platform == platform, _cards.card_id == card_id))

    async def posted_for(self, kind: CardKind, ref: str) -> list[PostedCard]:
        newest = (
            select(_cards.platform, _cards.card_key, func.max(_cards.generation).label("generation"))
            .where(_cards.ref == ref, _cards.kind == kind)
            .group_by(_cards.platform, _cards.card_key)
            .subquery()
        )
        return await self._work.many(
            select(PostedCard)
            .join(
                newest,
                (newest.c.platform == _cards.platform)
                & (newest.c.card_key == _cards.card_key)
                & (newest.c.generation == _cards.generation),
            )
            .order_by(_cards.id)
        )

    async def save_posted(self, card: PostedCard) -> None:
        """Insert, or update the row of the same (platform, card_id)."""
        if self._work.tracks(card):
            await self._work.save()
            return
        values = columns_of(card, t.posted_cards)
        values.pop("id", None)
        inserted = await self._work.run(
            self._work.insert(t.posted_cards)
            .values(values)
            .on_conflict_do_update(
                index_elements=["platform", "card_id"],
                set_={k: v for k, v in values.items() if k not in ("platform", "card_id")},
            )
            .returning(_cards.id)
        )
        card.id = inserted.scalar_one()
        await self._work.fresh(select(PostedCard).where(_cards.id == card.id))

    async def add_click_code(self, code: ClickCode) -> None:
        await self._work.run(
            self._work.insert(t.click_codes).values(columns_of(code, t.click_codes)).on_conflict_do_nothing()
        )

    async def click_codes(self, card_id: str) -> list[ClickCode]:
        codes = t.click_codes.c
        return await self._work.many(
            select(ClickCode)
            .where(codes.card_id == card_id, ~codes.spent)
            .order_by(codes.received_at.desc(), codes.id.desc())
        )
