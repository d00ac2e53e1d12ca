"""A card on a strict platform: delivered, repainted, made once however often it is sent."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.platform_errors import (
    CardGone,
    NotReachable,
    PlatformDown,
    Refused,
)
from cards.dingtalk import render
from core.notices import CardKind, PostedCard
from core.people import PlatformName
from simulator.world import FaultKind
from tests.dingtalk.stand import CARD, last, stand

PAYLOAD: dict[str, Any] = dict(render(CARD))
POSTED = PostedCard(
    platform=PlatformName.DINGTALK,
    card_key="approval:17",
    generation=1,
    card_id="ap-17-v3",
    kind=CardKind.APPROVAL,
    ref="17",
    recipients=["boss"],
    shown_digest="",
    posted_at=datetime(2026, 2, 21, tzinfo=UTC),
)


async def test_one_card_stands_in_two_chats_and_one_update_repaints_both() -> None:
    async with stand() as held:
        await held.messenger.send_card(["boss", "tech1"], PAYLOAD, "ap-17-v3", retry=False)
        closed = dict(render(dataclasses.replace(CARD, closed_text="陈技术已同意")))

        await held.messenger.update_card(POSTED, closed, "")

        for user in ("boss", "tech1"):
            card = last(held, user)
            assert card.card_id == "ap-17-v3"
            assert card.title == "技术确认 SO260221-0137"
            assert card.markdown == "**陈技术已同意**\n\n客户：K0231 华锐汽修"
            assert card.buttons == []
        assert held.metered == ["api", "api"]


async def test_a_card_one_person_cannot_get_reaches_the_other_and_names_the_first() -> None:
    async with stand() as held:
        result = await held.messenger.send_card(["gone", "tech1"], PAYLOAD, "ap-17-v3", retry=False)

        assert result.unreachable == ("gone",)
        assert last(held, "tech1").card_id == "ap-17-v3"


async def test_a_card_delivered_to_nobody_inside_a_200_is_a_failure() -> None:
    async with stand() as held:
        held.faults.arm(FaultKind.DELIVER_FALSE)

        with pytest.raises(NotReachable):
            await held.messenger.send_card(["boss"], PAYLOAD, "ap-17-v3", retry=False)

        assert held.platform.chat("boss") == []


@pytest.mark.parametrize("accept_then", ["504", "abort"])
async def test_a_card_that_was_made_although_the_answer_was_lost_is_there_once(accept_then: str) -> None:
    async with stand(accept_then=accept_then) as held:
        held.faults.arm(FaultKind.ACCEPT_THEN_ABORT)
        with pytest.raises(PlatformDown):
            await held.messenger.send_card(["boss"], PAYLOAD, "ap-17-v3", retry=False)

        result = await held.messenger.send_card(["boss"], PAYLOAD, "ap-17-v3", retry=True)

        assert result.already is True
        assert len(held.platform.chat("boss")) == 1


async def test_a_second_card_under_the_same_id_on_a_first_attempt_is_a_defect() -> None:
    async with stand() as held:
        await held.messenger.send_card(["boss"], PAYLOAD, "ap-17-v3", retry=False)

        with pytest.raises(Refused):
            await held.messenger.send_card(["boss"], PAYLOAD, "ap-17-v3", retry=False)


async def test_a_platform_that_ignores_the_second_creation_shows_one_card_too() -> None:
    async with stand(duplicate_card="ignored") as held:
        await held.messenger.send_card(["boss"], PAYLOAD, "ap-17-v3", retry=False)
        result = await held.messenger.send_card(["boss"], PAYLOAD, "ap-17-v3", retry=True)

        assert result.unreachable == ()
        assert len(held.platform.chat("boss")) == 1


async def test_an_unknown_card_can_no_longer_be_repainted() -> None:
    async with stand() as held:
        with pytest.raises(CardGone):
            await held.messenger.update_card(POSTED, PAYLOAD, "")
