"""What the auditor leaves: seals over the trace, and when each replica last looked."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, UniqueConstraint

from storage.tables.columns import id_column, metadata, text_column
from storage.types import UtcDateTime

timeline_anchors = Table(
    "timeline_anchors",
    metadata,
    id_column(),
    Column("at", UtcDateTime, nullable=False),
    Column("upto", Integer, nullable=False),
    Column("links", Integer, nullable=False),
    text_column("root"),
    UniqueConstraint("upto"),  # A stretch of the trace is sealed once, whichever replica comes first (R16).
)

audit_passes = Table(
    "audit_passes",
    metadata,
    text_column("replica", key=True),  # One row per living replica: the last time it looked around.
    Column("at", UtcDateTime, nullable=False),
    Column("findings", Integer, nullable=False),
)
