"""A pile of texts for one person becomes one message, once, whatever dies in between."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from bot.folding import folded
from core.notices import DeliveryState, Priority
from tests.sending.conftest import DINGTALK, START, Desk, until


async def test_more_than_five_texts_are_one_message_in_their_order(desk: Desk) -> None:
    for n in range(8):
        await desk.say("u", f"第{n}条")

    async with desk.running():
        await until(lambda: desk.wecom.said)

    (said,) = desk.wecom.said
    assert [said.text.index(f"第{n}条") for n in range(8)] == sorted(said.text.index(f"第{n}条") for n in range(8))
    assert said.text.startswith("你有 8 条消息,合并如下:\n1. ")
    assert await desk.states() == {DeliveryState.SENT: 1, DeliveryState.SUPERSEDED: 7}


async def test_five_texts_stay_five_messages(desk: Desk) -> None:
    for n in range(5):
        await desk.say("u", f"第{n}条")

    async with desk.running():
        await until(lambda: len(desk.wecom.said) == 5)

    assert await desk.states() == {DeliveryState.SENT: 5}


async def test_what_does_not_fit_into_one_message_follows_in_the_next(desk: Desk) -> None:
    for n in range(8):
        await desk.say("u", f"第{n}条" + "长" * 150)

    async with desk.running():
        await until(lambda: "第7条" in "".join(said.text for said in desk.wecom.said))

    assert all(len(said.text.encode()) <= 2048 for said in desk.wecom.said)
    words = "".join(said.text for said in desk.wecom.said)
    assert [words.count(f"第{n}条") for n in range(8)] == [1] * 8
    assert 1 < len(desk.wecom.said) < 8


async def test_what_is_urgent_is_never_folded(desk: Desk) -> None:
    for n in range(8):
        await desk.say("u", f"加急{n}", priority=Priority.EXPEDITE)

    async with desk.running():
        await until(lambda: len(desk.wecom.said) == 8)


async def test_a_digest_is_the_same_words_again_after_a_crash(desk: Desk) -> None:
    for n in range(7):
        await desk.say("u", f"第{n}条", platform=DINGTALK)
    (head,) = await desk.queue.claim("killed", START, 30, 8)
    body = await folded(desk.queue, head, "killed")
    for n in range(7, 14):
        await desk.say("u", f"第{n}条", platform=DINGTALK)

    desk.clock.advance(timedelta(seconds=31))
    async with desk.running():
        await until(lambda: len(desk.dingtalk.said) == 2)

    first, second = desk.dingtalk.said
    assert len(body["args"]["items"]) == 7
    assert first.retry
    assert not second.retry
    assert "第6条" in first.text
    assert "第7条" not in first.text
    assert second.text.startswith("你有 7 条消息")


async def test_two_that_fold_at_once_do_it_once(desk: Desk) -> None:
    for n in range(8):
        await desk.say("u", f"第{n}条")
    (head,) = await desk.queue.claim("frozen", START, 30, 8)
    desk.clock.advance(timedelta(seconds=31))
    (again,) = await desk.queue.claim("other", desk.clock.now(), 30, 8)

    frozen, other = await asyncio.gather(folded(desk.queue, head, "frozen"), folded(desk.queue, again, "other"))

    assert other == again.body  # it may have been sent by the other: left as it is
    assert frozen == head.body  # the lease is lost: nothing is folded
    assert await desk.states() == {DeliveryState.LEASED: 1, DeliveryState.READY: 7}
