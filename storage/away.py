"""Telling a database that cannot be written to now from a row that cannot be written at all."""

from __future__ import annotations

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionInTime

AWAY_CLASSES = ("08", "25", "40", "53", "57", "58")
"""SQLSTATE classes of a PostgreSQL that is away, full, shutting down, read-only or behind a conflict."""


def is_away(error: BaseException) -> bool:
    """The database is gone, full, read-only or busy: the same call may succeed later. Anything else is the call's own
    fault."""
    if isinstance(error, OperationalError | OSError | NoConnectionInTime):
        return True
    state = getattr(getattr(error, "orig", None), "sqlstate", None) or getattr(error, "sqlstate", None) or ""
    return bool(getattr(error, "connection_invalidated", False)) or state[:2] in AWAY_CLASSES
