"""Orders, approvals, expedites, deadlines, and the evidence they leave."""

from __future__ import annotations

from sqlalchemy import Column, Date, ForeignKey, Index, Integer, Table, UniqueConstraint

from core.approvals import RequestState, Step, Verdict
from core.deadlines import DeadlineKind, DeadlineState
from core.expedite import ExpediteState, Level
from core.orders import OrderStatus
from core.people import PlatformName
from storage.tables.columns import ARMED, id_column, metadata, only_where, text_column
from storage.types import EnumText, Json, UtcDateTime, finding_from

orders = Table(
    "orders",
    metadata,
    id_column(),
    text_column("number"),
    Column("status", EnumText(OrderStatus), nullable=False),
    text_column("owner_id"),
    Column("owner_platform", EnumText(PlatformName), nullable=False),
    text_column("owner_account"),
    Column("owner_at", UtcDateTime, nullable=False),
    text_column("source_key"),
    text_column("source_kind"),
    text_column("source_text"),
    text_column("attachment_sha256"),
    text_column("customer_code"),
    text_column("customer_name"),
    text_column("customer_matched_by"),
    text_column("region"),
    text_column("warehouse"),
    Column("due_at", UtcDateTime),
    Column("promised_at", UtcDateTime),
    Column("requirements", Json(), nullable=False),
    Column("findings", Json(finding_from), nullable=False),
    text_column("fingerprint"),
    text_column("expedite_level"),
    Column("latest_ship_at", UtcDateTime),
    text_column("left_out"),
    text_column("reject_reason"),
    text_column("reject_note"),
    Column("submitted_at", UtcDateTime),
    Column("approved_at", UtcDateTime),
    Column("shipped_at", UtcDateTime),
    text_column("waybill"),
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
    "order_lines",
    metadata,
    id_column(),
    Column("order_id", Integer, ForeignKey("orders.id"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    text_column("raw"),
    text_column("part_number"),
    text_column("part_name"),
    text_column("unit"),
    text_column("matched_by"),
    Column("quantity", Integer),
    Column("picked", Integer, nullable=False),
    Column("short", Integer, nullable=False),
)

order_revisions = Table(
    "order_revisions",
    metadata,
    id_column(),
    text_column("order_number", index=True),
    Column("revision", Integer, nullable=False),
    text_column("field"),
    text_column("old"),
    text_column("new"),
    text_column("by"),
    text_column("how"),
    Column("at", UtcDateTime, nullable=False),
)

approval_requests = Table(
    "approval_requests",
    metadata,
    id_column(),
    text_column("order_number"),
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
    Index("ix_approval_requests_open", "due_at", **only_where("state = 'open'")),
)

decisions = Table(
    "decisions",
    metadata,
    id_column(),
    Column("request_id", Integer, ForeignKey("approval_requests.id"), nullable=False),
    text_column("order_number", index=True),
    Column("step", EnumText(Step), nullable=False),
    Column("verdict", EnumText(Verdict), nullable=False),
    text_column("by"),
    text_column("by_name"),
    Column("platform", EnumText(PlatformName), nullable=False),
    text_column("reason_code"),
    text_column("note"),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("request_id"),  # Exactly one decision wins (law 2, F012).
)

expedites = Table(
    "expedites",
    metadata,
    id_column(),
    text_column("order_number"),
    Column("level", EnumText(Level), nullable=False),
    Column("latest_ship_at", UtcDateTime, nullable=False),
    text_column("reason_code"),
    text_column("note"),
    text_column("by"),
    text_column("by_name"),
    Column("at", UtcDateTime, nullable=False),
    Column("state", EnumText(ExpediteState), nullable=False),
    text_column("pickup_by"),
    text_column("coordinated_by"),
    Column("escalated_at", UtcDateTime),
    # At most one live expedite per order: two people who call for help start one fuse.
    Index("uq_expedites_live", "order_number", unique=True, **only_where("state = 'live'")),
)

deadlines = Table(
    "deadlines",
    metadata,
    id_column(),
    Column("kind", EnumText(DeadlineKind), nullable=False),
    text_column("ref"),
    text_column("step"),
    Column("generation", Integer, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("state", EnumText(DeadlineState), nullable=False),
    Column("policy", Json(), nullable=False),
    Column("fired_at", UtcDateTime),
    text_column("cancel_reason"),
    Column("attempts", Integer, nullable=False),
    Column("available_at", UtcDateTime, nullable=False),
    text_column("last_error"),
    UniqueConstraint("kind", "ref", "step", "generation"),  # One obligation is armed once per generation.
    Index("ix_deadlines_due", "due_at", "id", **only_where(ARMED)),
    Index("ix_deadlines_available", "available_at", "id", **only_where(ARMED)),
    Index("ix_deadlines_ref", "ref", "kind"),
)

timeline = Table(
    "timeline",
    metadata,
    id_column(),
    text_column("ref"),
    Column("seq", Integer, nullable=False),
    text_column("action"),
    text_column("actor"),
    text_column("actor_name"),
    text_column("channel"),
    text_column("evidence"),
    Column("details", Json(), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    text_column("prev_hash"),
    text_column("hash"),
    UniqueConstraint("ref", "seq"),  # A chain has one link at each place: it can't fork (F013).
)

numbers = Table(
    "numbers",
    metadata,
    # One counter per prefix and day: no number is given out twice.
    text_column("prefix", key=True),
    Column("day", Date, primary_key=True),
    Column("last", Integer, nullable=False),
)

expectations = Table(
    "expectations",
    metadata,
    id_column(),
    text_column("person_id"),
    text_column("question"),
    text_column("ref"),
    Column("args", Json(), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    UniqueConstraint("person_id"),  # A person is asked one thing at a time: “3” is never ambiguous.
)

attachments = Table(
    "attachments",
    metadata,
    text_column("sha256", key=True),  # The same bytes are kept once.
    text_column("kind"),
    text_column("filename"),
    Column("size", Integer, nullable=False),
    text_column("by"),
    Column("at", UtcDateTime, nullable=False),
)
