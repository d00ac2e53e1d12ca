"""Sample orders with their truth: printed sheets, then photographed badly in one known way.

Deterministic by seed. The damages are drawn with Pillow and numpy only and know nothing of how we read.
"""

from __future__ import annotations

import io
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from core.reading.sheet import ProblemKind, SheetReading
from simulator.sample_order import SampleLine, SampleLook, SampleOrder, draw_page

PARTS = {
    "04465-0K240": "前刹车片",
    "04466-33160": "后刹车片",
    "90915-YZZD4": "机油滤清器",
    "17801-21050": "空气滤芯",
    "L8WD807065K": "后保险杠皮",
    "04E115561C": "机油格",
    "15208-65F0E": "机油滤",
    "W75/3": "机滤",
    "HT-1001-06B": "火花塞",
    "HT-2203-11A": "减震器总成",
    "HT-3307-60": "轮毂轴承",
    "0986494417": "制动片",
    "51712-F9000": "刹车盘",
    "8K0615301M": "前制动盘",
    "97133-D1000": "空调滤芯",
    "28113-F2000": "空气滤清器",
    "K0031-88X": "正时皮带",
    "06L109259A": "张紧轮",
    "1K0698151B": "刹车蹄片",
    "22401-ED815": "铱金火花塞",
}
CUSTOMERS = ("K0031 华锐汽修", "K0231 申通汽配", "K1066 顺达汽车服务", "K0508 金桥汽修厂")
DUES = ("2026年3月5日", "2026-03-08", "2026/2/28", "3月6日")
LOOKS = (
    SampleLook(),
    SampleLook(grid=False),
    SampleLook(
        headers=(("part", "零件号"), ("name", "名称"), ("unit", "单位"), ("quantity", "订货数量")),
        customer_label="购货单位",
        due_label="交货日期",
    ),
    SampleLook(
        headers=(
            ("no", "行号"),
            ("part", "配件编码"),
            ("name", "配件名称"),
            ("quantity", "数量"),
            ("price", "单价"),
            ("amount", "金额"),
        ),
        customer_label="客户名称",
        due_label="要货日期",
        serif=True,
    ),
    SampleLook(
        headers=(("no", "序号"), ("name", "品名"), ("part", "OE号"), ("quantity", "件数"), ("remark", "备注")),
        size=22,
    ),
)
Damage = Callable[[Image.Image, random.Random], Image.Image]


class KnownParts:
    """The samples' master data as core.reading wants it."""

    def __init__(self, parts: tuple[str, ...] = tuple(PARTS)) -> None:
        self._plain = {plain(part) for part in parts}

    def hits(self, text: str) -> int:
        return 1 if plain(text) in self._plain else 0


