"""Who may decide, how often, and what everybody else sees (laws 1 to 8 of the cards)."""

from __future__ import annotations

import asyncio

import demo
from core.approvals import Verdict
from core.orders import OrderStatus
from simulator.scenarios import Stage, steps
from simulator.scenarios.words import live_buttons, words
from simulator.world import PhoneMessage

OVER = "K0231 17801-21050 90个, 后天要"
"""More than 200 % of the safety stock of 40: a supervisor has to waive it."""


async def test_two_supervisors_press_at_once_and_exactly_one_decides(running: demo.World, stage: Stage) -> None:
    sales, boss, other = stage.phone("销售A"), stage.phone("主管A"), stage.phone("主管B")
    number = await steps.submitted(stage, sales, OVER)
    await boss.wait_button("通过", on=number)
    await other.wait_button("通过", on=number)

    await asyncio.gather(boss.press("通过", on=number), other.press("通过", on=number))
    await stage.settle()

    async with running.bot.database.reading() as tx:
        decisions = await tx.approvals.decisions(number)
    assert len(decisions) == 1
    winner, loser = (boss, other) if decisions[0].by_name == "主管A" else (other, boss)
    said = f"{decisions[0].by_name} 已于 09:12 在{'钉钉' if winner is boss else '企微'}通过 {number},无需处理"
    await loser.wait_text(said)
    for phone in (boss, other):
        card = await phone.wait_card(lambda m: f"已由 {decisions[0].by_name} 于 09:12" in words(m))
        assert live_buttons(card) == []
    await stage.phone("技术甲").wait_button("通过", on=number)
    await _ignore_others(stage)


async def test_a_late_press_on_a_decided_card_gets_the_true_answer_and_changes_nothing(
    running: demo.World, stage: Stage
) -> None:
    sales, first, second = stage.phone("销售A"), stage.phone("技术甲"), stage.phone("技术乙")
    number = await steps.submitted(stage, sales, steps.order_text(stage))
    old = await second.wait_button("通过", on=number)
    await first.press("驳回", on=number)
    await first.wait_card("驳回原因")
    await first.say("1")
    await sales.wait_text(f"❌ {number} 被驳回:车型不适配(技术甲)")
    await stage.settle()

    await running.simulator.dingtalk.press_raw("jishu_yi", old.card_id, old.buttons[0].key, {})

    await second.wait_text(f"技术甲 已于 09:12 在钉钉驳回 {number},无需处理")
    async with running.bot.database.reading() as tx:
        order = await tx.orders.get(number)
        assert order is not None
        assert order.status is OrderStatus.REJECTED
        assert [d.verdict for d in await tx.approvals.decisions(number)] == [Verdict.REJECTED]
    await _ignore_others(stage)


async def test_a_card_of_an_older_revision_is_refused_and_the_new_card_stands(
    running: demo.World, stage: Stage
) -> None:
    sales, tech = stage.phone("销售A"), stage.phone("技术甲")
    number = await steps.submitted(stage, sales, steps.order_text(stage))
    old = await tech.wait_button("通过", on=number)
    await sales.say(f"修订 {number} 1行 12")
    await sales.wait_card(lambda m: "×12" in words(m) and "订单草稿" in m.title)
    await sales.press("确认提交", on=number)
    await tech.wait_card(lambda m: "×12" in words(m))

    await running.simulator.dingtalk.press_raw("jishu_jia", old.card_id, old.buttons[0].key, {})

    await tech.wait_text(f"{number} 已改到 v2,旧卡片失效")
    async with running.bot.database.reading() as tx:
        assert await tx.approvals.decisions(number) == []
    await _ignore_others(stage)


async def test_a_strangers_press_is_answered_once_and_then_met_with_silence(running: demo.World, stage: Stage) -> None:
    sales, stranger = stage.phone("销售A"), stage.phone("客服")
    number = await steps.submitted(stage, sales, steps.order_text(stage))
    card = await stage.phone("技术甲").wait_button("通过", on=number)

    await running.simulator.dingtalk.press_raw("kefu", card.card_id, card.buttons[0].key, {})
    await stranger.wait_text(f"{number} 的技术确认由 技术部")
    await running.simulator.dingtalk.press_raw("kefu", card.card_id, card.buttons[0].key, {})
    await stage.settle()

    assert stranger.unexpected() == []
    async with running.bot.database.reading() as tx:
        assert await tx.approvals.decisions(number) == []
        assert [e.action for e in await tx.timeline.of(f"card:{card.card_id}")] == ["press.refused", "press.refused"]
    await _ignore_others(stage)


