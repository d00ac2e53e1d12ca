"""The `key: value` fields around a table: customer, due date, order number, requirements."""

from __future__ import annotations

from dataclasses import dataclass

from core.reading.headings import Key, KeyAt, keys_in
from core.reading.layout import Piece, Row
from core.reading.words import Quad, Word

LONE_VALUE_WITHIN = 14
"""A value printed apart from its key begins within this many type heights."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """A value as printed, with the boxes it was read from."""

    key: Key
    text: str
    boxes: tuple[Quad, ...]
    page: int
    score: float
    stained: bool


def fields_of(row: Row) -> tuple[Field, ...]:
    """The fields printed in one row. A value may stand in the key's own word or in the words after it."""
    found: list[Field] = []
    open_key: Key | None = None
    open_right = 0.0
    values: list[tuple[str, Word]] = []

    def close() -> None:
        nonlocal open_key
        text = " ".join(text for text, _ in values if text).strip()
        if open_key is not None and text:
            found.append(_field(open_key, text, [word for _, word in values]))
        values.clear()
        open_key = None

    for piece in row.pieces:
        keys = keys_in(piece.text)
        before = piece.text[: keys[0].start].strip() if keys else piece.text.strip()
        if open_key is not None and before and _near(piece, open_right):
            values.append((before, piece.word))
        elif before and open_key is not None:
            close()
        for key, text in _values(piece.text, keys):
            close()
            open_key = key
            values.append((text, piece.word))
        open_right = piece.right
    close()
    return tuple(found)


def _values(text: str, keys: tuple[KeyAt, ...]) -> list[tuple[Key, str]]:
    ends = [*[key.start for key in keys[1:]], len(text)][: len(keys)]
    return [(key.key, text[key.value : end].strip(" ,，;；")) for key, end in zip(keys, ends, strict=True)]


def _near(piece: Piece, right: float) -> bool:
    return piece.left - right < LONE_VALUE_WITHIN * piece.word.height


def _field(key: Key, text: str, words: list[Word]) -> Field:
    return Field(
        key=key,
        text=text,
        boxes=tuple(dict.fromkeys(word.box for word in words)),
        page=words[0].page,
        score=min(word.score for word in words),
        stained=any(word.stained for word in words),
    )