def plain(text: str) -> str:
    """A part number without what people leave out."""
    return re.sub(r"[\s\-./]", "", text).upper()


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A picture and what stands on it."""

    name: str
    picture: bytes
    lines: tuple[tuple[str, int], ...]
    customer: str
    due: str


def make(damage: str, seed: int) -> Sample:
    """One sample: the seed chooses order and look, `damage` what happened to the sheet."""
    rng = random.Random(seed)
    look = LOOKS[seed % len(LOOKS)]
    parts = rng.sample(sorted(PARTS), rng.randint(3, 9))
    quantities = [rng.choice((1, 2, 4, 6, 9, 10, 14, 16, 20, 48, 60, 66, 90, 99, 120, 500)) for _ in parts]
    prices = [rng.randint(900, 48000) for _ in parts]
    lines = tuple(
        SampleLine(
            part=part,
            quantity=str(quantity),
            name=PARTS[part],
            price=f"{price / 100:.2f}",
            amount=f"{price * quantity / 100:.2f}",
            remark=rng.choice(("", "", "原厂")),
        )
        for part, quantity, price in zip(parts, quantities, prices, strict=True)
    )
    order = SampleOrder(
        lines=lines,
        customer=rng.choice(CUSTOMERS),
        due=rng.choice(DUES),
        number=f"CG2602{rng.randint(10, 28)}-{rng.randint(1, 99):02d}",
        remark=rng.choice(("", "需提供原厂质检报告", "货到电话联系")),
        total=str(sum(quantities)) if rng.random() < 0.5 else "",
    )
    page = DAMAGES[damage](draw_page(order, look), rng)
    out = io.BytesIO()
    page.save(out, "JPEG", quality=55 if damage == "jpeg" else 90)
    return Sample(
        name=f"{damage}-{seed}",
        picture=out.getvalue(),
        lines=tuple(zip(parts, quantities, strict=True)),
        customer=order.customer,
        due=order.due,
    )


SHEET_FLAGS = (ProblemKind.TOTAL_SUM, ProblemKind.ROW_MISSING, ProblemKind.NO_ORDER)


def silent_errors(sample: Sample, reading: SheetReading, known: KnownParts) -> list[str]:
    """Wrong, invented and missed lines that nothing points at: no problem, no unknown part, no sheet-wide doubt."""
    if any(problem.kind in SHEET_FLAGS for problem in reading.problems):
        return []
    truth = Counter((plain(part), quantity) for part, quantity in sample.lines)
    wrong: list[str] = []
    pointed_at = 0
    for line in reading.lines:
        key = (plain(line.part_text), line.quantity or 0)
        flagged = bool(reading.problems_of(line.position)) or not known.hits(line.part_text)
        if truth[key] > 0:
            truth[key] -= 1
        elif flagged:
            pointed_at += 1
        else:
            wrong.append(f"{line.part_text} x {line.quantity}")
    missed = truth.total() - pointed_at - len(wrong)
    if missed > 0:
        wrong.append(f"{missed} missed of {list(truth.elements())}")
    return wrong


def _clean(page: Image.Image, _: random.Random) -> Image.Image:
    return page


def _tilt(page: Image.Image, rng: random.Random) -> Image.Image:
    angle = rng.choice((-3, -2, 2, 3))
    return page.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=(205, 200, 190))


def _noise(page: Image.Image, rng: random.Random) -> Image.Image:
    pixels = np.asarray(page, np.float32)
    grains = np.random.default_rng(rng.randint(0, 10**6)).normal(0, 22, pixels.shape)
    return Image.fromarray(np.clip(pixels + grains, 0, 255).astype(np.uint8))


def _shadow(page: Image.Image, rng: random.Random) -> Image.Image:
    width, height = page.size
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    edge = rng.uniform(0.3, 0.7)
    light = 1 - 0.55 / (1 + np.exp(-18 * (across * 0.8 + down * 0.4 - edge)))
    return Image.fromarray((np.asarray(page, np.float32) * light[:, :, None]).astype(np.uint8))


def _perspective(page: Image.Image, rng: random.Random) -> Image.Image:
    width, height = page.size
    pull = width * rng.uniform(0.02, 0.05)
    drop = height * rng.uniform(0.01, 0.03)
    corners = [(0, 0), (width, 0), (width, height), (0, height)]
    seen = [(pull, drop), (width - pull / 2, 0), (width, height), (0, height - drop)]
    return page.transform(
        page.size,
        Image.Transform.PERSPECTIVE,
        _coefficients(seen, corners),
        Image.Resampling.BICUBIC,
        fillcolor=(190, 188, 180),
    )


def _coefficients(seen: list[tuple[float, float]], real: list[tuple[int, int]]) -> list[float]:
    rows, values = [], []
    for (x, y), (u, v) in zip(seen, real, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return [float(value) for value in np.linalg.solve(np.array(rows, float), np.array(values, float))]


def _stamp(page: Image.Image, rng: random.Random) -> Image.Image:
    size = page.width // 3
    layer = Image.new("RGBA", page.size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(layer)
    left = rng.randint(page.width // 3, page.width - size)
    top = rng.randint(page.height // 4, max(page.height // 4 + 1, page.height - size))
    red = (205, 30, 40, 190)
    pen.ellipse((left, top, left + size, top + size), outline=red, width=9)
    middle = (left + size / 2, top + size / 2)
    pen.regular_polygon((*middle, size / 7), 5, rotation=rng.randint(0, 70), fill=red)
    pen.arc((left + 26, top + 26, left + size - 26, top + size - 26), 200, 340, fill=red, width=14)
    return Image.alpha_composite(page.convert("RGBA"), layer).convert("RGB")


def _faint(page: Image.Image, _: random.Random) -> Image.Image:
    return ImageEnhance.Brightness(ImageEnhance.Contrast(page).enhance(0.28)).enhance(1.05)


def _blur(page: Image.Image, rng: random.Random) -> Image.Image:
    return page.filter(ImageFilter.GaussianBlur(rng.uniform(1.4, 2.2)))


def _small(page: Image.Image, _: random.Random) -> Image.Image:
    return page.resize((page.width // 2, page.height // 2), Image.Resampling.BILINEAR)


def _tiny(page: Image.Image, _: random.Random) -> Image.Image:
    return page.resize((page.width * 2 // 5, page.height * 2 // 5), Image.Resampling.BILINEAR)


def _steep(page: Image.Image, rng: random.Random) -> Image.Image:
    angle = rng.choice((-8, -6, 6, 8))
    return page.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=(205, 200, 190))


def _curl(page: Image.Image, rng: random.Random) -> Image.Image:
    """Paper bent like an open book: rows rise and fall by a type height or more."""
    pixels = np.asarray(page)
    height, width = pixels.shape[:2]
    bend = rng.uniform(0.9, 1.5) * 26 * np.sin(np.linspace(0, np.pi, width) + rng.uniform(-0.4, 0.4))
    down = np.clip(np.arange(height)[:, None] + bend[None, :], 0, height - 1).astype(int)
    return Image.fromarray(pixels[down, np.arange(width)[None, :]])


def _glare(page: Image.Image, rng: random.Random) -> Image.Image:
    """A lamp's reflection that wipes out what it covers."""
    width, height = page.size
    x, y = rng.uniform(0.3, 0.95) * width, rng.uniform(0.35, 0.8) * height
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    spot = np.exp(-((((across - x) / (width * 0.13)) ** 2 + ((down - y) / (height * 0.1)) ** 2) ** 2))
    pixels = np.asarray(page, np.float32)
    return Image.fromarray((pixels + (255 - pixels) * np.clip(spot * 1.1, 0, 1)[:, :, None]).astype(np.uint8))


