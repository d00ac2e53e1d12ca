"""Naming, predicates and columns that the tables share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ForeignKey, Integer, MetaData, Text, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

OPEN_DELIVERY = "state IN ('ready','leased')"
"""Predicate of the partial indexes on the outbox. The claim repeats it to the letter, or it would walk the whole
history (reliability section 2, index trap)."""
LEASED_WORK = "state = 'leased'"
"""The same for the inbox: is somebody at work on this conversation?"""
ARMED = "state = 'armed'"
"""The same for deadlines."""


def id_column() -> Column[int]:
    return Column("id", Integer, primary_key=True, autoincrement=True)


def text_column(name: str, *args: ForeignKey, key: bool = False, index: bool = False) -> Column[str]:
    return Column(name, Text, *args, primary_key=key, nullable=False, index=index)


def only_where(predicate: str) -> dict[str, Any]:
    """A partial index, on both engines."""
    return {"sqlite_where": text(predicate), "postgresql_where": text(predicate)}
