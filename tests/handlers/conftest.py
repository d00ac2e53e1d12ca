"""The small desk on a real SQLite file."""

from __future__ import annotations

from tests.world_data import empty_store, world

__all__ = ["empty_store", "world"]
