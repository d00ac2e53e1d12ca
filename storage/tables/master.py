"""People and master data."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Integer,
    Table,
    Text,
    Time,
    UniqueConstraint,
)

from core.catalog import AliasKind
from core.people import PlatformName, Role
from storage.tables.columns import id_column, metadata, text_column
from storage.types import EnumText, Json, UtcDateTime

people = Table(
    "people",
    metadata,
    text_column("id", key=True),
    text_column("name", index=True),
    Column("roles", Json(Role), nullable=False),
    text_column("region"),
    text_column("store"),
    text_column("warehouse"),
    Column("home", EnumText(PlatformName), nullable=False),
    Column("active", Boolean(), nullable=False),
)

chat_accounts = Table(
    "chat_accounts",
    metadata,
    # One account is one person: who pressed a button is never in doubt.
    Column("platform", EnumText(PlatformName), primary_key=True),
    text_column("account", key=True),
    Column("person_id", Text, ForeignKey("people.id"), nullable=False),
    UniqueConstraint("person_id", "platform"),  # One person has one account per messenger: a notice goes to one place.
)

customers = Table(
    "customers",
    metadata,
    text_column("code", key=True),
    text_column("name", index=True),
    text_column("region"),
    text_column("store"),
    text_column("phone"),
    text_column("address"),
    Column("tier", Integer, nullable=False),
    Column("frozen", Boolean(), nullable=False),
    Column("lead_days", Integer, nullable=False),
    Column("active", Boolean(), nullable=False),
)

parts = Table(
    "parts",
    metadata,
    text_column("number", key=True),
    text_column("normal", index=True),
    text_column("name"),
    text_column("family"),
    text_column("unit"),
    Column("pack", Integer, nullable=False),
    text_column("position"),
    text_column("grade"),
    Column("safety_stock", Integer),
    Column("weight_g", Integer, nullable=False),
    text_column("superseded_by"),
    Column("active", Boolean(), nullable=False),
)

part_aliases = Table(
    "part_aliases",
    metadata,
    id_column(),
    Column("part_number", Text, ForeignKey("parts.number"), nullable=False),
    Column("kind", EnumText(AliasKind), nullable=False),
    text_column("text"),
    text_column("normal", index=True),
    UniqueConstraint("part_number", "kind", "text"),  # An import that runs twice names a part once.
)

warehouses = Table(
    "warehouses",
    metadata,
    text_column("code", key=True),
    text_column("name"),
    text_column("address"),
    Column("longitude", Float),
    Column("latitude", Float),
    text_column("dock"),
    text_column("contact"),
    Column("regions", Json(), nullable=False),
)

bins = Table(
    "bins",
    metadata,
    text_column("warehouse", key=True),
    text_column("label", key=True),
    Column("x", Float),
    Column("y", Float),
)

carriers = Table(
    "carriers",
    metadata,
    text_column("code", key=True),
    text_column("name"),
    text_column("warehouse", key=True),
    Column("cutoff", Time, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("regions", Json(), nullable=False),
    Column("days", Integer, nullable=False),
)

carrier_capacity = Table(
    "carrier_capacity",
    metadata,
    # One figure a day: what the logistics supervisor entered last is what counts.
    text_column("carrier", key=True),
    Column("day", Date, primary_key=True),
    Column("parcels", Integer, CheckConstraint("parcels >= 0", name="not_negative"), nullable=False),
    text_column("by"),
)

calendar_days = Table(
    "calendar_days",
    metadata,
    Column("day", Date, primary_key=True),  # A day is decided once; the last word counts.
    Column("works", Boolean(), nullable=False),
    text_column("note"),
    text_column("by"),
    Column("at", UtcDateTime, nullable=False),
)

master_version = Table(
    "master_version",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="one_row"), primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
)
