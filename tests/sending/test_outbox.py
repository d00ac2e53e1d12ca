"""The sender: who waits for whom, what a repeat says of itself, and where a notice goes that cannot go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.outbox import UNKEYED_MOST
from bot.platform_errors import PlatformBusy, PlatformDown, PlatformError, Throttled, Unsent
from core.notices import DeliveryState, Priority
from core.people import Role
from tests.sending.conftest import DINGTALK, START, WECOM, Desk, Said, until


async def test_a_pile_behind_a_members_limit_delays_nobody_and_is_not_claimed_in_circles(desk: Desk) -> None:
    for n in range(500):
        await desk.say("busy", f"receipt {n}", lane_key=f"card:wecom:{n}", priority=Priority.DIGEST)

    async def full_for_one(said: Said) -> None:
        if said.account == "busy":
            raise Throttled("member:busy", api="message/send", retry_after=3.0, pace=3.0)

    desk.wecom.answer = full_for_one
    async with desk.running():
        await desk.say("boss", "加急", priority=Priority.EXPEDITE)
        await until(lambda: [said.account for said in desk.wecom.said] == ["boss"])
        assert len(desk.wecom.tried) < 60
        await until(lambda: len(desk.wecom.tried) == 501, seconds=60)
        before = len(desk.wecom.tried)
        desk.clock.advance(timedelta(seconds=30))
        await until(lambda: len(desk.wecom.tried) == before + 10)

    assert all(name == "throttled" for name, _ in desk.counted if name != "deliveries")
    assert (await desk.states())[DeliveryState.READY] == 500


async def test_what_meets_a_limit_burns_no_attempt_and_is_no_repeat(desk: Desk) -> None:
    answers: list[PlatformError] = [Throttled("api", api="send", retry_after=1.0, pace=1.0)]

    async def first_full(said: Said) -> None:
        if answers:
            raise answers.pop()

    desk.dingtalk.answer = first_full
    async with desk.running():
        delivery = await desk.say("tech", "一", platform=DINGTALK)
        await until(lambda: len(desk.dingtalk.tried) == 1)
        await until(lambda: desk.dingtalk.air == 0)
        await desk.becomes(delivery, DeliveryState.READY)
        desk.clock.advance(timedelta(seconds=1))
        await until(lambda: desk.dingtalk.said)

    assert [said.retry for said in desk.dingtalk.said] == [False]
    assert (await desk.row(delivery)).attempts == 1


async def test_slow_sends_leave_two_places_to_what_is_urgent(desk: Desk) -> None:
    gate = asyncio.Event()

    async def slow(said: Said) -> None:
        if said.account != "boss":
            await gate.wait()

    desk.wecom.answer = slow
    for n in range(20):
        await desk.say(f"u{n}", "慢")
    async with desk.running():
        await until(lambda: desk.wecom.air == 8)
        await desk.say("boss", "加急", priority=Priority.EXPEDITE)
        await until(lambda: [said.account for said in desk.wecom.said] == ["boss"])
        assert desk.wecom.air == 8
        gate.set()
        await until(lambda: len(desk.wecom.said) == 21)


async def test_what_is_urgent_does_not_queue_behind_what_can_wait_for_the_same_person(desk: Desk) -> None:
    gate = asyncio.Event()

    async def slow(said: Said) -> None:
        if "日报" in said.text:
            await gate.wait()

    desk.wecom.answer = slow
    async with desk.running():
        await desk.say("boss", "日报", priority=Priority.DIGEST)
        await until(lambda: desk.wecom.air == 1)
        await desk.say("boss", "加急", priority=Priority.EXPEDITE)
        await until(lambda: len(desk.wecom.said) == 1)
        gate.set()
        await until(lambda: len(desk.wecom.said) == 2)

    assert "加急" in desk.wecom.said[0].text


async def test_one_at_a_time_is_in_the_air_where_the_platform_has_no_key(desk: Desk) -> None:
    gate = asyncio.Event()

    async def slow(said: Said) -> None:
        await gate.wait()

    desk.dingtalk.answer = slow
    for n in range(6):
        await desk.say(f"u{n}", "无键", platform=DINGTALK)
    async with desk.running():
        await until(lambda: desk.dingtalk.air == 1)
        await desk.say("boss", "加急", platform=DINGTALK, priority=Priority.EXPEDITE)
        await desk.say("wecom", "有键")
        await until(lambda: desk.wecom.said)
        gate.set()
        await until(lambda: len(desk.dingtalk.said) == 7)

    assert desk.dingtalk.most_in_air == UNKEYED_MOST == 1
    assert desk.dingtalk.said[1].account == "boss"


@pytest.mark.parametrize(
    ("error", "repeat"),
    [(PlatformDown("http 500"), True), (Unsent("refused"), False), (PlatformBusy("system.busy"), False)],
)
async def test_only_what_may_have_arrived_is_a_repeat(desk: Desk, error: PlatformError, repeat: bool) -> None:
    errors = [error]

    async def first_fails(said: Said) -> None:
        if errors:
            raise errors.pop()

    desk.dingtalk.answer = first_fails
    async with desk.running():
        await desk.say("tech", "一", platform=DINGTALK)
        await until(lambda: len(desk.dingtalk.tried) == 1)
        await _advance_until(desk, lambda: desk.dingtalk.said)

    assert [said.retry for said in desk.dingtalk.said] == [repeat]


async def test_what_was_in_the_air_when_the_process_died_comes_back_as_a_repeat(desk: Desk) -> None:
    delivery = await desk.say("tech", "一", platform=DINGTALK)
    await desk.queue.claim("killed", START, 30, 8)

    async with desk.running():
        desk.clock.advance(timedelta(seconds=31))
        desk.coordinator.wake("outbox")
        await until(lambda: desk.dingtalk.said)

    assert [said.retry for said in desk.dingtalk.said] == [True]
    assert not await desk.queue.sent(delivery.id or 0, "killed", provider_id="late", at=START)


async def test_a_send_that_outlasts_its_lease_is_not_begun_by_another(desk: Desk) -> None:
    gate = asyncio.Event()

    async def slow(said: Said) -> None:
        await gate.wait()

    desk.wecom.answer = slow
    desk.clock.run_at(1.0)
    async with desk.running(lease=0.3), desk.running(owner="two", lease=0.3):
        delivery = await desk.say("u", "大图")
        await until(lambda: desk.wecom.air == 1)
        first = (await desk.row(delivery)).lease_until
        async with asyncio.timeout(20):
            while (await desk.row(delivery)).lease_until < first + timedelta(seconds=0.9):  # noqa: ASYNC110 - a row
                await asyncio.sleep(0.02)
        gate.set()
        await until(lambda: desk.wecom.said)
        await desk.becomes(delivery, DeliveryState.SENT)

    assert len(desk.wecom.tried) == 1


async def test_minus_one_is_asked_again_three_times_and_then_the_other_messenger_has_it(desk: Desk) -> None:
    await desk.person("E1", wecom="wx1", dingtalk="dt1")

    async def busy(said: Said) -> None:
        raise PlatformBusy("-1")

    desk.wecom.answer = busy
    async with desk.running():
        delivery = await desk.say("wx1", "有新单")
        await _advance_until(desk, lambda: desk.dingtalk.said)
        await desk.becomes(delivery, DeliveryState.DEAD)

    assert len(desk.wecom.tried) == 4
    assert [said.account for said in desk.dingtalk.said] == ["dt1"]
    assert [letter.source_id for letter in await desk.letters.list()] == [delivery.id]


async def test_an_expedite_changes_over_after_a_quarter_of_an_hour_and_the_admin_hears_of_it(desk: Desk) -> None:
    await desk.person("E1", wecom="wx1", dingtalk="dt1")
    await desk.person("E9", Role.ADMIN, dingtalk="admin")

    async def down(said: Said) -> None:
        raise PlatformDown("http 500")

    desk.wecom.answer = down
    async with desk.running():
        body = {"sentence": "unknown_person", "args": {"account": "wx1"}}
        await desk.say("wx1", "", priority=Priority.EXPEDITE, body=body)
        await _advance_until(desk, lambda: len(desk.dingtalk.said) == 2)
        took = desk.clock.now() - START

    assert timedelta(minutes=13) < took < timedelta(minutes=17)
    assert {said.account for said in desk.dingtalk.said} == {"dt1", "admin"}
    assert len(desk.wecom.tried) > 10


async def test_who_has_no_other_messenger_is_tried_for_a_day(desk: Desk) -> None:
    await desk.person("E1", wecom="wx1")

    async def down(said: Said) -> None:
        raise PlatformDown("http 500")

    desk.wecom.answer = down
    async with desk.running():
        delivery = await desk.say("wx1", "加急", priority=Priority.EXPEDITE)
        await until(lambda: desk.wecom.tried)
        while (await desk.row(delivery)).state is not DeliveryState.DEAD:
            tries = len(desk.wecom.tried)
            await _advance_until(desk, lambda: len(desk.wecom.tried) > tries, step=3600)  # noqa: B023
            await desk.becomes(delivery, DeliveryState.READY, DeliveryState.DEAD)

    assert timedelta(hours=23) < desk.clock.now() - START < timedelta(hours=27)
    assert (await desk.row(delivery)).state is DeliveryState.DEAD


async def test_a_text_in_two_parts_repeats_the_first_as_such_when_the_second_meets_a_limit(desk: Desk) -> None:
    answers = [None, Throttled("member", api="message/send", retry_after=1.0, pace=1.0)]

    async def second_full(said: Said) -> None:
        error = answers.pop(0) if answers else None
        if error is not None:
            raise error

    desk.wecom.answer = second_full
    async with desk.running():
        await desk.say("u", "甲" * 900)
        await until(lambda: len(desk.wecom.tried) == 2)
        await _advance_until(desk, lambda: len(desk.wecom.said) == 3)

    first, again, second = desk.wecom.said
    assert (first.text, first.retry, again.retry) == (again.text, False, True)
    assert (first.text + second.text).count("甲") == 900


async def test_a_delivery_that_ends_its_process_each_time_is_parked(desk: Desk) -> None:
    delivery = await desk.say("u", "poison")
    behind = await desk.say("u", "next")
    for n in range(10):
        await desk.queue.claim(f"killed{n}", START + timedelta(minutes=n), 30, 8)

    desk.clock.advance(timedelta(minutes=11))
    async with desk.running():
        await until(lambda: desk.wecom.said)

    assert (await desk.row(delivery)).state is DeliveryState.DEAD
    assert (await desk.row(behind)).state is DeliveryState.SENT
    assert WECOM is desk.wecom.name


async def _advance_until(desk: Desk, condition: Callable[[], object], *, step: float = 0.0) -> None:
    """Move the clock from one due time to the next (at least by ``step`` seconds), each when nothing is in work."""
    async with asyncio.timeout(60):
        while not condition():
            due, now = await desk.queue.next_available(), desk.clock.now()
            if due is not None and due > now and DeliveryState.LEASED not in await desk.states():
                desk.clock.advance(max(due - now, timedelta(seconds=step)))
                desk.coordinator.wake("outbox")
            await asyncio.sleep(0.01)


async def test_of_those_that_may_have_ended_their_process_one_is_in_the_air_and_it_holds_up_nobody(desk: Desk) -> None:
    gate = asyncio.Event()

    async def slow(said: Said) -> None:
        if said.account != "new":
            await gate.wait()

    desk.wecom.answer = slow
    suspects = [await desk.say(f"s{n}", "三次了", attempts=2) for n in range(4)]
    async with desk.running():
        await until(lambda: desk.wecom.air == 1)
        await desk.say("new", "第一次")
        await until(lambda: [said.account for said in desk.wecom.said] == ["new"])
        assert desk.wecom.most_in_air == 2
        gate.set()
        while len(desk.wecom.said) < 5:
            desk.clock.advance(timedelta(seconds=1))
            await asyncio.sleep(0.02)

    assert [(await desk.row(one)).attempts for one in suspects] == [3, 3, 3, 3]
