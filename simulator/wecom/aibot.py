"""The intelligent bot (智能机器人) as members meet it: what they say to it, in 1:1 and @-ed in groups (wire 7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aiohttp import web

from simulator.wecom.accounts import Directory, open_userid
from simulator.wecom.aibot_frames import Body, Kind
from simulator.wecom.aibot_gateway import AibotConfig, AibotGateway
from simulator.wecom.aibot_media import PATH, SealedStore
from simulator.wecom.aibot_replies import AIBOT, AibotReplies
from simulator.wecom.inbound import Selected, press_of
from simulator.wecom.media import MediaStore
from simulator.wecom.phones import Bubble, Phones
from simulator.world import Clock, Faults, PhoneMessage, WireLog

SOCKET = "/aibot/ws"


@dataclass(frozen=True, kw_only=True)
class AibotGroup:
    """A group chat that the bot is a member of."""

    chatid: str
    members: tuple[str, ...]


class Aibot:
    """One bot with its long connection. Every act returns the msgid, when the frame is on its way or lost.

    ``open_userids``: the bot reports encrypted ids instead of userids; which form a real one yields is unconfirmed.
    """

    def __init__(
        self,
        clock: Clock,
        wire: WireLog,
        faults: Faults,
        config: AibotConfig,
        directory: Directory,
        media: MediaStore,
        phones: Phones,
        *,
        groups: Iterable[AibotGroup] = (),
        open_userids: bool = False,
        window: float = 5.0,
        ping_limit: float = 90.0,
    ) -> None:
        self.config = config
        self.gateway = AibotGateway(clock, wire, faults, config, ping_limit=ping_limit)
        self.sealed = SealedStore(clock)
        self.groups = {group.chatid: group for group in groups}
        self.open_userids = open_userids
        self.most_open = 3
        """Messages of one person that may wait for their answer [101039]; what happens to the next one is assumed."""
        self._clock = clock
        self._directory = directory
        self._phones = phones
        self._sent: dict[str, tuple[str, str, Body]] = {}
        self.replies = AibotReplies(clock, wire, phones, media, self.gateway.issued, self._members, window=window)
        for cmd, reply in {
            "aibot_respond_msg": self.replies.respond,
            "aibot_respond_welcome_msg": self.replies.welcome,
            "aibot_respond_update_msg": self.replies.update,
            "aibot_send_msg": self.replies.push,
            "aibot_upload_media_init": self.replies.begin_upload,
            "aibot_upload_media_chunk": self.replies.upload_chunk,
            "aibot_upload_media_finish": self.replies.finish_upload,
        }.items():
            self.gateway.on(cmd, reply)

    def routes(self) -> list[web.RouteDef]:
        return [web.get(SOCKET, self._connect), web.get(PATH + "{name}", self.sealed.serve)]

    async def stop(self) -> None:
        await self.gateway.stop()

    # -- what members do -------------------------------------------------------------------------

    async def say(self, user: str, text: str, *, group: str = "", quote: Body | None = None) -> str:
        """A text, in a group with the bot @-ed; ``quote`` as ``quoted_text`` and ``quoted_image`` make it."""
        content: Body = {"text": {"content": self._addressed(text, group)}, **({"quote": quote} if quote else {})}
        return await self._message(user, group, "text", content, text=text)

    async def speak(self, user: str, recognised: str) -> str:
        """A voice message: only the recognised words arrive."""
        return await self._message(user, "", "voice", {"voice": {"content": recognised}}, text=f"🎤 {recognised}")

    async def send_image(self, user: str, image: bytes) -> str:
        held = self.sealed.reference(self.sealed.keep(image, "image.png"))
        return await self._message(user, "", "image", {"image": held}, kind="image", image=image)

    async def send_file(self, user: str, data: bytes, *, filename: str) -> str:
        """1:1 only: the client splits a file from an @ in a group, and the file never arrives."""
        held = self.sealed.reference(self.sealed.keep(data, filename))
        return await self._message(user, "", "file", {"file": held}, kind="file", filename=filename)

    async def send_video(self, user: str, data: bytes) -> str:
        held = self.sealed.reference(self.sealed.keep(data, "video.mp4"))
        return await self._message(user, "", "video", {"video": held}, kind="video", filename="video.mp4")

    async def mix(self, user: str, text: str, images: Sequence[bytes], *, group: str = "") -> str:
        """Words and pictures in one message: the way a photo order comes from a group."""
        items: list[Body] = [{"msgtype": "text", "text": {"content": self._addressed(text, group)}}] if text else []
        items += [
            {"msgtype": "image", "image": self.sealed.reference(self.sealed.keep(image, "image.png"))}
            for image in images
        ]
        shown = images[0] if images else b""
        return await self._message(user, group, "mixed", {"mixed": {"msg_item": items}}, text=text, image=shown)

    def quoted_image(self, image: bytes) -> Body:
        return {"msgtype": "image", "image": self.sealed.reference(self.sealed.keep(image, "image.png"))}

    def quoted_text(self, text: str) -> Body:
        return {"msgtype": "text", "text": {"content": text}}

    async def enter(self, user: str) -> None:
        """The first opening of the bot's chat on a day."""
        await self._event(user, "enter_chat")

    async def feed_back(self, user: str) -> None:
        """Thumbs up below a reply."""
        await self._event(user, "feedback_event", {"id": "f1", "type": 1})

    async def press(self, bubble: Bubble, key: str, chosen: Selected) -> None:
        """A tap on a card of the bot; sent once, never again. Raises LookupError without such a live button."""
        _, selected = press_of(bubble, key, chosen)
        items = [{"question_key": q, "option_ids": {"option_id": ids}} for q, ids in selected.items()]
        content: Body = {"card_type": bubble.card["card_type"], "event_key": key, "task_id": bubble.task_id}
        if items:
            content["selected_items"] = {"selected_item": items}
        body = self.gateway.event_body(self._shown(bubble.user), "template_card_event", content)
        await self.gateway.push("aibot_event_callback", body, kind="card", user=bubble.user, task_id=bubble.task_id)

    async def redeliver(self, msgid: str) -> None:
        """The same message once more, under a new req_id, as the page says that it may happen [100719]."""
        user, group, body = self._sent[msgid]
        await self.gateway.push("aibot_msg_callback", body, kind="message", user=user, chatid=group)

    # -- inside ----------------------------------------------------------------------------------

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        self.sealed.origin = str(request.url.origin())
        return await self.gateway.connect(request)

    async def _message(
        self, user: str, group: str, msgtype: str, content: Body, *, kind: str = "text", **look: object
    ) -> str:
        self._directory.member(user)
        if group and user not in self.groups[group].members:
            raise LookupError(f"{user!r} is not in the group {group!r}")
        msgid = self.gateway.next_msgid()
        now = self._clock.now()
        plain = PhoneMessage(id=msgid, at=now, from_me=True, kind=kind, **look)  # type: ignore[arg-type]
        self._phones.add(Bubble(id=msgid, user=user, agentid=AIBOT, at=now, plain=plain))
        body: Body = {
            "msgid": msgid,
            "aibotid": self.config.aibotid,
            "chattype": "group" if group else "single",
            **({"chatid": group} if group else {}),
            "from": {"userid": self._shown(user)},
            "response_url": f"{self.sealed.origin}/aibot/response?code={msgid}",
            "msgtype": msgtype,
            **content,
        }
        self._sent[msgid] = (user, group, body)
        self.replies.wrote.add(group or user)
        if self.replies.open_exchanges(user) >= self.most_open:
            self.gateway.hold_back(body)
            return msgid
        await self.gateway.push("aibot_msg_callback", body, kind="message", user=user, chatid=group)
        return msgid

    async def _event(self, user: str, eventtype: str, content: Body | None = None) -> None:
        kind: Kind = "enter_chat" if eventtype == "enter_chat" else "other"
        body = self.gateway.event_body(self._shown(user), eventtype, content)
        await self.gateway.push("aibot_event_callback", body, kind=kind, user=user)

    def _addressed(self, text: str, group: str) -> str:
        """The client keeps the name it @-s, with a thin space behind it and an invisible one before (observed)."""
        return f"\u200b@{self.config.name}\u2005{text}" if group else text

    def _members(self, chat: str) -> tuple[str, ...]:
        return self.groups[chat].members if chat in self.groups else (chat,)

    def _shown(self, user: str) -> str:
        return open_userid(user) if self.open_userids and user else user