def _harsh(page: Image.Image, rng: random.Random) -> Image.Image:
    small = page.resize((page.width * 3 // 5, page.height * 3 // 5), Image.Resampling.BILINEAR)
    return _noise(_shadow(_blurred(_perspective(_tilt(small, rng), rng), 0.9), rng), rng)


def _blurred(page: Image.Image, radius: float) -> Image.Image:
    return page.filter(ImageFilter.GaussianBlur(radius))


def _turned(quarter: int) -> Damage:
    def turn(page: Image.Image, _: random.Random) -> Image.Image:
        return page.rotate(90 * quarter, expand=True)

    return turn


def _photo(page: Image.Image, rng: random.Random) -> Image.Image:
    return _noise(_shadow(_perspective(_tilt(page, rng), rng), rng), rng)


def _stamped_photo(page: Image.Image, rng: random.Random) -> Image.Image:
    return _noise(_shadow(_curl(_stamp(page, rng), rng), rng), rng)


DAMAGES: dict[str, Damage] = {
    "clean": _clean,
    "tilt": _tilt,
    "noise": _noise,
    "shadow": _shadow,
    "perspective": _perspective,
    "stamp": _stamp,
    "faint": _faint,
    "blur": _blur,
    "small": _small,
    "jpeg": _clean,
    "turned90": _turned(1),
    "turned180": _turned(2),
    "photo": _photo,
    "tiny": _tiny,
    "steep": _steep,
    "curl": _curl,
    "glare": _glare,
    "harsh": _harsh,
    "stamped_photo": _stamped_photo,
}
