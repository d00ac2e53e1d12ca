"""The map part of a pick sheet: racks, the walk with its direction, and the numbers of the stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image, ImageDraw

from cards.fonts import cjk_font
from cards.ink import GREEN, INK, LINE, MUTED, PAPER, PATH, RACK, disc, numbered_disc
from core.warehouse.layout import Layout, Point
from core.warehouse.sheet import PickSheet, SheetStop

_MARGIN_X = 70
_MARGIN_Y = 74
_MIN_HEIGHT, _MAX_HEIGHT = 420, 900
_STROKE = 6
_KEEP_RIGHT = 6
"""The walk keeps to the right, so that way out and way back are two lines."""

_Pixel = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class FloorPlan:
    """The part of a floor that the walk touches, and its place on the picture."""

    layout: Layout
    first_aisle: int
    last_aisle: int
    top: int
    width: int
    height: int

    @property
    def bottom(self) -> int:
        """Where the map ends on the picture."""
        return self.top + self.height

    def x(self, floor_x: int) -> int:
        """Pixels from the left; a single aisle stands in the middle."""
        left, right = self.layout.aisle_x_cm[self.first_aisle], self.layout.aisle_x_cm[self.last_aisle]
        inset = _MARGIN_X + self.side
        if left == right:
            return self.width // 2
        return inset + round((floor_x - left) * (self.width - 2 * inset) / (right - left))

    def y(self, floor_y: int) -> int:
        """Pixels from the top; the front of the warehouse is at the bottom, where the picker stands."""
        front, back = self.layout.cross_y_cm[0], self.layout.cross_y_cm[-1]
        return self.bottom - _MARGIN_Y - round((floor_y - front) * (self.height - 2 * _MARGIN_Y) / (back - front))

    def at(self, point: Point) -> _Pixel:
        """A place on the floor as a pixel."""
        return self.x(point.x), self.y(point.y)

    @property
    def aisles(self) -> range:
        """Aisles shown."""
        return range(self.first_aisle, self.last_aisle + 1)

    @property
    def side(self) -> int:
        """From the middle of an aisle to the middle of the racks beside it, in pixels."""
        gaps = max(len(self.aisles) - 1, 1)
        return max(13, min(44, round((self.width - 2 * _MARGIN_X) / (gaps + 1) * 0.27)))

    @property
    def rack(self) -> int:
        """Half the depth of a rack, in pixels."""
        return max(5, round(self.side * 0.4))

    @property
    def disc(self) -> int:
        """Radius of a stop's number."""
        return max(13, min(20, round(self.side * 0.5)))


def floor_plan(sheet: PickSheet, top: int, width: int) -> FloorPlan | None:
    """Choose the aisles to show and the height of the map; None when nothing on the sheet has coordinates."""
    layout = sheet.layout
    if layout is None or not sheet.tour.path:
        return None
    aisle_of = {x: index for index, x in enumerate(layout.aisle_x_cm)}
    walked = [aisle_of[point.x] for point in sheet.tour.path]
    first, last = max(min(walked) - 1, 0), min(max(walked) + 1, len(layout.aisle_x_cm) - 1)
    breadth = max(layout.aisle_x_cm[last] - layout.aisle_x_cm[first], 1)
    depth = layout.cross_y_cm[-1] - layout.cross_y_cm[0]
    height = round((width - 2 * _MARGIN_X) * depth / breadth) + 2 * _MARGIN_Y
    return FloorPlan(
        layout=layout,
        first_aisle=first,
        last_aisle=last,
        top=top,
        width=width,
        height=max(_MIN_HEIGHT, min(_MAX_HEIGHT, height)),
    )


def draw_floor(image: Image.Image, plan: FloorPlan, sheet: PickSheet) -> None:
    """Racks first, then the walk, the start, and the numbers on top."""
    draw = ImageDraw.Draw(image)
    stops = [stop for stop in sheet.stops if stop.placed]
    _draw_racks(draw, plan)
    _draw_walk(draw, plan, sheet.tour.path)
    _draw_start(image, plan, sheet.tour.path[0])
    _draw_numbers(image, plan, stops)


