"""message/send of everything that is not a card: what is refused, and how it looks on the phone [90236]."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from simulator.wecom.errors import defect
from simulator.wecom.media import MediaStore
from simulator.world import PhoneMessage

TEXT_BYTES = 2048
NEWS_MOST = 8


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A message about to be put on phones, with its id and time still open."""

    look: PhoneMessage
    notes: list[str]


def draft(kind: str, body: Any, media: MediaStore, at: datetime) -> Draft:
    """Check a message body and draw it.

    Raises:
        ApiError: 40008 unknown kind; 40063 body missing; 44004 empty text; 45002 too long; 45008 number of
            articles; 40007 dead media; 40058 missing parts.
    """
    build = KINDS.get(kind)
    if build is None:
        raise defect(40008, f"msgtype {kind!r}")
    if not isinstance(body, dict):
        raise defect(40063, f"{kind} missing")
    blank = PhoneMessage(id="", at=at, from_me=False, kind="text")
    notes: list[str] = []
    return Draft(look=build(blank, body, media, notes), notes=notes)


def cut_bytes(text: str, limit: int) -> str:
    """The text cut to ``limit`` bytes of UTF-8 without splitting a character."""
    return text.encode()[:limit].decode(errors="ignore")


def _text(blank: PhoneMessage, body: dict[str, Any], media: MediaStore, notes: list[str]) -> PhoneMessage:
    return replace(blank, kind="text", text=_cut(_need(body, "content", 44004), TEXT_BYTES, "text", notes))


def _markdown(blank: PhoneMessage, body: dict[str, Any], media: MediaStore, notes: list[str]) -> PhoneMessage:
    content = _need(body, "content", 44004)
    if len(content.encode()) > TEXT_BYTES:
        raise defect(45002, f"markdown of {len(content.encode())} bytes")
    return replace(blank, kind="markdown", markdown=content, text=content)


def _image(blank: PhoneMessage, body: dict[str, Any], media: MediaStore, notes: list[str]) -> PhoneMessage:
    file = _media(body, "image", media)
    return replace(blank, kind="image", image=file.data, filename=file.filename)


def _voice(blank: PhoneMessage, body: dict[str, Any], media: MediaStore, notes: list[str]) -> PhoneMessage:
    return replace(blank, kind="voice", filename=_media(body, "voice", media).filename)


def _file(blank: PhoneMessage, body: dict[str, Any], media: MediaStore, notes: list[str]) -> PhoneMessage:
    return replace(blank, kind="file", filename=_media(body, "file", media).filename)


def _video(blank: PhoneMessage, body: dict[str, Any], media: MediaStore, notes: list[str]) -> PhoneMessage:
    file = _media(body, "video", media)
    title = _cut(str(body.get("title") or ""), 128, "video.title", notes)
    text = _cut(str(body.get("description") or ""), 512, "video.description", notes)
    return replace(blank, kind="video", filename=file.filename, title=title, text=text)


def _textcard(blank: PhoneMessage, body: dict[str, Any], media: MediaStore, notes: list[str]) -> PhoneMessage:
    title = _cut(_need(body, "title", 40063), 128, "textcard.title", notes)
    text = _cut(_need(body, "description", 40063), 512, "textcard.description", notes)
    return replace(blank, kind="notice", title=title, text=text, link=_url(body))


def _news(blank: PhoneMessage, body: dict[str, Any], media: MediaStore, notes: list[str]) -> PhoneMessage:
    articles = body.get("articles")
    if not isinstance(articles, list) or not 1 <= len(articles) <= NEWS_MOST:
        raise defect(45008, "articles must be 1..8")
    titles = [_cut(_need(article, "title", 40063), 128, "news.title", notes) for article in articles]
    links = [article["appid"] if article.get("appid") else _url(article) for article in articles]
    texts = [_cut(str(article.get("description") or ""), 512, "news.description", notes) for article in articles]
    return replace(blank, kind="notice", title=titles[0], text="\n".join(texts + titles[1:]), link=links[0])


def _mpnews(blank: PhoneMessage, body: dict[str, Any], media: MediaStore, notes: list[str]) -> PhoneMessage:
    articles = body.get("articles")
    if not isinstance(articles, list) or not 1 <= len(articles) <= NEWS_MOST:
        raise defect(45008, "articles must be 1..8")
    for article in articles:
        media.get(_need(article, "thumb_media_id", 40007))
        if len(_need(article, "content", 40063).encode()) > 666 * 1024:
            raise defect(45002, "mpnews content above 666 KB")
    titles = [_cut(_need(article, "title", 40063), 128, "mpnews.title", notes) for article in articles]
    return replace(blank, kind="notice", title=titles[0], text="\n".join(titles[1:]))


KINDS: dict[str, Callable[[PhoneMessage, dict[str, Any], MediaStore, list[str]], PhoneMessage]] = {
    "text": _text,
    "markdown": _markdown,
    "image": _image,
    "voice": _voice,
    "video": _video,
    "file": _file,
    "textcard": _textcard,
    "news": _news,
    "mpnews": _mpnews,
}


def _need(body: Any, name: str, code: int) -> str:
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, str) or not value:
        raise defect(code, f"{name} missing")
    return value


def _url(body: dict[str, Any]) -> str:
    url = _need(body, "url", 40063)
    if len(url.encode()) > 2048:
        raise defect(40058, "url above 2048 bytes")
    return url


def _media(body: dict[str, Any], kind: str, media: MediaStore) -> Any:
    file = media.get(_need(body, "media_id", 40007))
    if file.type != kind:
        raise defect(40007, f"a medium uploaded as {file.type}, sent as {kind}")
    return file


def _cut(text: str, limit: int, what: str, notes: list[str]) -> str:
    size = len(text.encode())
    if size <= limit:
        return text
    notes.append(f"{what}: {size} bytes, cut at {limit}")
    return cut_bytes(text, limit)
