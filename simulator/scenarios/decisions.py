"""Who decides, and what everybody else sees."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from simulator.scenarios import steps
from simulator.scenarios.registry import scenario
from simulator.scenarios.stage import Stage
from simulator.scenarios.words import live_buttons, words
from simulator.world import PhoneMessage


@scenario(
    "both_at_once",
    "两人同时点",
    "技术甲、技术乙同时点通过：只有一个算数，另一个看到是谁",
    phones=("销售A", "技术甲", "技术乙"),
)
async def both_at_once(stage: Stage) -> None:
    sales, first, second = stage.phone("销售A"), stage.phone("技术甲"), stage.phone("技术乙")
    stage.step("销售A 下单提交")
    number = await steps.submitted(stage, sales, steps.order_text(stage))
    await steps.asked(stage, number)
    await second.wait_button("通过", on=number)

    stage.step("技术甲、技术乙在同一瞬间点【通过】")
    await asyncio.gather(first.press("通过", on=number), second.press("通过", on=number))

    stage.step("两张卡都写着同一个人，销售A 只收到一次结果")
    for phone in (first, second):
        await phone.wait_card(lambda m: number in words(m) and "已由 技术" in words(m) and not live_buttons(m))
    await sales.wait_text(f"{number} 已由 技术")
    await stage.settle()
    told = [m for m in sales.fresh() if f"{number} 已由" in words(m) and m.kind != "card"]
    if len(told) != 1:
        raise AssertionError(f"one decision was told {len(told)} times\n{sales.picture()}")


@scenario(
    "reject",
    "驳回",
    "驳回必须选原因，销售收到原因和【改单重提】",
    phones=("销售A", "技术乙"),
)
async def reject(stage: Stage) -> None:
    sales, tech = stage.phone("销售A"), stage.phone("技术乙")
    stage.step("销售A 下单提交")
    number = await steps.submitted(stage, sales, steps.order_text(stage))
    await steps.asked(stage, number)

    stage.step("技术乙点【驳回】，列出十个原因")
    await tech.press("驳回", on=number)

    stage.step("选“车型不适配”")
    await tech.choose("车型不适配", then="确认驳回")

    stage.step("销售A 看到原因，可【改单重提】")
    await sales.wait_text(f"{number} 被驳回:车型不适配")
    await sales.wait_button("改单重提", on=number)
    await tech.wait_card(lambda m: number in words(m) and "驳回" in words(m) and not live_buttons(m))


@scenario(
    "stranger",
    "陌生人乱点",
    "没权限的人点通过、没登记的人发单：都得到一句实话，单据不变",
    phones=("销售A", "技术甲", "客服", "新来的"),
)
async def stranger(stage: Stage) -> None:
    sales, tech, service = stage.phone("销售A"), stage.phone("技术甲"), stage.phone("客服")
    stage.step("销售A 下单提交，技术甲收到审批卡")
    number = await steps.submitted(stage, sales, steps.order_text(stage))
    await steps.asked(stage, number)
    card = await tech.wait_button("通过", on=number)

    stage.step("客服凑过来，点了这张卡的【通过】")
    await service.tap(card, "通过")
    await service.wait_text("没有权限")

    stage.step("单据没变：技术甲的卡还能点")
    await tech.wait_button("通过", on=number)

    stage.step("没登记的新同事也来发单")
    newcomer = stage.phone("新来的")
    await newcomer.say(steps.order_text(stage))
    await newcomer.wait_text("没有登记")


@scenario(
    "overdue",
    "超时升级",
    "四小时没人审批：先提醒，再到技术总监，谁都不能替人决定",
    phones=("销售A", "技术甲", "技术总监"),
)
async def overdue(stage: Stage) -> None:
    sales, director = stage.phone("销售A"), stage.phone("技术总监")
    await stage.be_at_work(before=13)
    stage.step("销售A 下单提交，技术甲、技术乙都没看")
    number = await steps.submitted(stage, sales, steps.order_text(stage))
    await steps.asked(stage, number)

    stage.step("时钟往前走，到时限前 30 分钟提醒一次")
    half = timedelta(minutes=30)
    await stage.pass_time_until("技术甲", f"⏰ {number}", step=half)

    def climbed(message: PhoneMessage) -> bool:
        return number in words(message) and any(b.text == "通过" for b in live_buttons(message))

    stage.step("满四小时：技术总监的企业微信收到升级卡")
    await stage.pass_time_until("技术总监", climbed, step=half)

    stage.step("技术总监点【通过】，技术甲的钉钉卡同时关上")
    await director.press("通过", on=number)
    await sales.wait_text(f"{number} 已由 技术总监")
    await stage.phone("技术甲").wait_card(lambda m: number in words(m) and "已由 技术总监" in words(m))
