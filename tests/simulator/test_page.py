"""The page in a real browser: a visitor sees phones, types, taps, moves time, and watches the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from simulator import samples
from tests.browsing import Visitor, visiting
from tests.simulator.page_bot import NUMBER, Served, served

SALES, TECH, PICKER = "wecom:xiaoshou_a", "dingtalk:jishu_jia", "wecom:cangguan_a"

pytestmark = pytest.mark.browser


@pytest.fixture
async def desk() -> AsyncIterator[Served]:
    async with served() as running:
        yield running


@pytest.fixture
async def visitor(desk: Served) -> AsyncIterator[Visitor]:
    async with visiting(desk.url) as found:
        await expect(found.page.get_by_test_id("phone")).to_have_count(5)
        yield found


async def test_the_first_screen_shows_five_phones_without_a_click(visitor: Visitor) -> None:
    page = visitor.page

    await expect(page.get_by_test_id("banner")).to_have_text("演示数据")
    for name in ("销售A", "技术甲", "主管A", "仓管A", "运营总监"):
        head = page.get_by_test_id("phone").locator(".who b", has_text=name)
        await expect(head).to_be_in_viewport()
    await expect(page.locator("#clock-time")).to_have_text("09:12:00")
    await expect(page.get_by_test_id("scenario")).to_have_count(11)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [1024, 1440, 1920])
async def test_the_page_itself_never_scrolls_sideways(visitor: Visitor, width: int) -> None:
    await visitor.page.set_viewport_size({"width": width, "height": 768})

    assert await visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await expect(visitor.phone(SALES).get_by_test_id("composer")).to_be_in_viewport()


async def test_an_order_is_typed_mended_submitted_and_approved_on_two_messengers(visitor: Visitor) -> None:
    await visitor.say(SALES, "K0231 04465-0K240 20个, 90915-YZZD4 48, 后天要")
    card = visitor.phone(SALES).locator("[data-kind=card]")
    await expect(card.get_by_test_id("card-title")).to_have_text(f"订单草稿 {NUMBER}")
    await expect(card).to_contain_text("非整箱→50?")

    await visitor.tap(SALES, "2行改50").click()
    await expect(card).to_contain_text("×50 ✅")
    await visitor.tap(SALES, "确认提交").click()
    await expect(visitor.tap(SALES, "已提交")).to_be_disabled()

    await visitor.tap(TECH, "通过").click()
    await expect(visitor.phone(TECH).locator("[data-kind=card]")).to_contain_text("已由 技术甲")
    await expect(visitor.phone(TECH).get_by_test_id("tap")).to_have_count(0)
    await expect(visitor.phone(SALES).get_by_test_id("message").last).to_contain_text("等下一波次下仓")


async def test_a_scenario_plays_itself_and_opens_the_phones_it_needs(visitor: Visitor) -> None:
    page = visitor.page

    await page.locator("[data-scenario=text_order]").click()

    await expect(page.get_by_test_id("verdict")).to_have_attribute("data-state", "done", timeout=20_000)
    await expect(page.get_by_test_id("step")).to_have_count(4)
    await page.locator("[data-scenario=both_at_once]").click()
    await expect(visitor.phone("dingtalk:jishu_yi")).to_be_visible()
    await page.get_by_test_id("stop").click()
    await expect(page.get_by_test_id("verdict")).to_have_attribute("data-state", "stopped")


async def test_a_photo_is_chosen_sent_and_enlarged(visitor: Visitor) -> None:
    phone = visitor.phone(SALES)
    await phone.get_by_test_id("photo").click()
    await visitor.page.locator("[data-sample=misread]").click()

    picture = phone.get_by_test_id("picture")
    await expect(picture).to_be_visible()
    await expect(phone.get_by_test_id("message").last).to_have_text("收到image")
    await picture.click()
    await expect(visitor.page.get_by_test_id("enlarged")).to_be_visible()
    await visitor.page.keyboard.press("Escape")
    await expect(visitor.page.get_by_test_id("enlarged")).to_have_count(0)


async def test_a_picture_and_a_file_of_the_visitors_own_are_uploaded(visitor: Visitor, tmp_path: Path) -> None:
    own = tmp_path / "我的订单.png"
    own.write_bytes(samples.picture("large"))
    phone = visitor.phone(SALES)
    await phone.get_by_test_id("photo").click()
    async with visitor.page.expect_file_chooser() as chooser:
        await visitor.page.get_by_test_id("upload").click()
    await (await chooser.value).set_files(own)
    await expect(phone.get_by_test_id("picture")).to_be_visible()

    async with visitor.page.expect_file_chooser() as chooser:
        await phone.get_by_test_id("file").click()
    await (await chooser.value).set_files(own)
    await expect(phone.locator("[data-kind=file]")).to_contain_text("我的订单.png")


async def test_a_code_is_scanned_from_the_menu(visitor: Visitor) -> None:
    phone = visitor.phone(PICKER)
    await phone.get_by_test_id("menu").get_by_text("仓库").click()
    await phone.get_by_test_id("menu-entry").get_by_text("扫码出库").click()
    await visitor.page.get_by_test_id("scan-code").fill("B251103-07")
    await visitor.page.get_by_test_id("scan-go").click()

    await expect(phone.get_by_test_id("message").last).to_have_text("scan_out B251103-07")


async def test_the_list_of_a_card_is_ticked_and_sent(visitor: Visitor, desk: Served) -> None:
    await desk.bot.send(
        "xiaoshou_a",
        "template_card",
        {
            "card_type": "vote_interaction",
            "task_id": "xr-1",
            "main_title": {"title": "加急 1/2 · 为什么急?"},
            "checkbox": {
                "question_key": "reason",
                "mode": 0,
                "option_list": [
                    {"id": "X01", "text": "客户高层施压", "is_checked": False},
                    {"id": "X02", "text": "竞品抢单", "is_checked": False},
                ],
            },
            "submit_button": {"text": "下一步", "key": "next"},
        },
    )
    await visitor.phone(SALES).get_by_test_id("tick").get_by_text("竞品抢单").click()
    await visitor.tap(SALES, "下一步").click()

    await desk.sim.stage(timeout=5).until(lambda: desk.bot.heard)
    heard = desk.bot.heard[-1]
    assert (heard["QuestionKey"], heard["OptionId"]) == ("reason", "X02")


async def test_the_wire_is_shown_sealed_and_opened_and_violations_in_red(visitor: Visitor, desk: Served) -> None:
    page = visitor.page
    await visitor.say(SALES, "在吗")
    row = page.get_by_test_id("wire-row").filter(has_text="POST /wecom/callback").first
    await row.locator("summary").first.click()
    await expect(row).to_contain_text("<Content><![CDATA[在吗]]></Content>")
    await expect(row).to_contain_text("密文")

    desk.sim.dingtalk.site.violation("a card without buttons")
    desk.sim.live.touch()
    await expect(page.get_by_test_id("violation-count")).to_have_text("1")
    await page.get_by_test_id("tab-violations").click()
    await expect(page.get_by_test_id("violation")).to_have_text("dingtalk: a card without buttons")


async def test_the_clock_the_faults_and_the_restart_are_at_hand(visitor: Visitor, desk: Served) -> None:
    page = visitor.page
    await page.get_by_test_id("clock-15").click()
    await expect(page.locator("#clock-time")).to_have_text("09:27:00")

    await page.locator("[data-fault=duplicate_callback]").click()
    await expect(page.locator("[data-fault=duplicate_callback] em")).to_have_text("1")
    await visitor.say(SALES, "在吗")
    await expect(page.locator("[data-fault=duplicate_callback] em")).to_have_text("")
    await expect(visitor.phone(SALES).locator("[data-mine=no]")).to_have_count(3)

    await page.get_by_test_id("clock-0820").click()
    await expect(page.locator("#clock-date")).to_have_text("02-22 周日")
    await page.get_by_test_id("restart-bot").click()
    await desk.sim.stage(timeout=5).until(lambda: desk.bot.restarts == 1)


async def test_the_record_of_an_order_is_asked_of_the_bot(visitor: Visitor) -> None:
    await visitor.page.get_by_test_id("tab-state").click()
    await visitor.page.get_by_test_id("state-ref").fill(NUMBER)
    await visitor.page.get_by_test_id("state-go").click()

    await expect(visitor.page.get_by_test_id("bot-state")).to_contain_text("pending")


async def test_another_phone_is_taken_out_dragged_and_put_away(visitor: Visitor) -> None:
    page = visitor.page
    head = visitor.phone(TECH).locator(".who")
    await head.drag_to(visitor.phone(SALES), target_position={"x": 5, "y": 200})
    await expect(page.get_by_test_id("phone").first).to_have_attribute("data-phone", TECH)

    await page.get_by_test_id("add-phone").click()
    await page.locator("[data-testid=person][data-phone='dingtalk:jishu_yi']").click()
    added = visitor.phone("dingtalk:jishu_yi")
    await expect(added).to_be_in_viewport(ratio=0.9)
    await added.get_by_test_id("close-phone").click()
    await expect(page.get_by_test_id("phone")).to_have_count(5)


async def test_what_people_write_is_text_and_never_markup(visitor: Visitor) -> None:
    await visitor.say(SALES, "<img src=x onerror=alert(1)> <b>粗</b>")

    mine = visitor.phone(SALES).locator("[data-mine=yes]")
    await expect(mine).to_have_text("<img src=x onerror=alert(1)> <b>粗</b>")
    await expect(mine.locator("b")).to_have_count(0)
