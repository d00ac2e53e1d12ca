"""Inner XML of callbacks and passive replies: built from plain dicts, read back into them."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree


def to_xml(fields: dict[str, Any]) -> str:
    """``<xml>…</xml>`` with text in CDATA and numbers bare; a list repeats its element, None is left out."""
    return f"<xml>{_children(fields)}</xml>"


def _children(fields: dict[str, Any]) -> str:
    return "".join(
        f"<{name}>{_value(item)}</{name}>"
        for name, value in fields.items()
        if value is not None
        for item in (value if isinstance(value, list) else [value])
    )


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return _children(value)
    if isinstance(value, (int, float)):
        return str(value)
    return f"<![CDATA[{str(value).replace(']]>', ']]]]><![CDATA[>')}]]>"


def parse(xml: bytes) -> ElementTree.Element:
    """The root of a passive reply.

    Raises:
        ValueError: not well formed, or with a document type (no reply of WeCom's has one).
    """
    if b"<!DOCTYPE" in xml:
        raise ValueError("a document type in the reply")
    try:
        return ElementTree.fromstring(xml)  # noqa: S314 - document types were refused above
    except ElementTree.ParseError as error:
        raise ValueError(f"not well formed: {error}") from error
