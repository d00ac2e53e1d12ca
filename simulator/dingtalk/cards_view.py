"""Bubbles and cards as a phone shows them."""

from __future__ import annotations

import json
import re
from typing import Any

from simulator.dingtalk.cards import Card, Template
from simulator.dingtalk.files import Files
from simulator.dingtalk.phones import Bubble
from simulator.world import PhoneButton, PhoneMessage

STYLES = {"blue": "primary", "red": "negative", "gray": "neutral", "grey": "neutral"}
MEDIA_IN_MARKDOWN = re.compile(r"!\[[^\]]*\]\((@[^)\s]+)\)")


def phone_message(bubble: Bubble, user: str, files: Files) -> PhoneMessage:
    """The bubble as ``user`` sees it now."""
    if bubble.card is not None:
        return _card_message(bubble, bubble.card, user, files)
    return PhoneMessage(
        id=bubble.id,
        at=bubble.at,
        from_me=bubble.author == user,
        kind=bubble.kind,
        text=bubble.text,
        title=bubble.title or ("" if bubble.author == user else bubble.author_name),
        markdown=bubble.markdown,
        image=bubble.image or _image_in(bubble.markdown, files),
        filename=bubble.filename,
        buttons=list(bubble.buttons),
        link=bubble.link,
    )


def _card_message(bubble: Bubble, card: Card, user: str, files: Files) -> PhoneMessage:
    values = card.values_for(user)
    markdown = values.get("markdown", "")
    return PhoneMessage(
        id=bubble.id,
        at=bubble.at,
        from_me=False,
        kind="card",
        title=values.get("title", ""),
        text="\n".join(part for part in (bubble.mention, values.get("tips", "")) if part),
        markdown=markdown,
        facts=[(label, values[name]) for label, name in card.template.facts if values.get(name)],
        image=_image_in(markdown, files),
        buttons=[button for button, _ in buttons_of(card.template, values)],
        card_id=card.out_track_id,
        toast=card.toasts.get(user, ""),
        version=card.version_for(user),
    )


def _image_in(markdown: str, files: Files) -> bytes:
    found = MEDIA_IN_MARKDOWN.search(markdown)
    stored = files.media(found.group(1)) if found else None
    return stored.data if stored else b""


def buttons_of(template: Template, values: dict[str, str]) -> list[tuple[PhoneButton, dict[str, Any]]]:
    """The buttons on a copy with the params each of them would send."""
    if template.buttons is not None:
        return [
            (PhoneButton(key=b.action_id, text=b.text, style=b.style), dict(b.params))
            for b in template.buttons
            if not b.shown_when or values.get(b.shown_when) == "true"
        ]
    return [shown for entry in _data_buttons(values) if (shown := _data_button(entry)) is not None]


def full_json_problem(values: dict[str, str]) -> str:
    """What makes the public template show no buttons: empty when all is well."""
    text = values.get("sys_full_json_obj", "")
    if not text:
        return ""
    try:
        content = json.loads(text)
    except ValueError:
        return "sys_full_json_obj is not JSON (cut in the middle?): the card has no buttons"
    entries = content.get("msgButtons", []) if isinstance(content, dict) else None
    if not isinstance(entries, list):
        return "sys_full_json_obj holds no msgButtons list"
    for entry in entries:
        if not isinstance(entry, dict) or _data_button(entry) is None:
            return f"a button in sys_full_json_obj neither calls back nor opens a page: {entry!r}"
    return ""


def _data_buttons(values: dict[str, str]) -> list[dict[str, Any]]:
    try:
        content = json.loads(values.get("sys_full_json_obj") or "{}")
    except ValueError:
        return []
    entries = content.get("msgButtons", []) if isinstance(content, dict) else []
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _data_button(entry: dict[str, Any]) -> tuple[PhoneButton, dict[str, Any]] | None:
    text, key = str(entry.get("text", "")), str(entry.get("id", ""))
    style = STYLES.get(str(entry.get("color", "")), "neutral")
    params = entry.get("params", {})
    if entry.get("request") is True or entry.get("actionType") == "callback":
        if not key or not text or not isinstance(params, dict):
            return None
        return PhoneButton(key=key, text=text, style=style), dict(params)
    url = str(entry.get("url") or entry.get("iosUrl") or "")
    if not url or not text:
        return None
    return PhoneButton(key=key or text, text=text, style=style, url=url), {}
