"""A decrypted callback → what the person did, in the words both messengers share (wire section 2)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from bot.plain_json import bounded_key
from bot.wecom.wire import Tree, WireError, text_of
from core.inbound import CardPress, Inbound, MediaRef, MessageKind, RawInbound
from core.people import PlatformName

EVENT_KEY_FIELDS = ("FromUserName", "CreateTime", "AgentID", "Event", "EventKey", "TaskId", "ResponseCode")
"""The dedupe key of events, which carry no MsgId: the documented FromUserName + CreateTime swallows a second
press within the same second (reliability section 3)."""

INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
"""Zero-width characters that phones paste along and that would hide a part number from its index."""
LEADING_MENTION = re.compile(r"^\s*@[^\s\d@][^\s@]*[\s\u2005]+")
SYMBOLOGY = re.compile(
    r"^(?:EAN_?(?:8|13)|UPC_?[AE]|CODE_?(?:39|93|128)|ITF(?:_?14)?|CODABAR|RSS_?14|RSS_EXPANDED"
    r"|QR_?CODE|DATA_?MATRIX|PDF_?417|AZTEC|MAXICODE|GS1_128),",
    re.IGNORECASE,
)
"""Prefix of a bar code's result as WeChat's JS-SDK writes it; unconfirmed for this event: both are taken."""


class Stored(Protocol):
    """A row of the inbox, or what goes into one."""

    @property
    def dedupe_key(self) -> str: ...
    @property
    def conv_key(self) -> str: ...
    @property
    def payload(self) -> dict[str, Any]: ...
    @property
    def platform_at(self) -> datetime: ...


@dataclass(frozen=True, kw_only=True)
class _Said:
    """What one kind of message or event means; everything else is the same for all."""

    kind: MessageKind
    text: str = ""
    media: tuple[MediaRef, ...] = ()
    press: CardPress | None = None
    extra: tuple[tuple[str, str], ...] = ()


def store_form(message: Tree, agentid: int, body: bytes) -> RawInbound:
    """What is kept of a callback before its 200: everything, and the keys it is found by.

    ``agentid`` is that of the app whose key opened the envelope. Raises WireError 400 ``message`` when
    sender, kind or time are missing: WeCom sends none like that.
    """
    said, account = _read(message)
    return RawInbound(
        platform=PlatformName.WECOM,
        dedupe_key=bounded_key(_dedupe_key(message)),
        conv_key=bounded_key(_conv_key(agentid, account, said)),
        kind=said.kind.value,
        payload={"agentid": agentid, "message": message},
        platform_at=_created(message),
        raw_sha256=hashlib.sha256(body).hexdigest(),
    )


def parse(stored: Stored, *, inbox_id: int | None = None) -> Inbound:
    """The stored form back into an Inbound; unknown kinds and events become OTHER, never an error."""
    message: Tree = stored.payload["message"]
    said, account = _read(message)
    return Inbound(
        platform=PlatformName.WECOM,
        dedupe_key=stored.dedupe_key,
        conv_key=stored.conv_key,
        kind=said.kind,
        account=account,
        platform_at=stored.platform_at,
        text=said.text,
        media=said.media,
        press=said.press,
        extra={"agentid": stored.payload["agentid"], "type": _type(message), **dict(said.extra)},
        id=inbox_id,
    )


def clean(text: str) -> str:
    """Without zero-width characters, leading “@接单 ” and outer space. “@2 …” may be an amount and stays."""
    return LEADING_MENTION.sub("", text.translate(INVISIBLE)).strip()


def _read(message: Tree) -> tuple[_Said, str]:
    """What it says, and the folded userid of who says it."""
    account = text_of(message, "FromUserName").casefold()
    if not account or not text_of(message, "MsgType"):
        raise WireError(400, "message", "FromUserName or MsgType missing")
    table = EVENTS if _is_event(message) else MESSAGES
    return table.get(_type(message), _other)(message), account


def _is_event(message: Tree) -> bool:
    return text_of(message, "MsgType") == "event"


def _type(message: Tree) -> str:
    return text_of(message, "Event" if _is_event(message) else "MsgType")


def _dedupe_key(message: Tree) -> str:
    if msgid := text_of(message, "MsgId"):
        return f"m:{msgid}"
    fields = "|".join(text_of(message, name) for name in EVENT_KEY_FIELDS)
    if scanned := text_of(message, "ScanCodeInfo", "ScanResult"):
        # Two boxes scanned within a second differ in nothing else; a retry of one scan carries the same result.
        fields = f"{fields}|{scanned}"
    if not _is_event(message):  # an unknown kind without an id: its whole content tells it from another
        fields = f"{fields}|{sorted(message.items())!r}"
    return f"e:{hashlib.sha256(fields.encode()).hexdigest()}"


def _conv_key(agentid: int, account: str, said: _Said) -> str:
    if said.press is not None and said.press.card_id:
        return f"wecom:card:{said.press.card_id}"
    return f"wecom:{agentid}:{account}"


def _created(message: Tree) -> datetime:
    text = text_of(message, "CreateTime")
    if not (text.isascii() and text.isdigit() and len(text) <= 11):
        raise WireError(400, "message", "CreateTime is no number of seconds")
    return datetime.fromtimestamp(int(text), UTC)


def _fields(message: Tree, *names: str) -> tuple[tuple[str, str], ...]:
    found = ((name, text_of(message, name)) for name in names)
    return tuple((name, value) for name, value in found if value)


def _media(message: Tree, kind: MessageKind, filename: str = "") -> tuple[MediaRef, ...]:
    handle = text_of(message, "MediaId")
    return (MediaRef(handle=handle, kind=kind.value, filename=filename),) if handle else ()


def _text(message: Tree) -> _Said:
    return _Said(kind=MessageKind.TEXT, text=clean(text_of(message, "Content")))


def _image(message: Tree) -> _Said:
    return _Said(kind=MessageKind.IMAGE, media=_media(message, MessageKind.IMAGE))


def _voice(message: Tree) -> _Said:
    """Apps get no recognised speech [90239]."""
    suffix = text_of(message, "Format") or "amr"
    return _Said(kind=MessageKind.VOICE, media=_media(message, MessageKind.VOICE, f"voice.{suffix}"))


def _video(message: Tree) -> _Said:
    extra = _fields(message, "ThumbMediaId")
    return _Said(kind=MessageKind.VIDEO, media=_media(message, MessageKind.VIDEO), extra=extra)


def _file(message: Tree) -> _Said:
    """Not in [90239], but Tencent's own plugin expects it: taken when it comes, promised to nobody."""
    media = _media(message, MessageKind.FILE, text_of(message, "FileName"))
    return _Said(kind=MessageKind.FILE, media=media)


