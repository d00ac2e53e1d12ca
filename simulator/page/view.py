"""Phones, wire and clock as JSON for the page."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zlib import crc32

from simulator.clock import CHINA
from simulator.personas import phone_id
from simulator.wecom.menu import MenuEntry
from simulator.world import Persona, PhoneButton, PhoneChoice, PhoneMessage, WireEntry

PLAIN_MOST = 20_000
"""Characters of decrypted content that one wire row carries to the page."""

Json = dict[str, Any]


def persona(person: Persona) -> Json:
    return {
        "id": phone_id(person),
        "platform": person.platform,
        "user": person.user,
        "name": person.name,
        "role": person.role,
    }


def message(shown: PhoneMessage, phone: str) -> Json:
    """A bubble; its picture is named by an address that changes with the picture."""
    return {
        "id": shown.id,
        "at": _time(shown.at),
        "mine": shown.from_me,
        "kind": shown.kind,
        "text": shown.text,
        "title": shown.title,
        "facts": shown.facts,
        "markdown": shown.markdown,
        "image": _image(shown, phone),
        "filename": shown.filename,
        "buttons": [_button(button) for button in shown.buttons],
        "choices": [_choice(choice) for choice in shown.choices],
        "submit": _button(shown.submit) if shown.submit else None,
        "link": shown.link,
        "card": shown.card_id,
        "toast": shown.toast,
        "version": shown.version,
    }


def menu(entries: list[MenuEntry]) -> list[Json]:
    return [{"name": entry.name, "parent": entry.parent, "key": entry.key, "kind": entry.type} for entry in entries]


def wire(entry: WireEntry, took_ms: int | None) -> Json:
    return {
        "id": entry.id,
        "at": f"{entry.at.astimezone(CHINA):%H:%M:%S}",
        "platform": entry.platform,
        "direction": entry.direction,
        "label": entry.label,
        "encrypted": entry.encrypted,
        "plain": plain(entry.plain),
        "status": entry.status,
        "note": entry.note,
        "took": took_ms,
    }


def plain(content: Any) -> str:
    """Content as text: JSON indented, XML as it is, never longer than the page can bear."""
    if content is None:
        return ""
    if isinstance(content, bytes):
        content = content.decode(errors="replace")
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=2, default=str)
    return text if len(text) <= PLAIN_MOST else text[:PLAIN_MOST] + "…"


def _time(at: datetime) -> str:
    return f"{at.astimezone(CHINA):%m-%d %H:%M}"


def _image(shown: PhoneMessage, phone: str) -> str:
    if not shown.image:
        return ""
    return f"/sim/media/{quote(phone, safe='')}/{quote(shown.id, safe='')}?v={crc32(shown.image):08x}"


def _button(button: PhoneButton) -> Json:
    return {
        "key": button.key,
        "text": button.text,
        "style": button.style,
        "disabled": button.disabled,
        "url": button.url,
        "menu": button.menu,
    }


def _choice(choice: PhoneChoice) -> Json:
    return {
        "key": choice.key,
        "title": choice.title,
        "options": [{"id": option, "text": text} for option, text in choice.options],
        "selected": choice.selected,
        "multi": choice.multi,
        "disabled": choice.disabled,
    }
