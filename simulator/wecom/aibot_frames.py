"""Frames of the long connection, and what the platform remembers of those it sent (wire 7.2)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from aiohttp import web

from simulator.wecom.errors import ApiError, defect

Body = dict[str, Any]
Kind = Literal["message", "enter_chat", "card", "other"]


@dataclass(kw_only=True, eq=False)
class AibotConnection:
    """One socket. ``live`` after subscribing; ``replaced``: a newer one has the bot; ``mute``: half-open."""

    socket: web.WebSocketResponse
    request: web.Request
    opened: float
    state: Literal["new", "live", "replaced", "mute"] = "new"
    pinged: float = 0.0
    used: set[str] = field(default_factory=set)
    """Ids of the bot's own requests."""


@dataclass(kw_only=True)
class Stream:
    """A reply that may still grow."""

    id: str
    began: datetime
    bubbles: list[str]
    finished: bool = False


@dataclass(kw_only=True)
class Issued:
    """A callback that went down: its req_id is the right to answer it."""

    kind: Kind
    connection: AibotConnection
    user: str
    chatid: str
    """Empty in single chats."""
    at: datetime
    """By the platform's clock: 24 hours to reply."""
    since: float
    """Real seconds: 5 for a greeting or a card."""
    task_id: str = ""
    answered: bool = False
    stream: Stream | None = None


@dataclass(frozen=True, kw_only=True)
class Up:
    """A frame of the bot."""

    cmd: str
    req_id: str
    body: Body


def read_up(text: str) -> Up:
    """Raises ApiError (a defect) for what no correct client sends."""
    try:
        frame = json.loads(text)
    except ValueError:
        raise defect(40035, "the frame is no JSON") from None
    headers = frame.get("headers") if isinstance(frame, dict) else None
    req_id = headers.get("req_id") if isinstance(headers, dict) else None
    if not isinstance(req_id, str) or not req_id or not isinstance(frame.get("cmd"), str):
        raise defect(40035, "a frame has cmd and headers.req_id")
    body = frame.get("body", {})
    if not isinstance(body, dict):
        raise defect(40035, "body is no object")
    return Up(cmd=frame["cmd"], req_id=req_id, body=body)


def down(cmd: str, req_id: str, body: Body) -> Body:
    return {"cmd": cmd, "headers": {"req_id": req_id}, "body": body}


def ack(req_id: str, body: Body | None = None, error: ApiError | None = None) -> Body:
    """Answers carry no cmd."""
    result: Body = {"errcode": 0, "errmsg": "ok"} if error is None else dict(error.answer())
    return {"headers": {"req_id": req_id}, **result, **({"body": body} if body else {})}
