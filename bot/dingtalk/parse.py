"""A stored DingTalk payload → Inbound (wire/dingtalk 3, 6.4). Never raises: the unknown becomes OTHER."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from bot.dingtalk.words import list_of, object_of, text_of, typed
from core.inbound import CardPress, Inbound, MediaRef, MessageKind
from core.people import PlatformName

QUOTA_CODE = "20001"
"""The organisation's month is used up: the frame comes without its content (wire/dingtalk 1.7)."""
KEY_LENGTH = 200
"""Longer action ids (forged ones) enter the dedupe key as their digest."""
SELECTED = "~"
"""Stands between a button's key and each choice made with it: ``key~question=option``."""


class Stored(Protocol):
    """What a claimed row of the inbox and a fresh RawInbound have in common."""

    @property
    def kind(self) -> str: ...
    @property
    def dedupe_key(self) -> str: ...
    @property
    def conv_key(self) -> str: ...
    @property
    def payload(self) -> dict[str, Any]: ...
    @property
    def platform_at(self) -> datetime: ...


def message_keys(data: dict[str, Any]) -> tuple[str, str]:
    """(dedupe key, conversation key) of a robot message (reliability 3).

    The frame's messageId is not used: a redelivery brings a new one. Without a msgId the content is its key.
    """
    msg_id = text_of(data.get("msgId"))
    dedupe = f"m:{msg_id}" if msg_id else f"h:{_digest(repr(sorted(data.items())))}"
    sender = text_of(data.get("senderStaffId")) or text_of(data.get("senderId"))
    if in_group(data):
        return dedupe, f"dingtalk:{text_of(data.get('conversationId'))}:{sender}"
    return dedupe, f"dingtalk:{sender}"


def press_keys(data: dict[str, Any], message_id: str) -> tuple[str, str]:
    """(dedupe key, conversation key) of a card press. Its lane is the card: it waits behind no photo."""
    card, user = text_of(data.get("outTrackId")), text_of(data.get("userId"))
    action = _action(data)
    if len(action) > KEY_LENGTH:
        action = _digest(action)
    return f"c:{card}:{user}:{action}:{message_id}", f"dingtalk:card:{card}"


def message_kind(data: dict[str, Any]) -> MessageKind:
    """The kind of a robot message, enough to route its row."""
    if str(data.get("errCode", "")) == QUOTA_CODE and not data.get("text") and not data.get("content"):
        return MessageKind.QUOTA
    msgtype = text_of(data.get("msgtype"))
    if msgtype == "richText":
        return MessageKind.IMAGE if _rich_pictures(data) else MessageKind.TEXT
    return KINDS.get(msgtype, MessageKind.OTHER)


KINDS = {
    "text": MessageKind.TEXT,
    "picture": MessageKind.IMAGE,
    "audio": MessageKind.VOICE,
    "video": MessageKind.VIDEO,
    "file": MessageKind.FILE,
}
MEDIA = {"picture": "image", "audio": "voice", "video": "video", "file": "file"}


def parse(stored: Stored, *, inbox_id: int | None = None, corp_id: str = "") -> Inbound:
    """The Inbound behind a stored row. Without org id: empty account, ``extra["outsider"]``.

    From another company than ``corp_id``: empty account as well, and ``extra["foreign"]`` names that company. User
    ids are unique inside a company only: “manager01” of another one is not our manager.
    """
    found = _parsed(stored, inbox_id)
    foreign = foreign_company(stored.payload, corp_id)
    if not foreign or found.kind is MessageKind.SYSTEM:
        return found
    return replace(found, account="", extra={**found.extra, "foreign": foreign, "claimed": found.account})


def foreign_company(data: dict[str, Any], corp_id: str) -> str:
    """The company that is not ours, empty when all that are named are.

    Without a configured ``corp_id`` the sender must belong to the company whose robot was addressed.
    """
    named = [text_of(data.get(field)) for field in ("chatbotCorpId", "senderCorpId", "corpId")]
    ours = corp_id or named[0]
    return next((company for company in named if company and ours and company != ours), "")


def _parsed(stored: Stored, inbox_id: int | None) -> Inbound:
    if stored.kind == MessageKind.PRESS:
        return _press(stored, inbox_id)
    if stored.kind == MessageKind.SYSTEM:
        return _inbound(stored, inbox_id, MessageKind.SYSTEM, extra=dict(stored.payload))
    return _message(stored, inbox_id)


def in_group(data: dict[str, Any]) -> bool:
    return str(data.get("conversationType", "")) == "2"


