"""Values to rows and back, for statements that go past the session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Table

T = TypeVar("T")


def columns_of(entity: object, table: Table) -> dict[str, Any]:
    """The fields of an entity by column name; a surrogate key that is not known yet is left to the database."""
    row = {column.name: getattr(entity, column.name) for column in table.c}
    if row.get("id", 0) is None:
        del row["id"]
    return row


def chunks(rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Statements of a bounded size, whatever the size of the file that is imported."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
