"""Pictures that are none: a sentence for the person, nothing half-written."""

from __future__ import annotations

import io

import pytest
from PIL import Image

import demo
from core.orders import OrderStatus
from simulator import samples
from simulator.scenarios import Stage

PICTURES = (("bomb", "图片尺寸太大"), ("truncated", "文件打不开"), ("text", "这种文件读不了"))


@pytest.mark.parametrize(("kind", "sentence"), PICTURES)
async def test_a_picture_that_is_none_gets_a_sentence_and_leaves_nothing_half_written(
    running: demo.World, stage: Stage, kind: str, sentence: str
) -> None:
    sales = stage.phone("销售A")
    data = {
        "bomb": _png(12_000, 12_000),
        "truncated": samples.misread(0)[:2000],
        "text": b"this is no picture at all, whatever its name says",
    }[kind]

    await sales.photo(data, filename="order.png")

    await sales.wait_text("收到图片")
    await sales.wait_text(sentence, timeout=60)
    async with running.bot.database.reading() as tx:
        assert await tx.orders.in_status(*OrderStatus) == []


def _png(width: int, height: int) -> bytes:
    data = io.BytesIO()
    Image.new("1", (width, height)).save(data, "PNG")
    return data.getvalue()
