"""Alembic, driven from the program itself: no ini file, the connection is the caller's."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def config(connection: Connection) -> Config:
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent))
    settings.attributes["connection"] = connection
    return settings


def upgrade(connection: Connection) -> None:
    """Bring the schema to the newest revision."""
    command.upgrade(config(connection), "head")


def stamp(connection: Connection) -> None:
    """Say that the schema is the newest revision, without touching it."""
    command.stamp(config(connection), "head")
