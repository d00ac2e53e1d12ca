"""Expedite: level, latest ship time, one of twelve reasons, and whom it calls (F070–F076)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Level(StrEnum):
    YELLOW = "yellow"  # 黄: within 24 h
    ORANGE = "orange"  # 橙: today
    RED = "red"  # 红: this shift


LEVEL_LABEL: dict[Level, str] = {Level.YELLOW: "黄", Level.ORANGE: "橙", Level.RED: "红"}


class ExpediteState(StrEnum):
    LIVE = "live"  # 进行中
    SHIPPED = "shipped"  # left the house in time or late
    CANCELLED = "cancelled"  # the order was cancelled or the expedite withdrawn


@dataclass(kw_only=True)
class Expedite:
    """A live expedite of an order (at most one live per order: unique while live)."""

    order_number: str
    level: Level
    latest_ship_at: datetime
    reason_code: str
    note: str = ""
    by: str
    by_name: str
    at: datetime
    state: ExpediteState = ExpediteState.LIVE
    pickup_by: str = ""
    """Who of logistics has arranged the pickup, with the plate if given."""
    coordinated_by: str = ""
    """The director who said 我来协调."""
    escalated_at: datetime | None = None
    id: int | None = None
