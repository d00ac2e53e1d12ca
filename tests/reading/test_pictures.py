"""Pictures of orders, read by the real recogniser."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw

from bot.ocr import OcrReader
from cards.annotate import Mark, MarkState, annotate, marks_of
from cards.fonts import cjk_font
from core.reading.order_sheet import read_order
from core.reading.sheet import ProblemKind
from core.reading.words import rect
from simulator.sample_order import SampleLine, SampleLook, SampleOrder, draw_order, draw_page
from tests.reading.samples import KnownParts, make, plain, silent_errors

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("damage", "seed"),
    [("clean", 3), ("tilt", 1), ("perspective", 0), ("shadow", 4), ("faint", 2), ("turned90", 1), ("turned180", 0)],
)
async def test_a_photographed_order_is_read_as_printed(reader: OcrReader, damage: str, seed: int) -> None:
    sample = make(damage, seed)

    reading = read_order(await reader.read(sample.picture), parts=KnownParts())

    assert [(plain(line.part_text), line.quantity) for line in reading.lines] == [
        (plain(part), quantity) for part, quantity in sample.lines
    ]
    assert reading.customer_text.replace(" ", "") == sample.customer.replace(" ", "")
    assert reading.due_text == sample.due


async def test_a_stamp_over_a_quantity_flags_the_line_however_well_it_reads(reader: OcrReader) -> None:
    lines = tuple(
        SampleLine(part=part, quantity=quantity) for part, quantity in (("04465-0K240", "14"), ("W75/3", "6"))
    )
    page = draw_page(SampleOrder(lines=lines), SampleLook()).convert("RGBA")
    layer = Image.new("RGBA", page.size)
    row = 26 * 1.9
    place = page.width // 2 + 60, int(26 * 2 + row * 2.65)
    ImageDraw.Draw(layer).ellipse((*place, place[0] + 260, place[1] + row), outline=(205, 30, 40, 190), width=8)
    out = io.BytesIO()
    Image.alpha_composite(page, layer).convert("RGB").save(out, "PNG")

    reading = read_order(await reader.read(out.getvalue()), parts=KnownParts())

    assert [problem.kind for problem in reading.problems_of(1)] == [ProblemKind.QUANTITY_UNSURE]
    assert reading.problems_of(2) == ()


@pytest.mark.parametrize(("damage", "seed"), [("glare", 1), ("harsh", 2)])
async def test_on_a_bad_photo_no_wrong_value_is_without_a_flag(reader: OcrReader, damage: str, seed: int) -> None:
    sample = make(damage, seed)

    reading = read_order(await reader.read(sample.picture), parts=KnownParts())

    assert silent_errors(sample, reading, KnownParts()) == []


async def test_isolated_digits_are_not_turned_upside_down(reader: OcrReader) -> None:
    quantities = ["6", "9", "60", "66", "90", "99", "1", "8"]
    parts = ["04465-0K240", "04466-33160", "90915-YZZD4", "17801-21050", "L8WD807065K", "04E115561C", "W75/3"]
    lines = tuple(
        SampleLine(part=part, quantity=quantity)
        for part, quantity in zip([*parts, "HT-1001-06B"], quantities, strict=True)
    )

    pages = await reader.read(draw_order(SampleOrder(lines=lines), SampleLook(grid=False)))

    reading = read_order(pages, parts=KnownParts())
    assert [str(line.quantity) for line in reading.lines] == quantities


async def test_lines_without_a_table_are_read_too(reader: OcrReader) -> None:
    page = Image.new("RGB", (700, 260), "white")
    pen = ImageDraw.Draw(page)
    for n, text in enumerate(("客户 K0031 华锐汽修", "04465-0K240 20个", "90915-YZZD4 48个", "后天要，需质检报告")):
        pen.text((40, 20 + 56 * n), text, "black", cjk_font(30))
    out = io.BytesIO()
    page.save(out, "PNG")

    reading = read_order(await reader.read(out.getvalue()), parts=KnownParts())

    assert [(line.part_text, line.quantity) for line in reading.lines] == [("04465-0K240", 20), ("90915-YZZD4", 48)]
    assert reading.customer_text.replace(" ", "") == "K0031华锐汽修"


async def test_a_picture_without_an_order_says_so(reader: OcrReader) -> None:
    page = Image.new("RGB", (640, 480), (90, 140, 90))
    ImageDraw.Draw(page).ellipse((200, 100, 400, 300), fill=(200, 180, 60))
    out = io.BytesIO()
    page.save(out, "JPEG")

    reading = read_order(await reader.read(out.getvalue()), parts=KnownParts())

    assert not reading.looks_like_order
    assert [problem.kind for problem in reading.problems] == [ProblemKind.NO_ORDER]


async def test_the_picture_goes_back_with_red_and_green_boxes(reader: OcrReader) -> None:
    sample = make("turned90", 1)
    pages = await reader.read(sample.picture)
    reading = read_order(pages, parts=KnownParts())

    marks = marks_of(reading)
    red = Mark(box=rect(10, 10, 60, 40), state=MarkState.FLAG, label="9")
    drawn = Image.open(io.BytesIO(annotate(sample.picture, [*marks, red], turned=pages[0].turned)))

    assert drawn.size == (pages[0].width, pages[0].height)
    r, g, b = drawn.getpixel((35, 10))  # type: ignore[misc]
    assert r > 150
    assert g < 90
    assert b < 90
    assert sum(1 for mark in marks if mark.label) == len(sample.lines)
