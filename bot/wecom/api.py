"""WeCom's outbound half: what people get on their phones, and what it says about whom it did not reach."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from aiohttp import ClientSession, ClientTimeout

from bot.breakers import Breakers
from bot.platform_errors import CardGone, NotReachable, Refused
from bot.wecom import media
from bot.wecom.aibot.media import AibotMedia, is_aibot_media
from bot.wecom.apps import WeComApp
from bot.wecom.client import CALL_TIMEOUT, Answer, Call, WeComClient
from bot.wecom.errors import DUPLICATE_TASK
from bot.wecom.menu import MENU, Entry
from bot.wecom.menu import validate as menu_problems
from bot.wecom.throttles import MEMBER
from cards.text_limits import cut_bytes
from cards.wecom import validate
from core.clock import Clock
from core.notices import PostedCard
from core.people import PlatformName
from core.ports import Coordinator, Limit, SendResult

TEXT_BYTES = 2048
DUPLICATE_SECONDS = 1800
MAX_RECIPIENTS = 1000


class WeComMessenger:
    """Implements ``core.ports.Messenger`` for one self-built app [90236].

    Every method raises the classes of ``bot.platform_errors``: NotReachable when nobody of the recipients was
    reached, RateLimited before a call that a member's limit would swallow, Refused for what is our defect.
    """

    name = PlatformName.WECOM

    def __init__(
        self,
        app: WeComApp,
        session: ClientSession,
        coordinator: Coordinator,
        clock: Clock,
        *,
        aibot: AibotMedia | None = None,
        timeout: ClientTimeout = CALL_TIMEOUT,
        rng: random.Random | None = None,
        breakers: Breakers | None = None,
    ) -> None:
        self._app = app
        self._aibot = aibot
        self._client = WeComClient(app, session, coordinator, clock, timeout=timeout, rng=rng, breakers=breakers)

    async def send_text(self, account: str, text: str, *, retry: bool) -> SendResult:
        """A text of at most 2048 bytes, cut with “…”.

        Idempotent by its body: the same words to the same person make the same bytes, and a repeat asks WeCom to show
        them only once. Only a repeat asks: on first attempts it would also swallow the same true answer to a question
        asked twice within the half hour.
        """
        body = self._message([account], "text", {"content": cut_bytes(text, TEXT_BYTES)})
        return await self._post([account], _once_only(body) if retry else body)

    async def upload_image(self, data: bytes, filename: str) -> str:
        """The media_id, good for three days."""
        return await media.upload(self._client, "image", data, filename)

    async def send_image(
        self, account: str, data: bytes, filename: str, *, handle: str = "", retry: bool = False
    ) -> SendResult:
        """Idempotent like a text, as long as a repeat brings the ``handle`` of the first try. Raises MediaGone when
        that has died."""
        body = self._message([account], "image", {"media_id": handle or await self.upload_image(data, filename)})
        return await self._post([account], _once_only(body) if retry else body)

    async def send_file(self, account: str, data: bytes, filename: str) -> SendResult:
        """Not idempotent: each try uploads anew."""
        media_id = await media.upload(self._client, "file", data, filename)
        return await self._post([account], self._message([account], "file", {"media_id": media_id}))

    async def send_card(
        self, accounts: Sequence[str], payload: dict[str, Any], card_id: str, *, retry: bool
    ) -> SendResult:
        """One card for all of them, with the code for its first repaint.

        ``card_id`` becomes the task_id, unique for ever: on a retry 42014 means that the first attempt was
        accepted (its code is lost, every click brings another); on a first attempt it is a defect.
        """
        card = {**payload, "task_id": card_id}
        self._check(validate(card))
        try:
            return await self._post(accounts, self._message(accounts, "template_card", card))
        except Refused as error:
            if retry and error.code == str(DUPLICATE_TASK):
                return SendResult(already=True)
            raise

    async def update_card(self, card: PostedCard, payload: dict[str, Any], code: str) -> SendResult:
        """Repaint everybody's copy; spends ``code``. Raises CardGone when it is spent, too old, or there is none."""
        if not code:
            raise CardGone("no_code", card.card_id)
        shown = {name: value for name, value in payload.items() if name != "task_id"}
        self._check(validate(shown, update=True))
        body = {"atall": 1, "agentid": self._app.agentid, "response_code": code, "template_card": shown}
        answer = await self._client.call(Call(api="message/update_template_card", body=body))
        return SendResult(unreachable=_unreached(answer))

    async def download(self, handle: str, *, kind: str) -> tuple[bytes, str]:
        """Raises MediaGone after three days (five minutes when the aibot brought it), FileRefused above 20 MB."""
        if is_aibot_media(handle) and self._aibot is not None:
            return await self._aibot.download(handle, kind=kind)
        return await media.download(self._client, handle, kind)

    async def recall(self, provider_id: str) -> None:
        """Take a message back, within 24 hours [94867]. Raises Refused (40058) later."""
        await self._client.call(Call(api="message/recall", body={"msgid": provider_id}))

    async def install_menu(self, menu: tuple[Entry, ...] = MENU) -> None:
        """Replace the menu below the chat."""
        self._check(menu_problems(menu))
        params = {"agentid": str(self._app.agentid)}
        await self._client.call(Call(api="menu/create", params=params, body={"button": list(menu)}))

    async def member(self, account: str) -> dict[str, Any]:
        """The address book's record: name, department, position … Raises NotReachable outside the app's scope."""
        return await self._client.call(Call(api="user/get", params={"userid": account}))

    async def userid_of(self, open_userid: str) -> str:
        """The userid behind an encrypted one; empty when WeCom says that it is none [101521]."""
        body = {"open_userid_list": [open_userid]}
        answer = await self._client.call(Call(api="batch/openuserid_to_userid", body=body))
        found = [row for row in answer.get("userid_list", []) if row.get("open_userid") == open_userid]
        return str(found[0].get("userid", "")) if found else ""

    async def callback_ips(self) -> tuple[str, ...]:
        """Addresses that callbacks come from; may hold wildcards such as ``101.226.103.*`` [92521]."""
        answer = await self._client.call(Call(api="getcallbackip"))
        return tuple(str(ip) for ip in answer.get("ip_list", ()))

    async def _post(self, accounts: Sequence[str], body: Answer) -> SendResult:
        answer = await self._client.call(Call(api="message/send", body=body, limits=self._places(accounts)))
        unreached = _unreached(answer)
        if {account.casefold() for account in accounts} <= set(unreached):
            raise NotReachable("invaliduser", "|".join(unreached))
        return SendResult(
            provider_id=str(answer.get("msgid", "")),
            response_code=str(answer.get("response_code", "")),
            unreachable=unreached,
        )

    def _message(self, accounts: Sequence[str], msgtype: str, content: dict[str, Any]) -> Answer:
        if not accounts or len(accounts) > MAX_RECIPIENTS:
            raise Refused("40031", f"{len(accounts)} recipients")
        if any(not account or "|" in account or account.startswith("@") for account in accounts):
            # “|” would address further people, “@all” the whole corp.
            raise Refused("40003", "a recipient is no userid")
        touser = "|".join(accounts)
        return {"touser": touser, "msgtype": msgtype, "agentid": self._app.agentid, msgtype: content}

    def _places(self, accounts: Sequence[str]) -> tuple[Limit, ...]:
        """Every recipient's limits, taken all or none: who is full must not use up the others' places."""
        return tuple(
            throttle.on(f"wecom:member:{self._app.corpid}:{self._app.agentid}:{account.casefold()}:{window}")
            for account in accounts
            for window, throttle in MEMBER.items()
        )

    def _check(self, problems: list[str]) -> None:
        if problems:
            raise Refused("invalid", "; ".join(problems))


def _once_only(body: Answer) -> Answer:
    return {**body, "enable_duplicate_check": 1, "duplicate_check_interval": DUPLICATE_SECONDS}


def _unreached(answer: Answer) -> tuple[str, ...]:
    """Accounts named as invalid or without licence: “a|b” in a send, an array in an update [90236, 94888]."""
    named: list[str] = []
    for field in ("invaliduser", "unlicenseduser"):
        value = answer.get(field) or []
        named += value.split("|") if isinstance(value, str) else [str(user) for user in value]
    return tuple(dict.fromkeys(user.casefold() for user in named if user))