def _message(stored: Stored, inbox_id: int | None) -> Inbound:
    data = stored.payload
    grouped = in_group(data)
    account = text_of(data.get("senderStaffId"))
    extra: dict[str, Any] = {
        "msg_id": text_of(data.get("msgId")),
        "msgtype": text_of(data.get("msgtype")),
        "conversation_id": text_of(data.get("conversationId")),
        "session_webhook": text_of(data.get("sessionWebhook")),
        "session_webhook_until": data.get("sessionWebhookExpiredTime"),
    }
    if not account:
        extra["outsider"] = True
        extra["sender_id"] = text_of(data.get("senderId"))
    kind = message_kind(data)
    return _inbound(
        stored,
        inbox_id,
        kind,
        account=account,
        text="" if kind is MessageKind.QUOTA else _text(data, grouped),
        group=text_of(data.get("conversationId")) if grouped else "",
        group_title=text_of(data.get("conversationTitle")) if grouped else "",
        media=() if kind is MessageKind.QUOTA else _media(data),
        quoted=_quoted(data),
        nick=text_of(data.get("senderNick")),
        extra=extra,
    )


def _inbound(stored: Stored, inbox_id: int | None, kind: MessageKind, *, account: str = "", **fields: Any) -> Inbound:
    return Inbound(
        platform=PlatformName.DINGTALK,
        dedupe_key=stored.dedupe_key,
        conv_key=stored.conv_key,
        kind=kind,
        account=account,
        platform_at=stored.platform_at,
        id=inbox_id,
        **fields,
    )


def _text(data: dict[str, Any], grouped: bool) -> str:
    match text_of(data.get("msgtype")):
        case "text":
            raw = text_of(object_of(data.get("text")).get("content"))
        case "richText":
            raw = "".join(text_of(part.get("text")) for part in _rich(data))
        case "audio":
            # DingTalk's own speech-to-text: free input, always confirmed by a draft.
            raw = text_of(object_of(data.get("content")).get("recognition"))
        case _:
            raw = ""
    return typed(raw, in_group=grouped)


def _media(data: dict[str, Any]) -> tuple[MediaRef, ...]:
    robot = text_of(data.get("robotCode"))
    msgtype = text_of(data.get("msgtype"))
    content = object_of(data.get("content"))
    parts = _rich_pictures(data) if msgtype == "richText" else [content]
    kind = "image" if msgtype == "richText" else MEDIA.get(msgtype, "")
    return tuple(
        MediaRef(handle=handle, kind=kind, filename=text_of(part.get("fileName")), robot_code=robot)
        for part in parts
        if kind and (handle := _handle(part))
    )


def _handle(part: dict[str, Any]) -> str:
    return text_of(part.get("downloadCode")) or text_of(part.get("pictureDownloadCode"))


def _rich(data: dict[str, Any]) -> list[dict[str, Any]]:
    parts = list_of(object_of(data.get("content")).get("richText"))
    return [part for part in parts if isinstance(part, dict)]


def _rich_pictures(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in _rich(data) if _handle(part)]


def _quoted(data: dict[str, Any]) -> str:
    text = object_of(data.get("text"))
    replied = object_of(text.get("repliedMsg"))
    content = replied.get("content")
    held = object_of(content)
    if held:
        parts = [part for part in list_of(held.get("richText")) if isinstance(part, dict)]
        found = text_of(held.get("text")) or text_of(held.get("content"))
        return typed(found or "".join(text_of(part.get("text")) for part in parts), in_group=False)
    return typed(text_of(content), in_group=False)


def _press(stored: Stored, inbox_id: int | None) -> Inbound:
    data = stored.payload
    params = _private(data)[1]
    key, *made = _action(data).split(SELECTED)
    picks = [pick.partition("=") for pick in made]
    chosen = [(question, (option,)) for question, equals, option in picks if equals]
    form = [(str(name), _values(value)) for name, value in object_of(params.get("form")).items()]
    account = text_of(data.get("userId"))
    extra: dict[str, Any] = {
        "space_type": text_of(data.get("spaceType")),
        "space_id": text_of(data.get("spaceId")),
    }
    if not account:
        extra["outsider"] = True
    press = CardPress(card_id=text_of(data.get("outTrackId")), key=key, selected=tuple(chosen + form))
    return _inbound(stored, inbox_id, MessageKind.PRESS, account=account, press=press, extra=extra)


def _private(data: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    # Older cards put the JSON in ``value`` instead of ``content`` (wire/dingtalk 2.3).
    content = object_of(data.get("content")) or object_of(data.get("value"))
    private = object_of(content.get("cardPrivateData"))
    return list_of(private.get("actionIds")), object_of(private.get("params"))


def _action(data: dict[str, Any]) -> str:
    action_ids, params = _private(data)
    return text_of(params.get("action")) or next((text_of(action) for action in action_ids), "")


def _values(value: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(str(item) for item in value)
    if isinstance(value, dict):
        return (text_of(value.get("value")),)
    return (str(value),)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
