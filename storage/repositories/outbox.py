"""Notices recorded with the change that caused them, and the ledger of cards that stand in people's chats."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Select, Update, bindparam, case, func, select, text, update
from sqlalchemy.sql.dml import ReturningInsert

from core.notices import CardKind, ClickCode, Delivery, DeliveryState, Painted, PostedCard
from core.people import PlatformName
from storage import tables as t
from storage.painting import noted
from storage.rows import columns_of
from storage.session import Work, insert_into

_cards = t.posted_cards.c
_NAMES_ONE = ("platform", "card_id")


@cache
def _saved(postgres: bool) -> ReturningInsert[Any]:
    insert = insert_into(t.posted_cards, postgres)
    replaced = {c.name: insert.excluded[c.name] for c in t.posted_cards.c if c.name not in ("id", *_NAMES_ONE)}
    return insert.on_conflict_do_update(index_elements=_NAMES_ONE, set_=replaced).returning(_cards.id)


@cache
def _newest() -> Select[PostedCard]:
    return (
        select(PostedCard)
        .where(_cards.platform == bindparam("on"), _cards.card_key == bindparam("key"))
        .order_by(_cards.generation.desc())
        .limit(1)
    )


_UNTOUCHED = (
    text(t.OPEN_DELIVERY),
    t.outbox.c.lane_key == bindparam("lane"),
    t.outbox.c.state == DeliveryState.READY,
    t.outbox.c.attempts == 0,
)


@cache
def _merged() -> Update:
    wanted, kept = bindparam("wanted", type_=t.outbox.c.priority.type), t.outbox.c.priority
    return update(t.outbox).where(*_UNTOUCHED).values(priority=case((kept > wanted, wanted), else_=kept))


@cache
def _waiting() -> Select[Any]:
    head = func.substr(t.outbox.c.idem_key, 1, bindparam("length"))
    return select(t.outbox.c.id).where(*_UNTOUCHED, head == bindparam("head")).limit(1)


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

    async def refresh(self, delivery: Delivery) -> None:
        """The waiting row stays locked until the commit: no sender can paint the state before it from that row."""
        values = {"lane": delivery.lane_key, "wanted": delivery.priority}
        if not await self._work.changed(_merged(), values):
            await self.record(delivery)

    async def waits(self, lane_key: str, idem_prefix: str) -> bool:
        found = await self._work.run(_waiting(), {"lane": lane_key, "head": idem_prefix, "length": len(idem_prefix)})
        return found.first() is not None

    async def posted(self, card_key: str, platform: PlatformName) -> PostedCard | None:
        return await self._work.one(_newest(), {"on": platform, "key": card_key})

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
        card.id = (await self._work.run(_saved(self._work.postgres), values)).scalar_one()
        if self._work.holds(PostedCard, card.id):
            await self._work.fresh(select(PostedCard).where(_cards.id == card.id))

    async def note_painted(self, painted: Painted) -> None:
        for statement, values in noted(painted):
            await self._work.run(statement, values)

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
