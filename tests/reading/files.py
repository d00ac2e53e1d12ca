"""Order files made on the spot: workbooks, PDFs with and without a text layer, and hostile ones."""

from __future__ import annotations

import ctypes
import io
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as raw
from openpyxl import Workbook
from PIL import Image


def workbook(
    rows: list[list[Any]],
    *,
    merged: tuple[str, ...] = (),
    hidden: tuple[str, ...] = (),
    hidden_rows: tuple[int, ...] = (),
) -> bytes:
    """A workbook with one visible sheet of these rows, and hidden sheets holding a tempting line."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "采购单"
    for row in rows:
        sheet.append(row)
    for area in merged:
        sheet.merge_cells(area)
    for row_no in hidden_rows:
        sheet.row_dimensions[row_no].hidden = True
    for title in hidden:
        secret = book.create_sheet(title)
        secret.append(["物料号", "数量"])
        secret.append(["90915-YZZD4", 999])
        secret.sheet_state = "hidden"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def zip_bomb() -> bytes:
    """A workbook whose sheet unpacks to 60 MB of blanks."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 60_000_000)
    return out.getvalue()


def entity_workbook() -> bytes:
    """A workbook whose strings declare entities that blow up when expanded."""
    honest = zipfile.ZipFile(io.BytesIO(workbook([["物料号", "数量"]])))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in honest.namelist():
            text = honest.read(name)
            if name == "xl/worksheets/sheet1.xml":
                text = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + text
            archive.writestr(name, text)
    return out.getvalue()


def text_pdf(*pages: list[tuple[float, float, str]]) -> bytes:
    """A PDF whose pages carry these texts at (x, y from the top) in points, in an embedded Chinese face."""
    spec = find_spec("mplfonts")
    assert spec is not None
    face = (Path(next(iter(spec.submodule_search_locations or ()))) / "fonts" / "SimHei.ttf").read_bytes()
    document = pdfium.PdfDocument.new()
    data = (ctypes.c_uint8 * len(face)).from_buffer_copy(face)
    font = raw.FPDFText_LoadFont(document.raw, data, len(face), raw.FPDF_FONT_TRUETYPE, 1)
    for texts in pages:
        page = document.new_page(595, 842)
        for x, y, text in texts:
            shown = raw.FPDFPageObj_CreateTextObj(document.raw, font, 11.0)
            wide = ctypes.create_string_buffer(text.encode("utf-16-le") + b"\0\0")
            raw.FPDFText_SetText(shown, ctypes.cast(wide, ctypes.POINTER(ctypes.c_ushort)))
            raw.FPDFPageObj_Transform(shown, 1, 0, 0, 1, x, 842 - y)
            raw.FPDFPage_InsertObject(page.raw, shown)
        page.gen_content()
        page.close()
    out = io.BytesIO()
    document.save(out)
    raw.FPDFFont_Close(font)
    document.close()
    return out.getvalue()


def scanned_pdf(*pictures: bytes) -> bytes:
    """A PDF of pictures only, as a scanner makes it."""
    pages = [Image.open(io.BytesIO(picture)).convert("RGB") for picture in pictures]
    out = io.BytesIO()
    pages[0].save(out, "PDF", save_all=True, append_images=pages[1:], resolution=110)
    return out.getvalue()


def locked_pdf() -> bytes:
    """A PDF that opens only with a password nobody gave."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>",
        b"<</Filter/Standard/V 1/R 2/P -44/O<" + b"5a" * 32 + b">/U<" + b"a5" * 32 + b">>>",
    ]
    out = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj" % number + body + b"endobj\n"
    start = len(out)
    out += b"xref\n0 5\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer<</Size 5/Root 1 0 R/Encrypt 4 0 R/ID[<" + b"11" * 16 + b"><" + b"11" * 16 + b">]>>\n"
    return out + b"startxref\n%d\n%%%%EOF" % start


def pixel_bomb(side: int = 12_000) -> bytes:
    """A PNG of a few kB that decodes to hundreds of MB."""
    out = io.BytesIO()
    Image.new("1", (side, side)).save(out, "PNG")
    return out.getvalue()
