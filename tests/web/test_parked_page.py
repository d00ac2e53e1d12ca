"""The administrator's page of parked messages in a real browser, and every key that must not open it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession
from playwright.async_api import expect
from sqlalchemy import insert

import demo
from bot.web import parked
from core.clock import MovableClock
from core.people import PlatformName
from storage import tables
from tests.browsing import visiting
from tests.scenarios.conftest import QUICK_STREAM

TEXT = "K0231 04465-0K240 20个, 送到 漕宝路100号3栋, 13812345678"


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[demo.World]:
    async with demo.world(tmp_path, clock=MovableClock(demo.MORNING), stream=QUICK_STREAM) as world:
        yield world


async def admin_id(running: demo.World) -> str:
    async with running.bot.database.reading() as tx:
        person = await tx.people.by_account(PlatformName.WECOM, "guanliyuan")
    assert person is not None
    return person.id


async def link(running: demo.World, person_id: str = "") -> str:
    bot = running.bot
    return parked.link(bot.keys, running.base_url, person_id or await admin_id(running), bot.clock.now())


async def a_parked_inbound(running: demo.World, text: str = TEXT) -> int:
    now = running.clock.now()
    content = {"agentid": 1, "message": {"FromUserName": "xiaoshou_a", "MsgType": "text", "Content": text}}
    row = {
        "platform": PlatformName.WECOM,
        "dedupe_key": f"m:{text}",
        "conv_key": "wecom:1:xiaoshou_a",
        "kind": "text",
        "payload": content,
        "raw_sha256": "",
        "platform_at": now,
        "received_at": now,
    }
    async with running.bot.database.writer.begin() as connection:
        source = (await connection.execute(insert(tables.inbox).values(row).returning(tables.inbox.c.id))).scalar_one()
        letter = insert(tables.dead_letters).values(
            source="inbox",
            source_id=source,
            reason="KeyError: 'CreateTime'",
            payload={"platform": "wecom", "kind": "text", "conv_key": row["conv_key"], "content": content},
            attempts=5,
            first_at=now,
            last_at=now,
            resolved_by="",
            resolution="",
        )
        number: int = (await connection.execute(letter.returning(tables.dead_letters.c.id))).scalar_one()
        return number


@pytest.mark.browser
async def test_an_administrator_reads_resends_and_drops_on_phone_and_desk(running: demo.World, tmp_path: Path) -> None:
    first = await a_parked_inbound(running)
    second = await a_parked_inbound(running, "K0231 90915-YZZD4 48")

    async with visiting(running.base_url) as visitor:
        page = visitor.page
        await page.goto(await link(running))
        await expect(page.locator("article")).to_have_count(2)
        await expect(page.locator("body")).to_contain_text("销售A · 企微")
        await expect(page.locator("body")).to_contain_text("K0231 04465-0K240 20个, 送到 漕宝路…")
        await expect(page.locator("body")).not_to_contain_text("13812345678")
        await page.screenshot(path=tmp_path / "desk.png", full_page=True)

        await page.set_viewport_size({"width": 375, "height": 740})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 375
        await page.locator("summary").first.click()
        await page.screenshot(path=tmp_path / "phone.png", full_page=True)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 375

        await page.locator("article", has_text=f"{first} 号").get_by_role("button", name="放弃").click()
        await expect(page.get_by_role("status")).to_contain_text(f"{first} 号已放弃")
        await expect(page.locator("article")).to_have_count(1)
        await page.locator("article", has_text=f"{second} 号").get_by_role("button", name="重发").click()
        await expect(page.get_by_role("status")).to_contain_text(f"{second} 号已重新处理")
        await expect(page.locator("body")).to_contain_text("没有搁置的消息,一切正常。")
        await page.screenshot(path=tmp_path / "empty.png", full_page=True)

    async with running.bot.database.reading() as tx:
        dropped, resent = await tx.timeline.of(f"parked:{first}"), await tx.timeline.of(f"parked:{second}")
        assert [(e.action, e.actor_name, e.channel) for e in [*dropped, *resent]] == [
            ("parked.dropped", "管理员", "page"),
            ("parked.resent", "管理员", "page"),
        ]


async def test_a_second_press_changes_nothing_and_says_so(running: demo.World) -> None:
    letter = await a_parked_inbound(running)
    key = (await link(running)).partition("k=")[2]
    async with ClientSession(running.base_url) as browser:
        form = {"k": key, "letter": str(letter), "do": "drop"}
        assert (await browser.post("/admin/parked", data=form)).status == 200
        again = await browser.post("/admin/parked", data=form)

        assert f"{letter} 号已被处理过" in await again.text()
    async with running.bot.database.reading() as tx:
        assert len(await tx.timeline.of(f"parked:{letter}")) == 1


async def test_a_forged_old_or_foreign_key_opens_nothing_and_is_recorded(running: demo.World) -> None:
    letter = await a_parked_inbound(running)
    good = (await link(running)).partition("k=")[2]
    async with running.bot.database.reading() as tx:
        seller = await tx.people.by_account(PlatformName.WECOM, "xiaoshou_a")
    assert seller is not None
    foreign = (await link(running, seller.id)).partition("k=")[2]
    head, _, mac = good.rpartition(".")
    forged = [f"{head}.{'0' * 32}", f"{head}9.{mac}", "", "a.b", "你好.1.x", good[:-1]]

    async with ClientSession(running.base_url) as browser:
        for key in [*forged, foreign]:
            assert (await browser.get("/admin/parked", params={"k": key})).status == 403, key
            form = {"k": key, "letter": str(letter), "do": "drop"}
            assert (await browser.post("/admin/parked", data=form)).status == 403, key
        opened = await browser.get("/admin/parked", params={"k": good})
        assert opened.status == 200
        policy = opened.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'nonce-")
        assert "unsafe" not in policy
        assert opened.headers["Referrer-Policy"] == "no-referrer"
        running.clock.advance(timedelta(hours=12, seconds=1))
        refused = await browser.get("/admin/parked", params={"k": good})

        assert refused.status == 403
        assert "链接无效或已过期" in await refused.text()
    async with running.bot.database.reading() as tx:
        assert {e.action for e in await tx.timeline.of("page:admin")} == {"page.refused"}
    assert b"jiedan_refused_pages_total 15.0" in running.bot.metrics.text()
    assert [x.id for x in await running.bot.dead_letters.list()] == [letter]


async def test_the_answer_to_parked_brings_the_link(running: demo.World) -> None:
    await a_parked_inbound(running)
    stage = running.simulator.stage(idle=running.idle)
    admin = stage.phone("管理员")

    await admin.say("搁置")

    said = await admin.wait_text("看全文和处理:")
    address = said.text.partition("看全文和处理:")[2].partition("(")[0]
    async with ClientSession() as browser:
        assert (await browser.get(address)).status == 200
