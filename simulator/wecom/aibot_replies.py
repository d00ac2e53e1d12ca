"""What the bot may say, where and until when: answers, greetings, card changes, pushes and uploads (wire 7.1, 7.2)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from simulator.wecom.aibot_frames import AibotConnection, Body, Issued, Stream, Up
from simulator.wecom.cards import check_card, clip_card
from simulator.wecom.errors import ApiError, defect
from simulator.wecom.limits import MemberRate
from simulator.wecom.media import MediaStore
from simulator.wecom.phones import Bubble, Phones
from simulator.world import Clock, PhoneMessage, WireLog

AIBOT = 0
"""The bot in place of an app's agentid: its chat lies on the same phone."""
CONTENT_BYTES = 20480
STREAM_LIFE = timedelta(minutes=6)
REPLY_LIFE = timedelta(hours=24)
CHUNK_BYTES = 512 * 1024
MOST_CHUNKS = 100
MEDIA_TYPES = ("file", "image", "voice", "video")


@dataclass(kw_only=True)
class Upload:
    """A file on its way up in pieces."""

    kind: str
    filename: str
    size: int
    chunks: int
    md5: str
    parts: dict[int, bytes] = field(default_factory=dict)


class AibotReplies:
    """``members`` gives the userids of a chat: the group's, or the one person. ``window``: real seconds in which a
    greeting or a card change must come."""

    def __init__(
        self,
        clock: Clock,
        wire: WireLog,
        phones: Phones,
        media: MediaStore,
        issued: dict[str, Issued],
        members: Callable[[str], tuple[str, ...]],
        *,
        window: float = 5.0,
    ) -> None:
        self._clock = clock
        self._wire = wire
        self._phones = phones
        self._media = media
        self._issued = issued
        self._members = members
        self._window = window
        self._rate = MemberRate(clock)
        self._uploads: dict[str, Upload] = {}
        self._bubbles: dict[str, Bubble] = {}
        self.wrote: set[str] = set()
        """Chats that have written to the bot: only these may be pushed to."""

    def open_exchanges(self, user: str) -> int:
        """Messages of this person that went down a live connection in the last six minutes and wait for an answer."""
        since = self._clock.now() - STREAM_LIFE
        return sum(
            one.kind == "message"
            and one.user == user
            and one.at > since
            and one.connection.state == "live"
            and not (one.stream.finished if one.stream is not None else one.answered)
            for one in self._issued.values()
        )

    # -- answers ---------------------------------------------------------------------------------

    def respond(self, connection: AibotConnection, up: Up) -> Body:
        """aibot_respond_msg: 846605 for a req_id that is not one of a message of this connection."""
        issued = self._right(connection, up, "message")
        if issued.at + REPLY_LIFE <= self._clock.now():
            raise ApiError(846605, "older than 24 hours")
        chat = issued.chatid or issued.user
        if up.body.get("msgtype") == "stream":
            self._stream(issued, chat, up.body.get("stream"))
            return {}
        if issued.answered:
            raise defect(846605, "answered before")
        self._admit(chat)
        self._show(chat, up.body)
        issued.answered = True
        return {}

    def welcome(self, connection: AibotConnection, up: Up) -> Body:
        """aibot_respond_welcome_msg: a text or a card, once, within 5 s."""
        issued = self._right(connection, up, "enter_chat")
        self._in_time(issued)
        if up.body.get("msgtype") not in ("text", "template_card"):
            raise defect(40008, f"a greeting is text or template_card, not {up.body.get('msgtype')!r}")
        self._show(issued.user, up.body)
        issued.answered = True
        return {}

    def update(self, connection: AibotConnection, up: Up) -> Body:
        """aibot_respond_update_msg: replace the pressed card, once, within 5 s, under its own task_id."""
        issued = self._right(connection, up, "card")
        self._in_time(issued)
        card = up.body.get("template_card")
        if up.body.get("response_type") != "update_template_card" or not isinstance(card, dict):
            raise defect(40035, "response_type update_template_card with a template_card")
        if card.get("task_id") != issued.task_id:
            raise defect(42016, f"task_id {card.get('task_id')!r} is not the pressed card's")
        check_card(card, update=True, media_exists=_no_attachment)
        only = {str(user).casefold() for user in up.body.get("userids") or ()}
        for user, bubble in self._phones.copies(AIBOT, issued.task_id).items():
            if not only or not issued.chatid or user in only:
                bubble.repaint(clip_card(card)[0])
        issued.answered = True
        return {}

    def push(self, connection: AibotConnection, up: Up) -> Body:
        """aibot_send_msg: 93006 for a chat that never wrote."""
        chat = str(up.body.get("chatid") or "")
        if chat not in self.wrote:
            raise ApiError(93006, f"chatid {chat!r} has not written to the bot")
        if up.body.get("msgtype") == "text":
            raise defect(40008, "a push is markdown, a card or media")
        self._admit(chat)
        self._show(chat, up.body)
        return {}

    # -- uploads ---------------------------------------------------------------------------------

    def begin_upload(self, connection: AibotConnection, up: Up) -> Body:
        kind, size, chunks = up.body.get("type"), up.body.get("total_size"), up.body.get("total_chunks")
        if kind not in MEDIA_TYPES or not up.body.get("filename"):
            raise defect(40004, f"type {kind!r} or no filename")
        if not isinstance(size, int) or not isinstance(chunks, int) or not 1 <= chunks <= MOST_CHUNKS:
            raise defect(40035, "total_size and total_chunks (1 to 100)")
        if chunks < math.ceil(size / CHUNK_BYTES):
            raise defect(45001, f"{size} bytes do not fit in {chunks} chunks of 512 KB")
        upload_id = f"up-{self._phones.next_id()}"
        self._uploads[upload_id] = Upload(
            kind=kind, filename=str(up.body["filename"]), size=size, chunks=chunks, md5=str(up.body.get("md5", ""))
        )
        return {"upload_id": upload_id}

    def upload_chunk(self, connection: AibotConnection, up: Up) -> Body:
        upload = self._upload(up)
        index = up.body.get("chunk_index")
        try:
            part = base64.b64decode(str(up.body.get("base64_data")), validate=True)
        except (binascii.Error, ValueError):
            raise defect(40035, "base64_data") from None
        # Whether the first index is 0 (SDK) or 1 (page) is unconfirmed: both are taken, not mixed.
        if not isinstance(index, int) or not 0 <= index <= upload.chunks or len(part) > CHUNK_BYTES:
            raise defect(40035, f"chunk {index!r} of {len(part)} bytes")
        upload.parts[index] = part
        return {}

    def finish_upload(self, connection: AibotConnection, up: Up) -> Body:
        upload = self._upload(up)
        data = b"".join(upload.parts[index] for index in sorted(upload.parts))
        first = min(upload.parts, default=0)
        whole = sorted(upload.parts) == list(range(first, first + upload.chunks)) and len(data) == upload.size
        if not whole or (upload.md5 and hashlib.md5(data).hexdigest() != upload.md5):
            raise defect(40035, "chunks, size or md5 do not fit")
        del self._uploads[str(up.body["upload_id"])]
        return {"type": upload.kind, "media_id": self._media.keep(upload.kind, upload.filename, data).media_id}

    def _upload(self, up: Up) -> Upload:
        upload = self._uploads.get(str(up.body.get("upload_id")))
        if upload is None:
            raise defect(40035, "upload_id unknown")
        return upload

    # -- inside ----------------------------------------------------------------------------------

    def _right(self, connection: AibotConnection, up: Up, kind: str) -> Issued:
        issued = self._issued.get(up.req_id)
        if issued is None or issued.kind != kind:
            raise defect(846605, f"req_id {up.req_id!r} is none of a callback of this kind")
        if issued.connection is not connection:
            raise ApiError(846605, "the req_id belongs to an earlier connection")
        return issued

    def _in_time(self, issued: Issued) -> None:
        if issued.answered:
            raise defect(846605, "answered before")
        if asyncio.get_running_loop().time() - issued.since > self._window:
            raise defect(846605, f"later than {self._window:.0f} s")

    def _admit(self, chat: str) -> None:
        if not self._rate.admit(AIBOT, chat):
            raise ApiError(45009, "30 a minute and 1000 an hour per chat")

    def _stream(self, issued: Issued, chat: str, content: Any) -> None:
        """The first frame shows the bubble, later ones replace its text; over after ``finish`` or six minutes."""
        if not isinstance(content, dict) or not isinstance(content.get("id"), str) or "content" not in content:
            raise defect(40035, "stream wants id and content")
        text = str(content["content"])
        if len(text.encode()) > CONTENT_BYTES:
            raise defect(45002, f"{len(text.encode())} bytes, at most {CONTENT_BYTES}")
        stream = issued.stream
        if stream is None:
            if issued.answered:
                raise defect(846605, "answered before")
            self._admit(chat)
            stream = Stream(id=content["id"], began=self._clock.now(), bubbles=self._say(chat, text))
            issued.stream, issued.answered = stream, True
        elif stream.finished or stream.began + STREAM_LIFE <= self._clock.now():
            raise ApiError(846608, "the stream is over")
        elif stream.id != content["id"]:
            raise defect(846605, "another stream answers this message")
        else:
            for bubble_id in stream.bubbles:
                bubble = self._bubbles[bubble_id]
                assert bubble.plain is not None
                bubble.plain = replace(bubble.plain, markdown=text, version=bubble.plain.version + 1)
        stream.finished = content.get("finish") is True

    def _show(self, chat: str, body: Body) -> None:
        """Raises ApiError for content that is no message."""
        msgtype = str(body.get("msgtype"))
        content = body.get(msgtype)
        if not isinstance(content, dict):
            raise defect(40008, f"msgtype {msgtype!r}")
        if msgtype == "template_card":
            self._card(chat, content)
        elif msgtype in ("text", "markdown"):
            text = str(content.get("content") or "")
            if not text or len(text.encode()) > CONTENT_BYTES:
                raise defect(45002, f"{len(text.encode())} bytes")
            self._say(chat, text)
        elif msgtype in MEDIA_TYPES:
            file = self._media.get(str(content.get("media_id")))
            look: Body = {"kind": msgtype, "filename": file.filename}
            self._add(chat, **({**look, "image": file.data} if msgtype == "image" else look))
        else:
            raise defect(40008, f"msgtype {msgtype!r}")

    def _card(self, chat: str, card: Body) -> None:
        for note in check_card(card, update=False, media_exists=_no_attachment):
            self._wire.record("wecom", "from_bot", "aibot card", note=note)
        task_id = str(card.get("task_id") or "")
        if task_id:
            self._phones.claim_task(AIBOT, task_id)
        shown = clip_card(card)[0]
        for user in self._members(chat):
            self._phones.add(
                Bubble(
                    id=f"ai{self._phones.next_id()}",
                    user=user,
                    agentid=AIBOT,
                    at=self._clock.now(),
                    card=shown,
                    task_id=task_id,
                )
            )

    def _say(self, chat: str, text: str) -> list[str]:
        return self._add(chat, kind="markdown", markdown=text)

    def _add(self, chat: str, **look: Any) -> list[str]:
        ids = []
        for user in self._members(chat):
            bubble_id = f"ai{self._phones.next_id()}"
            now = self._clock.now()
            plain = PhoneMessage(id=bubble_id, at=now, from_me=False, **look)
            bubble = Bubble(id=bubble_id, user=user, agentid=AIBOT, at=now, plain=plain)
            self._bubbles[bubble_id] = bubble
            self._phones.add(bubble)
            ids.append(bubble_id)
        return ids


def _no_attachment(media_id: str) -> None:
    raise defect(42029, "cards of the aibot have no attachment rows")
