"""PDF orders: the text layer where there is one, a picture of the page where there is none (F028)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as raw
from numpy.typing import NDArray

from bot.files.refusals import FileRefused, RefusalReason
from core.reading.words import ReadPage, Word, rect

MAX_PAGES = 20
SCALE = 2.0
"""Pixels per point: 144 dpi, which reads 8-point print."""
MAX_PAGE_PIXELS = 16_000_000
MIN_TEXT = 8
"""Fewer readable characters than this are a stamp or a page number on a scan."""
INVISIBLE = 3
"""Text render mode of the hidden layer that scanners put under a picture; their reading is not trusted."""

Recognise = Callable[[NDArray[np.uint8], int], ReadPage]


@dataclass(frozen=True, kw_only=True)
class _Glyph:
    text: str
    left: float
    top: float
    right: float
    bottom: float


def read_pdf(data: bytes, recognise: Recognise) -> tuple[ReadPage, ...]:
    """All pages in order, each from its text layer or, without one, through `recognise`.

    Raises FileRefused: password, more than 20 pages, broken.
    """
    document = _opened(data)
    try:
        if len(document) > MAX_PAGES:
            raise FileRefused(RefusalReason.TOO_MANY_PAGES, f"{len(document)} pages")
        return tuple(_read_page(document[number], number, recognise) for number in range(len(document)))
    except pdfium.PdfiumError as error:
        raise FileRefused(RefusalReason.BROKEN, str(error)) from error
    finally:
        document.close()


def page_picture(data: bytes, number: int) -> NDArray[np.uint8]:
    """Page `number` (from 0) as BGR pixels, in the same scale as the words of `read_pdf`. Raises
    FileRefused."""
    document = _opened(data)
    try:
        if not 0 <= number < len(document):
            raise FileRefused(RefusalReason.BROKEN, f"no page {number}")
        return _rasterised(document[number])
    except pdfium.PdfiumError as error:
        raise FileRefused(RefusalReason.BROKEN, str(error)) from error
    finally:
        document.close()


def _opened(data: bytes) -> Any:
    try:
        return pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        locked = getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD or "assword" in str(error)
        raise FileRefused(RefusalReason.PASSWORD if locked else RefusalReason.BROKEN, str(error)) from error


def _read_page(page: Any, number: int, recognise: Recognise) -> ReadPage:
    glyphs = [] if page.get_rotation() or _has_hidden_text(page) else _glyphs(page)
    if sum(len(glyph.text.strip()) for glyph in glyphs) < MIN_TEXT or _garbled(glyphs):
        return recognise(_rasterised(page), number)
    width, height = page.get_size()
    return ReadPage(
        width=round(width * SCALE),
        height=round(height * SCALE),
        words=tuple(_joined(glyphs, number)),
        source="pdf",
        number=number,
    )


def _rasterised(page: Any) -> NDArray[np.uint8]:
    width, height = page.get_size()
    if width * height * SCALE * SCALE > MAX_PAGE_PIXELS:
        raise FileRefused(RefusalReason.TOO_MANY_PIXELS, f"a page of {width:.0f}x{height:.0f} points")
    bitmap = page.render(scale=SCALE, rev_byteorder=False, prefer_bgrx=False)
    pixels = bitmap.to_numpy()
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        pixels = np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
    return np.array(pixels[:, :, :3], np.uint8)


def _has_hidden_text(page: Any) -> bool:
    return any(
        raw.FPDFTextObj_GetTextRenderMode(thing.raw) == INVISIBLE
        for thing in page.get_objects(filter=[raw.FPDF_PAGEOBJ_TEXT])
    )


def _glyphs(page: Any) -> list[_Glyph]:
    _, height = page.get_size()
    text = page.get_textpage()
    glyphs = []
    for index in range(text.count_chars()):
        letter = text.get_text_range(index, 1)
        if not letter or letter in "\r\n":
            continue
        left, bottom, right, top = text.get_charbox(index, loose=True)
        glyphs.append(
            _Glyph(
                text=letter,
                left=left * SCALE,
                top=(height - top) * SCALE,
                right=right * SCALE,
                bottom=(height - bottom) * SCALE,
            )
        )
    return glyphs


def _garbled(glyphs: list[_Glyph]) -> bool:
    """A font without a character table gives private-use or replacement characters."""
    bad = sum(1 for glyph in glyphs if glyph.text == "\ufffd" or "\ue000" <= glyph.text <= "\uf8ff")
    return bad * 20 > len(glyphs)


def _joined(glyphs: list[_Glyph], number: int) -> list[Word]:
    """Glyphs in reading order joined into words: same line, gap under the size of the type."""
    words: list[Word] = []
    run: list[_Glyph] = []
    blank = False
    for glyph in glyphs:
        if not glyph.text.strip():
            blank = True
            continue
        if run and not _continues(run[-1], glyph):
            words.append(_word(run, number))
            run = []
        elif run and blank:
            run.append(replace(run[-1], text=" "))
        run.append(glyph)
        blank = False
    if run:
        words.append(_word(run, number))
    return words


def _word(run: list[_Glyph], number: int) -> Word:
    box = rect(
        min(glyph.left for glyph in run),
        min(glyph.top for glyph in run),
        max(glyph.right for glyph in run),
        max(glyph.bottom for glyph in run),
    )
    return Word(text="".join(glyph.text for glyph in run).strip(), box=box, page=number)


def _continues(last: _Glyph, glyph: _Glyph) -> bool:
    size = max(last.bottom - last.top, 1.0)
    same_line = abs((glyph.top + glyph.bottom) - (last.top + last.bottom)) < size
    return same_line and -size < glyph.left - last.right < 0.8 * size