def _draw_racks(draw: ImageDraw.ImageDraw, plan: FloorPlan) -> None:
    layout, size = plan.layout, 24 if plan.side > 24 else 17
    for front, back in pairwise(layout.cross_y_cm):
        # Racks keep clear of the cross aisles, which the walk needs to be seen in.
        clear = 22
        top, bottom = plan.y(back) + clear, plan.y(front) - clear
        for aisle in plan.aisles:
            middle = plan.x(layout.aisle_x_cm[aisle])
            for x in (middle - plan.side, middle + plan.side):
                draw.rectangle((x - plan.rack, top, x + plan.rack, bottom), fill=RACK)
                for y in range(top + 20, bottom - 6, 20):
                    draw.line((x - plan.rack, y, x + plan.rack, y), fill=PAPER)
    for aisle in plan.aisles:
        middle = plan.x(layout.aisle_x_cm[aisle])
        sign = layout.aisle_labels[aisle]
        draw.text((middle, plan.top + 28), sign, fill=MUTED, font=cjk_font(size), anchor="mm")
        draw.text((middle, plan.bottom - 26), sign, fill=INK, font=cjk_font(size), anchor="mm")
    draw.line((0, plan.bottom - 1, plan.width, plan.bottom - 1), fill=LINE)


def _draw_walk(draw: ImageDraw.ImageDraw, plan: FloorPlan, path: Sequence[Point]) -> None:
    corners: list[_Pixel] = []
    for a, b in pairwise(path):
        (ax, ay), (bx, by) = plan.at(a), plan.at(b)
        along_x, along_y = _direction(ax, bx), _direction(ay, by)
        # Right of the direction of travel, with y growing downwards.
        shift_x, shift_y = -along_y * _KEEP_RIGHT, along_x * _KEEP_RIGHT
        corners += [(ax + shift_x, ay + shift_y), (bx + shift_x, by + shift_y)]
    joined = _joined(corners)
    draw.line(joined, fill=PATH, width=_STROKE)
    for x, y in joined:
        draw.rectangle((x - 2, y - 2, x + 3, y + 3), fill=PATH)
    for start, end in pairwise(joined):
        _draw_arrow(draw, start, end)


def _joined(corners: list[_Pixel]) -> list[_Pixel]:
    """Straight legs meet where their lines cross; at a turn of 180° a short cap joins the two lines."""
    joined = corners[:1]
    for (before, end), (start, after) in pairwise(list(zip(corners[::2], corners[1::2], strict=True))):
        leg_is_upright = before[0] == end[0]
        next_is_upright = start[0] == after[0]
        if leg_is_upright == next_is_upright:
            joined += [end, start]
        else:
            joined.append((end[0], start[1]) if leg_is_upright else (start[0], end[1]))
    return [*joined, *corners[-1:]]


def _draw_arrow(draw: ImageDraw.ImageDraw, start: _Pixel, end: _Pixel) -> None:
    length = abs(end[0] - start[0]) + abs(end[1] - start[1])
    if length < 60:
        return
    along_x, along_y = _direction(start[0], end[0]), _direction(start[1], end[1])
    x, y = (start[0] + end[0]) // 2, (start[1] + end[1]) // 2
    tip = (x + 13 * along_x, y + 13 * along_y)
    wings = [(x - 5 * along_x - 9 * s * along_y, y - 5 * along_y + 9 * s * along_x) for s in (1, -1)]
    draw.polygon([tip, *wings], fill=PATH, outline=PAPER)


def _draw_start(image: Image.Image, plan: FloorPlan, depot: Point) -> None:
    x, y = plan.at(depot)
    disc(image, (x, y), 19, PAPER)
    disc(image, (x, y), 17, GREEN)
    ImageDraw.Draw(image).text((x, y), "起", fill=PAPER, font=cjk_font(20), anchor="mm")


def _draw_numbers(image: Image.Image, plan: FloorPlan, stops: Sequence[SheetStop]) -> None:
    """Each number at its bay; where two would touch, the later one moves along the rack, tied by a line."""
    draw = ImageDraw.Draw(image)
    placed: list[_Pixel] = []
    apart = 2 * plan.disc + 5
    low, high = plan.top + 50 + plan.disc, plan.bottom - 46 - plan.disc
    for stop in stops:
        x, y = _bay(plan, stop)
        shifts = (sign * step for step in range(0, plan.height, 4) for sign in (1, -1))
        free = (
            (x, y + shift)
            for shift in shifts
            if low <= y + shift <= high and all((x - a) ** 2 + (y + shift - b) ** 2 >= apart**2 for a, b in placed)
        )
        centre = next(free, (x, y))
        if abs(centre[1] - y) > plan.disc:
            draw.line((x, y, *centre), fill=INK, width=2)
        placed.append(centre)
    for stop, centre in zip(stops, placed, strict=True):
        numbered_disc(image, centre, plan.disc, stop.number)


def _bay(plan: FloorPlan, stop: SheetStop) -> _Pixel:
    """Even bays stand right of the aisle, seen from the front, odd ones left."""
    x, y = plan.at(plan.layout.point(plan.layout.spots[stop.bin]))
    right = stop.address is not None and stop.address.bay % 2 == 0
    return (x + plan.side if right else x - plan.side), y


def _direction(a: int, b: int) -> int:
    return (b > a) - (b < a)
