"""Reading fields of a payload nobody promised the types of, and the text people really typed."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from bot.plain_json import read_json

ZERO_WIDTH = re.compile("[\u200b-\u200f\u2060\u2061-\u2064\ufeff\u00ad\u202a-\u202e\u2066-\u2069]")
MENTION = re.compile(r"^\s*[@＠]\S+(?:\s+|$)")


def text_of(value: Any) -> str:
    """The value when it is a text, else empty."""
    return value if isinstance(value, str) else ""


def object_of(value: Any) -> dict[str, Any]:
    """The value when it is an object, also one that travels as JSON text; else empty."""
    if isinstance(value, str):
        try:
            value = read_json(value)
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def moment(milliseconds: Any, fallback: datetime) -> datetime:
    """A platform time in milliseconds; ``fallback`` when it is absent or absurd."""
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return fallback


def typed(text: str, *, in_group: bool) -> str:
    """What the person meant to say: invisible characters and, in a group, the leading @name removed.

    HarmonyOS clients repeat the mention although the platform has already taken it away (wire/dingtalk 3).
    """
    clean = ZERO_WIDTH.sub("", text)
    while in_group and (match := MENTION.match(clean)):
        clean = clean[match.end() :]
    return clean.strip()