async def test_a_forged_button_is_refused_answered_and_recorded(running: demo.World, stage: Stage) -> None:
    sales = stage.phone("销售A")
    number = await steps.submitted(stage, sales, steps.order_text(stage))
    card = await stage.phone("技术甲").wait_button("通过", on=number)
    forged = card.buttons[0].key[:-4] + "0000"

    await running.simulator.dingtalk.press_raw("jishu_jia", card.card_id, forged, {})

    await stage.phone("技术甲").wait_text("这个按钮无法识别")
    async with running.bot.database.reading() as tx:
        assert await tx.approvals.decisions(number) == []
        entries = await tx.timeline.of(f"card:{card.card_id}")
    assert [(e.action, e.details["why"]) for e in entries] == [("press.refused", "forged")]
    await _ignore_others(stage)


async def test_the_salesperson_cannot_approve_their_own_order_nor_a_text_twin_skip_the_role(stage: Stage) -> None:
    sales = stage.phone("销售A")
    number = await steps.submitted(stage, sales, steps.order_text(stage))

    await sales.say(f"同意 {number}")

    await sales.wait_text(f"{number} 的技术确认由 技术部")
    await _ignore_others(stage)


async def test_text_twins_decide_like_buttons_and_a_rejection_without_reason_is_asked(stage: Stage) -> None:
    sales, tech = stage.phone("销售A"), stage.phone("技术甲")
    number = await steps.submitted(stage, sales, steps.order_text(stage))
    await tech.wait_button("通过", on=number)

    await tech.say(f"驳回 {number} 不喜欢")
    await tech.wait_text("没有“不喜欢”这个原因")
    await tech.say(f"驳回 {number} 车型不适配 需补VIN")
    await sales.wait_text(f"❌ {number} 被驳回:车型不适配(技术甲)")
    await sales.wait_text(f"技术甲 对 {number} 的驳回说明:需补VIN")
    await _ignore_others(stage)


async def test_an_approval_nobody_decides_reminds_and_climbs_and_the_director_may_decide(
    running: demo.World, stage: Stage
) -> None:
    sales, tech, director = stage.phone("销售A"), stage.phone("技术甲"), stage.phone("技术总监")
    number = await steps.submitted(stage, sales, steps.order_text(stage))
    await tech.wait_button("通过", on=number)

    stage.advance(hours=3, minutes=31)
    await tech.wait_text(f"⏰ {number} 技术确认将于 13:12 到时限")
    assert director.messages() == []
    stage.advance(minutes=30)
    climbed = await director.wait_button("通过", on=number)
    assert "🔴 超时未处理" in words(climbed)
    await tech.wait_card(lambda m: "已升级至 技术总监" in words(m) and bool(live_buttons(m)))
    await running.restart_bot()
    await stage.settle()
    await director.press("通过", on=number)

    await sales.wait_text(f"✅ {number} 已由 技术总监")
    await tech.wait_card(lambda m: "已由 技术总监" in words(m) and not live_buttons(m))
    async with running.bot.database.reading() as tx:
        actions = [e.action for e in await tx.timeline.of(number)]
    assert actions.count("approval.escalated") == 1
    await _ignore_others(stage)


async def test_a_copy_that_can_no_longer_be_repainted_is_told_in_words_that_it_is_over(
    running: demo.World, stage: Stage
) -> None:
    sales, boss, other = stage.phone("销售A"), stage.phone("主管A"), stage.phone("主管B")
    number = await steps.submitted(stage, sales, OVER)
    await boss.wait_button("通过", on=number)
    await other.wait_button("通过", on=number)
    stage.advance(hours=4, minutes=1)
    await stage.phone("销售总监").wait_button("通过", on=number)
    await other.wait_card(lambda m: "已升级至 销售总监" in words(m))

    await boss.press("通过", on=number)

    await other.wait_text(lambda m: m.kind == "text" and number in m.text and "卡片已失效" in m.text)
    await stage.phone("销售总监").wait_card(lambda m: "已由 主管A" in words(m) and not live_buttons(m))
    await stage.phone("技术甲").wait_button("通过", on=number)
    await _ignore_others(stage)


async def _ignore_others(stage: Stage) -> None:
    """Everybody who is asked alike: their copies are checked through one of them."""
    await stage.settle()
    for name in ("销售A", "技术甲", "技术乙", "主管A", "主管B", "技术总监"):
        stage.phone(name).ignore(_copy)


def _copy(message: PhoneMessage) -> bool:
    return message.kind == "card" or message.text.startswith(("⏰", "已驳回", "✅"))
