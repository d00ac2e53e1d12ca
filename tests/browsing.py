"""A visitor's headless Chromium, for pages that must work in a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Locator, Page, async_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def browser_path() -> str:
    """The browser of this machine; without one the tests fail in CI and are skipped elsewhere, saying so."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is not None:
        return found
    if os.environ.get("CI"):
        pytest.fail("no chromium: apt install chromium")
    pytest.skip("no chromium: apt install chromium")


class Visitor:
    """A browser on the page; script errors and failed requests are remembered."""

    def __init__(self, url: str, page: Page) -> None:
        self.url, self.page = url, page
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.on("request", lambda asked: self._foreign(asked.url))

    def _foreign(self, url: str) -> None:
        if not url.startswith((self.url, "data:", "blob:")):
            self.errors.append(f"asked for {url}")

    def phone(self, phone: str) -> Locator:
        return self.page.locator(f"[data-phone='{phone}'][data-testid=phone]")

    async def say(self, phone: str, text: str) -> None:
        await self.phone(phone).get_by_test_id("composer").fill(text)
        await self.phone(phone).get_by_test_id("send").click()

    def tap(self, phone: str, text: str) -> Locator:
        return self.phone(phone).get_by_test_id("tap").get_by_text(text, exact=True)


@asynccontextmanager
async def visiting(url: str) -> AsyncIterator[Visitor]:
    """The page open at 1440×900; at the end nothing must have gone wrong in it."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=browser_path(), headless=True, args=list(FLAGS))
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        found = Visitor(url, page)
        await page.goto(url)
        yield found
        assert found.errors == [], found.errors
        await browser.close()
