"""The demo as a visitor sees it: the real bot behind the phones, in a real browser."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

import demo
from tests.browsing import visiting

SALES, TECH = "wecom:xiaoshou_a", "dingtalk:jishu_jia"

pytestmark = pytest.mark.browser


async def test_a_visitor_types_an_order_taps_it_through_and_reads_its_record(running: demo.World) -> None:
    async with visiting(running.base_url) as visitor:
        page = visitor.page
        await visitor.say(SALES, "K0231 04465-0K240 20个, 90915-YZZD4 48, 后天要")
        await visitor.tap(SALES, "2行改50").click()
        await expect(visitor.phone(SALES)).to_contain_text("90915-YZZD4 机油滤 ×50 ✅")
        await visitor.tap(SALES, "确认提交").click()

        await expect(visitor.phone(TECH)).to_contain_text("技术确认 SO260221-0001")
        await visitor.tap(TECH, "通过").click()

        await expect(visitor.phone(TECH)).to_contain_text("已由 技术甲 于 09:1")
        await expect(visitor.tap(TECH, "通过")).to_have_count(0)
        await expect(visitor.phone(SALES)).to_contain_text("✅ SO260221-0001 已由 技术甲")

        await page.goto((await running.bot_state("SO260221-0001"))["page"])
        await expect(page.locator("h1")).to_contain_text("SO260221-0001")
        await expect(page.locator("body")).to_contain_text("链校验 ✅")
        await expect(page.locator("body")).to_contain_text("技术确认 通过")


async def test_a_guessed_link_to_an_order_opens_nothing(running: demo.World) -> None:
    stage = running.simulator.stage(idle=running.idle)
    await stage.phone("销售A").say("K0231 04465-0K240 20个, 后天要")
    await stage.phone("销售A").wait_card("订单草稿")

    async with running.bot.session.get(f"{running.base_url}/o/SO260221-0001?k=0000000000") as answer:
        assert answer.status == 403
        assert "链接无效" in await answer.text()
