"""What a stored message shows on an administrator's page: readable, without phone numbers, addresses and codes."""

from __future__ import annotations

import re
from typing import Any

MOBILE = re.compile(r"(?<!\d)(1[3-9]\d)\d{4}(\d{4})(?!\d)")
LANDLINE = re.compile(r"(?<!\d)(0\d{2,3}-?)\d{4}(\d{3,4})(?!\d)")
STREET = re.compile(r"([^\s,,。;;::\"]{0,8}?[路街道巷弄])\d+号[^\s,,。;;\"]*")
NAMED_ADDRESS = re.compile(r"(地址[::]?\s*)[^\s,,。;;\"]+")
SECRET_NAME = re.compile(r"webhook|token|code$|secret|media_?id|cipher|ticket", re.IGNORECASE)
HIDDEN = "…"


def masked(text: str) -> str:
    """``13812345678`` → ``138****5678``; house numbers and what follows them are left out."""
    text = MOBILE.sub(r"\1****\2", text)
    text = LANDLINE.sub(r"\1****\2", text)
    text = NAMED_ADDRESS.sub(rf"\1{HIDDEN}", text)
    return STREET.sub(rf"\1{HIDDEN}", text)


def masked_tree(value: Any, name: str = "") -> Any:
    """The same for everything inside; what is called a code, token or handle is hidden whole."""
    if isinstance(value, dict):
        return {k: masked_tree(v, str(k)) for k, v in value.items()}
    if isinstance(value, list):
        return [masked_tree(v, name) for v in value]
    if SECRET_NAME.search(name) and value not in ("", None):
        return HIDDEN
    return masked(value) if isinstance(value, str) else value


def words_in(value: Any) -> str:
    """The text a person typed, wherever the messenger put it; empty when there is none."""
    if isinstance(value, dict):
        for name in ("Content", "content", "text", "recognition"):
            if isinstance(value.get(name), str):
                return str(value[name])
        return next((found for v in value.values() if (found := words_in(v))), "")
    if isinstance(value, list):
        return " ".join(found for v in value if (found := words_in(v)))
    return ""
