"""What a file really is, by its first bytes; the name only breaks ties that bytes cannot."""

from __future__ import annotations

import zipfile
from enum import StrEnum
from io import BytesIO

from bot.files.refusals import FileRefused, RefusalReason

MEBI = 1024 * 1024


class FileKind(StrEnum):
    """The kinds an order may come in."""

    PICTURE = "picture"  # JPEG, PNG, WebP, BMP, GIF
    PDF = "pdf"  # text layer or scan
    XLSX = "xlsx"  # also xlsm
    CSV = "csv"  # any delimited or plain text


BYTE_CAPS = {
    FileKind.PICTURE: 10 * MEBI,
    FileKind.PDF: 20 * MEBI,
    FileKind.XLSX: 5 * MEBI,
    FileKind.CSV: 5 * MEBI,
}
"""Largest accepted size per kind, in bytes (reliability, Media; F025)."""

PICTURE_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM")
OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
PDF_MAGIC_WITHIN = 1024


def is_picture(data: bytes) -> bool:
    """Whether the first bytes are those of a picture we read."""
    return data.startswith(PICTURE_MAGIC) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def sniff(data: bytes, filename: str = "") -> FileKind:
    """The kind of an order file, size checked.

    Raises FileRefused: empty, of no kind we read, locked, in the old Office format, or over the cap of
    its kind.
    """
    if not data:
        raise FileRefused(RefusalReason.EMPTY)
    kind = _kind(data, filename.lower())
    if len(data) > BYTE_CAPS[kind]:
        raise FileRefused(RefusalReason.TOO_MANY_BYTES, f"{len(data)} bytes of {kind}")
    return kind


def _kind(data: bytes, name: str) -> FileKind:
    if is_picture(data):
        return FileKind.PICTURE
    if b"%PDF-" in data[:PDF_MAGIC_WITHIN]:
        return FileKind.PDF
    if data.startswith(b"PK\x03\x04"):
        return _zipped(data)
    if data.startswith(OLE_MAGIC):
        # A password-protected xlsx is wrapped in an OLE container, like the old formats.
        locked = "EncryptedPackage".encode("utf-16-le") in data
        raise FileRefused(RefusalReason.PASSWORD if locked else RefusalReason.OLD_FORMAT)
    if name.endswith((".csv", ".txt", ".tsv")) and not _binary(data):
        return FileKind.CSV
    raise FileRefused(RefusalReason.UNKNOWN_KIND, f"first bytes {data[:8].hex()}")


def _zipped(data: bytes) -> FileKind:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise FileRefused(RefusalReason.BROKEN, str(error)) from error
    if "xl/workbook.xml" in names:
        return FileKind.XLSX
    raise FileRefused(RefusalReason.UNKNOWN_KIND, "a zip that is no workbook")


def _binary(data: bytes) -> bool:
    head = data[:4096]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    return b"\0" in head
