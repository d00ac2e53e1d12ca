"""Workbooks (.xlsx): visible sheets, values as a person sees them, merged cells opened up."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from xml.parsers import expat

from openpyxl import load_workbook
from openpyxl.utils.cell import range_boundaries

from bot.files.grid import MAX_COLUMNS, MAX_ROWS, Cell, page_of
from bot.files.refusals import FileRefused, RefusalReason
from core.reading.words import CellKind, ReadPage

MAX_UNZIPPED = 50 * 1024 * 1024
MAX_RATIO = 100
RATIO_COUNTS_FROM = 1024 * 1024
"""Small parts compress well in honest files too; the ratio says something only above this size."""
SCIENTIFIC_FROM = 10**11
"""From twelve digits on Excel shows a plain number as 4.465E+11."""
NO_RESULT = "#公式无结果"
"""Shown for a formula whose result was never stored: nobody can say what it is."""


@dataclass(kw_only=True)
class _Layout:
    """What openpyxl's streaming reader leaves out."""

    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    formulas: set[tuple[int, int]] = field(default_factory=set)
    hidden: set[int] = field(default_factory=set)
    """Rows filtered out or folded away: their sender did not see them either."""


def read_xlsx(data: bytes) -> tuple[ReadPage, ...]:
    """One page per visible, filled sheet, without hidden rows. A merged cell's value stands in each of its rows.

    Raises FileRefused: bomb, broken, too many rows, nothing visible in it.
    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            _check_weight(archive)
            layouts = _layouts(archive)
        book = load_workbook(BytesIO(data), read_only=True, data_only=True, keep_links=False)
        pages: list[ReadPage] = []
        for sheet in book.worksheets:
            if sheet.sheet_state != "visible":
                continue
            cells = _cells(sheet, layouts.get(sheet.title, _Layout()))
            if cells:
                pages.append(page_of(cells, number=len(pages), name=sheet.title))
        book.close()
    except FileRefused:
        raise
    except MemoryError:
        raise
    except Exception as error:  # a broken workbook fails in a hundred ways inside the parsers
        raise FileRefused(RefusalReason.BROKEN, f"{type(error).__name__}: {error}") from error
    if not pages:
        raise FileRefused(RefusalReason.NO_SHEET)
    return tuple(pages)


def _check_weight(archive: zipfile.ZipFile) -> None:
    unzipped = sum(part.file_size for part in archive.infolist())
    if unzipped > MAX_UNZIPPED:
        raise FileRefused(RefusalReason.BOMB, f"{unzipped} bytes unzipped")
    for part in archive.infolist():
        if part.flag_bits & 1:
            raise FileRefused(RefusalReason.PASSWORD)
        if part.file_size > RATIO_COUNTS_FROM and part.file_size > MAX_RATIO * max(1, part.compress_size):
            raise FileRefused(RefusalReason.BOMB, f"{part.filename} unpacks {part.file_size} bytes")
        if part.filename.endswith((".xml", ".rels")) and b"<!DOCTYPE" in _head(archive, part):
            raise FileRefused(RefusalReason.BOMB, f"{part.filename} declares a DOCTYPE")


def _head(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bytes:
    with archive.open(part) as stream:
        return stream.read(4096)


def _layouts(archive: zipfile.ZipFile) -> dict[str, _Layout]:
    """Merged ranges and formula cells per sheet title."""
    targets: dict[str, str] = {}
    titles: dict[str, str] = {}

    def relation(tag: str, attributes: dict[str, str]) -> None:
        if _local(tag) == "Relationship":
            targets[attributes["Id"]] = attributes["Target"].lstrip("/").removeprefix("xl/")

    def sheet(tag: str, attributes: dict[str, str]) -> None:
        if _local(tag) == "sheet":
            key = next((value for name, value in attributes.items() if _local(name) == "id"), "")
            titles[attributes["name"]] = key

    _parse(archive.read("xl/_rels/workbook.xml.rels"), relation)
    _parse(archive.read("xl/workbook.xml"), sheet)
    found = {}
    for title, key in titles.items():
        path = f"xl/{targets.get(key, '')}"
        if path.startswith("xl/worksheets/") and path in archive.namelist():
            found[title] = _layout(archive.read(path))
    return found


def _layout(xml: bytes) -> _Layout:
    layout = _Layout()
    at = ""

    def element(tag: str, attributes: dict[str, str]) -> None:
        nonlocal at
        name = _local(tag)
        if name == "row" and attributes.get("hidden") in ("1", "true"):
            layout.hidden.add(int(attributes["r"]))
        elif name == "c":
            at = attributes.get("r", "")
        elif name == "f" and at:
            column, row, *_ = _bounds(at)
            layout.formulas.add((row, column))
        elif name == "mergeCell":
            layout.merged.append(_bounds(attributes["ref"]))

    _parse(xml, element)
    return layout


def _bounds(ref: str) -> tuple[int, int, int, int]:
    left, top, right, bottom = range_boundaries(ref)
    return int(left or 1), int(top or 1), int(right or 1), int(bottom or 1)


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]


def _parse(xml: bytes, element: Any) -> None:
    parser = expat.ParserCreate()
    parser.StartElementHandler = element

    def refuse(*_: Any) -> None:
        raise FileRefused(RefusalReason.BOMB, "an XML part declares a DOCTYPE")

    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(xml, True)


def _cells(sheet: Any, layout: _Layout) -> list[Cell]:
    sheet.reset_dimensions()
    values: dict[tuple[int, int], tuple[str, CellKind]] = {}
    for row in sheet.iter_rows(max_col=MAX_COLUMNS):
        for cell in row:
            if cell.value is None:
                continue
            if cell.row > MAX_ROWS:
                raise FileRefused(RefusalReason.TOO_MANY_ROWS)
            if shown := _shown(cell.value, cell.number_format or "General"):
                text, kind = shown
                formula = (cell.row, cell.column) in layout.formulas
                values[cell.row, cell.column] = (text, "formula" if formula else kind)
    for row_no, column in layout.formulas:
        if row_no <= MAX_ROWS and column <= MAX_COLUMNS:
            values.setdefault((row_no, column), (NO_RESULT, "formula"))
    return _opened(values, layout)


def _opened(values: dict[tuple[int, int], tuple[str, CellKind]], layout: _Layout) -> list[Cell]:
    spans: dict[tuple[int, int], int] = {}
    last = max((row for row, _ in values), default=0)
    for left, top, right, bottom in layout.merged:
        value = values.get((top, left))
        if value is None:
            continue
        for row in range(top, min(bottom, last) + 1):
            values[row, left] = (value[0], "merged") if bottom > top else value
            spans[row, left] = min(right, MAX_COLUMNS) - left + 1
    return [
        Cell(row=row, column=column, text=text, kind=kind, span=spans.get((row, column), 1))
        for (row, column), (text, kind) in sorted(values.items())
        if row not in layout.hidden
    ]


def _shown(value: object, number_format: str) -> tuple[str, CellKind] | None:
    """Text and storage kind of a value, as Excel shows it."""
    if isinstance(value, bool):
        return ("TRUE" if value else "FALSE"), "text"
    if isinstance(value, dt.datetime):
        midnight = value.time() == dt.time()
        return (value.strftime("%Y-%m-%d") if midnight else value.strftime("%Y-%m-%d %H:%M")), "date"
    if isinstance(value, dt.date | dt.time | dt.timedelta):
        return str(value), "date"
    if isinstance(value, int | float):
        return _number(value, number_format), "number"
    text = " ".join(str(value).replace("\x00", "").split())
    return (text, "text") if text else None


def _number(value: float, number_format: str) -> str:
    whole = isinstance(value, int) or value.is_integer()
    if not whole:
        return repr(value)
    if zeros := re.fullmatch(r"0{2,}", number_format):
        return str(int(value)).zfill(len(zeros.group()))
    if abs(value) >= SCIENTIFIC_FROM and number_format == "General":
        return f"{value:.3E}"
    return str(int(value))
