"""Waves, pick lists and pick tasks: what leaves with which carrier run, and who fetches it (F050–F058)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class PickListState(StrEnum):
    OPEN = "open"  # 待领: pushed to the pickers of the warehouse
    CLAIMED = "claimed"  # 拣货中: one picker has it
    DONE = "done"  # every task picked or short, every order scanned out or sent back
    RECALLED = "recalled"  # taken back before anyone claimed it


class TaskState(StrEnum):
    OPEN = "open"  # to be fetched
    PICKED = "picked"  # in the trolley
    SHORT = "short"  # reported short with a reason
    SHIPPED = "shipped"  # scanned out


@dataclass(kw_only=True)
class Wave:
    """Orders that leave one warehouse with one carrier run. ``key`` is
    ``wave:{warehouse}:{slot}:{run}:{first order}.{its version}``, unique: no order is released twice from one state."""

    key: str
    number: str
    """``W0221-14A``."""
    warehouse: str
    carrier: str
    cutoff_at: datetime
    slot_at: datetime
    created_at: datetime
    must_ship: int = 0
    """How many of its orders must leave today."""
    parcels: int = 0
    """Parcels it puts on the carrier run; taken off the run's capacity for the day (F053)."""
    id: int | None = None


@dataclass(kw_only=True)
class PickTask:
    """One stop's worth of one order line: pieces of a lot from a bin, at its place in the walking order."""

    stop: int
    order_number: str
    line_id: int
    allocation_id: int
    part_number: str
    part_name: str
    lot_no: str
    bin: str
    quantity: int
    picked: int = 0
    state: TaskState = TaskState.OPEN
    short_reason: str = ""
    id: int | None = None
    pick_list_id: int | None = None


@dataclass(kw_only=True)
class PickList:
    """A tour: the tasks one picker fetches in one walk."""

    number: str
    """``W0221-14A-1``."""
    wave_id: int
    wave_number: str
    warehouse: str
    state: PickListState
    cutoff_at: datetime
    orders: list[str]
    """Order numbers, most urgent first."""
    route_m: float
    """Length of the walk in metres."""
    route: list[list[float]] = field(default_factory=list)
    """Polyline of the walk, metres, for the map."""
    urgent: bool = False
    """Holds a red expedite."""
    claimed_by: str = ""
    claimed_at: datetime | None = None
    created_at: datetime
    tasks: list[PickTask] = field(default_factory=list)
    version: int = 1
    id: int | None = None
