"""Passive replies: the body of a callback's 200, checked strictly and read into plain fields [90241]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from simulator.wecom.crypto import AppCipher, EnvelopeError
from simulator.wecom.markup import parse

MESSAGE_KINDS = frozenset({"text", "image", "voice", "video", "location", "link", "file"})
EVENT_KINDS = frozenset(
    {
        "subscribe",
        "enter_agent",
        "LOCATION",
        "click",
        "view",
        "view_miniprogram",
        "scancode_waitmsg",
        "template_card_event",
        "template_card_menu_event",
    }
)
"""Events that may be answered passively; every other one must get an empty body."""

CARD_EVENTS = frozenset({"template_card_event", "template_card_menu_event"})
REPLY_KINDS = frozenset({"text", "image", "voice", "video", "news"})
CARD_REPLIES = frozenset({"update_button", "update_template_card"})

NAMES = {
    "SubTitleText": "sub_title_text",
    "ReplaceText": "replace_text",
    "CheckBox": "checkbox",
    "KeyName": "keyname",
    "UserId": "userid",
    "AppId": "appid",
    "PagePath": "pagepath",
}
"""Elements whose JSON twin is not the plain snake_case of the name."""

LISTS = {
    "HorizontalContentList",
    "VerticalContentList",
    "JumpList",
    "ButtonList",
    "OptionList",
    "SelectList",
    "ActionList",
}
"""Lists are repeated elements without a wrapper (``wire/wecom.md`` 3.4)."""

NUMBERS = {"Type", "DescColor", "Style", "Mode"}
TRUTHS = {"Disable", "IsChecked"}


class ReplyError(ValueError):
    """A passive reply that WeCom would not understand; always a defect of the bot."""


@dataclass(frozen=True, kw_only=True)
class PassiveReply:
    kind: str
    fields: dict[str, Any]
    """text: content · image/voice/video: media_id · news: articles · update_button: replace_name ·
    update_template_card: card (in the JSON form of message/send)."""
    xml: str


def read_reply(body: bytes, *, cipher: AppCipher, corpid: str, user: str, msg_type: str, event: str) -> PassiveReply:
    """Open and check the answer to a callback of ``user``.

    Raises:
        ReplyError: outer XML, signature, padding, receiveid, swapped To/From, a kind that this callback may
            not be answered with, or a card whose lists are wrapped.
    """
    try:
        outer = parse(body)
        encrypt, signature = _must(outer, "Encrypt"), _must(outer, "MsgSignature")
        timestamp, nonce = _must(outer, "TimeStamp"), _must(outer, "Nonce")
        cipher.check_signature(signature=signature, timestamp=timestamp, nonce=nonce, encrypt=encrypt)
        plain = cipher.decrypt(encrypt)
        inner = parse(plain)
    except EnvelopeError as error:
        raise ReplyError(f"envelope {error}") from error
    except ValueError as error:
        raise ReplyError(str(error)) from error
    if _must(inner, "ToUserName").casefold() != user.casefold():
        raise ReplyError(f"ToUserName {_must(inner, 'ToUserName')!r} is not the member {user!r}")
    if _must(inner, "FromUserName") != corpid:
        raise ReplyError(f"FromUserName {_must(inner, 'FromUserName')!r} is not the corp {corpid!r}")
    if not _must(inner, "CreateTime").isdigit():
        raise ReplyError("CreateTime is no integer")
    kind = _must(inner, "MsgType")
    _check_allowed(kind, msg_type, event)
    return PassiveReply(kind=kind, fields=FIELDS[kind](inner), xml=plain.decode(errors="replace"))


def _check_allowed(kind: str, msg_type: str, event: str) -> None:
    allowed: frozenset[str] = frozenset()
    if msg_type in MESSAGE_KINDS or event in EVENT_KINDS:
        allowed = REPLY_KINDS
    if event in CARD_EVENTS:
        allowed |= CARD_REPLIES
    if kind not in allowed:
        raise ReplyError(f"{event or msg_type} may not be answered with {kind!r}")


def _text(inner: Element) -> dict[str, Any]:
    return {"content": _must(inner, "Content")}


def _medium(part: str) -> Any:
    def read(inner: Element) -> dict[str, Any]:
        element = inner.find(part)
        if element is None:
            raise ReplyError(f"{part} missing")
        return {"media_id": _must(element, "MediaId"), "title": element.findtext("Title") or ""}

    return read


def _news(inner: Element) -> dict[str, Any]:
    articles = [
        {
            "title": item.findtext("Title"),
            "description": item.findtext("Description"),
            "url": _must(item, "Url"),
        }
        for item in inner.findall("Articles/item")
    ]
    if not articles or _must(inner, "ArticleCount") != str(len(articles)):
        raise ReplyError("ArticleCount does not match Articles")
    return {"articles": articles}


def _button(inner: Element) -> dict[str, Any]:
    element = inner.find("Button")
    if element is None:
        raise ReplyError("Button missing")
    return {"replace_name": _must(element, "ReplaceName")}


def _card(inner: Element) -> dict[str, Any]:
    element = inner.find("TemplateCard")
    if element is None:
        raise ReplyError("TemplateCard missing")
    card = _to_json(element)
    return {"card": card}


FIELDS: dict[str, Any] = {
    "text": _text,
    "image": _medium("Image"),
    "voice": _medium("Voice"),
    "video": _medium("Video"),
    "news": _news,
    "update_button": _button,
    "update_template_card": _card,
}


def _to_json(element: Element) -> Any:
    if not len(element):
        return _scalar(element)
    found: dict[str, Any] = {}
    for child in element:
        name = _snake(child.tag)
        if child.tag in LISTS:
            if not len(child) or all(grand.tag == child[0].tag and len(grand) for grand in child):
                raise ReplyError(f"{child.tag} must be repeated without a wrapper")
            found.setdefault(name, []).append(_to_json(child))
        elif name in found:
            raise ReplyError(f"{child.tag} given twice")
        else:
            found[name] = _to_json(child)
    return found


def _scalar(element: Element) -> Any:
    text = (element.text or "").strip() if element.tag in NUMBERS | TRUTHS else element.text or ""
    if element.tag in NUMBERS:
        if not text.isdigit():
            raise ReplyError(f"{element.tag} {text!r} is no number")
        return int(text)
    if element.tag in TRUTHS:
        return text in {"true", "1"}
    if element.tag == "AspectRatio":
        return float(text)
    return text


def _snake(name: str) -> str:
    if name in NAMES:
        return NAMES[name]
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def _must(element: Element, name: str) -> str:
    value = element.findtext(name)
    if not value:
        raise ReplyError(f"{name} missing")
    return value
