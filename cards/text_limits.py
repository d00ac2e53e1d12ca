"""Cutting text to what a platform shows or accepts, always with a visible “…” at the cut."""

from __future__ import annotations

ELLIPSIS = "…"


class CardDoesNotFit(ValueError):
    """A button or choice has no place on this platform's card; dropping it silently would mislead people."""


def cut_chars(text: str, n: int) -> str:
    """At most ``n`` characters; a longer text ends with “…”, which counts. Raises ValueError for n < 1."""
    if n < 1:
        raise ValueError("a cut text has room for at least one character")
    return text if len(text) <= n else text[: n - 1].rstrip() + ELLIPSIS


def cut_bytes(text: str, n: int) -> str:
    """At most ``n`` bytes of UTF-8, never half a character; a longer text ends with “…” (3 bytes).

    Raises ValueError for n < 3.
    """
    room = n - len(ELLIPSIS.encode())
    if room < 0:
        raise ValueError("a cut text has room for at least the ellipsis")
    raw = text.encode(errors="replace")
    return text if len(raw) <= n else raw[:room].decode(errors="ignore").rstrip() + ELLIPSIS
