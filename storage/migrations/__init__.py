"""Alembic, driven from the program itself: no ini file, the connection is the caller's."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

MIGRATION_LOCK = 0x6A696564616E
"""PostgreSQL advisory lock: “jiedan” in hex."""


def config(connection: Connection) -> Config:
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent))
    settings.attributes["connection"] = connection
    return settings


def upgrade(connection: Connection) -> None:
    """Bring the schema to the newest revision. Replicas that start together take turns, however long it takes."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
    command.upgrade(config(connection), "head")


def stamp(connection: Connection) -> None:
    """Say that the schema is the newest revision, without touching it."""
    command.stamp(config(connection), "head")
