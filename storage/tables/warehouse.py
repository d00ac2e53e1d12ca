"""Stock with its movements; waves and pick lists."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    Table,
    UniqueConstraint,
)

from core.stock import AllocationState
from core.warehouse.lots import QcState
from core.waves import PickListState, TaskState
from storage.tables.columns import id_column, metadata, text_column
from storage.types import EnumText, Json, UtcDateTime

lots = Table(
    "lots",
    metadata,
    id_column(),
    text_column("lot_no", index=True),
    text_column("part_number"),
    text_column("warehouse"),
    text_column("bin"),
    Column("on_hand", Integer, nullable=False),
    Column("allocated", Integer, nullable=False),
    Column("damaged", Integer, nullable=False),
    Column("qc", EnumText(QcState), nullable=False),
    Column("received_on", Date, nullable=False),
    Column("expires_on", Date),
    UniqueConstraint("warehouse", "lot_no", "part_number", "bin"),  # One row is one stock cell: one place to count.
    CheckConstraint("on_hand >= 0", name="on_hand"),
    CheckConstraint("damaged >= 0", name="damaged"),
    CheckConstraint("allocated >= 0", name="allocated"),
    CheckConstraint("on_hand >= allocated", name="never_over_allocated"),
    Index("ix_lots_part", "part_number", "warehouse"),
    Index("ix_lots_bin", "warehouse", "bin"),
)

allocations = Table(
    "allocations",
    metadata,
    id_column(),
    text_column("order_number", index=True),
    Column("line_id", Integer, nullable=False),
    Column("lot_id", Integer, ForeignKey("lots.id"), nullable=False, index=True),
    text_column("lot_no"),
    text_column("part_number"),
    text_column("warehouse"),
    text_column("bin"),
    Column("quantity", Integer, CheckConstraint("quantity >= 0", name="not_negative"), nullable=False),
    Column("state", EnumText(AllocationState), nullable=False),
    Column("pick_list_id", Integer),
)

stock_movements = Table(
    "stock_movements",
    metadata,
    id_column(),
    Column("lot_id", Integer, ForeignKey("lots.id"), nullable=False, index=True),
    text_column("lot_no"),
    text_column("part_number"),
    text_column("warehouse"),
    text_column("bin"),
    Column("delta", Integer, nullable=False),
    text_column("cause"),
    text_column("ref"),
    text_column("by"),
    Column("at", UtcDateTime, nullable=False),
)

waves = Table(
    "waves",
    metadata,
    id_column(),
    text_column("key"),
    text_column("number"),
    text_column("warehouse"),
    text_column("carrier"),
    Column("cutoff_at", UtcDateTime, nullable=False),
    Column("slot_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("must_ship", Integer, nullable=False),
    Column("parcels", Integer, nullable=False),
    UniqueConstraint("key"),  # A tick that runs twice makes no second wave.
    UniqueConstraint("number"),  # A number names one wave for ever.
    Index("ix_waves_slot", "warehouse", "slot_at"),
    Index("ix_waves_carrier", "carrier", "created_at"),
)

pick_lists = Table(
    "pick_lists",
    metadata,
    id_column(),
    text_column("number"),
    Column("wave_id", Integer, ForeignKey("waves.id"), nullable=False, index=True),
    text_column("wave_number"),
    text_column("warehouse"),
    Column("state", EnumText(PickListState), nullable=False),
    Column("cutoff_at", UtcDateTime, nullable=False),
    Column("orders", Json(), nullable=False),
    Column("route_m", Float, nullable=False),
    Column("route", Json(), nullable=False),
    Column("urgent", Boolean(), nullable=False),
    text_column("claimed_by"),
    Column("claimed_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("version", Integer, nullable=False),
    UniqueConstraint("number"),  # A number names one tour for ever.
    Index("ix_pick_lists_state", "state", "warehouse"),
)

pick_tasks = Table(
    "pick_tasks",
    metadata,
    id_column(),
    Column("pick_list_id", Integer, ForeignKey("pick_lists.id"), nullable=False, index=True),
    Column("stop", Integer, nullable=False),
    text_column("order_number", index=True),
    Column("line_id", Integer, nullable=False),
    Column("allocation_id", Integer, nullable=False),
    text_column("part_number"),
    text_column("part_name"),
    text_column("lot_no"),
    text_column("bin"),
    Column("quantity", Integer, nullable=False),
    Column("picked", Integer, nullable=False),
    Column("state", EnumText(TaskState), nullable=False),
    text_column("short_reason"),
)
