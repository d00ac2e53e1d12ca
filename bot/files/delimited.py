"""CSV and plain text files, in the encodings Chinese Excel and ERP exports use."""

from __future__ import annotations

import codecs
import csv
from io import StringIO

from bot.files.grid import MAX_COLUMNS, MAX_ROWS, Cell, page_of
from bot.files.refusals import FileRefused, RefusalReason
from core.reading.words import ReadPage

DELIMITERS = ",\t;|"


def read_csv(data: bytes) -> tuple[ReadPage, ...]:
    """The file as one page; a value stays exactly the text that was typed, leading zeros and all.

    Encodings in order: byte order mark, UTF-8, GB18030 (which holds GBK). Raises FileRefused.
    """
    text = _decoded(data)
    reader = csv.reader(StringIO(text, newline=""), delimiter=_delimiter(text))
    cells: list[Cell] = []
    try:
        for row, values in enumerate(reader, 1):
            if row > MAX_ROWS:
                raise FileRefused(RefusalReason.TOO_MANY_ROWS)
            for column, value in enumerate(values[:MAX_COLUMNS], 1):
                if shown := _shown(value):
                    cells.append(Cell(row=row, column=column, text=shown))
    except csv.Error as error:
        raise FileRefused(RefusalReason.BROKEN, str(error)) from error
    if not cells:
        raise FileRefused(RefusalReason.NO_SHEET)
    return (page_of(cells, number=0, name=""),)


def _decoded(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileRefused(RefusalReason.BROKEN, "neither UTF-8 nor GB18030")


def _delimiter(text: str) -> str:
    head = "\n".join(text.splitlines()[:20])
    return max(DELIMITERS, key=head.count)


def _shown(value: str) -> str:
    """`="04465"` is how people keep Excel from eating zeros: the quoted text is the value."""
    value = value.strip().strip("\0")
    if value.startswith('="') and value.endswith('"') and len(value) > 3:
        return value[2:-1]
    return value
