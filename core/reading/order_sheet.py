"""Reading an order off its pages: tables where there are headings, loose lines where there are none
(F027–F029).

A salesperson sees every line of the sheet with its number, and each one that could be wrong flagged: a
wrong value without a flag is the one unforgivable result. Flagging everything is the second worst.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from core.reading.checks import QuantityRead, check_part, check_quantities, gaps_between, missing_numbers
from core.reading.fields import Field, fields_of
from core.reading.head import head_of
from core.reading.headings import Column, headings_in, is_total
from core.reading.layout import Row, rows_of
from core.reading.loose import LooseLine, loose_line, without_running_numbers
from core.reading.numbers import half_width, money_of, quantity_of
from core.reading.sheet import PartIndex, Problem, ProblemKind, SheetLine, SheetReading
from core.reading.table import CellText, Slot, TableRow, fill, heading_slots
from core.reading.words import Quad, ReadPage

SHEET_ROW = 20.0
"""Height of a sheet's row in its page's units."""


@dataclass(frozen=True, kw_only=True)
class _Table:
    slots: tuple[Slot, ...]
    rows: tuple[TableRow, ...]
    page: ReadPage


def read_order(pages: Sequence[ReadPage], *, parts: PartIndex) -> SheetReading:
    """The order on these pages. Pages without headings continue the table of the page before them.

    Rules: a quantity that is not plainly printed is None with a problem naming its row; Excel-damaged part
    numbers, contradicting sums, skipped running numbers, bad or stamped print each give a problem.
    """
    tables: list[_Table] = []
    fields: list[Field] = []
    notes: list[Row] = []
    loose: list[tuple[LooseLine, ReadPage]] = []
    for page in pages:
        own, outside = _tables(page, tables[-1] if tables else None)
        tables += own
        for row in outside:
            found = fields_of(row)
            fields += found
            if not found:
                notes.append(row)
        if not own:
            likely = [line for row in outside if (line := loose_line(row, parts))]
            loose += [(line, page) for line in without_running_numbers(likely)]

    lines, problems = _table_lines(tables, parts)
    if not lines:
        lines, problems = _loose_lines(loose)
    if not any(line.part_text for line in lines):
        return SheetReading(problems=(Problem(kind=ProblemKind.NO_ORDER),))
    head = head_of(fields, notes)
    return SheetReading(
        lines=tuple(lines),
        customer=head.customer,
        due=head.due,
        number=head.number,
        requirements=head.requirements,
        problems=(*head.problems, *problems),
        looks_like_order=True,
    )


def _tables(page: ReadPage, before: _Table | None) -> tuple[list[_Table], list[Row]]:
    """The tables of a page, and the rows that belong to none."""
    tables: list[_Table] = []
    outside: list[Row] = []
    slots: tuple[Slot, ...] = ()
    body: list[Row] = []
    rows = rows_of(page)
    if before and page.source == before.page.source and page.width == before.page.width:
        headed = any(heading_slots(row) for row in rows)
        slots = () if headed or page.source == "sheet" else before.slots

    def finish() -> None:
        if slots and body:
            tables.append(_Table(slots=slots, rows=fill(slots, body, page.number), page=page))
        body.clear()

    for row in rows:
        found = heading_slots(row)
        if found:
            finish()
            slots = found
        elif slots and _within(row):
            body.append(row)
            if any(is_total(piece.text) for piece in row.pieces):
                finish()
                slots = ()
        else:
            outside.append(row)
    finish()
    return tables, outside


def _within(row: Row) -> bool:
    """Whether a row below headings is part of the table; printed fields like `备注：…` are not."""
    first = row.pieces[0].text
    if is_total(first) or any(is_total(piece.text) for piece in row.pieces):
        return True
    return not fields_of(row) and not (len(row.pieces) == 1 and headings_in(first))


def _table_lines(tables: Iterable[_Table], parts: PartIndex) -> tuple[list[SheetLine], list[Problem]]:
    lines: list[SheetLine] = []
    problems: list[Problem] = []
    for table in tables:
        own, found = _lines_of(table, parts, first=len(lines) + 1)
        lines += own
        problems += found
    return lines, problems


@dataclass(frozen=True, kw_only=True)
class _Places:
    """Which slot of a table holds what; None where there is no such column."""

    by_column: dict[Column, int]
    quantity_unsure: bool

    def cell(self, row: TableRow, column: Column) -> CellText | None:
        return row.at(self.by_column.get(column))

    def text(self, row: TableRow, column: Column) -> str:
        cell = self.cell(row, column)
        return cell.text if cell else ""


def _places(table: _Table, parts: PartIndex) -> _Places:
    """Where two columns could be the part number, the one that the master data knows more of."""
    by_column: dict[Column, int] = {}
    for n, slot in enumerate(table.slots):
        by_column.setdefault(slot.column, n)
    hits = {n: sum(_hit(row.at(n), parts) for row in table.rows) for n in range(len(table.slots))}
    named = [n for n, slot in enumerate(table.slots) if slot.column is Column.PART]
    spare = [n for n, slot in enumerate(table.slots) if slot.column in (Column.SPEC, Column.OTHER)]
    if named:
        by_column[Column.PART] = max(named, key=lambda n: hits[n])
    elif spare:
        first = by_column.get(Column.SPEC, spare[0])
        by_column[Column.PART] = max([first, *spare], key=lambda n: hits[n])
    quantity = by_column.get(Column.QUANTITY)
    unsure = quantity is not None and table.slots[quantity].misread
    if quantity is None:
        numeric = [n for n in spare if n != by_column.get(Column.PART) and _all_numbers(table, n)]
        if len(numeric) == 1:
            by_column[Column.QUANTITY] = numeric[0]
            unsure = True
    return _Places(by_column=by_column, quantity_unsure=unsure)


def _hit(cell: CellText | None, parts: PartIndex) -> int:
    return 1 if cell is not None and parts.hits(cell.text) else 0


def _all_numbers(table: _Table, slot: int) -> bool:
    cells = [cell for row in table.rows if (cell := row.at(slot))]
    return bool(cells) and all(quantity_of(cell.text) for cell in cells)


def _lines_of(table: _Table, parts: PartIndex, *, first: int) -> tuple[list[SheetLine], list[Problem]]:
    places = _places(table, parts)
    reads: list[QuantityRead] = []
    problems: list[Problem] = []
    numbers: list[int] = []
    levels: list[float] = []
    total: CellText | None = None
    for row in table.rows:
        if any(is_total(cell.text) for _, cell in row.cells):
            total = places.cell(row, Column.QUANTITY)
            continue
        part, quantity = places.cell(row, Column.PART), places.cell(row, Column.QUANTITY)
        if not _is_line(part, quantity, places.text(row, Column.NAME)):
            continue
        line = _line(row, places, table.page, first + len(reads))
        reads.append(QuantityRead(line=line, cell=quantity))
        levels.append(row.level)
        if part is None:
            problems.append(Problem(kind=ProblemKind.PART_MISSING, line=line.position, text=line.row_text))
        else:
            problems += check_part(part, line.position, parts, table.page.source)
        if places.quantity_unsure:
            problems.append(Problem(kind=ProblemKind.QUANTITY_COLUMN_UNSURE, line=line.position))
        running = half_width(places.text(row, Column.NO))
        if running.isdigit():
            numbers.append(int(running))
    problems += check_quantities(reads, total, table.page.source)
    problems += [Problem(kind=ProblemKind.ROW_MISSING, text=str(n)) for n in missing_numbers(numbers)]
    if table.page.source == "ocr" and len(numbers) < len(reads) and gaps_between(levels):
        problems.append(Problem(kind=ProblemKind.ROW_MISSING))
    return [read.line for read in reads], problems


def _is_line(part: CellText | None, quantity: CellText | None, name: str) -> bool:
    """A row with a part number (letters and digits), or with a quantity and at least a name."""
    if part is not None and any(letter.isdigit() or letter.isascii() for letter in part.text):
        return True
    return quantity is not None and bool(name) and quantity_of(quantity.text) is not None


def _line(row: TableRow, places: _Places, page: ReadPage, position: int) -> SheetLine:
    part, quantity = places.cell(row, Column.PART), places.cell(row, Column.QUANTITY)
    read = quantity_of(quantity.text) if quantity and quantity.kind not in ("date", "merged") else None
    scores = [cell.score for cell in (part, quantity) if cell]
    return SheetLine(
        position=position,
        part_text=part.text if part else "",
        quantity=read.pieces if read else None,
        quantity_text=quantity.text if quantity else "",
        unit_text=(read.unit if read else "") or places.text(row, Column.UNIT),
        name_text=places.text(row, Column.NAME),
        remark_text=places.text(row, Column.REMARK),
        customer_text=places.text(row, Column.CUSTOMER),
        due_text=places.text(row, Column.DUE),
        price=money_of(places.text(row, Column.PRICE)),
        amount=money_of(places.text(row, Column.AMOUNT)),
        row_text=row.text,
        row=int(row.level // SHEET_ROW) + 1 if page.source == "sheet" else position,
        page=page.number,
        score=min(scores, default=0.0),
        boxes=_boxes(row, places),
    )


def _boxes(row: TableRow, places: _Places) -> tuple[tuple[str, Quad], ...]:
    return tuple(
        (column.value, box)
        for column, slot in places.by_column.items()
        if (cell := row.at(slot)) is not None
        for box in cell.boxes
    )


def _loose_lines(loose: Sequence[tuple[LooseLine, ReadPage]]) -> tuple[list[SheetLine], list[Problem]]:
    """Unknown tokens count only with a plain quantity beside them, or where another row is a known part."""
    trusted = any(line.known for line, _ in loose)
    kept = [(line, page) for line, page in loose if line.known or line.with_unit or (trusted and line.quantities)]
    lines: list[SheetLine] = []
    problems: list[Problem] = []
    for position, (loose_row, page) in enumerate(kept, 1):
        line = _loose(loose_row, page, position)
        lines.append(line)
        numbers = loose_row.quantities
        words = [piece.word for piece in loose_row.row.pieces]
        if not numbers:
            problems.append(Problem(kind=ProblemKind.QUANTITY_MISSING, line=position, text=line.row_text))
        elif len(numbers) > 1:
            problems.append(Problem(kind=ProblemKind.QUANTITY_AMBIGUOUS, line=position, text=" / ".join(numbers)))
        elif page.source == "ocr" and (line.score < 0.9 or any(word.stained for word in words)):
            problems.append(Problem(kind=ProblemKind.QUANTITY_UNSURE, line=position, text=line.quantity_text))
    return lines, problems


def _loose(loose: LooseLine, page: ReadPage, position: int) -> SheetLine:
    pieces = loose.row.pieces
    only = loose.quantities[0] if len(loose.quantities) == 1 else ""
    line = SheetLine(
        position=position,
        part_text=loose.part,
        quantity=int(only) if only else None,
        quantity_text=only or " / ".join(loose.quantities),
        row_text=loose.row.text,
        row=int(loose.row.level // SHEET_ROW) + 1 if page.source == "sheet" else position,
        page=page.number,
        score=min(piece.word.score for piece in pieces),
    )
    boxes = []
    for piece in pieces:
        text = half_width(piece.text)
        if loose.part in text or text in loose.part:
            boxes.append(("part", piece.word.box))
        elif only and only in text:
            boxes.append(("quantity", piece.word.box))
    return replace(line, boxes=tuple(boxes))
