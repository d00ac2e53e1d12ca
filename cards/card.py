"""The neutral card: one model, two renderers (chat.md section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.notices import CardKind


class Style(StrEnum):
    PRIMARY = "primary"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"


@dataclass(frozen=True, kw_only=True)
class Button:
    """``key`` calls back; a button with ``url`` opens a page instead."""

    text: str
    key: str = ""
    url: str = ""
    style: Style = Style.NEUTRAL


@dataclass(frozen=True, kw_only=True)
class Option:
    id: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A single choice. WeCom: drop-down, check list or selector; DingTalk: buttons, or a numbered list to reply to."""

    key: str
    title: str
    options: tuple[Option, ...]
    selected: str = ""


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a person sees. Emphasis order: title (what and who), subtitle (what to decide), facts, body, buttons.

    ``closed_text`` (≤ 10 characters, e.g. “主管A已同意”) greys the buttons: the card is terminal and keeps its
    facts. ``submit`` with ``choices``: the card asks for choices and has that one button. A renderer must never
    drop a button silently: it fails when a limit cannot be kept by truncating text.
    """

    kind: CardKind
    ref: str
    source: str
    """Small line on top: “接单 · 技术确认”."""
    title: str
    subtitle: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    """At most 6 are shown as rows on WeCom; further ones go to the body."""
    body: str = ""
    choices: tuple[Choice, ...] = ()
    buttons: tuple[Button, ...] = ()
    """At most 2 primary ones by design (I10)."""
    more: tuple[Button, ...] = ()
    """“更多”: at most 4."""
    submit: Button | None = None
    link: str = ""
    """Page of the record behind the card (I11), empty when no public URL is configured."""
    picture: str = ""
    """Address of a picture (WeCom: width over height between 1.3 and 2.25): a card that only tells may carry one."""
    closed_text: str = ""
    alert: str = ""
    """Short text for the notification list."""
    passing: bool = False
    """A state on the way: nobody has to act on this copy, and another state will follow."""
    numbered_reply: bool = False
    """DingTalk, too many options for buttons: options are listed with numbers to reply (chat.md section 4)."""
