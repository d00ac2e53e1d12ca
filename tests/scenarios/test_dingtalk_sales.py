"""The same order desk for a salesperson on DingTalk: text, group photo, spreadsheet, choices by number."""

from __future__ import annotations

import io

from openpyxl import Workbook

import demo
from core.orders import OrderStatus
from simulator.scenarios import Stage, steps
from simulator.scenarios.words import words

TEXT = "K0231 04465-0K240 20个, 后天要"


async def test_an_order_typed_on_dingtalk_is_drafted_corrected_and_submitted_on_its_card(
    running: demo.World, stage: Stage
) -> None:
    sales, tech = stage.phone("销售A", "dingtalk"), stage.phone("技术甲")

    await sales.say(TEXT)
    number = steps.number_on(await sales.wait_button("确认提交"))
    await sales.say("1行 12")
    await sales.wait_card(lambda m: "前刹车片 ×12" in words(m))
    await sales.press("确认提交", on=number)

    await sales.wait_card(lambda m: f"{number} 待审批" in words(m))
    await tech.wait_button("通过", on=number)
    async with running.bot.database.reading() as tx:
        order = await tx.orders.get(number)
        assert order is not None
        assert (order.status, order.owner_platform, order.owner_account) == (
            OrderStatus.PENDING,
            "dingtalk",
            "xiaoshou_a_dd",
        )
    await stage.settle()
    for name in ("技术甲", "技术乙"):
        stage.phone(name).ignore(lambda m: m.kind == "card")


async def test_an_expedite_on_dingtalk_is_chosen_by_number_and_one_button(stage: Stage) -> None:
    sales, tech = stage.phone("销售A", "dingtalk"), stage.phone("技术甲")
    await sales.say(TEXT)
    number = steps.number_on(await sales.wait_button("确认提交"))
    await sales.press("确认提交", on=number)
    await tech.wait_button("通过", on=number)

    await sales.press("⚡加急", on=number)
    reasons = await sales.wait_card("加急 1/2")
    assert "竞品抢单" in words(reasons)
    await sales.say("2")
    await sales.wait_card("加急 2/2 · 竞品抢单")
    await sales.choose("橙 15:30")
    await sales.wait_card(lambda m: number in words(m) and "① 已置顶仓库待办" in words(m))

    await stage.settle()
    for phone in stage.phones.values():
        phone.ignore(lambda m: number in words(m) or "加急" in words(m))


async def test_a_spreadsheet_sent_on_dingtalk_becomes_a_draft(stage: Stage) -> None:
    sales = stage.phone("销售A", "dingtalk")
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ["客户", "K0231 华锐汽修"],
        ["交期", "2026-02-24"],
        ["物料号", "品名", "数量"],
        ["04465-0K240", "前刹车片", 20],
        ["90915-YZZD4", "机油滤", 50],
    ):
        sheet.append(row)
    data = io.BytesIO()
    book.save(data)

    await sales.file(data.getvalue(), filename="采购单0221.xlsx")

    await sales.wait_text("收到《采购单0221.xlsx》,解析中")
    draft = await sales.wait_card("文件订单草稿", timeout=60)
    assert "04465-0K240 前刹车片 ×20 ✅" in words(draft)
    assert "90915-YZZD4 机油滤 ×50 ✅" in words(draft)
    assert "华锐汽修 K0231" in words(draft)
