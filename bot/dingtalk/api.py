"""The outbound half: texts, pictures, files and cards to people on DingTalk (wire/dingtalk 4–7)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import aiohttp

from bot.breakers import Breakers
from bot.dingtalk.downloads import download_session, fetch
from bot.dingtalk.errors import CardExists
from bot.dingtalk.receive import Meter, unmetered
from bot.dingtalk.rest import Rest
from bot.dingtalk.settings import DingTalkSettings
from bot.platform_errors import MediaGone, NotReachable, PlatformDown, Refused
from cards.text_limits import cut_bytes
from core.clock import Clock
from core.notices import PostedCard
from core.people import PlatformName
from core.ports import Coordinator, SendResult

PEOPLE_PER_SEND = 20
"""oToMessages/batchSend (wire/dingtalk 5.2)."""
TEXT_BYTES = 6000
"""Half of msgParam's 15,000 bytes at most, whatever JSON adds to the text."""
FILE_TYPES = frozenset({"doc", "docx", "xls", "xlsx", "ppt", "pptx", "pdf", "zip", "rar"})
IMAGE_TYPES = frozenset({"jpg", "jpeg", "gif", "png", "bmp"})
"""What media/upload takes; csv and txt are not among them (wire/dingtalk 5.3)."""
AGAIN = "(重发) "
"""Heads a text that may have arrived before: batchSend has no idempotency key."""
PICTURE_AGAIN = AGAIN + "下面这张图可能已经发过,看一张即可。"
ALERT_BYTES = 120
FALLBACK_NAMES = {"image": "photo.jpg", "voice": "voice.amr", "video": "video.mp4"}


