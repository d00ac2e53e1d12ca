"""One warm reading child for all tests that read real pictures."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from bot.ocr import OcrReader


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def reader() -> AsyncIterator[OcrReader]:
    reader = OcrReader()
    yield reader
    await reader.close()
