"""The Chinese font for pictures. It comes with a package, so that a machine without any font draws it too."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont

PACKAGE = "mplfonts"
"""Carries Noto Sans CJK (SIL Open Font License)."""

FONT_FILE = "fonts/NotoSansCJKsc-Regular.otf"


class FontMissingError(RuntimeError):
    """The package with the font is not installed, or no longer carries it."""


@cache
def font_path() -> Path:
    """Where the font file lies; the package is located, not imported, because importing it loads matplotlib.

    Raises FontMissingError, naming package and file.
    """
    spec = find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / FONT_FILE
        if path.is_file():
            return path
    raise FontMissingError(f"the package {PACKAGE} with {FONT_FILE} is not installed")


@cache
def cjk_font(size: int) -> ImageFont.FreeTypeFont:
    """The font at a size in pixels, loaded once per size."""
    return ImageFont.truetype(str(font_path()), size)
