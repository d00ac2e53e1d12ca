"""What comes in and what goes out."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, UniqueConstraint

from core.notices import CardKind, DeliveryKind, DeliveryState, Priority
from core.people import PlatformName
from storage.tables.columns import LEASED_WORK, OPEN_DELIVERY, id_column, metadata, only_where, text_column
from storage.types import EnumInteger, EnumText, Json, UtcDateTime

inbox = Table(
    "inbox",
    metadata,
    id_column(),
    Column("platform", EnumText(PlatformName), nullable=False),
    text_column("dedupe_key"),
    text_column("conv_key"),
    text_column("kind"),
    Column("payload", Json(), nullable=False),
    text_column("raw_sha256"),
    Column("platform_at", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    UniqueConstraint("platform", "dedupe_key"),  # A message redelivered is worked on once.
)

inbox_work = Table(
    "inbox_work",
    metadata,
    # The hot table: a row is deleted when done, so a claim costs the same whatever the history.
    Column("inbox_id", Integer, ForeignKey("inbox.id"), primary_key=True, autoincrement=False),
    text_column("conv_key"),
    # A conversation is worked in the order in which people wrote: rows from a spool arrive late.
    Column("platform_at", UtcDateTime, nullable=False),
    text_column("state"),
    Column("attempts", Integer, nullable=False),
    Column("available_at", UtcDateTime, nullable=False),
    text_column("owner"),
    Column("lease_until", UtcDateTime),
    text_column("last_error"),
    Index("ix_inbox_work_conv", "conv_key", "platform_at", "inbox_id"),
    Index("ix_inbox_work_leased", "conv_key", **only_where(LEASED_WORK)),
)

spool_marks = Table(
    "spool_marks",
    metadata,
    # A replica that is bringing its spool in: what people wrote after ``oldest_at`` is not worked before ``until``.
    text_column("replica", key=True),
    Column("oldest_at", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    id_column(),
    text_column("source"),
    Column("source_id", Integer, nullable=False),
    text_column("reason"),
    Column("payload", Json(), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("first_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    text_column("resolved_by"),
    Column("resolved_at", UtcDateTime),
    text_column("resolution"),
)

outbox = Table(
    "outbox",
    metadata,
    id_column(),
    text_column("idem_key"),
    Column("kind", EnumText(DeliveryKind), nullable=False),
    Column("platform", EnumText(PlatformName), nullable=False),
    Column("recipients", Json(), nullable=False),
    text_column("lane_key"),
    Column("priority", EnumInteger(Priority), nullable=False),
    Column("body", Json(), nullable=False),
    Column("state", EnumText(DeliveryState), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("available_at", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    text_column("owner"),
    Column("lease_until", UtcDateTime),
    text_column("provider_id"),
    Column("sent_at", UtcDateTime),
    text_column("last_error"),
    Column("unsure", Boolean(), nullable=False),
    Column("give_up_at", UtcDateTime),
    UniqueConstraint("idem_key"),  # The same notice recorded twice is sent once.
    Index("ix_outbox_open", "priority", "id", **only_where(OPEN_DELIVERY)),
    Index("ix_outbox_lane", "lane_key", "id", **only_where(OPEN_DELIVERY)),
    Index("ix_outbox_next", "available_at", **only_where(OPEN_DELIVERY)),
)

posted_cards = Table(
    "posted_cards",
    metadata,
    id_column(),
    Column("platform", EnumText(PlatformName), nullable=False),
    text_column("card_key"),
    Column("generation", Integer, nullable=False),
    text_column("card_id"),
    Column("kind", EnumText(CardKind), nullable=False),
    text_column("ref"),
    Column("recipients", Json(), nullable=False),
    text_column("shown_digest"),
    text_column("send_code"),
    Column("send_code_at", UtcDateTime),
    Column("closed", Boolean(), nullable=False),
    Column("posted_at", UtcDateTime),
    UniqueConstraint("platform", "card_id"),  # A press names one card.
    Index("ix_posted_cards_key", "platform", "card_key", "generation"),
    Index("ix_posted_cards_ref", "ref", "kind"),
)

click_codes = Table(
    "click_codes",
    metadata,
    id_column(),
    text_column("card_id", index=True),
    text_column("code"),
    text_column("by_account"),
    Column("received_at", UtcDateTime, nullable=False),
    Column("tried_at", UtcDateTime),
    text_column("tried_for"),
    Column("spent", Boolean(), nullable=False),
    UniqueConstraint("code"),  # A code is spent once, also when its press is delivered twice.
)

leases = Table(
    "leases",
    metadata,
    text_column("name", key=True),  # One owner per job: two replicas never both hold the aibot's connection.
    text_column("owner"),
    Column("until", UtcDateTime, nullable=False),
)

delivery_log = Table(
    "delivery_log",
    metadata,
    id_column(),
    Column("outbox_id", Integer, ForeignKey("outbox.id"), nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    text_column("result"),
    text_column("errcode"),
    Column("latency_ms", Integer, nullable=False),
)
