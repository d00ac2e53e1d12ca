"""The picture a picker holds in the hand: the walk through the racks, and what to take at each number (F057)."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageDraw

from cards.floor_plan import draw_floor, floor_plan
from cards.fonts import cjk_font
from cards.ink import (
    AMBER,
    GREEN,
    INK,
    LINE,
    MUTED,
    NIGHT,
    ORANGE,
    PANEL,
    PAPER,
    PATH,
    STOP,
    Colour,
    chip,
    fit_text,
    numbered_disc,
    palette,
)
from core.warehouse.bins import BinAddress
from core.warehouse.sheet import PickSheet, SheetItem, SheetStop

WIDTH = 1080
"""Pixels: a phone held upright shows it without zooming."""

_HEADER = 150
_FOOTER = 64
_PAD = 36
_STOP_HEAD = 68
_ITEM = 50
_TEXT_LEFT = 118


def draw_pick_map(sheet: PickSheet) -> bytes:
    """A PNG in upright format: header with wave, warehouse and counts; the map; the stops in walking order.

    Numbers on the map are those of the list; the list carries rack, level, height, box, part, batch and
    pieces of each. Bins without coordinates are listed last, marked 无坐标; without any coordinates the map
    is left out. Raises FontMissingError when the Chinese font is not installed.
    """
    plan = floor_plan(sheet, _HEADER, WIDTH)
    list_top = plan.bottom if plan else _HEADER
    height = list_top + sum(_stop_height(stop) for stop in sheet.stops) + _FOOTER
    image = Image.new("RGB", (WIDTH, height), PAPER)
    _draw_header(ImageDraw.Draw(image), sheet)
    if plan:
        draw_floor(image, plan, sheet)
    _draw_list(image, sheet, list_top)
    _draw_footer(ImageDraw.Draw(image), sheet, height)
    return _png(image)


def _draw_header(draw: ImageDraw.ImageDraw, sheet: PickSheet) -> None:
    draw.rectangle((0, 0, WIDTH, _HEADER), fill=NIGHT)
    draw.text((_PAD, 48), f"波次 {sheet.wave_number}", fill=PAPER, font=cjk_font(48), anchor="lm")
    room = WIDTH - 2 * _PAD - round(draw.textlength(f"波次 {sheet.wave_number}  ", font=cjk_font(48)))
    name = fit_text(draw, sheet.warehouse_name, 36, room)
    draw.text((WIDTH - _PAD, 50), name, fill=PAPER, font=cjk_font(36), anchor="rm")
    counts = f"{sheet.orders}单 / {sheet.lines}行 / {sheet.pieces}件"
    draw.text((_PAD, 112), counts, fill=PAPER, font=cjk_font(36), anchor="lm")
    if sheet.must_ship:
        left = _PAD + round(draw.textlength(counts, font=cjk_font(36))) + 40
        draw.text((left, 112), f"今日必发 {sheet.must_ship}", fill=AMBER, font=cjk_font(36), anchor="lm")
    if sheet.tour.path:
        walk = f"步行约 {round(sheet.tour.length_m)} 米"
        draw.text((WIDTH - _PAD, 112), walk, fill=PAPER, font=cjk_font(32), anchor="rm")


def _draw_list(image: Image.Image, sheet: PickSheet, top: int) -> None:
    draw = ImageDraw.Draw(image)
    for index, stop in enumerate(sheet.stops):
        bottom = top + _stop_height(stop)
        if index % 2 == 0:
            draw.rectangle((0, top, WIDTH, bottom), fill=PANEL)
        _draw_stop(image, draw, stop, top)
        draw.line((0, bottom - 1, WIDTH, bottom - 1), fill=LINE)
        top = bottom


def _draw_stop(image: Image.Image, draw: ImageDraw.ImageDraw, stop: SheetStop, top: int) -> None:
    middle = top + 38
    numbered_disc(image, (_PAD + 28, middle), 27, stop.number, STOP if stop.placed else MUTED)
    left = _TEXT_LEFT
    for text, colour in _place(stop):
        if colour is None:
            draw.text((left, middle), text, fill=INK, font=cjk_font(40), anchor="lm", stroke_width=0)
            left += round(draw.textlength(text, font=cjk_font(40))) + 24
        else:
            left = chip(draw, left, middle, text, 30, colour) + 24
    for row, item in enumerate(stop.items):
        _draw_item(draw, item, top + _STOP_HEAD + row * _ITEM + _ITEM // 2 - 4)


def _place(stop: SheetStop) -> list[tuple[str, Colour | None]]:
    """Pieces of the first line of a stop; those with a colour are drawn as plates."""
    address = stop.address
    words: list[tuple[str, Colour | None]] = [(stop.bin, None)]
    if address:
        words = [
            (address.bay_label, None),
            (f"第{address.level}层/{address.height_m}m", _reach(address)),
            (f"箱{address.box:02}", None),
        ]
    if address and address.needs_ladder:
        words.append(("需登高", ORANGE))
    if not stop.placed:
        words.append(("无坐标", MUTED))
    return words


def _reach(address: BinAddress) -> Colour:
    """Stooping, standing or climbing, by colour."""
    if address.needs_ladder:
        return ORANGE
    return GREEN if address.level <= 2 else PATH


def _draw_item(draw: ImageDraw.ImageDraw, item: SheetItem, middle: int) -> None:
    pieces = f"×{item.quantity}"
    draw.text((WIDTH - _PAD, middle), pieces, fill=STOP, font=cjk_font(42), anchor="rm")
    right = WIDTH - _PAD - round(draw.textlength(pieces, font=cjk_font(42))) - 24
    number = fit_text(draw, item.part_number, 34, right - _TEXT_LEFT)
    draw.text((_TEXT_LEFT, middle), number, fill=INK, font=cjk_font(34), anchor="lm")
    left = _TEXT_LEFT + round(draw.textlength(number, font=cjk_font(34))) + 24
    rest = "  ".join(word for word in (item.lot_no, item.part_name) if word)
    if right - left > 60:
        draw.text((left, middle), fit_text(draw, rest, 30, right - left), fill=MUTED, font=cjk_font(30), anchor="lm")


def _draw_footer(draw: ImageDraw.ImageDraw, sheet: PickSheet, height: int) -> None:
    text = f"共 {len(sheet.stops)} 站,按编号走即为最短路线;批次以扫码为准"
    if not sheet.tour.path:
        text = f"共 {len(sheet.stops)} 站,库位均无坐标,按库位号排列;批次以扫码为准"
    draw.text((WIDTH // 2, height - _FOOTER // 2), text, fill=MUTED, font=cjk_font(28), anchor="mm")


def _stop_height(stop: SheetStop) -> int:
    return _STOP_HEAD + _ITEM * len(stop.items) + 10


def _png(image: Image.Image) -> bytes:
    """Few colours suffice and keep the picture far below the size that chat platforms take."""
    small = image.quantize(palette=palette(), dither=Image.Dither.NONE)
    target = BytesIO()
    small.save(target, "PNG", compress_level=6)
    return target.getvalue()
