"""A salesperson's order, from the first word to the waybill, as people see it."""

from __future__ import annotations

import demo
from core.orders import OrderStatus
from simulator import samples
from simulator.scenarios import Stage, steps
from simulator.scenarios.words import live_buttons, words

TEXT = "K0231 04465-0K240 20个, 90915-YZZD4 48, 后天要, 要质检报告"


async def test_a_text_becomes_a_draft_with_flags_and_one_tap_corrects_and_one_submits(stage: Stage) -> None:
    sales, tech = stage.phone("销售A"), stage.phone("技术甲")

    await sales.say(TEXT)

    draft = await sales.wait_card("订单草稿")
    facts = dict(draft.facts)
    assert facts["客户"] == "华锐汽修 K0231(按编码)"
    assert facts["1行"].startswith("04465-0K240 前刹车片 ×20 ✅")
    assert facts["交期"] == "02-23(周一) 18:00 前"
    assert facts["要求"] == "📎 需提供原厂质检报告"
    assert "首责 销售A·企微·09:12" in draft.text
    assert "2行:90915-YZZD4 机油滤 ×48 🟡非整箱(10/箱)→50?" in draft.text

    await sales.press("2行改50")
    await sales.wait_card(lambda m: dict(m.facts).get("2行", "").startswith("90915-YZZD4 机油滤 ×50 ✅"))
    await sales.press("确认提交")
    submitted = await sales.wait_card("已提交 09:12")
    assert dict(submitted.facts)["下一步"] == "技术确认"
    assert "技术甲" in dict(submitted.facts)["责任人"]
    await tech.wait_button("通过")
    await stage.phone("技术乙").wait_button("通过")


async def test_an_unknown_part_is_asked_with_a_candidate_and_never_replaced_silently(stage: Stage) -> None:
    sales = stage.phone("销售A")

    await sales.say("K0231 04465-3347I 20个, 后天要")
    draft = await sales.wait_card("订单草稿")

    assert "🔴物料号 04465-3347I 不存在 → 04465-33471?" in words(draft)
    assert not any(b.text == "确认提交" for b in draft.buttons)
    await sales.press("采用建议")
    await sales.wait_card(lambda m: "04465-33471" in dict(m.facts).get("1行", "") and "✅" in dict(m.facts)["1行"])


async def test_an_order_without_quantity_or_customer_asks_and_a_short_line_answers(stage: Stage) -> None:
    sales = stage.phone("销售A")

    await sales.say("04465-0K240 后天要")
    draft = await sales.wait_card("订单草稿")
    assert "没写数量" in words(draft)
    assert "没写客户" in words(draft)

    await sales.say("客户 K0231")
    await sales.wait_card(lambda m: "华锐汽修" in dict(m.facts).get("客户", ""))
    await sales.say("1行 20")
    await sales.wait_button("确认提交")


async def test_absurd_quantities_and_past_dates_are_red_and_nothing_is_submitted(
    running: demo.World, stage: Stage
) -> None:
    sales = stage.phone("销售A")

    await sales.say("K0231 04465-0K240 99999个, 2026-02-01要")
    draft = await sales.wait_card("订单草稿")

    assert "不合理" in words(draft)
    assert "交期已过" in words(draft)
    number = steps.number_on(draft)
    await sales.say(f"确认 {number}")
    await sales.wait_text(f"{number} 还有 2 处🔴必须先改")
    async with running.bot.database.reading() as tx:
        order = await tx.orders.get(number)
        assert order is not None
        assert order.status is OrderStatus.DRAFT


async def test_a_photo_goes_all_the_way_to_the_pick_list_and_out_of_the_door(running: demo.World, stage: Stage) -> None:
    sales, picker = stage.phone("销售A"), stage.phone("仓管A")

    await sales.photo(samples.misread(0), filename="order.png")
    await sales.wait_text("收到图片,识别中…(排第1位)")
    draft = await sales.wait_card("图片订单草稿", timeout=60)
    number = steps.number_on(draft)
    await sales.wait_image()
    await sales.press("采用建议", on=number)
    await sales.wait_button("确认提交", on=number)
    await sales.press("确认提交", on=number)
    await sales.wait_card(f"{number} 待审批")
    await steps.asked(stage, number)
    await stage.phone("技术甲").press("通过", on=number)
    await sales.wait_text(f"✅ {number} 已由 技术甲")
    await steps.claimed(stage, picker, number)
    await picker.wait_image()
    await steps.picked(stage, picker)
    await steps.scanned_out(stage, picker)
    await sales.wait_text(f"📦 {number}")

    await stage.settle()
    own = [m for m in sales.messages() if m.kind == "card" and f"{number} 已出库" in m.title]
    assert [live_buttons(m) for m in own] == [[]], "the order's card is closed with the code kept for the end"
    for name in ("销售A", "技术甲", "技术乙", "主管A", "主管B", "仓管A", "仓管B", "仓储组长"):
        stage.phone(name).ignore(lambda m: True)
    async with running.bot.database.reading() as tx:
        order = await tx.orders.get(number)
        assert order is not None
        assert order.status is OrderStatus.SHIPPED
        assert order.waybill.startswith("YD260221")
        actions = [e.action for e in await tx.timeline.of(number)]
    assert actions[0] == "order.drafted"
    assert actions[-1] == "order.shipped"
    assert [a for a in actions if a.startswith("order.")].count("order.shipped") == 1


async def test_status_trace_and_stock_answer_at_any_time(stage: Stage) -> None:
    sales = stage.phone("销售A")
    number = await steps.submitted(stage, sales, steps.order_text(stage))
    await steps.asked(stage, number)
    stage.phone("技术乙").ignore(lambda m: True)

    stage.mark_read()
    await sales.say(f"查 {number}")
    card = await sales.wait_card(lambda m: m.title == f"{number} 待审批" and "责任人" in dict(m.facts))
    assert dict(card.facts)["截止"].startswith("13:12")
    await sales.say(f"溯源 {number}")
    trace = await sales.wait_text(f"全链路溯源 {number}")
    assert "链校验 ✅" in trace.text
    assert "提交 v1" in trace.text
    await sales.say("库存 04465-0K240")
    stock = await sales.wait_text("04465-0K240 前刹车片 · 可用")
    assert "B251103-07  入库2025-11-03  质检合格" in stock.text
    assert "B250918-02" in stock.text
    assert "A-03-12-4-02" in stock.text
    await sales.say("我的单")
    await sales.wait_text(lambda m: m.text.startswith("我的单") and number in m.text)
