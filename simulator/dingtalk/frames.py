"""The frames of the stream and the robot messages inside them [wire 1.2, 1.3, 3]."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from simulator.dingtalk.errors import BrokenFrameError

ROBOT_TOPIC = "/v1.0/im/bot/messages/get"
CARD_TOPIC = "/v1.0/card/instances/callback"
EVENT_TOPIC = "*"


@dataclass(frozen=True, kw_only=True)
class Ack:
    """An up frame that kept the form: known message, ``data`` a JSON string."""

    code: int
    message_id: str
    data: Any
    """The parsed content of the ``data`` string."""


def down_frame(
    *,
    kind: str,
    topic: str,
    message_id: str,
    connection_id: str,
    app_id: str,
    time_ms: int,
    data: str,
    extra: dict[str, str] | None = None,
) -> dict[str, Any]:
    """One frame to the bot; ``data`` travels as a JSON string."""
    return {
        "specVersion": "1.0",
        "type": kind,
        "headers": {
            "appId": app_id,
            "connectionId": connection_id,
            "contentType": "application/json",
            "messageId": message_id,
            "time": str(time_ms),
            "topic": topic,
            **(extra or {}),
        },
        "data": data,
    }


def parse_ack(text: str) -> Ack:
    """An ack from the bot. Raises BrokenFrameError saying which rule of the form it broke."""
    try:
        frame = json.loads(text)
    except ValueError as error:
        raise BrokenFrameError("the ack is not JSON") from error
    if not isinstance(frame, dict) or not isinstance(frame.get("headers"), dict):
        raise BrokenFrameError("the ack has no headers")
    message_id, code, data = frame["headers"].get("messageId"), frame.get("code"), frame.get("data")
    if not isinstance(message_id, str) or not message_id:
        raise BrokenFrameError("the ack's headers carry no messageId")
    if not isinstance(code, int) or isinstance(code, bool):
        raise BrokenFrameError(f"the ack's code is {code!r}, not a number")
    if not isinstance(data, str):
        raise BrokenFrameError(f"the ack's data is a {type(data).__name__}, it must be a JSON string")
    try:
        content = json.loads(data)
    except ValueError as error:
        raise BrokenFrameError("the ack's data string is not JSON") from error
    return Ack(code=code, message_id=message_id, data=content)


def click_data(
    *,
    out_track_id: str,
    corp_id: str,
    user_id: str,
    space_type: str,
    space_id: str,
    action_id: str,
    params: dict[str, Any],
) -> dict[str, Any]:
    """The data of a card click; ``content`` is a JSON string again [wire 6.4]."""
    content = {"cardPrivateData": {"actionIds": [action_id], "params": params}}
    return {
        "type": "actionCallback",
        "outTrackId": out_track_id,
        "corpId": corp_id,
        "userId": user_id,
        "userIdType": 1,
        "spaceType": space_type,
        "spaceId": space_id,
        "extension": "{}",
        "content": json.dumps(content, ensure_ascii=False),
    }


def text_content(text: str, *, in_group: bool, quote: dict[str, Any] | None = None) -> dict[str, Any]:
    """A text; in a group the removed @ leaves a leading space."""
    body: dict[str, Any] = {"content": f" {text}" if in_group else text}
    if quote is not None:
        body |= {"isReplyMsg": True, "repliedMsg": quote}
    return {"msgtype": "text", "text": body}


def picture_content(code: str) -> dict[str, Any]:
    return {"msgtype": "picture", "content": {"downloadCode": code, "pictureDownloadCode": code}}


def rich_text_content(parts: list[str | bytes], codes: list[str]) -> dict[str, Any]:
    """Texts and pictures in one message; ``codes`` are those of the pictures in order."""
    left = iter(codes)
    segments: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, str):
            segments.append({"text": part})
        else:
            code = next(left)
            segments.append({"type": "picture", "downloadCode": code, "pictureDownloadCode": code})
    return {"msgtype": "richText", "content": {"richText": segments}}


def audio_content(code: str, *, recognition: str, duration_ms: int) -> dict[str, Any]:
    content = {"downloadCode": code, "recognition": recognition, "duration": duration_ms}
    return {"msgtype": "audio", "content": content}


def video_content(code: str, *, seconds: int) -> dict[str, Any]:
    return {
        "msgtype": "video",
        "content": {"downloadCode": code, "duration": str(seconds), "videoType": "mp4"},
    }


def file_content(code: str, *, filename: str, file_id: str) -> dict[str, Any]:
    content = {"downloadCode": code, "fileName": filename, "fileId": file_id, "spaceId": "1000001"}
    return {"msgtype": "file", "content": content}


def unknown_content(kind: str) -> dict[str, Any]:
    return {"msgtype": "unknownMsgType", "content": {"unknownMsgType": kind}}


def over_quota(message: dict[str, Any]) -> dict[str, Any]:
    """The same message as it comes when the month's quota is used up: an error and no body [wire 1.7]."""
    kept = {key: value for key, value in message.items() if key not in {"text", "content"}}
    return {**kept, "errCode": 20001, "errMsg": "企业消息推送额度已用完"}
