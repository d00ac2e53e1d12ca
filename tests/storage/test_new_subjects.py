"""An order made in this very transaction: nothing of it is looked for, and everything of it is right all the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import delete

from core.deadlines import Deadline, DeadlineKind, DeadlineState
from core.notices import CardKind, ClickCode, Painted, PostedCard
from core.people import PlatformName
from core.ports import Transaction, Try
from core.timeline import first_broken
from storage import tables as t
from storage.database import SqlDatabase
from storage.queues import SqlOutboxQueue
from tests.storage.conftest import START
from tests.storage.samples import a_delivery, an_order

NUMBER = "SO260220-0001"


def a_card() -> PostedCard:
    return PostedCard(
        platform=PlatformName.WECOM,
        card_key="draft:1",
        generation=1,
        card_id="so-1",
        kind=CardKind.DRAFT,
        ref=NUMBER,
        recipients=["zhangsan"],
    )


async def _link(tx: Transaction, action: str) -> None:
    await tx.timeline.append(NUMBER, action, actor="E1", actor_name="张三", channel="wecom", details={}, at=START)


async def test_its_chain_is_whole_within_the_transaction_and_beyond(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        await tx.orders.add(an_order(NUMBER))
        await _link(tx, "order.drafted")
        await _link(tx, "order.corrected")
    async with database.transaction() as tx:
        await _link(tx, "order.submitted")
        await _link(tx, "order.approved")

    async with database.reading() as tx:
        chain = await tx.timeline.of(NUMBER)
    assert [link.seq for link in chain] == [1, 2, 3, 4]
    assert first_broken(chain) is None


async def test_its_deadline_armed_again_at_once_replaces_the_first(database: SqlDatabase) -> None:
    def due(hours: int) -> Deadline:
        return Deadline(kind=DeadlineKind.DRAFT_UNSUBMITTED, ref=NUMBER, due_at=START + timedelta(hours=hours))

    async with database.transaction() as tx:
        await tx.orders.add(an_order(NUMBER))
        await tx.deadlines.arm(due(2))
        await tx.deadlines.arm(due(3))

    async with database.reading() as tx:
        armed = await tx.deadlines.of(NUMBER)
    assert [(x.generation, x.state) for x in armed] == [(1, DeadlineState.CANCELLED), (2, DeadlineState.ARMED)]


async def test_a_card_is_noted_as_shown_and_posted_without_being_read(database: SqlDatabase) -> None:
    card = a_card()
    painted = Painted(platform=PlatformName.WECOM, card_id="so-1", digest="d1", closed=False)
    async with database.transaction() as tx:
        await tx.outbox.save_posted(card)

    async with database.transaction() as tx:
        await tx.outbox.note_painted(painted)
        await tx.outbox.note_painted(replace(painted, card_id="unknown"))
    async with database.reading() as tx:
        shown = await tx.outbox.posted_by_card_id(PlatformName.WECOM, "so-1")
    async with database.transaction() as tx:
        await tx.outbox.note_painted(replace(painted, digest="d2", closed=True, posted_at=START, send_code="once"))
    async with database.reading() as tx:
        posted = await tx.outbox.posted_by_card_id(PlatformName.WECOM, "so-1")

    assert shown == replace(card, shown_digest="d1")
    assert posted == replace(
        card, shown_digest="d2", closed=True, posted_at=START, send_code="once", send_code_at=START
    )


async def test_what_a_repaint_shows_and_the_code_it_used_up_are_noted_with_its_mark(database: SqlDatabase) -> None:
    outbox = SqlOutboxQueue(database.writer)
    code = ClickCode(card_id="so-1", code="c1", by_account="zhangsan", received_at=START)
    async with database.transaction() as tx:
        await tx.outbox.save_posted(a_card())
        await tx.outbox.add_click_code(code)
        await tx.outbox.add_click_code(replace(code, code="c2"))
        await tx.outbox.put(a_delivery("k1"))
    (delivery,) = await outbox.claim("s1", START, 30, 1)

    painted = Painted(platform=PlatformName.WECOM, card_id="so-1", digest="d2", closed=True, spent="c1")
    tried = Try(attempt=1, at=START, result="sent", latency_ms=3)
    assert delivery.id is not None
    assert await outbox.sent(delivery.id, "s1", provider_id="m", at=START, tried=tried, painted=painted)

    async with database.reading() as tx:
        card = await tx.outbox.posted_by_card_id(PlatformName.WECOM, "so-1")
        left = await tx.outbox.click_codes("so-1")
    assert card is not None
    assert (card.shown_digest, card.closed, card.posted_at) == ("d2", True, None)
    assert [x.code for x in left] == ["c2"]


async def test_how_many_rows_are_gone_is_known_also_when_they_are_given_back(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        for nth in (1, 2, 3):
            await tx.orders.add(an_order(f"SO260220-{nth:04}"))

    async with database.writer.begin() as connection:
        gone = await connection.execute(delete(t.order_lines).returning(t.order_lines.c.id))
        rows = gone.all()
        left = await connection.execute(delete(t.order_lines))

    assert len(rows) == 6
    assert left.rowcount == 0
