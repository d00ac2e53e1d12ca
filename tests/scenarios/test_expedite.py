"""The fuse by buttons on WeCom: reason, level and time; what it sets off; and its end (script 6)."""

from __future__ import annotations

import demo
from core.deadlines import DeadlineKind
from simulator.scenarios import Stage, steps
from simulator.scenarios.words import live_buttons, words

TEXT = "K0231 04465-0K240 20个, 后天要"


async def test_lit_by_buttons_it_pins_calls_and_alarms_and_goes_out_with_the_goods(
    running: demo.World, stage: Stage
) -> None:
    sales, picker, director = stage.phone("销售A"), stage.phone("仓管A"), stage.phone("运营总监")
    number = await steps.submitted(stage, sales, TEXT)
    await steps.approved(stage, sales, number)
    await steps.claimed(stage, picker, number)

    await sales.say(f"查 {number}")
    await sales.press("⚡加急", on=lambda m: f"{number} 拣货中" in m.title)
    await sales.wait_card("加急 1/2 · 为什么急?")
    await sales.choose("竞品抢单")
    terms = await sales.wait_card("加急 2/2 · 竞品抢单")
    assert [c.title for c in terms.choices] == ["等级", "最晚发货"]
    await sales.press("启动熔断", on="加急 2/2", select={"等级": "🔴红 本班次", "最晚发货": "15:30 顺丰"})

    lit = await sales.wait_card(lambda m: number in words(m) and "① 已置顶仓库待办" in words(m))
    assert "13:30 未出库→运营总监" in words(lit)
    await picker.wait_text(lambda m: m.kind == "text" and f"置顶 {number}" in m.text)
    pickup = await stage.phone("物流主管").wait_card(lambda m: f"取货提醒 {number}" in m.title)
    assert "position=120.9" in pickup.link or "uri.amap.com" in pickup.link
    assert director.find(number) is None

    stage.advance(hours=4, minutes=5)
    await director.wait_card(lambda m: number in m.title and "卡在【拣货中】" in words(m))
    await director.press("我来协调", on=number)
    await director.wait_card(lambda m: number in words(m) and ("协调", "运营总监") in m.facts)

    await steps.picked(stage, picker)
    await steps.scanned_out(stage, picker)
    await sales.wait_text(f"📦 {number}")
    await director.wait_card(lambda m: number in words(m) and "已出库,提前" in words(m) and not live_buttons(m))
    async with running.bot.database.reading() as tx:
        assert await tx.expedites.live(number) is None
        armed = [d.kind for d in await tx.deadlines.armed(number)]
    assert DeadlineKind.EXPEDITE_AT_RISK not in armed
    assert DeadlineKind.EXPEDITE_FINAL not in armed
    await stage.settle()
    for phone in stage.phones.values():
        phone.ignore(lambda m: True)
