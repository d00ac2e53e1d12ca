"""Colours and small shapes of drawn pictures, sharp on a phone."""

from __future__ import annotations

from functools import cache

from PIL import Image, ImageDraw

from cards.fonts import cjk_font

Colour = tuple[int, int, int]

INK: Colour = (26, 34, 48)
MUTED: Colour = (110, 120, 136)
PAPER: Colour = (255, 255, 255)
PANEL: Colour = (244, 246, 249)
LINE: Colour = (222, 227, 234)
NIGHT: Colour = (22, 42, 74)
PATH: Colour = (37, 99, 235)
STOP: Colour = (214, 51, 36)
RACK: Colour = (208, 215, 225)
AMBER: Colour = (255, 204, 92)
GREEN: Colour = (22, 128, 82)
ORANGE: Colour = (194, 84, 10)

_ON_PAPER = (INK, MUTED, STOP, PATH, GREEN, ORANGE, NIGHT)
_ON_NIGHT = (AMBER,)
_FLAT = (PAPER, PANEL, LINE, RACK, AMBER, *_ON_PAPER)
_SHADES = 4
"""Steps between two colours: enough for smooth edges of letters."""

_OVERSAMPLE = 4


@cache
def _disc_mask(radius: int) -> Image.Image:
    size = 2 * radius + 1
    large = Image.new("L", (size * _OVERSAMPLE, size * _OVERSAMPLE), 0)
    ImageDraw.Draw(large).ellipse((0, 0, size * _OVERSAMPLE - 1, size * _OVERSAMPLE - 1), fill=255)
    return large.resize((size, size), Image.Resampling.LANCZOS)


def disc(image: Image.Image, centre: tuple[int, int], radius: int, colour: Colour) -> None:
    """A filled circle with smooth edges."""
    image.paste(colour, (centre[0] - radius, centre[1] - radius), _disc_mask(radius))


def numbered_disc(image: Image.Image, centre: tuple[int, int], radius: int, number: int, colour: Colour = STOP) -> None:
    """A stop's number, white on colour, with a white rim that sets it off from lines below."""
    disc(image, centre, radius + 2, PAPER)
    disc(image, centre, radius, colour)
    text = str(number)
    size = round(radius * (1.25 if len(text) < 3 else 0.95))
    # Digits have no descenders: centring the box of the digits alone looks centred.
    ImageDraw.Draw(image).text(centre, text, fill=PAPER, font=cjk_font(size), anchor="mm", stroke_width=0)


def chip(draw: ImageDraw.ImageDraw, left: int, middle: int, text: str, size: int, colour: Colour) -> int:
    """White text on a coloured plate; returns where the plate ends."""
    width = round(draw.textlength(text, font=cjk_font(size)))
    half = round(size * 0.78)
    right = left + width + size
    draw.rounded_rectangle((left, middle - half, right, middle + half), radius=half // 2, fill=colour)
    draw.text((left + size // 2, middle), text, fill=PAPER, font=cjk_font(size), anchor="lm")
    return right


@cache
def palette() -> Image.Image:
    """A picture that carries every colour used and the shades on the edges between them.

    Fixed, because choosing colours anew for each picture takes longer than drawing it.
    """
    pairs = [*((colour, PAPER) for colour in _ON_PAPER), *((colour, NIGHT) for colour in _ON_NIGHT)]
    colours = [*_FLAT]
    for near, far in pairs:
        for step in range(1, _SHADES):
            red, green, blue = ((a * (_SHADES - step) + b * step) // _SHADES for a, b in zip(near, far, strict=True))
            colours.append((red, green, blue))
    image = Image.new("P", (1, 1))
    image.putpalette([channel for colour in colours for channel in colour])
    return image


def fit_text(draw: ImageDraw.ImageDraw, text: str, size: int, width: int) -> str:
    """The text, cut with an ellipsis where it would be wider than ``width`` pixels."""
    if draw.textlength(text, font=cjk_font(size)) <= width:
        return text
    while text and draw.textlength(text + "…", font=cjk_font(size)) > width:
        text = text[:-1]
    return text + "…"
