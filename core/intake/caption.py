"""Words typed beside a photo or file: they belong to the same order (F026, F027)."""

from __future__ import annotations

from dataclasses import replace

from core.intake.text_order import TextLine, TextOrder
from core.part_number import normal
from core.reading.sheet import ProblemKind, SheetField, SheetLine, SheetReading

TYPED = -1
"""The page of what stands on none."""


def captioned(reading: SheetReading, said: TextOrder) -> SheetReading:
    """The sheet with what its sender wrote to it.

    1. Customer and date as typed take the place of the printed ones: they are the sender's own, and newer.
    2. Demands are added.
    3. Lines are added at the end, unless the sheet has the same part in the same quantity.

    Everything stands on the draft before it is confirmed.
    """
    typed = [line for line in said.lines if not _stands_there(line, reading)]
    replaced = {
        *([ProblemKind.CUSTOMER_UNSURE] if said.customer_text else []),
        *([ProblemKind.DUE_UNSURE] if said.due else []),
    }
    return replace(
        reading,
        customer=_field(said.customer_text) if said.customer_text else reading.customer,
        due=_field(said.due.text) if said.due else reading.due,
        requirements=(*reading.requirements, *map(_field, said.requirements)),
        lines=(*reading.lines, *(_line(line, n) for n, line in enumerate(typed, start=len(reading.lines) + 1))),
        problems=tuple(problem for problem in reading.problems if problem.kind not in replaced),
    )


def _stands_there(line: TextLine, reading: SheetReading) -> bool:
    return any(
        normal(printed.part_text) == normal(line.part_text) and printed.quantity == line.quantity
        for printed in reading.lines
    )


def _line(line: TextLine, position: int) -> SheetLine:
    return SheetLine(
        position=position,
        part_text=line.part_text,
        quantity=line.quantity,
        quantity_text=line.quantity_text if line.quantity is None else str(line.quantity),
        name_text=line.name_text,
        page=TYPED,
    )


def _field(text: str) -> SheetField:
    return SheetField(text=text, boxes=(), page=TYPED, score=1.0)
