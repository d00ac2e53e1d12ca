"""Orders come in: typed, and photographed."""

from __future__ import annotations

from simulator import samples
from simulator.scenarios import steps
from simulator.scenarios.registry import scenario
from simulator.scenarios.stage import Stage
from simulator.scenarios.words import live_buttons

READING = 60.0
"""Real seconds for the first picture: the recogniser loads its models then."""


@scenario(
    "text_order",
    "文本下单",
    "一句话变成草稿，一键改整箱，提交后技术甲的钉钉响",
    phones=("销售A", "技术甲"),
)
async def text_order(stage: Stage) -> None:
    sales, tech = stage.phone("销售A"), stage.phone("技术甲")
    text, round_up = steps.odd_order_text(stage)

    stage.step(f"销售A 在企业微信发：{text}")
    await sales.say(text)
    await sales.wait_card("订单草稿")

    stage.step(f"机油滤不是整箱，点【{round_up}】")
    await sales.press(round_up)

    stage.step("点【确认提交】，技术甲在钉钉收到审批卡")
    number = await steps.submit_draft(stage, sales)
    await steps.asked(stage, number)

    stage.step("技术甲点【通过】，销售A 看到结果")
    await tech.press("通过", on=number)
    await sales.wait_text(f"{number} 已由 技术甲")


@scenario(
    "photo_order",
    "拍照下单",
    "一张有错字的订单照片：标红、给建议、一键采用",
    phones=("销售A", "技术甲", "主管A"),
)
async def photo_order(stage: Stage) -> None:
    sales = stage.phone("销售A")

    stage.step("销售A 拍下一张打印订单发来（客户 K0O31、物料号里的 5 印成了 S）")
    await sales.photo(samples.misread(stage.turn), filename="order.png")
    await sales.wait_text("收到图片")

    stage.step("机器人识别、核对主数据，回一张草稿卡")
    draft = await sales.wait_card("订单草稿", timeout=READING)
    if any(button.text == "采用建议" for button in live_buttons(draft)):
        stage.step("点【采用建议】，标红变成 ✅")
        await sales.press("采用建议")

    stage.step("点【确认提交】，审批人收到卡片")
    number = await steps.submit_draft(stage, sales)
    await steps.asked(stage, number)
