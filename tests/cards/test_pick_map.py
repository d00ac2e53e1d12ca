"""The picture in the picker's hand: real Chinese glyphs, every stop, small enough for chat (F057)."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageDraw

from cards import fonts
from cards.floor_plan import floor_plan
from cards.fonts import FontMissingError, cjk_font, font_path
from cards.ink import PATH, STOP, fit_text
from cards.pick_map import WIDTH, draw_pick_map
from core.catalog import Bin
from core.warehouse.layout import Layout, build_layout
from core.warehouse.sheet import PickSheet, SheetItem, SheetPick, pick_sheet

BINS = [
    Bin(warehouse="KS", label=f"A-{aisle:02}-{bay:02}-{level}-{box:02}", x=4.0 * aisle, y=1.2 * bay)
    for aisle in range(1, 9)
    for bay in range(1, 21)
    for level in range(1, 6)
    for box in (1, 2)
]


def floor() -> Layout:
    return build_layout("KS", BINS)


def pick(label: str, quantity: int = 20, part: str = "04465-0K240", lot_no: str = "B251103-07") -> SheetPick:
    item = SheetItem(part_number=part, lot_no=lot_no, quantity=quantity, part_name="前刹车片")
    return SheetPick(bin=label, item=item)


def sheet(picks: list[SheetPick], layout: Layout | None) -> PickSheet:
    return pick_sheet(picks, layout, wave_number="W0221-14A", warehouse_name="昆山中心仓", orders=12, must_ship=9)


def opened(png: bytes) -> Image.Image:
    return Image.open(BytesIO(png)).convert("RGB")


def count(image: Image.Image, colour: tuple[int, int, int]) -> int:
    red, green, blue = (
        band.point(lambda value, want=want: 255 if value == want else 0)
        for band, want in zip(image.split(), colour, strict=True)
    )
    return ImageChops.multiply(ImageChops.multiply(red, green), blue).histogram()[255]


def glyph(text: str) -> bytes:
    image = Image.new("L", (64, 64))
    ImageDraw.Draw(image).text((4, 2), text, fill=255, font=cjk_font(48))
    return image.tobytes()


def test_every_chinese_word_on_the_picture_has_real_glyphs() -> None:
    tofu = glyph("\U000f1234")
    words = "波次单行件今日必发步行约米第层箱需登高无坐标共站按编号走即为最短路线批次以扫码准起昆山中心仓刹车片×"

    drawn = {char: glyph(char) for char in dict.fromkeys(words)}

    assert tofu not in drawn.values()
    assert len(set(drawn.values())) == len(drawn)
    assert all(any(pixels) for pixels in drawn.values())


def test_the_font_comes_from_a_package_and_its_absence_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert font_path().name == "NotoSansCJKsc-Regular.otf"

    monkeypatch.setattr(fonts, "PACKAGE", "no_such_package")
    with pytest.raises(FontMissingError, match="no_such_package with fonts/Noto"):
        fonts.font_path.__wrapped__()


def test_a_pick_list_of_thirty_stops_is_an_upright_picture_that_chat_takes() -> None:
    thirty = [pick(row.label, part=f"HT-{n:05}") for n, row in enumerate(BINS[7::53])]

    png = draw_pick_map(sheet(thirty, floor()))

    image = opened(png)
    assert len(thirty) == 31
    assert image.width == WIDTH < image.height
    assert len(png) < 400_000
    assert count(image, PATH) > 3_000
    assert draw_pick_map(sheet(thirty, floor())) == png


def test_more_stops_make_a_longer_list_and_more_numbers() -> None:
    one = opened(draw_pick_map(sheet([pick("A-03-12-4-02")], floor())))
    two = opened(draw_pick_map(sheet([pick("A-03-12-4-02"), pick("A-03-04-1-01")], floor())))

    assert two.height - one.height == 128
    assert count(two, STOP) > 1.4 * count(one, STOP)


def test_bins_at_one_bay_get_numbers_that_do_not_cover_each_other() -> None:
    bay = [pick(f"A-03-12-{level}-{box:02}") for level in range(1, 6) for box in (1, 2)]

    image = opened(draw_pick_map(sheet(bay, floor())))

    plan = floor_plan(sheet(bay, floor()), 150, WIDTH)
    assert plan is not None
    on_map = image.crop((0, plan.top, WIDTH, plan.bottom))
    single = opened(draw_pick_map(sheet(bay[:1], floor()))).crop((0, plan.top, WIDTH, plan.bottom))
    assert count(on_map, STOP) > 8.5 * count(single, STOP)


def test_the_list_tells_level_height_box_pieces_and_the_ladder() -> None:
    made = sheet([pick("A-03-12-4-02"), pick("A-01-02-5-01", 3), pick("隔离区", 8)], floor())

    assert [stop.number for stop in made.stops] == [1, 2, 3]
    assert {(stop.label, stop.pieces, stop.placed) for stop in made.stops} == {
        ("A-01-02 第5层/2.1m 需登高 箱01", 3, True),
        ("A-03-12 第4层/1.6m 箱02", 20, True),
        ("隔离区", 8, False),
    }
    assert made.stops[-1].bin == "隔离区"
    assert (made.orders, made.lines, made.pieces, made.must_ship) == (12, 3, 31, 9)


def test_equal_part_and_batch_in_one_bin_are_added_up() -> None:
    made = sheet([pick("A-03-12-4-02", 20), pick("A-03-12-4-02", 5), pick("A-03-12-4-02", 1, lot_no="B2")], floor())

    assert [(item.lot_no, item.quantity) for item in made.stops[0].items] == [("B251103-07", 25), ("B2", 1)]
    assert made.lines == 3


def test_without_a_floor_there_is_the_list_alone() -> None:
    with_map = opened(draw_pick_map(sheet([pick("A-03-12-4-02")], floor())))
    without = opened(draw_pick_map(sheet([pick("A-03-12-4-02")], None)))

    assert without.height < with_map.height - 400
    assert count(without, PATH) < count(with_map, PATH)


def test_a_text_too_wide_for_its_place_ends_in_an_ellipsis() -> None:
    draw = ImageDraw.Draw(Image.new("RGB", (10, 10)))

    assert fit_text(draw, "昆山", 30, 200) == "昆山"
    assert fit_text(draw, "昆山中心仓一号库", 30, 100) == "昆山…"
    assert draw.textlength(fit_text(draw, "昆山中心仓一号库", 30, 100), font=cjk_font(30)) <= 100


def test_the_package_is_located_without_importing_matplotlib() -> None:
    source = Path(fonts.__file__).read_text(encoding="utf-8")

    assert "import mplfonts" not in source
    assert font_path().is_file()
