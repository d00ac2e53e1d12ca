"""The head of an order: who ordered, for when, under which number, with which demands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.reading.checks import SURE_FIELD
from core.reading.fields import Field
from core.reading.headings import Key
from core.reading.layout import Row
from core.reading.numbers import half_width
from core.reading.sheet import Problem, ProblemKind, SheetField

DEMANDS = (
    "质检报告",
    "合格证",
    "技术协议",
    "原厂",
    "检测报告",
    "加急",
    "急件",
    "不要替代",
    "必须",
    "务必",
    "请勿",
    "需提供",
)
"""A sentence outside the table that holds one of these is a demand, also without a key before it."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """The fields of an order outside its table, with what is doubtful about them."""

    customer: SheetField | None
    due: SheetField | None
    number: SheetField | None
    requirements: tuple[SheetField, ...]
    problems: tuple[Problem, ...]


def head_of(fields: Sequence[Field], notes: Sequence[Row]) -> Head:
    """Customer code and name are joined, code first. Two different ones on the pages are two orders."""
    problems: list[Problem] = []
    codes, names = _of(fields, Key.CUSTOMER_CODE), _of(fields, Key.CUSTOMER)
    dues, numbers = _of(fields, Key.DUE), _of(fields, Key.NUMBER)
    if any(len({field.text for field in group}) > 1 for group in (codes, names, numbers)):
        problems.append(Problem(kind=ProblemKind.SEVERAL_ORDERS))
    customer = _joined([*codes[:1], *names[:1]])
    due = _joined(dues[:1])
    problems += _unsure([*codes[:1], *names[:1]], ProblemKind.CUSTOMER_UNSURE)
    problems += _unsure(dues[:1], ProblemKind.DUE_UNSURE)
    demands = [_field(field) for field in _of(fields, Key.REMARK)]
    demands += [_note(row) for row in notes if any(word in row.text for word in DEMANDS)]
    return Head(
        customer=customer,
        due=due,
        number=_joined(numbers[:1]),
        requirements=tuple(demands),
        problems=tuple(problems),
    )


def _of(fields: Sequence[Field], key: Key) -> list[Field]:
    return [field for field in fields if field.key is key]


def _unsure(fields: Sequence[Field], kind: ProblemKind) -> list[Problem]:
    """A colon inside a value is the next field's, run into this one."""
    return [
        Problem(kind=kind, text=field.text)
        for field in fields
        if field.stained or field.score < SURE_FIELD or ":" in half_width(field.text)
    ]


def _field(field: Field) -> SheetField:
    return SheetField(text=field.text, boxes=field.boxes, page=field.page, score=field.score)


def _joined(fields: Sequence[Field]) -> SheetField | None:
    if not fields:
        return None
    return SheetField(
        text=" ".join(field.text for field in fields),
        boxes=tuple(box for field in fields for box in field.boxes),
        page=fields[0].page,
        score=min(field.score for field in fields),
    )


def _note(row: Row) -> SheetField:
    words = [piece.word for piece in row.pieces]
    return SheetField(
        text=row.text,
        boxes=tuple(word.box for word in words),
        page=words[0].page,
        score=min(word.score for word in words),
    )
