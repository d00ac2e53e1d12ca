"""The frames of the long connection: requests with an id of ours, callbacks with one of theirs (wire 7.2)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import uuid4

from bot.plain_json import read_json


class Cmd(StrEnum):
    SUBSCRIBE = "aibot_subscribe"  # ours: who we are
    PING = "ping"  # ours, every 30 s
    MESSAGE = "aibot_msg_callback"  # theirs: somebody wrote
    EVENT = "aibot_event_callback"  # theirs: somebody came in, or another connection took over
    RESPOND = "aibot_respond_msg"  # ours, with the req_id of the message
    WELCOME = "aibot_respond_welcome_msg"  # ours, with the req_id of enter_chat, within 5 s


ENTER_CHAT = "enter_chat"
DISCONNECTED = "disconnected_event"


class BadFrame(ValueError):
    """A frame that cannot be understood: no JSON object, or no req_id."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One frame. ``cmd`` is empty for the answers to our requests."""

    cmd: str
    req_id: str
    body: dict[str, Any] = field(default_factory=dict)
    errcode: int = 0
    errmsg: str = ""

    @property
    def event(self) -> str:
        """The kind of an event callback, empty for everything else."""
        event = self.body.get("event")
        return str(event.get("eventtype", "")) if isinstance(event, dict) else ""

    def text(self) -> str:
        sent: dict[str, Any] = {"cmd": self.cmd, "headers": {"req_id": self.req_id}}
        return json.dumps({**sent, "body": self.body} if self.body else sent, ensure_ascii=False)


def request(cmd: Cmd, body: dict[str, Any] | None = None) -> Frame:
    """A frame of our own under a new id; the prefix tells it in a log."""
    return Frame(cmd=cmd, req_id=f"{cmd}_{uuid4().hex}", body=body or {})


def said(cmd: Cmd, req_id: str, text: str) -> Frame:
    """An answer in words under the id of what it answers.

    A greeting is a text [101031]. Everything else is a stream that ends with its first frame: the one kind every
    page and every client agrees on.
    """
    if cmd is Cmd.WELCOME:
        return Frame(cmd=cmd, req_id=req_id, body={"msgtype": "text", "text": {"content": text}})
    stream = {"id": f"s{uuid4().hex}", "finish": True, "content": text}
    return Frame(cmd=cmd, req_id=req_id, body={"msgtype": "stream", "stream": stream})


def read_frame(text: str) -> Frame:
    """Parse one text frame. Raises BadFrame."""
    try:
        frame = read_json(text)
    except ValueError as error:
        raise BadFrame("not JSON") from error
    headers = frame.get("headers") if isinstance(frame, dict) else None
    req_id = headers.get("req_id") if isinstance(headers, dict) else None
    if not isinstance(req_id, str) or not req_id:
        raise BadFrame("no req_id")
    body, errcode = frame.get("body"), frame.get("errcode", 0)
    return Frame(
        cmd=str(frame.get("cmd") or ""),
        req_id=req_id,
        body=body if isinstance(body, dict) else {},
        errcode=errcode if isinstance(errcode, int) else -1,
        errmsg=str(frame.get("errmsg", "")),
    )
