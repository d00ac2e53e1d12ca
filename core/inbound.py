"""What came in from a messenger, in words both messengers share."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.people import PlatformName


class MessageKind(StrEnum):
    TEXT = "text"
    IMAGE = "image"  # one or more pictures, possibly with text around them
    FILE = "file"
    VOICE = "voice"  # with ``text`` = recognised speech where the platform delivers it
    VIDEO = "video"
    LOCATION = "location"
    LINK = "link"
    PRESS = "press"  # a button or choice on a card
    MENU = "menu"  # an entry of the app menu; ``text`` = its key
    SCAN = "scan"  # a scanned code; ``text`` = its content without symbology prefix
    ENTER = "enter"  # the person opened the chat or was added
    QUOTA = "quota"  # DingTalk 20001: a message whose content was withheld
    OTHER = "other"  # understood as a frame, but of a kind nobody needs
    SYSTEM = "system"  # address-book and similar events; never from a person


@dataclass(frozen=True, kw_only=True)
class MediaRef:
    """A picture or file still at the platform. Downloaded at once when worked on; the handle dies in days."""

    handle: str
    """WeCom MediaId, DingTalk downloadCode."""
    kind: str
    """image, file, voice, video."""
    filename: str = ""
    robot_code: str = ""


@dataclass(frozen=True, kw_only=True)
class CardPress:
    """A press as the signed callback reports it. Nothing in it is trusted for authority."""

    card_id: str
    """WeCom TaskId, DingTalk outTrackId."""
    key: str
    """Button key, ``verb|ref|…|mac``."""
    selected: tuple[tuple[str, tuple[str, ...]], ...] = ()
    response_code: str = ""
    """WeCom: the one-shot code of this click (72 h)."""

    def choice(self, question: str) -> str:
        """First selected option of a selector, empty when none."""
        return next((ids[0] for key, ids in self.selected if key == question and ids), "")


@dataclass(frozen=True, kw_only=True)
class Inbound:
    """One inbound, parsed. ``dedupe_key`` and ``conv_key`` follow reliability section 3."""

    platform: PlatformName
    dedupe_key: str
    conv_key: str
    kind: MessageKind
    account: str
    """The sender's account on the platform (WeCom: case-folded userid)."""
    platform_at: datetime
    text: str = ""
    group: str = ""
    """Conversation id when it came from a group; empty in 1:1."""
    group_title: str = ""
    media: tuple[MediaRef, ...] = ()
    press: CardPress | None = None
    quoted: str = ""
    """Text of the message this one quotes."""
    nick: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    id: int | None = None
    """Row id in the inbox once stored."""


@dataclass(frozen=True, kw_only=True)
class RawInbound:
    """What the adapter hands to the ingest writer: enough to store it, before anything can go wrong."""

    platform: PlatformName
    dedupe_key: str
    conv_key: str
    kind: str
    payload: dict[str, Any]
    """The decrypted content as received; parsed later by the adapter's ``parse``."""
    platform_at: datetime
    raw_sha256: str = ""
