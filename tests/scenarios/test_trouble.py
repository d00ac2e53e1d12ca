"""What goes wrong on the wire and in the house, and that nothing is lost, doubled or half-written by it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import insert

import demo
from core.orders import OrderStatus
from simulator.scenarios import Stage, steps
from simulator.scenarios.words import live_buttons, words
from simulator.wecom import Breakage
from simulator.world import FaultKind
from storage import tables
from tests.scenarios.conftest import QUICK_STREAM, check_nothing_lost
from tests.servers import RedisServer

TEXT = "K0231 04465-0K240 20个, 后天要"


async def test_a_callback_sent_three_times_makes_one_order_and_one_card(running: demo.World, stage: Stage) -> None:
    sales = stage.phone("销售A")
    stage.faults.arm(FaultKind.DUPLICATE_CALLBACK, platform="wecom")

    await sales.say(TEXT)
    await sales.wait_card("订单草稿")
    await stage.settle()

    async with running.bot.database.reading() as tx:
        assert len(await tx.orders.in_status(*OrderStatus)) == 1


async def test_the_same_order_in_another_message_is_asked_about_and_never_dropped(stage: Stage) -> None:
    sales = stage.phone("销售A")
    await sales.say(TEXT)
    first = steps.number_on(await sales.wait_card("订单草稿"))
    stage.mark_read()

    await sales.say(TEXT)

    second = await sales.wait_card("订单草稿")
    assert steps.number_on(second) != first
    assert f"疑似与 {first} 重复" in words(second)


async def test_a_token_revoked_early_is_fetched_once_and_the_message_still_arrives(
    running: demo.World, stage: Stage
) -> None:
    sales, tech = stage.phone("销售A"), stage.phone("技术甲")
    number = await steps.submitted(stage, sales, TEXT)
    await tech.wait_button("通过", on=number)
    fetched = running.simulator.wecom.tokens.fetched
    stage.faults.arm(FaultKind.TOKEN_EXPIRED, platform="wecom")
    stage.faults.arm(FaultKind.TOKEN_EXPIRED, platform="dingtalk")

    await tech.press("通过", on=number)

    await sales.wait_text(f"✅ {number} 已由 技术甲")
    assert running.simulator.wecom.tokens.fetched == fetched + 1
    stage.phone("技术乙").ignore(lambda m: True)
    tech.ignore(lambda m: True)
    sales.ignore(lambda m: m.kind == "card")


@pytest.mark.parametrize("platform", ["wecom", "dingtalk"])
async def test_a_card_accepted_although_the_connection_died_is_shown_once(stage: Stage, platform: str) -> None:
    sales, tech = stage.phone("销售A"), stage.phone("技术甲")
    if platform == "wecom":
        await _prime(stage)
        stage.faults.arm(FaultKind.ACCEPT_THEN_ABORT, platform="wecom")
        await sales.say(TEXT)
        await sales.wait_card("订单草稿")
        await stage.settle()
        assert sum("订单草稿" in m.title for m in sales.fresh()) == 1
        return
    await sales.say(TEXT)
    number = steps.number_on(await sales.wait_button("确认提交"))
    stage.faults.arm(FaultKind.ACCEPT_THEN_ABORT, platform="dingtalk")
    await sales.press("确认提交", on=number)
    await tech.wait_button("通过", on=number)
    await stage.settle()
    assert sum(m.kind == "card" for m in tech.messages()) == 1
    sales.ignore(lambda m: m.kind == "card")
    stage.phone("技术乙").ignore(lambda m: True)


async def test_a_card_that_changed_between_two_tries_shows_the_newer_state(stage: Stage) -> None:
    sales, tech = stage.phone("销售A"), stage.phone("技术甲")
    await sales.say(TEXT)
    number = steps.number_on(await sales.wait_button("确认提交"))
    stage.faults.arm(FaultKind.ACCEPT_THEN_ABORT, platform="dingtalk")
    await sales.press("确认提交", on=number)
    await tech.wait_button("通过", on=number)

    await sales.say(f"作废 {number}")

    await tech.wait_card(lambda m: "已撤回" in words(m) and not live_buttons(m))
    await stage.settle()
    sales.ignore(lambda m: m.kind == "card")
    stage.phone("技术乙").ignore(lambda m: True)


async def test_a_restart_in_mid_send_loses_nothing_and_shows_nothing_twice(running: demo.World, stage: Stage) -> None:
    sales, tech = stage.phone("销售A"), stage.phone("技术甲")
    await sales.say(TEXT)
    number = steps.number_on(await sales.wait_button("确认提交"))
    stage.faults.arm(FaultKind.SLOW, platform="dingtalk", times=1)
    stage.faults.arm(FaultKind.ACCEPT_THEN_ABORT, platform="dingtalk", times=1)

    await sales.press("确认提交", on=number)
    await running.restart_bot()
    await stage.settle()

    await tech.wait_button("通过", on=number)
    assert sum(m.kind == "card" for m in tech.messages()) == 1
    async with running.bot.database.reading() as tx:
        assert [o.number for o in await tx.orders.in_status(OrderStatus.PENDING)] == [number]
    sales.ignore(lambda m: m.kind == "card")
    stage.phone("技术乙").ignore(lambda m: True)


async def test_a_callback_that_fails_while_the_bot_restarts_is_sent_again_and_becomes_one_order(
    running: demo.World, stage: Stage
) -> None:
    sales = stage.phone("销售A")
    restarting = asyncio.create_task(running.restart_bot())
    await asyncio.sleep(0)
    await sales.say(TEXT)
    await restarting

    await sales.wait_card("订单草稿", timeout=20)
    async with running.bot.database.reading() as tx:
        assert len(await tx.orders.in_status(*OrderStatus)) == 1


async def test_stream_sockets_that_drop_come_back_and_the_next_press_counts(running: demo.World, stage: Stage) -> None:
    sales, tech = stage.phone("销售A"), stage.phone("技术甲")
    number = await steps.submitted(stage, sales, TEXT)
    await tech.wait_button("通过", on=number)
    before = stage.streams()

    stage.drop_streams()
    await stage.until(lambda: len(stage.streams() - before) == 2)
    await tech.press("通过", on=number)

    await sales.wait_text(f"✅ {number} 已由 技术甲")
    sales.ignore(lambda m: m.kind == "card")
    tech.ignore(lambda m: True)
    stage.phone("技术乙").ignore(lambda m: True)


async def test_a_stranger_is_told_how_to_register_and_the_administrator_is_asked(stage: Stage) -> None:
    newcomer, admin = stage.phone("新来的"), stage.phone("管理员")

    await newcomer.say(TEXT)
    await newcomer.wait_text("还没有登记你的账号(xinren)")
    await newcomer.say("绑定 E0001")
    await newcomer.wait_text("E0001")
    await stage.settle()
    admin.ignore(lambda m: True)


@pytest.mark.parametrize("breakage", list(Breakage))
async def test_a_callback_that_is_not_whole_is_refused_and_nothing_is_stored(
    running: demo.World, stage: Stage, breakage: Breakage
) -> None:
    answer = await running.simulator.wecom.send_callback(
        {"FromUserName": "xiaoshou_a", "MsgType": "text", "Content": TEXT, "MsgId": "77"}, mutate=breakage
    )

    if breakage is Breakage.OTHER_AGENT:
        assert answer.status in (200, 403)
    else:
        assert answer.status in (400, 403)
        assert await running.bot.inbox_queue.depth() == (0, None)
    stage.phone("销售A").ignore(lambda m: True)
    await stage.settle()
    stage.phone("销售A").ignore(lambda m: True)


async def test_a_message_nobody_looked_at_fails_the_teardown(stage: Stage) -> None:
    sales = stage.phone("销售A")
    await sales.say("帮助")
    await stage.settle()

    with pytest.raises(AssertionError, match="nobody looked at"):
        stage.check_nothing_unexpected()

    await sales.wait_text("发订单:直接发文字、拍照或文件")


async def test_a_message_that_always_fails_is_parked_and_both_sides_are_told(running: demo.World, stage: Stage) -> None:
    sales, admin = stage.phone("销售A"), stage.phone("管理员")

    tries: list[object] = []

    async def broken(context: object) -> None:
        tries.append(context)
        raise RuntimeError("this handler is broken")

    handle = running.bot.inbox._handle
    running.bot.inbox._handle = broken
    await sales.say(TEXT)
    await sales.wait_text("已留存,稍后自动重试")
    for attempt in range(2, 6):
        stage.advance(minutes=1)
        await stage.until(lambda: len(tries) >= attempt)  # noqa: B023 - waited for within the same turn
    await sales.wait_text("此消息无法处理,已转人工(E-IN-")
    await admin.wait_text("有一条消息处理失败已搁置")
    letters = await running.bot.dead_letters.list()
    assert len(letters) == 1

    running.bot.inbox._handle = handle
    await admin.say(f"重发 {letters[0].id}")
    await admin.wait_text(f"已重新处理 {letters[0].id}")
    await sales.wait_card("订单草稿")
    async with running.bot.database.reading() as tx:
        (link,) = await tx.timeline.of(f"parked:{letters[0].id}")
    assert (link.action, link.actor_name, link.channel) == ("parked.resent", "管理员", "wecom")


async def test_unknown_message_kinds_are_kept_as_evidence_and_answered_with_silence(
    running: demo.World, stage: Stage
) -> None:
    await running.simulator.wecom.send_unknown("xiaoshou_a", "hologram", Shape="cube")

    await stage.expect_silence("销售A")


async def _prime(stage: Stage) -> None:
    """The first message after a start fetches the token; later ones meet the fault themselves."""
    sales = stage.phone("销售A")
    await sales.say("帮助")
    await sales.wait_text("发订单")
    stage.mark_read()


async def test_without_redis_the_bot_goes_on_and_loses_nothing(tmp_path: Path, redis_server: RedisServer) -> None:
    async with demo.world(tmp_path, redis_url=redis_server.url, stream=QUICK_STREAM) as running:
        stage = running.simulator.stage(idle=running.idle)
        sales = stage.phone("销售A")
        first = await steps.submitted(stage, sales, TEXT)

        redis_server.stop()
        await steps.approved(stage, sales, first)
        second = await steps.submitted(stage, sales, "K0231 90915-YZZD4 50, 后天要")
        redis_server.start()
        await steps.approved(stage, sales, second)

        assert stage.violations() == []
        await check_nothing_lost(running)


async def test_the_administrator_hears_once_when_seventy_percent_of_the_month_are_used(
    running: demo.World, stage: Stage
) -> None:
    month = running.clock.now().date().replace(day=1)
    limit = running.bot.settings.dingtalk.monthly_stream
    async with running.bot.database.writer.begin() as connection:
        await connection.execute(
            insert(tables.numbers).values(prefix="calls:stream", day=month, last=limit * 70 // 100 - 1)
        )

    admin = stage.phone("管理员")
    await stage.phone("技术甲").say("帮助")
    await admin.wait_text(f"⚠️ 钉钉本月消息收发已用 {limit * 70 // 100}/{limit}(70%)")
    await stage.phone("技术甲").say("帮助")
    await stage.settle()
    stage.phone("技术甲").ignore(lambda m: True)
