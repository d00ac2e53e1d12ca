"""What the bot and its reading child say to each other over a pair of pipes.

A frame is two big-endian 32-bit lengths, a JSON head and a body of raw bytes. JSON, never pickle: the child
handles files of strangers and must not be able to hand objects back.
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

from core.reading.words import Quad, ReadPage, Word

LENGTHS = struct.Struct(">II")
MAX_HEAD = 64 * 1024 * 1024
MAX_BODY = 64 * 1024 * 1024


def pack(head: dict[str, Any], body: bytes = b"") -> bytes:
    """One frame."""
    text = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
    return LENGTHS.pack(len(text), len(body)) + text + body


def unpack_lengths(prefix: bytes) -> tuple[int, int]:
    """Lengths of head and body. Raises ValueError when they are absurd, that is when the stream is out
    of step."""
    head, body = LENGTHS.unpack(prefix)
    if head > MAX_HEAD or body > MAX_BODY:
        raise ValueError(f"frame of {head} + {body} bytes")
    return head, body


def receive(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """The next frame of a blocking stream, or None at its end."""
    prefix = stream.read(LENGTHS.size)
    if len(prefix) < LENGTHS.size:
        return None
    head, body = unpack_lengths(prefix)
    return json.loads(stream.read(head)), stream.read(body)


def page_to_json(page: ReadPage) -> dict[str, Any]:
    """A page as plain JSON."""
    return {
        "width": page.width,
        "height": page.height,
        "source": page.source,
        "number": page.number,
        "turned": page.turned,
        "name": page.name,
        "words": [[w.text, w.box, w.score, w.stained, w.kind] for w in page.words],
    }


def page_from_json(data: dict[str, Any]) -> ReadPage:
    """The page back again."""
    number = int(data["number"])
    words = tuple(
        Word(text=text, box=_quad(box), score=score, page=number, stained=stained, kind=kind)
        for text, box, score, stained, kind in data["words"]
    )
    return ReadPage(
        width=data["width"],
        height=data["height"],
        words=words,
        source=data["source"],
        number=number,
        turned=data["turned"],
        name=data["name"],
    )


def _quad(box: list[list[float]]) -> Quad:
    a, b, c, d = ((float(x), float(y)) for x, y in box)
    return (a, b, c, d)
