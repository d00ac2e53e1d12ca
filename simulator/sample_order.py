"""Draws the printed purchase order a customer would photograph.

The demo's phones send it, and the reading tests and the accuracy bench read it back. Deterministic: the same
order and look always give the same pixels. It imports nothing of the bot.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

INK = (28, 28, 34)
PAPER = (253, 252, 248)
GRID = (120, 120, 126)


@dataclass(frozen=True, kw_only=True)
class SampleLine:
    """One printed line: what stands in each cell, as printed."""

    part: str
    quantity: str
    name: str = ""
    unit: str = "个"
    price: str = ""
    amount: str = ""
    remark: str = ""


@dataclass(frozen=True, kw_only=True)
class SampleOrder:
    """What is printed on the sheet; an empty text is not printed."""

    lines: tuple[SampleLine, ...]
    customer: str = ""
    due: str = ""
    number: str = ""
    remark: str = ""
    total: str = ""
    title: str = "配件采购订单"


@dataclass(frozen=True, kw_only=True)
class SampleLook:
    """How the sheet is laid out.

    `headers` maps a column (`no part name quantity unit price amount remark`) to its printed heading, in the
    printed order; `size` is the type size in pixels.
    """

    headers: tuple[tuple[str, str], ...] = (
        ("no", "序号"),
        ("part", "物料号"),
        ("name", "品名"),
        ("quantity", "数量"),
        ("unit", "单位"),
    )
    grid: bool = True
    size: int = 26
    customer_label: str = "客户"
    due_label: str = "交期"
    serif: bool = False


WIDTHS = {"no": 3, "part": 10, "name": 8, "quantity": 4, "unit": 3, "price": 5, "amount": 6, "remark": 8}
"""Column widths in type sizes."""


@cache
def _font(size: int, *, serif: bool = False) -> ImageFont.FreeTypeFont:
    spec = find_spec("mplfonts")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the package mplfonts, which carries the Chinese font, is not installed")
    folder = Path(next(iter(spec.submodule_search_locations))) / "fonts"
    return ImageFont.truetype(folder / f"Noto{'Serif' if serif else 'Sans'}CJKsc-Regular.otf", size)


def draw_page(order: SampleOrder, look: SampleLook | None = None) -> Image.Image:
    """The sheet as an upright, clean RGB page with margins around it."""
    look = look or SampleLook()
    size, margin, row = look.size, look.size * 2, int(look.size * 1.9)
    widths = [int(WIDTHS[column] * size) for column, _ in look.headers]
    width = max(sum(widths) + 2 * margin, 34 * size)
    rows = len(order.lines) + (1 if order.total else 0)
    height = margin * 2 + row * (rows + 6)
    page = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(page)
    font = _font(size, serif=look.serif)

    pen.text((width / 2, margin), order.title, INK, _font(int(size * 1.5), serif=look.serif), anchor="mt")
    top = margin + int(row * 1.4)
    for texts in _heads(order, look):
        place = margin
        for pair in texts:
            pen.text((place, top), pair, INK, font)
            place = max(width // 2, place + int(font.getlength(pair)) + size * 2)
        top += int(row * 0.9)

    top += row // 4
    cells: list[Sequence[str]] = [[heading for _, heading in look.headers]]
    cells += [[_cell(line, column, no) for column, _ in look.headers] for no, line in enumerate(order.lines, 1)]
    if order.total:
        cells.append([_total(column, order.total, first=n == 0) for n, (column, _) in enumerate(look.headers)])
    for cell_texts in cells:
        _draw_row(pen, cell_texts, look, widths, margin, top, row)
        top += row
    if order.remark:
        pen.text((margin, top + row // 3), f"备注：{order.remark}", INK, font)
    return page


def draw_order(order: SampleOrder, look: SampleLook | None = None) -> bytes:
    """The same page as PNG bytes, ready to be sent from a phone."""
    out = io.BytesIO()
    draw_page(order, look).save(out, "PNG")
    return out.getvalue()


def _heads(order: SampleOrder, look: SampleLook) -> list[tuple[str, ...]]:
    pairs = [
        f"{look.customer_label}：{order.customer}" if order.customer else "",
        f"单号：{order.number}" if order.number else "",
        f"{look.due_label}：{order.due}" if order.due else "",
    ]
    filled = [pair for pair in pairs if pair]
    return [tuple(filled[n : n + 2]) for n in range(0, len(filled), 2)]


def _cell(line: SampleLine, column: str, no: int) -> str:
    return str(no) if column == "no" else str(getattr(line, column))


def _total(column: str, total: str, *, first: bool) -> str:
    if column == "quantity":
        return total
    return "合计" if first else ""


def _draw_row(
    pen: ImageDraw.ImageDraw,
    texts: Sequence[str],
    look: SampleLook,
    widths: Sequence[int],
    left: int,
    top: int,
    row: int,
) -> None:
    for text, width, (column, _) in zip(texts, widths, look.headers, strict=True):
        if look.grid:
            pen.rectangle((left, top, left + width, top + row), outline=GRID, width=2)
        middle = top + row / 2
        font = _font(look.size, serif=look.serif)
        if column in ("quantity", "price", "amount"):
            pen.text((left + width - look.size * 0.5, middle), text, INK, font, anchor="rm")
        elif column in ("no", "unit"):
            pen.text((left + width / 2, middle), text, INK, font, anchor="mm")
        else:
            pen.text((left + look.size * 0.4, middle), text, INK, font, anchor="lm")
        left += width
