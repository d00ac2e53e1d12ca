"""Opens a workbook or CSV of master data without changing a character, and refuses what is not safe to open."""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import Any

from openpyxl.reader.excel import ExcelReader

from bot.files.delimited import DELIMITERS
from bot.files.grid import MAX_COLUMNS, MAX_ROWS
from bot.files.kinds import FileKind, sniff
from bot.files.refusals import FileRefused, RefusalReason
from bot.files.workbook import MAX_RATIO, MAX_UNZIPPED, RATIO_COUNTS_FROM
from bot.masters.cells import BLANK, RawCell

_MERGED = re.compile(rb"<(\w+:)?mergeCell\b")
_FORMULA_GUARD = re.compile(r"'[=+\-@\t\r]")


@dataclass(frozen=True, kw_only=True)
class RawSheet:
    """The filled rows of one sheet with their row numbers; ``title`` is empty for a CSV."""

    title: str
    rows: tuple[tuple[int, tuple[RawCell, ...]], ...]
    merged: bool = False
    hidden: bool = False


def open_sheets(data: bytes, filename: str) -> tuple[RawSheet, ...]:
    """All sheets of an xlsx, or the one of a CSV.

    Raises FileRefused: of no kind we read, too large, a bomb, broken, locked, more than 20,000 rows, or nothing
    in it.
    """
    kind = sniff(data, filename)
    if kind is FileKind.XLSX:
        sheets = _workbook(data)
    elif kind is FileKind.CSV:
        sheets = (_delimited(data),)
    else:
        raise FileRefused(RefusalReason.UNKNOWN_KIND, f"{kind} holds no master data")
    if not any(sheet.rows for sheet in sheets):
        raise FileRefused(RefusalReason.NO_SHEET)
    return sheets


# ---------------------------------------------------------------- xlsx


def _workbook(data: bytes) -> tuple[RawSheet, ...]:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            _refuse_bombs(archive)
            reader = ExcelReader(BytesIO(data), read_only=True, data_only=False, keep_links=False)
            reader.read()
            paths = {sheet.name: str(rel.target) for sheet, rel in reader.parser.find_sheets()}
            book = reader.wb
            sheets = tuple(
                RawSheet(
                    title=sheet.title,
                    rows=tuple(_filled(enumerate(_sheet_rows(sheet), 1))),
                    merged=bool(_MERGED.search(archive.read(paths[sheet.title]))),
                    hidden=sheet.sheet_state != "visible",
                )
                for sheet in book.worksheets
            )
            book.close()
    except (FileRefused, MemoryError):
        raise
    except Exception as error:  # a broken workbook fails in a hundred ways inside the parsers
        raise FileRefused(RefusalReason.BROKEN, f"{type(error).__name__}: {error}") from error
    return sheets


def _refuse_bombs(archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    if sum(part.file_size for part in parts) > MAX_UNZIPPED:
        raise FileRefused(RefusalReason.BOMB, f"more than {MAX_UNZIPPED} bytes unzipped")
    for part in parts:
        if part.flag_bits & 1:
            raise FileRefused(RefusalReason.PASSWORD)
        if part.file_size > RATIO_COUNTS_FROM and part.file_size > MAX_RATIO * max(1, part.compress_size):
            raise FileRefused(RefusalReason.BOMB, f"{part.filename} unpacks {part.file_size} bytes")
        if part.filename.endswith((".xml", ".rels")) and _declares_doctype(archive, part):
            raise FileRefused(RefusalReason.BOMB, f"{part.filename} declares a DOCTYPE")


def _declares_doctype(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    with archive.open(part) as stream:
        return b"<!DOCTYPE" in stream.read(4096)


def _sheet_rows(sheet: Any) -> Iterator[list[RawCell]]:
    sheet.reset_dimensions()
    for row in sheet.iter_rows(max_col=MAX_COLUMNS):
        yield [_cell(cell) for cell in row]


def _cell(cell: Any) -> RawCell:
    value = cell.value
    if value is None:
        return BLANK
    if cell.data_type == "f":
        return RawCell(text=str(value), kind="formula")
    if cell.data_type == "e":
        return RawCell(text=str(value), kind="error")
    if isinstance(value, bool):
        return RawCell(text="TRUE" if value else "FALSE", kind="flag")
    if isinstance(value, int | float):
        return RawCell(text=_digits(value, cell.number_format or ""), kind="number", value=value)
    if isinstance(value, dt.datetime):
        shown = f"{value:%Y-%m-%d}" if value.time() == dt.time() else f"{value:%Y-%m-%d %H:%M}"
        return RawCell(text=shown, kind="date", value=value)
    if isinstance(value, dt.date | dt.time):
        return RawCell(text=str(value), kind="date", value=value)
    if isinstance(value, dt.timedelta):
        return RawCell(text=str(value), kind="date")
    return RawCell(text=str(value))


def _digits(value: float, number_format: str) -> str:
    if isinstance(value, float) and not value.is_integer():
        return repr(value)
    zeros = re.fullmatch(r"0{2,}", number_format)
    return str(int(value)).zfill(len(number_format) if zeros else 0)


# ---------------------------------------------------------------- csv


def _delimited(data: bytes) -> RawSheet:
    text = _decoded(data)
    head = "\n".join(text.splitlines()[:20])
    reader = csv.reader(StringIO(text, newline=""), delimiter=max(DELIMITERS, key=head.count), strict=True)
    numbered = ((number, [_typed(value) for value in row[:MAX_COLUMNS]]) for number, row in enumerate(reader, 1))
    try:
        return RawSheet(title="", rows=tuple(_filled(numbered)))
    except csv.Error as error:
        raise FileRefused(RefusalReason.BROKEN, str(error)) from error


def _decoded(data: bytes) -> str:
    """Byte order mark, UTF-8, then GB18030, which holds GBK: what Chinese Excel and ERP exports write."""
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if utf16 else ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileRefused(RefusalReason.BROKEN, "neither UTF-8 nor GB18030")


def _typed(value: str) -> RawCell:
    """``="04465"`` is how people keep Excel from eating zeros, ``'=…`` how our export keeps it from calculating."""
    if value.startswith('="') and value.endswith('"') and len(value) > 3:
        return RawCell(text=value[2:-1])
    return RawCell(text=value[1:] if _FORMULA_GUARD.match(value) else value)


def _filled(rows: Iterable[tuple[int, list[RawCell]]]) -> Iterator[tuple[int, tuple[RawCell, ...]]]:
    for number, row in rows:
        if all(cell.empty or (cell.kind == "text" and not cell.text.strip()) for cell in row):
            continue
        if number > MAX_ROWS:
            raise FileRefused(RefusalReason.TOO_MANY_ROWS)
        yield number, tuple(row)
