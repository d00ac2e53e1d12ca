"""Opening a picture from a stranger: everything is checked before a pixel is decoded."""

from __future__ import annotations

import warnings
from io import BytesIO
from struct import error as StructError  # noqa: N812  a class, named like one

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from bot.files.kinds import BYTE_CAPS, FileKind, is_picture
from bot.files.refusals import FileRefused, RefusalReason

MAX_PIXELS = 50_000_000
"""A 12,000² PNG weighs 140 kB and decodes to 724 MB with only a warning; here it is an error."""
LONG_SIDE = 4000
"""JPEGs are decoded no larger than needed for this long side."""
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")


def decode(data: bytes) -> NDArray[np.uint8]:
    """The picture as BGR pixels, EXIF orientation applied, transparency on white; of an animation the
    first frame.

    Raises FileRefused: not a picture, too many bytes, too many pixels, broken.
    """
    if not data:
        raise FileRefused(RefusalReason.EMPTY)
    if not is_picture(data):
        raise FileRefused(RefusalReason.UNKNOWN_KIND, f"first bytes {data[:8].hex()}")
    if len(data) > BYTE_CAPS[FileKind.PICTURE]:
        raise FileRefused(RefusalReason.TOO_MANY_BYTES, f"{len(data)} bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own cap below is the stricter one
            image = Image.open(BytesIO(data), formats=FORMATS)
            if image.width * image.height > MAX_PIXELS:
                raise FileRefused(RefusalReason.TOO_MANY_PIXELS, f"{image.width}x{image.height}")
            image.draft("RGB", (LONG_SIDE, LONG_SIDE))
            upright = ImageOps.exif_transpose(image)
            return np.ascontiguousarray(np.asarray(_on_white(upright), np.uint8)[:, :, ::-1])
    except Image.DecompressionBombError as error:
        raise FileRefused(RefusalReason.TOO_MANY_PIXELS, str(error)) from error
    except (OSError, SyntaxError, ValueError, EOFError, StructError, IndexError, TypeError) as error:
        raise FileRefused(RefusalReason.BROKEN, str(error)) from error


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        paper = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(paper, layered).convert("RGB")
    return image.convert("RGB")
