"""From approved to shipped, and faster when it burns."""

from __future__ import annotations

from datetime import timedelta

from simulator.clock import CHINA
from simulator.scenarios import steps
from simulator.scenarios.registry import scenario
from simulator.scenarios.stage import Stage
from simulator.scenarios.words import words


@scenario(
    "wave",
    "波次拣货出库",
    "通过的单进波次，仓管领取、拣货、扫批次出库，销售收到运单",
    phones=("销售A", "技术甲", "仓管A", "仓管B"),
)
async def wave(stage: Stage) -> None:
    sales, picker = stage.phone("销售A"), stage.phone("仓管A")
    await stage.be_at_work()
    stage.step("销售A 下单，技术甲通过")
    number = await steps.submitted(stage, sales, steps.order_text(stage))
    await steps.approved(stage, sales, number)

    stage.step("等下一个波次（每 15 分钟），仓管A 领取，收到拣货路线图")
    await steps.claimed(stage, picker, number)
    await picker.wait_image()

    stage.step("一站一站点【已拣】")
    await steps.picked(stage, picker)

    stage.step("先扫错：扫到商品码，不出库")
    await picker.scan("04465-0K240")
    await picker.wait_text("这是商品码")

    stage.step("再扫箱上的批次码，整单出库")
    await steps.scanned_out(stage, picker)
    await sales.wait_text(lambda m: m.kind != "card" and number in words(m) and "运单" in words(m))


@scenario(
    "expedite",
    "加急",
    "红色加急：仓库置顶、物流取货提醒、运营总监接手",
    phones=("销售A", "技术甲", "仓管A", "物流主管", "运营总监"),
)
async def expedite(stage: Stage) -> None:
    sales, director = stage.phone("销售A"), stage.phone("运营总监")
    await stage.be_at_work()
    stage.step("销售A 下单，技术甲通过")
    number = await steps.submitted(stage, sales, steps.order_text(stage))
    await steps.approved(stage, sales, number)

    latest = (stage.clock.now() + timedelta(minutes=100)).astimezone(CHINA)
    command = f"加急 {number} 红 {latest:%H:%M} 竞品抢单"
    stage.step(f"销售A 发：{command}")
    await sales.say(command)

    stage.step("仓管A 的待办置顶，物流主管收到取货提醒")
    await stage.phone("仓管A").wait_text(lambda m: number in words(m) and "⚡" in words(m))
    await stage.phone("物流主管").wait_card(lambda m: "取货提醒" in m.title and number in words(m))

    stage.step("离最晚发货不到两小时：运营总监收到告警，点【我来协调】")
    await director.press("我来协调", on=number)
    await director.wait_card(lambda m: number in words(m) and ("协调", "运营总监") in m.facts)

    stage.step("物流主管点【已安排】")
    await stage.phone("物流主管").press("已安排", on=number)
    await stage.phone("物流主管").wait_card(lambda m: number in words(m) and ("安排", "物流主管") in m.facts)
