"""A message to the intelligent bot → what is stored of it, and back into words both messengers share [100719]."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bot.plain_json import bounded_key
from bot.wecom.aibot.frames import BadFrame
from bot.wecom.aibot.media import handle_of
from bot.wecom.parse import Stored, clean
from core.inbound import Inbound, MediaRef, MessageKind, RawInbound
from core.people import PlatformName
from handlers.grammar import clean as as_typed
from handlers.grammar import command

Body = dict[str, Any]

AIBOT = "aibot"
"""Names the payload: beside the app's callbacks in the same inbox."""
KINDS = {
    "text": MessageKind.TEXT,
    "image": MessageKind.IMAGE,
    "voice": MessageKind.VOICE,
    "file": MessageKind.FILE,
    "video": MessageKind.VIDEO,
}
UNSTORED = frozenset({"response_url"})
"""A credential of an hour that nobody uses."""


def store_form(body: Body, now: datetime) -> RawInbound:
    """What is kept of a callback: everything, and the keys it is found by (reliability section 3).

    Its lane is the sender in that chat, so that one person's messages keep their order and a group does not wait for
    one of its members. Raises BadFrame when nobody has sent it: WeCom sends none like that.
    """
    account = _account(body)
    if not account:
        raise BadFrame("no from.userid")
    kept = {name: value for name, value in body.items() if name not in UNSTORED}
    digest = hashlib.sha256(json.dumps(kept, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    msgid = _text(body.get("msgid"))
    chat = _group(body)
    return RawInbound(
        platform=PlatformName.WECOM,
        dedupe_key=bounded_key(f"m:{msgid}" if msgid else f"h:{digest}"),
        conv_key=bounded_key(f"wecom:aibot:{chat}:{account}" if chat else f"wecom:aibot:{account}"),
        kind=_kind(body).value,
        payload={AIBOT: kept},
        platform_at=_created(body, now),
        raw_sha256=digest,
    )


def is_aibot(stored: Stored) -> bool:
    """Whether this row came over the long connection."""
    return AIBOT in stored.payload


def parse(stored: Stored, *, inbox_id: int | None = None) -> Inbound:
    """The stored form back into an Inbound; unknown kinds and all events become OTHER, never an error.

    The sender is the member behind the app's chat too: what the bot answers and asks comes from the app.
    """
    body: Body = stored.payload[AIBOT]
    kind = _kind(body)
    quote = _object(body.get("quote"))
    return Inbound(
        platform=PlatformName.WECOM,
        dedupe_key=stored.dedupe_key,
        conv_key=stored.conv_key,
        kind=kind,
        account=_account(body),
        platform_at=stored.platform_at,
        text=_words(body),
        group=_group(body),
        media=() if kind is MessageKind.TEXT else tuple(_media(body)) or tuple(_media(quote)),
        quoted=_words(quote),
        extra={"type": _text(body.get("msgtype")), "via": AIBOT, "userid": sender_of(body)},
        id=inbox_id,
    )


def _kind(body: Body) -> MessageKind:
    """A photo order in a group is text and photo mixed, or the bot @-ed under a quoted photo: both are pictures.

    A command keeps its meaning whatever it quotes.
    """
    msgtype = _text(body.get("msgtype"))
    if msgtype not in {"text", "mixed"}:
        return KINDS.get(msgtype, MessageKind.OTHER)
    if any(_media(body)):
        return MessageKind.IMAGE
    quoted = list(_media(_object(body.get("quote"))))
    if not quoted or command(as_typed(_words(body))) is not None:
        return MessageKind.TEXT
    return MessageKind.IMAGE if all(media.kind == "image" for media in quoted) else MessageKind.FILE


def sender_of(body: Body) -> str:
    """The sender as reported; encrypted ids do not survive the folding of case."""
    return _text(_object(body.get("from")).get("userid"))


def _account(body: Body) -> str:
    return sender_of(body).casefold()


def _group(body: Body) -> str:
    return _text(body.get("chatid")) if body.get("chattype") == "group" else ""


def _created(body: Body, now: datetime) -> datetime:
    """Events carry their time, messages do not on the page: then it is the moment of arrival."""
    at = body.get("create_time")
    if isinstance(at, int) and not isinstance(at, bool) and 0 < at < 10**11:
        return datetime.fromtimestamp(at, UTC)
    return now


def _items(content: Body) -> list[Body]:
    """The parts of a mixed message, or the message itself as its only part."""
    if content.get("msgtype") != "mixed":
        return [content]
    parts = _object(content.get("mixed")).get("msg_item")
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _words(content: Body) -> str:
    """What was typed or, as the platform recognised it, spoken; the ``@name`` of the bot is gone."""
    parts = []
    for item in _items(content):
        msgtype = _text(item.get("msgtype"))
        if msgtype in {"text", "voice"}:
            parts.append(clean(_text(_object(item.get(msgtype)).get("content"))))
    return "\n".join(part for part in parts if part)


def _media(content: Body) -> Iterator[MediaRef]:
    for item in _items(content):
        kind = _text(item.get("msgtype"))
        held = _object(item.get(kind))
        url = _text(held.get("url")).strip()
        if kind in {"image", "file", "video"} and url:
            yield MediaRef(handle=handle_of(url, _text(held.get("aeskey"))), kind=kind)


def _object(value: Any) -> Body:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