class DingTalkMessenger:
    """Implements ``core.ports.Messenger``. A card's ``payload`` is its cardParamMap (``cards.dingtalk.render``).

    A person whom a call did not reach although it succeeded is in ``SendResult.unreachable``; when nobody was
    reached the call raises NotReachable.
    """

    name = PlatformName.DINGTALK

    def __init__(
        self,
        settings: DingTalkSettings,
        session: aiohttp.ClientSession,
        coordinator: Coordinator,
        clock: Clock,
        *,
        meter: Meter = unmetered,
        breakers: Breakers | None = None,
    ) -> None:
        self._settings = settings
        self._session = session
        self._rest = Rest(settings, session, coordinator, clock, meter=meter, breakers=breakers)
        self._downloads: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close what this opened itself; the shared session belongs to whoever made it."""
        if self._downloads is not None:
            await self._downloads.close()

    # -- messages --------------------------------------------------------------------------------

    async def send_text(self, account: str, text: str, *, retry: bool) -> SendResult:
        """A text in the person's chat with the robot. Not idempotent, batchSend has no key: a repeat says so, because
        it may be a double."""
        content = cut_bytes(AGAIN + text if retry else text, TEXT_BYTES)
        return await self._send([account], "sampleText", {"content": content})

    async def send_markdown(self, accounts: Sequence[str], title: str, text: str, *, retry: bool) -> SendResult:
        """A formatted text to any number of people, 20 per call."""
        shown = AGAIN + title if retry else title
        values = {"title": cut_bytes(shown, ALERT_BYTES), "text": cut_bytes(text, TEXT_BYTES)}
        return await self._send(accounts, "sampleMarkdown", values)

    async def upload_image(self, data: bytes, filename: str) -> str:
        """The media id of a picture (jpg, png, gif, bmp, ≤ 20 MB)."""
        self._check_file(data, filename, IMAGE_TYPES)
        return await self._rest.upload("image", data, filename)

    async def send_image(
        self, account: str, data: bytes, filename: str, *, handle: str = "", retry: bool = False
    ) -> SendResult:
        """Not idempotent: batchSend has no key. A repeat is announced by a line of its own, as a picture cannot say it
        itself."""
        media_id = handle or await self.upload_image(data, filename)
        if retry:
            await self._send([account], "sampleText", {"content": PICTURE_AGAIN})
        return await self._send([account], "sampleImageMsg", {"photoURL": media_id})

    async def send_file(self, account: str, data: bytes, filename: str) -> SendResult:
        """A document (xlsx, pdf …, ≤ 20 MB). Raises Refused for a kind the platform does not take."""
        ending = self._check_file(data, filename, FILE_TYPES)
        media_id = await self._rest.upload("file", data, filename)
        values = {"mediaId": media_id, "fileName": filename, "fileType": ending}
        return await self._send([account], "sampleFile", values)

    async def reply(self, session_webhook: str, text: str, *, at: Sequence[str] = ()) -> None:
        """Answer in the chat a message came from, with @. Raises WebhookExpired after about 90 min."""
        body = {"msgtype": "text", "text": {"content": text}, "at": {"atUserIds": list(at), "isAtAll": False}}
        await self._rest.webhook(session_webhook, body)

    async def _send(self, accounts: Sequence[str], msg_key: str, values: dict[str, str]) -> SendResult:
        missed: list[str] = []
        keys: list[str] = []
        why = ""
        for start in range(0, len(accounts), PEOPLE_PER_SEND):
            people = list(accounts[start : start + PEOPLE_PER_SEND])
            answer = await self._rest.call(
                "POST",
                "/v1.0/robot/oToMessages/batchSend",
                {
                    "robotCode": self._settings.robot,
                    "userIds": people,
                    "msgKey": msg_key,
                    "msgParam": json.dumps(values, ensure_ascii=False),
                },
            )
            keys.append(str(answer.get("processQueryKey", "")))
            for name in ("invalidStaffIdList", "flowControlledStaffIdList", "filteredStaffIdList"):
                listed = [user for user in answer.get(name) or () if user in people]
                why = why or (name if listed else "")
                missed += listed
        if len(set(missed)) >= len(set(accounts)):
            raise NotReachable(why, f"nobody of {len(accounts)} was reached")
        return SendResult(provider_id=keys[0], unreachable=tuple(dict.fromkeys(missed)))

    # -- cards -----------------------------------------------------------------------------------

    async def send_card(
        self, accounts: Sequence[str], payload: dict[str, Any], card_id: str, *, retry: bool
    ) -> SendResult:
        """One card with one outTrackId in each person's chat with the robot: one update changes all copies.

        Idempotent by the outTrackId: a retry that meets the card it made before reports ``already``.
        """
        title = str(payload.get("title", ""))
        body = {
            "cardTemplateId": self._settings.card_template_id,
            "outTrackId": card_id,
            "callbackType": "STREAM",
            "cardData": {"cardParamMap": payload},
            "openSpaceId": "dtv1.card//" + ";".join(f"IM_ROBOT.{account}" for account in accounts),
            "imRobotOpenSpaceModel": {
                "supportForward": False,
                "lastMessageI18n": {"ZH_CN": cut_bytes(title, ALERT_BYTES)},
                "notification": {"alertContent": cut_bytes(title, ALERT_BYTES), "notificationOff": False},
            },
            "imRobotOpenDeliverModel": {"spaceType": "IM_ROBOT", "robotCode": self._settings.robot},
            "userIdType": 1,
        }
        try:
            answer = await self._rest.call("POST", "/v1.0/card/instances/createAndDeliver", body)
        except CardExists:
            if not retry:
                raise
            return SendResult(provider_id=card_id, already=True)
        missed = self._undelivered(answer, accounts)
        if len(missed) >= len(set(accounts)):
            raise NotReachable("deliverResults", f"card {card_id} was delivered to nobody")
        return SendResult(provider_id=card_id, unreachable=missed)

    def _undelivered(self, answer: dict[str, Any], accounts: Sequence[str]) -> tuple[str, ...]:
        """HTTP 200 with a failed delivery is a failure of that delivery (wire/dingtalk 6.2)."""
        result = answer.get("result")
        if answer.get("success") is False or not isinstance(result, dict):
            raise PlatformDown("createAndDeliver", "no result in the answer")
        results = [one for one in result.get("deliverResults") or () if isinstance(one, dict)]
        failed = {str(one.get("spaceId", "")) for one in results if one.get("success") is not True}
        if len(accounts) == 1 and failed:
            return tuple(accounts)
        return tuple(account for account in dict.fromkeys(accounts) if account in failed)

    async def update_card(self, card: PostedCard, payload: dict[str, Any], code: str) -> SendResult:
        """Repaint everybody's copy after a change that no press caused; ``code`` is not needed here.

        Raises CardGone when the platform does not know the card (any more).
        """
        body = {
            "outTrackId": card.card_id,
            "cardData": {"cardParamMap": payload},
            # The default replaces the whole map.
            "cardUpdateOptions": {"updateCardDataByKey": True, "updatePrivateDataByKey": True},
            "userIdType": 1,
        }
        await self._rest.call("PUT", "/v1.0/card/instances", body)
        return SendResult(provider_id=card.card_id)

    # -- files -----------------------------------------------------------------------------------

    async def download(self, handle: str, *, kind: str) -> tuple[bytes, str]:
        """What a person sent, at most 20 MB; the code and the address behind it die early, so at once.

        Raises MediaGone when either has died.
        """
        try:
            answer = await self._rest.call(
                "POST",
                "/v1.0/robot/messageFiles/download",
                {"downloadCode": handle, "robotCode": self._settings.robot},
            )
        except Refused as error:
            if error.code.startswith("Forbidden"):
                raise
            raise MediaGone(error.code, error.detail) from None
        url = answer.get("downloadUrl")
        if not isinstance(url, str) or not url:
            raise PlatformDown("download", "the answer brings no downloadUrl")
        name = FALLBACK_NAMES.get(kind, "file")
        return await fetch(self._fetching(), url, self._settings, fallback_name=name)

    def _fetching(self) -> aiohttp.ClientSession:
        if self._settings.local:
            return self._session
        if self._downloads is None:
            self._downloads = download_session()
        return self._downloads

    def _check_file(self, data: bytes, filename: str, allowed: frozenset[str]) -> str:
        ending = filename.rpartition(".")[2].lower()
        if ending not in allowed:
            raise Refused("file-type", f"DingTalk takes {', '.join(sorted(allowed))}, not .{ending}")
        if not data or len(data) > self._settings.max_file:
            raise Refused("file-size", f"{len(data)} bytes, at most {self._settings.max_file}")
        return ending
