"""The app's menu below the chat: its rules, and what each entry sends when it is tapped [90231, 90240]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulator.wecom.errors import defect

KEYED = frozenset(
    {
        "click",
        "scancode_push",
        "scancode_waitmsg",
        "pic_sysphoto",
        "pic_photo_or_album",
        "pic_weixin",
        "location_select",
    }
)
TYPES = KEYED | {"view", "view_miniprogram"}
TOP_MOST, SUB_MOST = 3, 5
TOP_NAME, SUB_NAME, KEY, URL = 16, 40, 128, 1024
"""Bytes. The 40 of sub names comes from the community, not from a page."""


@dataclass(frozen=True, kw_only=True)
class MenuEntry:
    """An entry that can be tapped; ``parent`` is the name of the top button it hides under."""

    agentid: int
    name: str
    type: str
    key: str
    """EventKey of the tap: the key, the url of view, the page of a mini program."""
    parent: str = ""


def read_menu(body: dict[str, Any], agentid: int) -> list[MenuEntry]:
    """Check a menu/create body and flatten it.

    Raises:
        ApiError: 40016/40023 counts, 40017/40024 types, 40018/40025 names, 40019/40026 keys,
            40020/40027 URLs.
    """
    tops = body.get("button")
    if not isinstance(tops, list) or not 1 <= len(tops) <= TOP_MOST:
        raise defect(40016, "1..3 top buttons")
    entries: list[MenuEntry] = []
    for top in tops:
        name = _sized(top, "name", TOP_NAME, 40018)
        subs = top.get("sub_button")
        if not subs:
            entries.append(_entry(top, name, agentid, first_code=40017))
            continue
        if not isinstance(subs, list) or len(subs) > SUB_MOST:
            raise defect(40023, "at most 5 sub buttons")
        for sub in subs:
            sub_name = _sized(sub, "name", SUB_NAME, 40025)
            entries.append(_entry(sub, sub_name, agentid, first_code=40024, parent=name))
    return entries


def _entry(button: dict[str, Any], name: str, agentid: int, *, first_code: int, parent: str = "") -> MenuEntry:
    kind = button.get("type")
    if kind not in TYPES:
        raise defect(first_code, f"type {kind!r}")
    key_code, url_code = (40019, 40020) if first_code == 40017 else (40026, 40027)
    if kind in KEYED:
        key = _sized(button, "key", KEY, key_code)
    elif kind == "view":
        key = _sized(button, "url", URL, url_code)
    else:
        _sized(button, "appid", URL, url_code)
        key = _sized(button, "pagepath", URL, url_code)
    return MenuEntry(agentid=agentid, name=name, type=str(kind), key=key, parent=parent)


def _sized(button: Any, field: str, most: int, code: int) -> str:
    value = button.get(field) if isinstance(button, dict) else None
    if not isinstance(value, str) or not value or len(value.encode()) > most:
        raise defect(code, f"{field} {value!r}, 1..{most} bytes")
    return value
