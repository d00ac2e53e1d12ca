"""The pictures in the album of every demo phone: printed orders as a customer would photograph them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageFilter

from simulator.sample_order import SampleLine, SampleOrder, draw_order, draw_page

BRAKE = SampleLine(part="04465-0K240", name="前刹车片", quantity="20")
FILTER = SampleLine(part="90915-YZZD4", name="机油滤", quantity="50")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One picture of the album; drawn when it is first looked at."""

    id: str
    title: str
    draw: Callable[[], bytes]
    filename: str


def _clean() -> bytes:
    return draw_order(SampleOrder(customer="K0231 华锐汽修", due="后天", lines=(BRAKE, FILTER)))


def misread(turn: int = 0) -> bytes:
    """A sheet with two printing mistakes; each ``turn`` orders another number of brake pads."""
    misprint = SampleLine(part="0446S-0K240", name="前刹车片", quantity=str(20 if turn == 0 else 2 + turn % 5))
    return draw_order(SampleOrder(customer="K0O31 申通汽配", due="后天", lines=(FILTER, misprint)))


def _large() -> bytes:
    many = SampleLine(part="04465-0K240", name="前刹车片", quantity="900")
    return draw_order(SampleOrder(customer="K0031 申通汽配", due="后天", lines=(many,)))


def _photographed() -> bytes:
    """Held by hand: turned a little, soft, darker to one side."""
    page = draw_page(SampleOrder(customer="K0231 华锐汽修", due="后天", lines=(BRAKE, FILTER)))
    turned = page.rotate(2.2, expand=True, fillcolor=(146, 138, 128), resample=Image.Resampling.BICUBIC)
    shade = Image.linear_gradient("L").rotate(90).resize(turned.size).point(lambda value: 40 + value // 3)
    shot = Image.composite(turned, Image.new("RGB", turned.size, (96, 92, 86)), shade.point(lambda v: 255 - v))
    out = io.BytesIO()
    shot.filter(ImageFilter.GaussianBlur(0.7)).save(out, "JPEG", quality=82)
    return out.getvalue()


SAMPLES: tuple[Sample, ...] = (
    Sample(id="clean", title="打印订单(清晰)", draw=_clean, filename="order.png"),
    Sample(id="misread", title="有错字的订单(O/0、S/5)", draw=misread, filename="misread.png"),
    Sample(id="large", title="订量过大的订单", draw=_large, filename="large.png"),
    Sample(id="photographed", title="手机拍的订单(斜、暗)", draw=_photographed, filename="photo.jpg"),
)
BY_ID = {sample.id: sample for sample in SAMPLES}


@cache
def picture(sample_id: str) -> bytes:
    """The bytes of a picture. Raises KeyError for one that is not in the album."""
    return BY_ID[sample_id].draw()
