"""The DingTalk half as one object: its routes, its phones, and what people do on them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from simulator.dingtalk.api import Front
from simulator.dingtalk.card_api import CardDesk
from simulator.dingtalk.cards import OWN_TEMPLATE, PUBLIC_TEMPLATE, Template
from simulator.dingtalk.cards_view import phone_message
from simulator.dingtalk.clicks import Clicks
from simulator.dingtalk.files import Files, StoredFile
from simulator.dingtalk.frames import (
    Ack,
    audio_content,
    file_content,
    picture_content,
    rich_text_content,
    text_content,
    unknown_content,
    video_content,
)
from simulator.dingtalk.gateway import Connection, Gateway, Sent
from simulator.dingtalk.limits import CHINA, Terms
from simulator.dingtalk.messages import Inbound
from simulator.dingtalk.meter import Quota, Tokens
from simulator.dingtalk.oapi import Oapi
from simulator.dingtalk.people import Directory, Group, Member, single_chat
from simulator.dingtalk.phones import Bubble, Kind, Phones
from simulator.dingtalk.robot import Robot
from simulator.dingtalk.routes import table
from simulator.dingtalk.site import RealPace, Site
from simulator.dingtalk.webhook import Sessions
from simulator.world import Clock, Faults, PhoneMessage, PlatformName, Press, WireLog


class DingTalkPlatform:
    """One organisation with one application. Implements ``simulator.world.Platform``.

    ``terms`` are the fields of ``limits.Terms`` (``ping_every``, ``disconnect_grace``, ``click_timeout``,
    ``redelivery_after``, ``monthly_api_calls`` …). ``pace`` is the clock of the wire's own times; without it
    they are real seconds.
    """

    name: PlatformName = "dingtalk"

    def __init__(
        self,
        *,
        clock: Clock,
        wire: WireLog,
        faults: Faults,
        corp_id: str,
        client_id: str,
        client_secret: str,
        robot_code: str,
        members: Iterable[Member],
        groups: Iterable[Group] = (),
        templates: Iterable[Template] = (PUBLIC_TEMPLATE, OWN_TEMPLATE),
        base_url: str = "http://127.0.0.1:8900",
        pace: Clock | None = None,
        **terms: Any,
    ) -> None:
        chosen = Terms(**terms)
        self.site = Site(
            clock=clock,
            pace=pace or RealPace(clock),
            wire=wire,
            faults=faults,
            terms=chosen,
            corp_id=corp_id,
            client_id=client_id,
            client_secret=client_secret,
            robot_code=robot_code,
            base_url=base_url.rstrip("/"),
            people=Directory(members, groups),
            phones=Phones(),
            files=Files(clock, link_life=chosen.download_life),
            tokens=Tokens(clock),
            quota=Quota(clock, chosen),
            random=random.Random(chosen.seed),
        )
        self.gateway = Gateway(self.site)
        self.sessions = Sessions(self.site)
        self.inbound = Inbound(self.site, self.gateway, self.sessions)
        self.cards = CardDesk(self.site, templates)
        self.clicks = Clicks(self.site, self.gateway, self.cards)
        self._robot = Robot(self.site)
        self._oapi = Oapi(self.site)

    @property
    def base_url(self) -> str:
        """Where the routes are reachable; sessionWebhook, endpoint and download addresses start with it."""
        return self.site.base_url

    @base_url.setter
    def base_url(self, url: str) -> None:
        self.site.base_url = url.rstrip("/")

    def routes(self) -> list[web.RouteDef]:
        """Everything the bot calls, for any aiohttp application."""
        return table(
            front=Front(self.site),
            gateway=self.gateway,
            robot=self._robot,
            cards=self.cards,
            sessions=self.sessions,
            oapi=self._oapi,
        )

    async def start(self) -> None:
        """Nothing runs before the first connection."""

    async def stop(self) -> None:
        """Give up redeliveries and close every stream."""
        await self.inbound.stop()
        await self.gateway.stop()

    # -- what people do --------------------------------------------------------------------------

    async def say(self, user: str, text: str, *, group: str | None = None, quote: str | None = None) -> str:
        """The person types a text, in a group with an @ of the robot; ``quote`` answers a message by id."""
        quoted = self._quote(quote) if quote else None
        content = text_content(text, in_group=group is not None, quote=quoted)
        return await self._write(user, content, group=group, kind="text", text=text)

    async def send_image(
        self, user: str, image: bytes, *, filename: str = "photo.jpg", group: str | None = None
    ) -> str:
        """A picture; in a group it travels together with the @ and arrives as richText [wire 3]."""
        if group is not None:
            return await self.send_rich_text(user, [image], group=group)
        code = self._keep(image, filename, "image/png" if image.startswith(b"\x89PNG") else "image/jpeg")
        return await self._write(user, picture_content(code), kind="image", image=image)

    async def send_rich_text(self, user: str, parts: list[str | bytes], *, group: str | None = None) -> str:
        """Texts and pictures in one message, in that order."""
        pictures = [part for part in parts if isinstance(part, bytes)]
        codes = [self._keep(picture, "photo.jpg", "image/jpeg") for picture in pictures]
        text = " ".join(part.strip() for part in parts if isinstance(part, str))
        image = pictures[0] if pictures else b""
        content = rich_text_content(parts, codes)
        return await self._write(user, content, group=group, kind="image", text=text, image=image)

    async def send_file(self, user: str, data: bytes, *, filename: str) -> str:
        """A file, in the single chat only."""
        code = self._keep(data, filename, "application/octet-stream")
        content = file_content(code, filename=filename, file_id=self.site.new_id())
        return await self._write(user, content, kind="file", filename=filename)

    async def send_voice(
        self, user: str, recognition: str, *, audio: bytes = b"#!AMR\n", duration_ms: int = 3200
    ) -> str:
        """A voice message with the platform's own transcript."""
        code = self._keep(audio, "voice.amr", "audio/amr")
        content = audio_content(code, recognition=recognition, duration_ms=duration_ms)
        return await self._write(user, content, kind="voice", text=recognition)

    async def send_video(self, user: str, video: bytes, *, seconds: int = 8) -> str:
        """A short film."""
        code = self._keep(video, "video.mp4", "video/mp4")
        return await self._write(user, video_content(code, seconds=seconds), kind="video")

    async def send_unknown(self, user: str, kind: str = "interactiveCard", *, group: str | None = None) -> str:
        """A message of a kind the platform does not pass on."""
        return await self._write(user, unknown_content(kind), group=group, kind="text", text=f"[{kind}]")

    async def press(self, press: Press) -> None:
        """The person taps a card. Raises LookupError when that person has no such live button."""
        await self.clicks.press(press)

    async def press_raw(
        self, user: str, out_track_id: str, action_id: str, params: dict[str, Any], *, corp_id: str = ""
    ) -> Ack | None:
        """A click no phone would send; returns the bot's ack."""
        return await self.clicks.raw(user, out_track_id, action_id, params, corp_id=corp_id)

    def read(self, user: str) -> None:
        """The person looks at everything in their chats."""
        for bubble in self.site.phones.of(user):
            bubble.read_by.add(user)

    def chat(self, user: str) -> list[PhoneMessage]:
        """Everything on that person's phone, oldest first."""
        return [phone_message(bubble, user, self.site.files) for bubble in self.site.phones.of(user)]

    # -- what the platform does ------------------------------------------------------------------

    async def push_event(self, event_type: str, data: dict[str, Any]) -> None:
        """An org event such as ``user_leave_org``."""
        await self.inbound.event(event_type, data)

    async def push_frame(self, *, kind: str, topic: str, data: str, to: Connection | None = None) -> Sent | None:
        """Any frame at all, sent once; None when no connection takes it."""
        label = f"stream {kind} raw"
        return await self.gateway.push(kind=kind, topic=topic, data=data, label=label, to=to)

    async def disconnect_streams(self, reason: str = "connection is expired") -> None:
        """Tell every connection to go; each gets nothing more and closes after the grace."""
        for connection in list(self.gateway.connections):
            await self.gateway.disconnect(connection, reason)

    def drop_streams(self) -> None:
        """Abort every connection."""
        for connection in list(self.gateway.connections):
            self.gateway.drop(connection)

    def mute_streams(self) -> None:
        """Make every connection half-open."""
        for connection in self.gateway.connections:
            self.gateway.mute(connection)

    # -- inside ----------------------------------------------------------------------------------

    def _keep(self, data: bytes, filename: str, content_type: str) -> str:
        return self.site.files.keep_inbound(StoredFile(data=data, filename=filename, content_type=content_type))

    def _quote(self, message_id: str) -> dict[str, Any]:
        """``repliedMsg`` of a quoted message. Raises LookupError for an unknown one."""
        bubble = self.site.phones.by_id(message_id)
        author = self.site.people.members.get(bubble.author)
        is_text = bubble.kind == "text"
        return {
            "msgType": "text" if is_text else "picture" if bubble.kind == "image" else "interactiveCard",
            "msgId": bubble.id,
            "senderId": author.sender_id if author else f"$:LWCP_v1:$bot-{self.site.robot_code}",
            "createdAt": int(bubble.at.timestamp() * 1000),
            "content": {"text": bubble.text} if is_text else {},
        }

    async def _write(
        self,
        user: str,
        content: dict[str, Any],
        *,
        kind: Kind,
        group: str | None = None,
        text: str = "",
        image: bytes = b"",
        filename: str = "",
    ) -> str:
        member = self.site.people.member(user)
        chat = self.site.people.group(group) if group else None
        bubble = Bubble(
            id=self.site.new_id("msg"),
            at=self.site.clock.now().astimezone(CHINA),
            conversation_id=chat.conversation_id if chat else single_chat(user),
            viewers=frozenset(chat.member_ids if chat else (user,)),
            author=user,
            author_name=f"{chat.title} · {member.name}" if chat else member.name,
            kind=kind,
            text=text,
            image=image,
            filename=filename,
        )
        await self.inbound.write(user, content, bubble, group=group)
        return bubble.id
