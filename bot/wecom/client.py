"""Calls to WeCom's API: token, one forced refresh and one replay, errors by errcode, every wait bounded."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    FormData,
)

from bot.breakers import Breakers
from bot.platform_errors import PlatformDown, TokenRejected, Unsent
from bot.wecom.apps import WeComApp
from bot.wecom.errors import STALE_TOKEN, error_for
from bot.wecom.throttles import API, claim
from bot.wecom.tokens import TokenSource, is_secret_rejected
from core.clock import Clock
from core.people import PlatformName
from core.ports import Coordinator, Limit

Answer = dict[str, Any]
T = TypeVar("T")

CALL_TIMEOUT = ClientTimeout(total=10, connect=4, sock_read=8)
MEDIA_TIMEOUT = ClientTimeout(total=90, connect=4, sock_read=15)
MAX_ANSWER = 1024 * 1024
STALE_CODES = frozenset(str(code) for code in STALE_TOKEN)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One API call. ``form`` builds the body anew for a replay, since a form can be sent only once."""

    api: str
    """Path below /cgi-bin: ``message/send``."""
    params: Mapping[str, str] = field(default_factory=dict)
    body: Answer | None = None
    form: Callable[[], FormData] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: ClientTimeout | None = None
    """Instead of the client's own, for bodies that take longer than an answer."""
    limits: tuple[Limit, ...] = ()
    """Places it needs besides the API's own."""

    @property
    def method(self) -> str:
        return "GET" if self.body is None and self.form is None else "POST"

    def data(self) -> bytes | FormData | None:
        """Raw UTF-8 JSON: escapes are refused with 40033. The same call gives the same bytes."""
        if self.body is not None:
            return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
        return self.form() if self.form is not None else None


class WeComClient:
    """One app's line to WeCom. The session is the caller's and outlives it."""

    def __init__(
        self,
        app: WeComApp,
        session: ClientSession,
        coordinator: Coordinator,
        clock: Clock,
        *,
        timeout: ClientTimeout = CALL_TIMEOUT,
        rng: random.Random | None = None,
        breakers: Breakers | None = None,
    ) -> None:
        self.app = app
        self._breakers = breakers or Breakers(clock)
        self._timeout = timeout
        self._session = session
        self._coordinator = coordinator
        self._clock = clock
        self._base = app.base_url.rstrip("/") + "/cgi-bin/"
        self._tokens = TokenSource(app, coordinator, clock, self._fetch_token, rng=rng)

    async def call(self, call: Call) -> Answer:
        """The answer of a call that succeeded (errcode 0).

        Raises the classes of ``bot.platform_errors`` by errcode; PlatformDown when there is none to go by.
        """

        async def once(token: str) -> Answer:
            async with self.open(call, token) as response:
                return await read_answer(response)

        return await self.authorised(call.api, once, limits=call.limits)

    async def authorised(self, api: str, once: Callable[[str], Awaitable[T]], *, limits: tuple[Limit, ...] = ()) -> T:
        """Run ``once`` with a token, and once more with a new one when the platform calls the first stale.

        Raises Throttled or Resting, and does not call, when a limit is reached or the API rests.
        """
        token = await self._tokens.get()
        try:
            with self._breakers.guard(PlatformName.WECOM, api):
                whole = API.on(f"wecom:api:{self.app.corpid}:{api}")
                await claim(self._coordinator, self._clock, api, (whole, *limits))
                return await once(token.value)
        except TokenRejected as error:
            await self._tokens.drop(token)
            if error.code not in STALE_CODES:
                self._remember(error)
                raise
        token = await self._tokens.get()
        try:
            with self._breakers.guard(PlatformName.WECOM, api):
                return await once(token.value)
        except TokenRejected as error:
            await self._tokens.drop(token)
            self._remember(error)
            raise

    @asynccontextmanager
    async def open(self, call: Call, token: str) -> AsyncIterator[ClientResponse]:
        """The response to one request; its body is read inside the block.

        Raises PlatformDown for whatever the network does (Unsent when no connection stood), without the cause: its
        text would hold the token.
        """
        params = {**call.params, "access_token": token} if token else dict(call.params)
        try:
            async with self._session.request(
                call.method,
                self._base + call.api,
                params=params,
                data=call.data(),
                headers=_headers(call),
                timeout=call.timeout or self._timeout,
                allow_redirects=False,
            ) as response:
                yield response
        except (ClientConnectorError, ConnectionTimeoutError) as error:
            raise Unsent(type(error).__name__, call.api) from None
        except (ClientError, TimeoutError, OSError) as error:
            raise PlatformDown(type(error).__name__, call.api) from None

    async def _fetch_token(self) -> Answer:
        params = {"corpid": self.app.corpid, "corpsecret": self.app.secret}
        with self._breakers.guard(PlatformName.WECOM, "gettoken"):
            async with self.open(Call(api="gettoken", params=params), "") as response:
                answer = await read_answer(response)
        if not answer.get("access_token") or not answer.get("expires_in"):
            raise PlatformDown("no_token", "gettoken answered without a token")
        return answer

    def _remember(self, error: TokenRejected) -> None:
        if is_secret_rejected(error):
            self._tokens.block(error)


async def read_answer(response: ClientResponse) -> Answer:
    """The JSON of an answer with errcode 0.

    Raises PlatformDown for another status, a page instead of JSON, or more than 1 MiB; else by errcode.
    """
    if response.status not in (200, 206):
        raise PlatformDown(f"http {response.status}", response.url.path)
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > MAX_ANSWER:
            raise PlatformDown("too_long", response.url.path)
    return checked(bytes(raw), response.url.path)


def checked(raw: bytes, path: str) -> Answer:
    """The decoded answer if its errcode is 0 or absent; raises as ``read_answer``."""
    try:
        answer = json.loads(raw)
        errcode = int(answer.get("errcode", 0))
    except (ValueError, AttributeError, TypeError, RecursionError):
        raise PlatformDown("not_json", path) from None
    if errcode != 0:
        raise error_for(errcode, str(answer.get("errmsg", "")))
    return dict(answer)


def _headers(call: Call) -> dict[str, str]:
    json_type = {"Content-Type": "application/json"} if call.body is not None else {}
    return {**json_type, **call.headers}
