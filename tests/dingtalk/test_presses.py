"""A press on a strict platform: stored, answered within its time, with the card inside the answer."""

from __future__ import annotations

import asyncio
import dataclasses

from bot.dingtalk.parse import parse
from cards.dingtalk import answer
from core.inbound import MessageKind
from simulator.world import Press
from tests.dingtalk.stand import CARD, QUICK, post_card, stand, until

CLOSED = dataclasses.replace(CARD, closed_text="王经理已同意")


async def test_a_press_is_answered_with_the_card_inside() -> None:
    async with stand() as held:
        await held.connected()
        await post_card(held)
        held.store.answer = lambda inbox_id, raw: answer(CLOSED, "✅ 已通过 · 王经理 10:02")

        await held.platform.press(Press(user="boss", card_id="ap-17-v3", key="ap|17|r3||aaaa"))

        ((inbox_id, raw),) = held.store.answered
        inbound = parse(raw, inbox_id=inbox_id)
        assert inbound.kind is MessageKind.PRESS
        assert inbound.account == "boss"
        assert inbound.press is not None
        assert inbound.press.key == "ap|17|r3||aaaa"
        own = held.platform.chat("boss")[-1]
        assert own.markdown.startswith("**王经理已同意**")
        assert own.buttons == []
        assert "✅ 已通过 · 王经理 10:02" in own.text
        others = held.platform.chat("tech1")[-1]
        assert others.buttons == []
        assert "已通过 · " not in others.text
        # One call for the card; the repaint came with the ack.
        assert held.metered == ["api"]


async def test_a_press_that_takes_too_long_is_acked_without_a_card_and_its_work_goes_on() -> None:
    quick = dataclasses.replace(QUICK, press_limit=0.05)
    async with stand(stream=quick) as held:
        await held.connected()
        await post_card(held)
        held.store.gate = asyncio.Event()

        await held.platform.press(Press(user="boss", card_id="ap-17-v3", key="ap|17|r3||aaaa"))

        assert held.platform.chat("boss")[-1].toast == ""
        assert held.store.answered == []
        held.store.gate.set()
        await until(lambda: held.store.answered)


async def test_a_press_whose_work_fails_is_acked_and_stays_stored() -> None:
    async with stand() as held:
        await held.connected()
        await post_card(held)
        held.store.answer = lambda inbox_id, raw: 1 / 0

        await held.platform.press(Press(user="boss", card_id="ap-17-v3", key="ap|17|r3||aaaa"))

        assert len(held.store.rows) == 1
        assert held.platform.chat("boss")[-1].toast == ""
        assert held.calls("stream CALLBACK card")[0].status == "ack 200"


async def test_a_press_that_cannot_be_stored_gets_no_ack_so_that_the_person_sees_it_failed() -> None:
    async with stand(click_timeout=0.1) as held:
        await held.connected()
        await post_card(held)
        held.store.broken = True

        await held.platform.press(Press(user="boss", card_id="ap-17-v3", key="ap|17|r3||aaaa"))

        assert held.platform.chat("boss")[-1].toast != ""
        assert held.store.answered == []
