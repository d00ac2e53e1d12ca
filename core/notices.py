"""What must be told to whom, recorded in the transaction that caused it and sent later by the outbox."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any

from core.people import PlatformName


class Priority(IntEnum):
    """Lanes of the outbox, most urgent first (reliability section 6)."""

    EXPEDITE = 0  # expedite and escalation
    RECEIPT = 1  # answers to something a person just did
    APPROVAL = 2  # approval cards
    PICK = 3  # pick lists and maps
    DIGEST = 4  # everything that can wait


class CardKind(StrEnum):
    """Cards by what they show. The builder of each lives in ``cards/`` and renders current state at send time."""

    DRAFT = "draft"  # ref order number: the first responsible person corrects and submits; later the order's state
    APPROVAL = "approval"  # ref approval request id: 通过 / 驳回
    REJECT_REASON = "reject_reason"  # ref request id: choice of reason
    ORDER = "order"  # ref order number: state, owner, next step, deadline
    PICK_LIST = "pick_list"  # ref pick list number: the offer to all pickers of the warehouse, who has claimed it
    PICK_STOP = "pick_stop"  # ref pick list number: the claimer's card, one stop at a time
    SHORT_REASON = "short_reason"  # ref pick list number: choice of short-pick reason for the current stop
    EXPEDITE_REASON = "expedite_reason"  # ref order number: one of the twelve reasons
    EXPEDITE_TERMS = "expedite_terms"  # ref {order number}:{reason code}: level and latest ship time
    EXPEDITE = "expedite"  # ref order number: what the fuse has started
    PICKUP = "pickup"  # ref order number: logistics' pickup card with map link
    ESCALATION = "escalation"  # ref order number or request id: a director's card


class DeliveryKind(StrEnum):
    CARD = "card"
    TEXT = "text"
    IMAGE = "image"
    FILE = "file"


class DeliveryState(StrEnum):
    READY = "ready"  # waits for its time and its turn in the lane
    LEASED = "leased"  # a sender has it
    SENT = "sent"  # the platform accepted it
    SUPERSEDED = "superseded"  # a newer state of the same card was shown instead
    DEAD = "dead"  # given up: parked for an administrator


@dataclass(kw_only=True)
class Delivery:
    """A row of the outbox. ``idem_key`` is unique: recording the same notice twice sends it once."""

    idem_key: str
    kind: DeliveryKind
    platform: PlatformName
    recipients: list[str]
    """Accounts on that platform. A card is shared by all of them; a text or picture goes to each."""
    lane_key: str
    """``card:{platform}:{card_key}``, ``to:{platform}:{account}`` or, for expedites and escalations, the same with
    ``:urgent``: strictly in order inside a lane."""
    priority: Priority
    body: dict[str, Any] = field(default_factory=dict)
    """card: {kind, ref, key}; text: {sentence, args}; image/file: {source, ref, caption}."""
    state: DeliveryState = DeliveryState.READY
    attempts: int = 0
    available_at: datetime
    created_at: datetime
    owner: str = ""
    lease_until: datetime | None = None
    provider_id: str = ""
    sent_at: datetime | None = None
    last_error: str = ""
    unsure: bool = False
    """An earlier try may have reached the platform although nobody heard its answer: the next one is a repeat."""
    give_up_at: datetime | None = None
    """Set by the first try that failed; afterwards this channel is no longer tried (reliability section 6, retry)."""
    id: int | None = None


UNKEYED = frozenset(
    (PlatformName.DINGTALK, kind) for kind in (DeliveryKind.TEXT, DeliveryKind.IMAGE, DeliveryKind.FILE)
)
"""Channels where the platform has no key against doubles: oToMessages/batchSend knows none (wire/dingtalk 5.2), so a
repeat after an unknown outcome may be seen twice, says so, and few are in the air at once. All others are keyed:
cards by task_id and outTrackId, WeCom's texts and pictures by the duplicate check over their body [90236]."""


@dataclass(kw_only=True)
class PostedCard:
    """A card that stands in people's chats, and the handles to repaint it (law 3, the code ledger of §5).

    The row is written with the change that wants the card shown, before anything is sent: so a later change always
    finds every copy, also one that is in mid-send.

    Unique on (platform, card_id). ``card_key`` is ``{kind}:{ref}[:{audience}]``; ``generation`` rises when a
    fresh copy had to be sent because the old one could not be repainted any more.
    """

    platform: PlatformName
    card_key: str
    generation: int
    card_id: str
    """WeCom task_id / DingTalk outTrackId, derived from the delivery's key."""
    kind: CardKind
    ref: str
    recipients: list[str]
    shown_digest: str = ""
    """Digest of the payload on the screens: an update to the same content is not sent."""
    send_code: str = ""
    send_code_at: datetime | None = None
    closed: bool = False
    """Shows a terminal state without live buttons."""
    posted_at: datetime | None = None
    """None: recorded with the transaction that wants it shown, not yet at the platform."""
    id: int | None = None


@dataclass(frozen=True, kw_only=True)
class Painted:
    """What a card shows since a send or the answer to a press. With ``posted_at`` the platform has taken it anew."""

    platform: PlatformName
    card_id: str
    digest: str
    closed: bool
    posted_at: datetime | None = None
    send_code: str = ""
    """The one-shot code that came with a new card; needs ``posted_at``."""
    spent: str = ""
    """The one-shot code that the repaint used up."""


@dataclass(kw_only=True)
class ClickCode:
    """A WeCom response_code brought by a click: usable once, within 72 h."""

    card_id: str
    code: str
    by_account: str
    received_at: datetime
    tried_at: datetime | None = None
    tried_for: str = ""
    """Digest of the state the last try wanted to show: a code found spent after a try of unknown outcome shows it."""
    spent: bool = False
    id: int | None = None


@dataclass(kw_only=True)
class Expectation:
    """“回复 1–n”: the next short reply of this person within ten minutes answers this question."""

    person_id: str
    question: str
    """reject_reason, reject_note, short_reason, expedite_reason, duplicate, choose_draft."""
    ref: str
    args: dict[str, Any] = field(default_factory=dict)
    expires_at: datetime
    id: int | None = None
