"""The page behind a card: as strict as the administrators', readable on a phone and on a desk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from playwright.async_api import expect

import demo
from core.clock import MovableClock
from simulator.scenarios import steps
from tests.browsing import visiting
from tests.scenarios.conftest import QUICK_STREAM

TEXT = "K0231 04465-0K240 20个, 90915-YZZD4 48, 后天要"


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[demo.World]:
    async with demo.world(tmp_path, clock=MovableClock(demo.MORNING), stream=QUICK_STREAM) as world:
        yield world


async def ordered(running: demo.World) -> str:
    stage = running.simulator.stage(idle=running.idle)
    sales = stage.phone("销售A")
    await sales.say(TEXT)
    number = steps.number_on(await sales.wait_card("订单草稿"))
    await stage.settle()
    return number


async def test_every_answer_under_an_orders_address_is_fenced(running: demo.World) -> None:
    number = await ordered(running)
    page = (await running.bot_state(number))["page"]
    key = page.partition("?k=")[2]
    nobodys = f"{running.base_url}/o/SO260221-9999?k={running.bot.keys.page('SO260221-9999')}"
    answers = {
        page: 200,
        page.replace("?", ".json?"): 200,
        f"{running.base_url}/o/{number}?k=guessed": 403,
        f"{running.base_url}/o/SO260221-9999?k={key}": 403,
        nobodys: 404,
    }

    async with ClientSession() as browser:
        for address, status in answers.items():
            async with browser.get(address) as answer:
                assert answer.status == status, address
                policy = answer.headers["Content-Security-Policy"]
                assert policy.startswith("default-src 'none'; ")
                assert "frame-ancestors 'none'" in policy
                assert "unsafe" not in policy
                assert "script-src" not in policy
                assert answer.headers["X-Frame-Options"] == "DENY"
                assert answer.headers["Referrer-Policy"] == "no-referrer"
                assert answer.headers["Cache-Control"] == "no-store"
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
        first, second = [(await browser.get(page)).headers["Content-Security-Policy"] for _ in range(2)]
    assert first != second


@pytest.mark.browser
async def test_the_page_is_whole_on_a_phone_and_on_a_desk(running: demo.World, tmp_path: Path) -> None:
    number = await ordered(running)

    async with visiting(running.base_url) as visitor:
        page = visitor.page
        await page.goto((await running.bot_state(number))["page"])
        for width, name in ((1440, "desk"), (375, "phone")):
            await page.set_viewport_size({"width": width, "height": 800})
            await expect(page.locator("h1")).to_contain_text(number)
            await expect(page.locator("body")).to_contain_text("链校验 ✅")
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            colour = await page.evaluate("getComputedStyle(document.querySelector('section')).backgroundColor")
            assert colour == "rgb(255, 255, 255)"
            await page.screenshot(path=tmp_path / f"order_{name}.png", full_page=True)


@pytest.mark.browser
async def test_the_demo_shows_the_page_beside_the_phones_although_it_cannot_be_framed(running: demo.World) -> None:
    number = await ordered(running)

    async with visiting(running.base_url) as visitor:
        await visitor.page.get_by_test_id("tab-state").click()
        await visitor.page.get_by_test_id("state-ref").fill(number)
        await visitor.page.get_by_test_id("state-go").click()

        record = visitor.page.get_by_test_id("record").content_frame
        await expect(record.locator("h1")).to_contain_text(number)
        await expect(record.locator("body")).to_contain_text("链校验 ✅")
