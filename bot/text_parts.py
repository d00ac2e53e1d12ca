"""Long texts in several messages, cut the same way each time, so that a repeat is byte for byte the same."""

from __future__ import annotations

from handlers.texts import MOST_BYTES


def split(text: str) -> list[str]:
    """Parts of at most 2048 bytes, cut at line ends where possible: both messengers cut longer texts silently."""
    parts: list[str] = []
    current: str | None = None
    for piece in (short for line in text.split("\n") for short in _short_pieces(line)):
        candidate = piece if current is None else f"{current}\n{piece}"
        if len(candidate.encode()) <= MOST_BYTES:
            current = candidate
            continue
        parts.append(current or "")
        current = piece
    return [*parts, current or ""]


def _short_pieces(line: str) -> list[str]:
    """A line that is longer than a message, cut between characters."""
    pieces: list[str] = []
    rest = line
    while len(rest.encode()) > MOST_BYTES:
        head = rest.encode()[:MOST_BYTES].decode(errors="ignore")
        pieces.append(head)
        rest = rest[len(head) :]
    return [*pieces, rest]