def _location(message: Tree) -> _Said:
    """Location_X is the latitude."""
    extra = _fields(message, "Location_X", "Location_Y", "Scale")
    return _Said(kind=MessageKind.LOCATION, text=text_of(message, "Label"), extra=extra)


def _location_select(message: Tree) -> _Said:
    """Whether a location message follows as well is unconfirmed; both read the same."""
    info = message.get("SendLocationInfo")
    place = info if isinstance(info, dict) else {}
    extra = _fields(place, "Location_X", "Location_Y", "Scale", "Poiname") + _fields(message, "EventKey")
    return _Said(kind=MessageKind.LOCATION, text=text_of(place, "Label"), extra=extra)


def _link(message: Tree) -> _Said:
    extra = _fields(message, "Url", "Description")
    return _Said(kind=MessageKind.LINK, text=text_of(message, "Title"), extra=extra)


def _menu(message: Tree) -> _Said:
    return _Said(kind=MessageKind.MENU, text=text_of(message, "EventKey"))


def _scan(message: Tree) -> _Said:
    scanned = text_of(message, "ScanCodeInfo", "ScanResult").translate(INVISIBLE).strip()
    extra = (
        ("menu_key", text_of(message, "EventKey")),
        ("scan_type", text_of(message, "ScanCodeInfo", "ScanType")),
    )
    return _Said(kind=MessageKind.SCAN, text=SYMBOLOGY.sub("", scanned), extra=extra)


def _press(message: Tree) -> _Said:
    press = CardPress(
        card_id=text_of(message, "TaskId"),
        key=text_of(message, "EventKey"),
        selected=_selected(message),
        response_code=text_of(message, "ResponseCode"),
    )
    return _Said(kind=MessageKind.PRESS, press=press, extra=_fields(message, "CardType"))


def _selected(message: Tree) -> tuple[tuple[str, tuple[str, ...]], ...]:
    items = message.get("SelectedItems")
    chosen = items.get("SelectedItem", []) if isinstance(items, dict) else []
    return tuple((text_of(item, "QuestionKey"), _option_ids(item)) for item in chosen)


def _option_ids(item: Any) -> tuple[str, ...]:
    ids = item.get("OptionIds") if isinstance(item, dict) else None
    listed = ids.get("OptionId", []) if isinstance(ids, dict) else []
    return tuple(option for option in listed if isinstance(option, str) and option)


def _enter(_message: Tree) -> _Said:
    return _Said(kind=MessageKind.ENTER)


def _system(message: Tree) -> _Said:
    return _Said(kind=MessageKind.SYSTEM, extra=_fields(message, "ChangeType", "UserID", "NewUserID"))


def _other(message: Tree) -> _Said:
    return _Said(kind=MessageKind.OTHER, extra=_fields(message, "EventKey"))


MESSAGES: dict[str, Callable[[Tree], _Said]] = {
    "text": _text,
    "image": _image,
    "voice": _voice,
    "video": _video,
    "file": _file,
    "location": _location,
    "link": _link,
}

EVENTS: dict[str, Callable[[Tree], _Said]] = {
    "template_card_event": _press,
    "template_card_menu_event": _press,
    "click": _menu,
    "scancode_push": _scan,
    "scancode_waitmsg": _scan,
    "location_select": _location_select,
    "enter_agent": _enter,
    "subscribe": _enter,
    "unsubscribe": _system,
    "change_contact": _system,
    "batch_job_result": _system,
    "open_approval_change": _system,
    "share_agent_change": _system,
    "inactive_alert": _system,
    # view, view_miniprogram and LOCATION need no answer; the pictures of pic_* follow as image messages.
    "view": _other,
    "view_miniprogram": _other,
    "LOCATION": _other,
    "pic_sysphoto": _other,
    "pic_photo_or_album": _other,
    "pic_weixin": _other,
}
