"""Every table. A unique key says which guarantee it gives; a check says what can never be true."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    Time,
    UniqueConstraint,
    text,
)

from core.approvals import RequestState, Step, Verdict
from core.catalog import AliasKind
from core.deadlines import DeadlineKind, DeadlineState
from core.expedite import ExpediteState, Level
from core.notices import CardKind, DeliveryKind, DeliveryState, Priority
from core.orders import OrderStatus
from core.people import PlatformName, Role
from core.stock import AllocationState
from core.warehouse.lots import QcState
from core.waves import PickListState, TaskState
from storage.types import EnumInteger, EnumText, Json, UtcDateTime, finding_from

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
ARMED = "state = 'armed'"
"""The same for deadlines."""


def _id() -> Column[int]:
    return Column("id", Integer, primary_key=True, autoincrement=True)


def _text(name: str, *args: ForeignKey, key: bool = False, index: bool = False) -> Column[str]:
    return Column(name, Text, *args, primary_key=key, nullable=False, index=index)


def _only(predicate: str) -> dict[str, Any]:
    """A partial index, on both engines."""
    return {"sqlite_where": text(predicate), "postgresql_where": text(predicate)}


# ---------------------------------------------------------------- who

people = Table(
    "people", metadata,
    _text("id", key=True),
    _text("name", index=True),
    Column("roles", Json(Role), nullable=False),
    _text("region"),
    _text("store"),
    _text("warehouse"),
    Column("home", EnumText(PlatformName), nullable=False),
    Column("active", Boolean(), nullable=False),
)

chat_accounts = Table(
    "chat_accounts", metadata,
    # One account is one person: who pressed a button is never in doubt.
    Column("platform", EnumText(PlatformName), primary_key=True),
    _text("account", key=True),
    Column("person_id", Text, ForeignKey("people.id"), nullable=False),
    UniqueConstraint("person_id", "platform"),  # One person has one account per messenger: a notice goes to one place.
)

# ---------------------------------------------------------------- master data

customers = Table(
    "customers", metadata,
    _text("code", key=True),
    _text("name", index=True),
    _text("region"),
    _text("store"),
    _text("phone"),
    _text("address"),
    Column("tier", Integer, nullable=False),
    Column("frozen", Boolean(), nullable=False),
    Column("lead_days", Integer, nullable=False),
    Column("active", Boolean(), nullable=False),
)

parts = Table(
    "parts", metadata,
    _text("number", key=True),
    _text("normal", index=True),
    _text("name"),
    _text("family"),
    _text("unit"),
    Column("pack", Integer, nullable=False),
    _text("position"),
    _text("grade"),
    Column("safety_stock", Integer),
    Column("weight_g", Integer, nullable=False),
    _text("superseded_by"),
    Column("active", Boolean(), nullable=False),
)

part_aliases = Table(
    "part_aliases", metadata,
    _id(),
    Column("part_number", Text, ForeignKey("parts.number"), nullable=False),
    Column("kind", EnumText(AliasKind), nullable=False),
    _text("text"),
    _text("normal", index=True),
    UniqueConstraint("part_number", "kind", "text"),  # An import that runs twice names a part once.
)

warehouses = Table(
    "warehouses", metadata,
    _text("code", key=True),
    _text("name"),
    _text("address"),
    Column("longitude", Float),
    Column("latitude", Float),
    _text("dock"),
    _text("contact"),
    Column("regions", Json(), nullable=False),
)

bins = Table(
    "bins", metadata,
    _text("warehouse", key=True),
    _text("label", key=True),
    Column("x", Float),
    Column("y", Float),
)

carriers = Table(
    "carriers", metadata,
    _text("code", key=True),
    _text("name"),
    _text("warehouse", key=True),
    Column("cutoff", Time, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("regions", Json(), nullable=False),
    Column("days", Integer, nullable=False),
)

carrier_capacity = Table(
    "carrier_capacity", metadata,
    # One figure a day: what the logistics supervisor entered last is what counts.
    _text("carrier", key=True),
    Column("day", Date, primary_key=True),
    Column("parcels", Integer, CheckConstraint("parcels >= 0", name="not_negative"), nullable=False),
    _text("by"),
)

master_version = Table(
    "master_version", metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="one_row"), primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
)

# ---------------------------------------------------------------- orders

orders = Table(
    "orders", metadata,
    _id(),
    _text("number"),
    Column("status", EnumText(OrderStatus), nullable=False),
    _text("owner_id"),
    Column("owner_platform", EnumText(PlatformName), nullable=False),
    _text("owner_account"),
    Column("owner_at", UtcDateTime, nullable=False),
    _text("source_key"),
    _text("source_kind"),
    _text("source_text"),
    _text("attachment_sha256"),
    _text("customer_code"),
    _text("customer_name"),
    _text("customer_matched_by"),
    _text("region"),
    _text("warehouse"),
    Column("due_at", UtcDateTime),
    Column("promised_at", UtcDateTime),
    Column("requirements", Json(), nullable=False),
    Column("findings", Json(finding_from), nullable=False),
    _text("fingerprint"),
    _text("expedite_level"),
    Column("latest_ship_at", UtcDateTime),
    _text("left_out"),
    _text("reject_reason"),
    _text("reject_note"),
    Column("submitted_at", UtcDateTime),
    Column("approved_at", UtcDateTime),
    Column("shipped_at", UtcDateTime),
    _text("waybill"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    UniqueConstraint("number"),  # A number names one order for ever.
    UniqueConstraint("source_key"),  # One message never makes two orders (reliability section 3).
    Index("ix_orders_status", "status", "id"),
    Index("ix_orders_owner", "owner_id", "id"),
    Index("ix_orders_customer", "customer_code", "id"),
    Index("ix_orders_fingerprint", "fingerprint", "created_at"),
)

order_lines = Table(
    "order_lines", metadata,
    _id(),
    Column("order_id", Integer, ForeignKey("orders.id"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    _text("raw"),
    _text("part_number"),
    _text("part_name"),
    _text("unit"),
    _text("matched_by"),
    Column("quantity", Integer),
    Column("picked", Integer, nullable=False),
    Column("short", Integer, nullable=False),
)

order_revisions = Table(
    "order_revisions", metadata,
    _id(),
    _text("order_number", index=True),
    Column("revision", Integer, nullable=False),
    _text("field"),
    _text("old"),
    _text("new"),
    _text("by"),
    _text("how"),
    Column("at", UtcDateTime, nullable=False),
)

approval_requests = Table(
    "approval_requests", metadata,
    _id(),
    _text("order_number"),
    Column("revision", Integer, nullable=False),
    Column("step", EnumText(Step), nullable=False),
    Column("state", EnumText(RequestState), nullable=False),
    Column("audience", Json(), nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("escalated_to", Json(), nullable=False),
    Column("escalated_at", UtcDateTime),
    # A question about one state of an order is put once, however often the submit is repeated.
    UniqueConstraint("order_number", "revision", "step"),
    Index("ix_approval_requests_open", "due_at", **_only("state = 'open'")),
)

decisions = Table(
    "decisions", metadata,
    _id(),
    Column("request_id", Integer, ForeignKey("approval_requests.id"), nullable=False),
    _text("order_number", index=True),
    Column("step", EnumText(Step), nullable=False),
    Column("verdict", EnumText(Verdict), nullable=False),
    _text("by"),
    _text("by_name"),
    Column("platform", EnumText(PlatformName), nullable=False),
    _text("reason_code"),
    _text("note"),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("request_id"),  # Exactly one decision wins (law 2, F012).
)

# ---------------------------------------------------------------- stock

lots = Table(
    "lots", metadata,
    _id(),
    _text("lot_no", index=True),
    _text("part_number"),
    _text("warehouse"),
    _text("bin"),
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
    "allocations", metadata,
    _id(),
    _text("order_number", index=True),
    Column("line_id", Integer, nullable=False),
    Column("lot_id", Integer, ForeignKey("lots.id"), nullable=False, index=True),
    _text("lot_no"),
    _text("part_number"),
    _text("warehouse"),
    _text("bin"),
    Column("quantity", Integer, CheckConstraint("quantity >= 0", name="not_negative"), nullable=False),
    Column("state", EnumText(AllocationState), nullable=False),
    Column("pick_list_id", Integer),
)

stock_movements = Table(
    "stock_movements", metadata,
    _id(),
    Column("lot_id", Integer, ForeignKey("lots.id"), nullable=False, index=True),
    _text("lot_no"),
    _text("part_number"),
    _text("warehouse"),
    _text("bin"),
    Column("delta", Integer, nullable=False),
    _text("cause"),
    _text("ref"),
    _text("by"),
    Column("at", UtcDateTime, nullable=False),
)

# ---------------------------------------------------------------- waves

waves = Table(
    "waves", metadata,
    _id(),
    _text("key"),
    _text("number"),
    _text("warehouse"),
    _text("carrier"),
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
    "pick_lists", metadata,
    _id(),
    _text("number"),
    Column("wave_id", Integer, ForeignKey("waves.id"), nullable=False, index=True),
    _text("wave_number"),
    _text("warehouse"),
    Column("state", EnumText(PickListState), nullable=False),
    Column("cutoff_at", UtcDateTime, nullable=False),
    Column("orders", Json(), nullable=False),
    Column("route_m", Float, nullable=False),
    Column("route", Json(), nullable=False),
    Column("urgent", Boolean(), nullable=False),
    _text("claimed_by"),
    Column("claimed_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("version", Integer, nullable=False),
    UniqueConstraint("number"),  # A number names one tour for ever.
    Index("ix_pick_lists_state", "state", "warehouse"),
)

pick_tasks = Table(
    "pick_tasks", metadata,
    _id(),
    Column("pick_list_id", Integer, ForeignKey("pick_lists.id"), nullable=False, index=True),
    Column("stop", Integer, nullable=False),
    _text("order_number", index=True),
    Column("line_id", Integer, nullable=False),
    Column("allocation_id", Integer, nullable=False),
    _text("part_number"),
    _text("part_name"),
    _text("lot_no"),
    _text("bin"),
    Column("quantity", Integer, nullable=False),
    Column("picked", Integer, nullable=False),
    Column("state", EnumText(TaskState), nullable=False),
    _text("short_reason"),
)

# ---------------------------------------------------------------- expedite and deadlines

expedites = Table(
    "expedites", metadata,
    _id(),
    _text("order_number"),
    Column("level", EnumText(Level), nullable=False),
    Column("latest_ship_at", UtcDateTime, nullable=False),
    _text("reason_code"),
    _text("note"),
    _text("by"),
    _text("by_name"),
    Column("at", UtcDateTime, nullable=False),
    Column("state", EnumText(ExpediteState), nullable=False),
    _text("pickup_by"),
    _text("coordinated_by"),
    Column("escalated_at", UtcDateTime),
    # At most one live expedite per order: two people who call for help start one fuse.
    Index("uq_expedites_live", "order_number", unique=True, **_only("state = 'live'")),
)

deadlines = Table(
    "deadlines", metadata,
    _id(),
    Column("kind", EnumText(DeadlineKind), nullable=False),
    _text("ref"),
    _text("step"),
    Column("generation", Integer, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("state", EnumText(DeadlineState), nullable=False),
    Column("policy", Json(), nullable=False),
    Column("fired_at", UtcDateTime),
    _text("cancel_reason"),
    UniqueConstraint("kind", "ref", "step", "generation"),  # One obligation is armed once per generation.
    Index("ix_deadlines_due", "due_at", "id", **_only(ARMED)),
    Index("ix_deadlines_ref", "ref", "kind"),
)

# ---------------------------------------------------------------- evidence

timeline = Table(
    "timeline", metadata,
    _id(),
    _text("ref"),
    Column("seq", Integer, nullable=False),
    _text("action"),
    _text("actor"),
    _text("actor_name"),
    _text("channel"),
    _text("evidence"),
    Column("details", Json(), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    _text("prev_hash"),
    _text("hash"),
    UniqueConstraint("ref", "seq"),  # A chain has one link at each place: it can't fork (F013).
)

numbers = Table(
    "numbers", metadata,
    # One counter per prefix and day: no number is given out twice.
    _text("prefix", key=True),
    Column("day", Date, primary_key=True),
    Column("last", Integer, nullable=False),
)

expectations = Table(
    "expectations", metadata,
    _id(),
    _text("person_id"),
    _text("question"),
    _text("ref"),
    Column("args", Json(), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    UniqueConstraint("person_id"),  # A person is asked one thing at a time: “3” is never ambiguous.
)

attachments = Table(
    "attachments", metadata,
    _text("sha256", key=True),  # The same bytes are kept once.
    _text("kind"),
    _text("filename"),
    Column("size", Integer, nullable=False),
    _text("by"),
    Column("at", UtcDateTime, nullable=False),
)

# ---------------------------------------------------------------- outbound

outbox = Table(
    "outbox", metadata,
    _id(),
    _text("idem_key"),
    Column("kind", EnumText(DeliveryKind), nullable=False),
    Column("platform", EnumText(PlatformName), nullable=False),
    Column("recipients", Json(), nullable=False),
    _text("lane_key"),
    Column("priority", EnumInteger(Priority), nullable=False),
    Column("body", Json(), nullable=False),
    Column("state", EnumText(DeliveryState), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("available_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    _text("owner"),
    Column("lease_until", UtcDateTime),
    _text("provider_id"),
    Column("sent_at", UtcDateTime),
    _text("last_error"),
    UniqueConstraint("idem_key"),  # The same notice recorded twice is sent once.
    Index("ix_outbox_open", "priority", "id", **_only(OPEN_DELIVERY)),
    Index("ix_outbox_lane", "lane_key", "id", **_only(OPEN_DELIVERY)),
    Index("ix_outbox_next", "available_at", **_only(OPEN_DELIVERY)),
)

posted_cards = Table(
    "posted_cards", metadata,
    _id(),
    Column("platform", EnumText(PlatformName), nullable=False),
    _text("card_key"),
    Column("generation", Integer, nullable=False),
    _text("card_id"),
    Column("kind", EnumText(CardKind), nullable=False),
    _text("ref"),
    Column("recipients", Json(), nullable=False),
    _text("shown_digest"),
    _text("send_code"),
    Column("send_code_at", UtcDateTime),
    Column("closed", Boolean(), nullable=False),
    Column("posted_at", UtcDateTime),
    UniqueConstraint("platform", "card_id"),  # A press names one card.
    Index("ix_posted_cards_key", "platform", "card_key", "generation"),
    Index("ix_posted_cards_ref", "ref", "kind"),
)

click_codes = Table(
    "click_codes", metadata,
    _id(),
    _text("card_id", index=True),
    _text("code"),
    _text("by_account"),
    Column("received_at", UtcDateTime, nullable=False),
    Column("tried_at", UtcDateTime),
    Column("spent", Boolean(), nullable=False),
    UniqueConstraint("code"),  # A code is spent once, also when its press is delivered twice.
)

delivery_log = Table(
    "delivery_log", metadata,
    _id(),
    Column("outbox_id", Integer, ForeignKey("outbox.id"), nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    _text("result"),
    _text("errcode"),
    Column("latency_ms", Integer, nullable=False),
)

# ---------------------------------------------------------------- inbound

inbox = Table(
    "inbox", metadata,
    _id(),
    Column("platform", EnumText(PlatformName), nullable=False),
    _text("dedupe_key"),
    _text("conv_key"),
    _text("kind"),
    Column("payload", Json(), nullable=False),
    _text("raw_sha256"),
    Column("platform_at", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    UniqueConstraint("platform", "dedupe_key"),  # A message redelivered is worked on once.
)

inbox_work = Table(
    "inbox_work", metadata,
    # The hot table: a row is deleted when done, so a claim costs the same whatever the history.
    Column("inbox_id", Integer, ForeignKey("inbox.id"), primary_key=True, autoincrement=False),
    _text("conv_key"),
    _text("state"),
    Column("attempts", Integer, nullable=False),
    Column("available_at", UtcDateTime, nullable=False),
    _text("owner"),
    Column("lease_until", UtcDateTime),
    _text("last_error"),
    Index("ix_inbox_work_conv", "conv_key", "inbox_id"),
)

dead_letters = Table(
    "dead_letters", metadata,
    _id(),
    _text("source"),
    Column("source_id", Integer, nullable=False),
    _text("reason"),
    Column("payload", Json(), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("first_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    _text("resolved_by"),
    Column("resolved_at", UtcDateTime),
    _text("resolution"),
)
