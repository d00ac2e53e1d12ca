"""WeCom as a whole: what members do on their phones, and the API they never see."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from simulator.wecom import inbound
from simulator.wecom.accounts import AppConfig, Directory, Member
from simulator.wecom.aibot import Aibot, AibotGroup
from simulator.wecom.aibot_gateway import AibotConfig
from simulator.wecom.aibot_replies import AIBOT
from simulator.wecom.api import Api
from simulator.wecom.callbacks import CallbackAnswer, CallbackWire, Inner, Mutation
from simulator.wecom.cards_view import show
from simulator.wecom.courier import Courier
from simulator.wecom.crypto import AppCipher
from simulator.wecom.inbound import Fields, Selected
from simulator.wecom.media import MediaStore
from simulator.wecom.menu import MenuEntry
from simulator.wecom.phones import Phones
from simulator.wecom.replies import ReplyDesk
from simulator.wecom.sending import MessageDesk
from simulator.wecom.tokens import TokenDesk
from simulator.world import Clock, Faults, PhoneMessage, PlatformName, Press, WireLog


class WeComPlatform:
    """A corp with self-built apps. Implements ``simulator.world.Platform``.

    ``callback_timeout`` (5 s) and ``verify_timeout`` (1 s) are real seconds of the HTTP exchange and may be
    scaled; everything else (tokens, codes, media, rates) goes by ``clock``. ``agentid`` arguments default to
    the first app that the member sees. ``passive_spends_code``: whether a passive card update uses up the
    press's response_code is not documented; the stricter reading is the default.
    """

    name: PlatformName = "wecom"

    def __init__(
        self,
        *,
        clock: Clock,
        wire: WireLog,
        faults: Faults,
        corpid: str,
        apps: list[AppConfig],
        members: list[Member],
        callback_timeout: float = 5.0,
        verify_timeout: float = 1.0,
        retries: int = 3,
        retry_delay: float = 0.0,
        reorder_window: float = 5.0,
        slow_seconds: float = 3.0,
        wrong_secret_limit: int = 10,
        passive_spends_code: bool = True,
        aibot: AibotConfig | None = None,
        aibot_groups: tuple[AibotGroup, ...] = (),
    ) -> None:
        self.corpid = corpid
        self.directory = Directory(members, apps)
        self.media = MediaStore(clock, wire)
        self.phones = Phones(clock)
        self.tokens = TokenDesk(clock, self.directory, corpid, wrong_secret_limit=wrong_secret_limit)
        self.desk = MessageDesk(clock, wire, faults, self.directory, self.media, self.phones)
        self.api = Api(
            clock, wire, faults, self.directory, self.tokens, self.media, self.desk, slow_seconds=slow_seconds
        )
        self.callbacks = CallbackWire(
            clock,
            wire,
            faults,
            corpid,
            timeout=callback_timeout,
            verify_timeout=verify_timeout,
            retries=retries,
            retry_delay=retry_delay,
            reorder_window=reorder_window,
        )
        replies = ReplyDesk(
            clock,
            wire,
            corpid,
            self.media,
            self.phones,
            self.desk,
            passive_spends_code=passive_spends_code,
        )
        self.aibot = Aibot(
            clock,
            wire,
            faults,
            aibot or AibotConfig(aibotid="", secret=""),
            self.directory,
            self.media,
            self.phones,
            groups=aibot_groups,
        )
        self._courier = Courier(clock, corpid, self.directory, self.phones, self.callbacks, replies)

    async def start(self) -> None:
        await self.callbacks.start()

    async def stop(self) -> None:
        await self.aibot.stop()
        await self.callbacks.stop()

    def routes(self) -> list[web.RouteDef]:
        """The API half under /cgi-bin and the aibot half under /aibot, to be mounted in any aiohttp application."""
        return [*self.api.routes(), *self.aibot.routes()]

    def create_app(self) -> web.Application:
        """The API half alone."""
        app = web.Application()
        app.add_routes(self.routes())
        return app

    def set_callback_url(self, agentid: int, url: str | None) -> None:
        self.directory.app(agentid).callback_url = url

    def cipher(self, agentid: int) -> AppCipher:
        """The app's envelope crypto, to open what was sent or to forge."""
        return self.callbacks.cipher(self.directory.app(agentid))

    @property
    def silently_dropped(self) -> list[tuple[int, str]]:
        """(agentid, userid) of each message swallowed by the per-member limit."""
        return self.desk.silently_dropped

    @property
    def given_up(self) -> list[Fields]:
        """Callbacks that were not answered in any of their tries."""
        return self.callbacks.given_up

    def fail_next(self, path: str, errcode: int) -> None:
        """Refuse the next call of ``path`` (``message/send``, ``gettoken``) with ``errcode``."""
        self.api.fail_next(path, errcode)

    async def verify_url(self, agentid: int, *, mutate: Mutation | None = None) -> bool:
        """Save the callback URL in the console: true when the bot echoes as it must."""
        return await self.callbacks.verify(self.directory.app(agentid), mutate=mutate)

    async def send_callback(
        self, inner: Inner, *, agentid: int | None = None, mutate: Mutation | None = None
    ) -> CallbackAnswer:
        """Post one envelope once, without retries or checks: for hostile and unusual content."""
        app = self.directory.app(agentid) if agentid is not None else next(iter(self.directory.apps.values()))
        return await self.callbacks.post(app, inner, mutate=mutate)

    async def say(self, user: str, text: str, *, group: str | None = None, agentid: int | None = None) -> str:
        """The member types a text to the app; returns its MsgId.

        Raises:
            LookupError: nobody of that userid in the corp, or they see no app.
            ValueError: for a group, because the app never receives group messages [90235].
        """
        _no_group(group)
        return await self._courier.message(user, inbound.text(text), agentid, kind="text", text=text)

    async def send_image(
        self,
        user: str,
        image: bytes,
        *,
        filename: str = "photo.jpg",
        group: str | None = None,
        agentid: int | None = None,
    ) -> str:
        _no_group(group)
        fields = inbound.image(self.media.keep("image", filename, image).media_id)
        return await self._courier.message(user, fields, agentid, kind="image", image=image, filename=filename)

    async def send_file(self, user: str, data: bytes, *, filename: str, agentid: int | None = None) -> str:
        """Unconfirmed on a real tenant: whether apps receive ``file`` at all."""
        fields = inbound.file(self.media.keep("file", filename, data).media_id, filename)
        return await self._courier.message(user, fields, agentid, kind="file", filename=filename)

    async def send_voice(self, user: str, data: bytes, *, format_: str = "amr", agentid: int | None = None) -> str:
        name = f"voice.{format_}"
        fields = inbound.voice(self.media.keep("voice", name, data).media_id, format_)
        return await self._courier.message(user, fields, agentid, kind="voice", filename=name)

    async def send_video(self, user: str, data: bytes, *, thumb: bytes, agentid: int | None = None) -> str:
        fields = inbound.video(
            self.media.keep("video", "video.mp4", data).media_id,
            self.media.keep("image", "thumb.jpg", thumb).media_id,
        )
        return await self._courier.message(user, fields, agentid, kind="video", image=thumb, filename="video.mp4")

    async def send_location(
        self,
        user: str,
        latitude: float,
        longitude: float,
        label: str,
        *,
        scale: int = 15,
        agentid: int | None = None,
    ) -> str:
        fields = inbound.location(latitude, longitude, label, scale)
        return await self._courier.message(user, fields, agentid, kind="text", text=label)

    async def send_link(
        self, user: str, title: str, url: str, *, description: str = "", agentid: int | None = None
    ) -> str:
        fields = inbound.link(title, description, url)
        return await self._courier.message(user, fields, agentid, kind="text", text=title, link=url)

    async def send_unknown(self, user: str, msg_type: str, *, agentid: int | None = None, **fields: Any) -> str:
        """A message of a kind that no page knows."""
        return await self._courier.message(user, {"MsgType": msg_type, **fields}, agentid, kind="text", text=msg_type)

    async def event(self, user: str, name: str, key: str = "", *, agentid: int | None = None, **fields: Any) -> None:
        """Any event: subscribe, unsubscribe, enter_agent, change_contact (user ``sys``), an unknown one."""
        await self._courier.event(user, inbound.event(name, key, **fields), agentid)

    async def report_location(
        self,
        user: str,
        latitude: float,
        longitude: float,
        *,
        precision: float = 20.0,
        agentid: int | None = None,
    ) -> None:
        await self._courier.event(user, inbound.gps(latitude, longitude, precision), agentid)

    async def press(self, press: Press) -> None:
        """The member taps a card. Raises LookupError when their copy has no such live button."""
        bubble = self.phones.copy(press.user, press.card_id)
        if bubble.agentid == AIBOT:
            await self.aibot.press(bubble, press.key, press.selected)
            return
        event, selected = inbound.press_of(bubble, press.key, press.selected)
        fields = inbound.card_event(
            event,
            key=press.key,
            task_id=bubble.task_id,
            card_type=str(bubble.card["card_type"]),
            response_code=self.phones.grant(bubble.agentid, bubble.task_id),
            selected=selected,
        )
        await self._courier.event(press.user, fields, bubble.agentid, pressed=bubble)

    async def press_raw(
        self,
        user: str,
        task_id: str,
        key: str,
        selected: Selected | None = None,
        card_type: str = "button_interaction",
        *,
        response_code: str | None = None,
        event: str = "template_card_event",
        agentid: int | None = None,
    ) -> CallbackAnswer:
        """Forge a press that no phone offers; posted once. A code is granted unless one is given."""
        app = self.directory.app_of(user, agentid)
        code = response_code if response_code is not None else self.phones.grant(app.agentid, task_id)
        fields = inbound.card_event(
            event, key=key, task_id=task_id, card_type=card_type, response_code=code, selected=selected or {}
        )
        return await self.callbacks.post(app, self._courier.addressed(app, user, fields))

    def menu(self, user: str) -> list[MenuEntry]:
        """The menu entries below this member's chats."""
        apps = [app for app in self.directory.apps.values() if self.directory.sees(user, app)]
        return [entry for app in apps for entry in self.api.menus.get(app.agentid, [])]

    async def tap_menu(
        self,
        user: str,
        key: str,
        *,
        scan_result: str = "",
        scan_type: str = "barcode",
        pictures: list[bytes] | None = None,
        place: Fields | None = None,
    ) -> None:
        """The member taps a menu entry; photo entries are followed by their pictures as image messages.

        Raises:
            LookupError: no such entry in the menus this member sees.
        """
        entry = next((entry for entry in self.menu(user) if entry.key == key), None)
        if entry is None:
            raise LookupError(f"{user!r} sees no menu entry {key!r}")
        photos = pictures or []
        fields = inbound.tap(entry, scan_result=scan_result, scan_type=scan_type, pictures=photos, place=place or {})
        await self._courier.event(user, fields, entry.agentid)
        if entry.type.startswith("pic_"):
            for photo in photos:
                await self.send_image(user, photo, agentid=entry.agentid)

    def chat(self, user: str, *, agentid: int | None = None) -> list[PhoneMessage]:
        """Everything on that member's phone, oldest first; of one app when ``agentid`` is given."""
        return [
            show(bubble, self.picture)
            for bubble in self.phones.chat(user)
            if agentid is None or bubble.agentid == agentid
        ]

    def picture(self, url: str) -> bytes:
        """The bytes behind a URL of uploadimg; empty for any other."""
        return self.media.picture(url.rsplit("/", 1)[-1]) or b""


def _no_group(group: str | None) -> None:
    if group is not None:
        raise ValueError("a self-built app never receives group messages [90235]")
