"""JSON of a stranger, made fit to be kept: not too deep, and every text one that a database takes.

A pasted emoji cut in half (a lone surrogate) or a NUL would otherwise come back as an error from PostgreSQL, after
which the platform sends the same frame again and again; deep nesting ends in a RecursionError wherever it is walked.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

MOST_DEPTH = 32
"""The deepest real payload, a quoted rich text inside a card's content, nests nine."""
LONGEST_KEY = 300
"""Characters; real keys have up to about 150."""


def read_json(text: str) -> Any:
    """The value. Raises ValueError for what is no JSON, or nested deeper than any payload is."""
    try:
        value = json.loads(text, parse_constant=lambda _: None)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return _fit(value, MOST_DEPTH)


def fit_text(text: str) -> str:
    """Without NUL; half a surrogate pair is shown as the replacement character."""
    return text.replace("\0", "").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def bounded_key(key: str) -> str:
    """A key that an index takes (PostgreSQL: 2,704 bytes), whatever a stranger put into it; the same for the same."""
    return key if len(key) <= LONGEST_KEY else f"{key[:80]}#{hashlib.sha256(key.encode()).hexdigest()}"


def _fit(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return fit_text(value) if "\0" in value or not value.isascii() else value
    if isinstance(value, list | dict):
        if depth == 0:
            raise ValueError("nested too deep")
        if isinstance(value, list):
            return [_fit(item, depth - 1) for item in value]
        return {_fit(name, 0): _fit(item, depth - 1) for name, item in value.items()}
    return value
