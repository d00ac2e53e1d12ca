"""The frames of the stream: what comes down, and the acks that go up (wire/dingtalk 1.2, 1.3)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bot.plain_json import read_json

ROBOT_TOPIC = "/v1.0/im/bot/messages/get"
CARD_TOPIC = "/v1.0/card/instances/callback"
SUBSCRIPTIONS: tuple[dict[str, str], ...] = (
    {"type": "EVENT", "topic": "*"},
    {"type": "CALLBACK", "topic": ROBOT_TOPIC},
    {"type": "CALLBACK", "topic": CARD_TOPIC},
)


class BadFrame(ValueError):
    """A frame that cannot even be acknowledged: no JSON object, or no messageId."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One frame from the gateway. ``data`` is the JSON text as it came."""

    type: str
    topic: str
    message_id: str
    headers: dict[str, Any]
    data: str

    @property
    def time_ms(self) -> Any:
        return self.headers.get("time")

    def content(self) -> dict[str, Any]:
        """The object inside ``data``. Raises BadFrame when there is none."""
        try:
            content = read_json(self.data)
        except ValueError as error:
            raise BadFrame("data is not JSON") from error
        if not isinstance(content, dict):
            raise BadFrame("data holds no object")
        return content


def read_frame(text: str) -> Frame:
    """Parse one text frame. Raises BadFrame."""
    try:
        frame = read_json(text)
    except ValueError as error:
        raise BadFrame("not JSON") from error
    if not isinstance(frame, dict):
        raise BadFrame("not an object")
    # One official sample of an event spells the key in the singular.
    headers = frame.get("headers") or frame.get("header")
    message_id = headers.get("messageId") if isinstance(headers, dict) else None
    if not isinstance(headers, dict) or not isinstance(message_id, str) or not message_id:
        raise BadFrame("no messageId")
    data = frame.get("data", "")
    return Frame(
        type=str(frame.get("type", "")),
        topic=str(headers.get("topic", "")),
        message_id=message_id,
        headers=headers,
        data=data if isinstance(data, str) else json.dumps(data, ensure_ascii=False),
    )


@dataclass(frozen=True, kw_only=True)
class Ack:
    """What goes back for one frame. ``data`` is JSON text already: a ping is echoed byte for byte."""

    code: int = 200
    message: str = "OK"
    data: str = "{}"

    def text(self, frame: Frame) -> str:
        return json.dumps(
            {
                "code": self.code,
                "headers": {"messageId": frame.message_id, "contentType": "application/json"},
                "message": self.message,
                "data": self.data,
            },
            ensure_ascii=False,
        )


def ack_response(answer: Any) -> Ack:
    """For a CALLBACK: None for a robot message, the card answer for a press."""
    return Ack(data=json.dumps({"response": answer}, ensure_ascii=False))


def ack_event(*, stored: bool) -> Ack:
    """For an EVENT: done, or please bring it again later."""
    status = {"status": "SUCCESS", "message": "OK"} if stored else {"status": "LATER", "message": "later"}
    return Ack(data=json.dumps(status))


ACK_UNKNOWN_TOPIC = Ack(code=404, message="no handler for this topic")
ACK_UNREADABLE = Ack(code=400, message="data is not readable")
