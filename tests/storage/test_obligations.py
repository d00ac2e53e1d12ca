"""Deadlines, expedites, cards and questions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from core.deadlines import Deadline, DeadlineKind
from core.expedite import Expedite, ExpediteState, Level
from core.notices import CardKind, ClickCode, Expectation, PostedCard
from core.people import PlatformName
from storage.database import SqlDatabase
from tests.storage.conftest import START

NUMBER = "SO260220-0001"


async def test_armed_again_raises_the_generation_and_cancelling_names_the_reason(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        for kind in (DeadlineKind.APPROVAL_DUE, DeadlineKind.APPROVAL_DUE, DeadlineKind.APPROVAL_REMINDER):
            await tx.deadlines.arm(Deadline(kind=kind, ref="ap:1", due_at=START, policy={"hours": 4}))

    async with database.transaction() as tx:
        assert [(d.kind, d.generation) for d in await tx.deadlines.armed("ap:1")] == [
            (DeadlineKind.APPROVAL_DUE, 2),
            (DeadlineKind.APPROVAL_REMINDER, 1),
        ]
        assert await tx.deadlines.cancel("ap:1", DeadlineKind.APPROVAL_DUE, reason="decided") == 1
        assert await tx.deadlines.cancel("ap:1", reason="withdrawn") == 1
        assert await tx.deadlines.claim_due(START, 10) == []
        assert await tx.deadlines.next_due() is None


async def test_an_order_has_one_live_expedite_after_another(database: SqlDatabase) -> None:
    def expedite(level: Level) -> Expedite:
        return Expedite(
            order_number=NUMBER, level=level, latest_ship_at=START, reason_code="X02", by="E1", by_name="张三", at=START
        )

    async with database.transaction() as tx:
        await tx.expedites.add(expedite(Level.ORANGE))
        first = await tx.expedites.live(NUMBER, lock=True)
        assert first is not None
        first.state = ExpediteState.CANCELLED
        await tx.expedites.add(expedite(Level.RED))

    async with database.reading() as tx:
        assert [e.level for e in await tx.expedites.all_live()] == [Level.RED]


async def test_the_newest_copy_of_every_card_is_found(database: SqlDatabase) -> None:
    def card(generation: int, audience: str = "tech") -> PostedCard:
        return PostedCard(
            platform=PlatformName.WECOM,
            card_key=f"approval:7:{audience}",
            generation=generation,
            card_id=f"ap-7-{audience}-{generation}",
            kind=CardKind.APPROVAL,
            ref="7",
            recipients=["lisi"],
        )

    async with database.transaction() as tx:
        for posted in (card(1), card(2), card(1, "boss")):
            await tx.outbox.save_posted(posted)
        await tx.outbox.add_click_code(
            ClickCode(card_id="ap-7-tech-2", code="c1", by_account="lisi", received_at=START)
        )
        await tx.outbox.add_click_code(
            ClickCode(card_id="ap-7-tech-2", code="c1", by_account="lisi", received_at=START)
        )
        kept = await tx.outbox.posted("approval:7:tech", PlatformName.WECOM)
        assert kept is not None
        kept.shown_digest = "d1"
        kept.recipients.append("wangwu")
        (code,) = await tx.outbox.click_codes("ap-7-tech-2")
        code.spent = True
    outside = replace(kept, posted_at=START)

    async with database.transaction() as tx:
        await tx.outbox.save_posted(outside)

    async with database.reading() as tx:
        copies = await tx.outbox.posted_for(CardKind.APPROVAL, "7")
        assert [(c.card_key, c.generation) for c in copies] == [("approval:7:tech", 2), ("approval:7:boss", 1)]
        assert (copies[0].shown_digest, copies[0].recipients, copies[0].posted_at) == ("d1", ["lisi", "wangwu"], START)
        by_id = await tx.outbox.posted_by_card_id(PlatformName.WECOM, "ap-7-boss-1")
        assert by_id == copies[1]
        assert await tx.outbox.click_codes("ap-7-tech-2") == []


async def test_a_person_is_asked_one_thing_at_a_time(database: SqlDatabase) -> None:
    def question(name: str) -> Expectation:
        return Expectation(
            person_id="E1", question=name, ref=NUMBER, args={"line": 2}, expires_at=START + timedelta(minutes=10)
        )

    async with database.transaction() as tx:
        await tx.expectations.expect(question("reject_reason"))
        await tx.expectations.expect(question("reject_note"))
        live = await tx.expectations.take("E1", START)
        assert live is not None
        assert (live.question, live.args) == ("reject_note", {"line": 2})
        assert await tx.expectations.take("E1", START + timedelta(minutes=10)) is None
        await tx.expectations.clear("E1")
        assert await tx.expectations.take("E1", START) is None
        await tx.expectations.expect(question("short_reason"))
