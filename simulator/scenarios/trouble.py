"""The wire misbehaves, and nobody notices."""

from __future__ import annotations

from simulator.scenarios import steps
from simulator.scenarios.registry import scenario
from simulator.scenarios.stage import Stage
from simulator.scenarios.words import words
from simulator.world import FaultKind


@scenario(
    "duplicate",
    "重复回调",
    "企业微信把同一条消息送了三次：还是一张草稿",
    phones=("销售A",),
)
async def duplicate(stage: Stage) -> None:
    sales = stage.phone("销售A")
    stage.step("打开故障：下一条回调送三次")
    stage.mark_read()
    stage.faults.arm(FaultKind.DUPLICATE_CALLBACK, platform="wecom")

    text = steps.order_text(stage)
    stage.step(f"销售A 发：{text}")
    await sales.say(text)
    draft = await sales.wait_card("订单草稿")
    await stage.settle()

    stage.step("三次回调，一张草稿")
    drafts = [m for m in sales.fresh() if m.kind == "card" and "订单草稿" in words(m)]
    if [m.id for m in drafts] != [draft.id]:
        raise AssertionError(f"one message became {len(drafts)} drafts\n{sales.picture()}")


@scenario(
    "reconnect",
    "断线重连",
    "钉钉长连接断了：机器人自己连回来，消息一条不丢",
    phones=("销售A", "技术甲"),
)
async def reconnect(stage: Stage) -> None:
    sales, tech = stage.phone("销售A"), stage.phone("技术甲")
    stage.step("销售A 下单提交")
    number = await steps.submitted(stage, sales, steps.order_text(stage))
    await steps.asked(stage, number)

    stage.step("掐断所有钉钉长连接")
    before = stage.streams()
    stage.drop_streams()
    stage.step("机器人自己重连")
    await stage.until(lambda: stage.streams() and not stage.streams() & before, timeout=30)

    stage.step("技术甲点【通过】，照常生效")
    await tech.press("通过", on=number)
    await sales.wait_text(f"{number} 已由 技术甲")


@scenario(
    "restart",
    "重启机器人",
    "提交之后杀掉机器人再启动：单据、卡片、按钮都还在",
    phones=("销售A", "技术甲"),
)
async def restart(stage: Stage) -> None:
    sales, tech = stage.phone("销售A"), stage.phone("技术甲")
    stage.step("销售A 下单，点【确认提交】")
    number = await steps.submitted(stage, sales, steps.order_text(stage))

    stage.step("就在这时，机器人被重启")
    await stage.restart_bot()

    stage.step("技术甲的卡片照样到，旧按钮照样能点")
    await steps.asked(stage, number)
    await tech.press("通过", on=number)
    await sales.wait_text(f"{number} 已由 技术甲", timeout=30)
    await stage.settle()

    stage.step("什么都没做两遍")
    told = [m for m in sales.fresh() if f"{number} 已由" in words(m) and m.kind != "card"]
    if len(told) != 1:
        raise AssertionError(f"one decision was told {len(told)} times\n{sales.picture()}")
