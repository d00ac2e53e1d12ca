"""One call to DingTalk: throttle, token, answer, and the one refresh a refused token gets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp

from bot.breakers import Breakers
from bot.dingtalk.errors import StaleToken, from_api, from_oapi
from bot.dingtalk.receive import Meter, unmetered
from bot.dingtalk.settings import DingTalkSettings
from bot.dingtalk.tokens import Tokens
from bot.platform_errors import PlatformDown, RateLimited, Throttled, TokenRejected, Unsent
from core.clock import Clock
from core.people import PlatformName
from core.ports import Coordinator

TOKEN_HEADER = "x-acs-dingtalk-access-token"  # noqa: S105 - the header's name
LONGEST_QUEUE = 1.0
"""Seconds a call waits for its turn under the limiter before its sender is asked to come back later."""


class Rest:
    """Both HTTP APIs. Every answer is judged by its content: HTTP 200 is not success."""

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
        self._coordinator = coordinator
        self._clock = clock
        self._meter = meter
        self._breakers = breakers or Breakers(clock)
        self._tokens = Tokens(settings, session, coordinator, clock, breakers=self._breakers)

    async def call(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """A call to the new API. Raises PlatformError by the tables of ``errors``."""
        url = self._settings.api_base + path

        async def once(token: str) -> dict[str, Any]:
            headers = {TOKEN_HEADER: token, "Accept": "application/json"}
            status, answer = await self._exchange(method, url, json=dict(body), headers=headers)
            return _judged(from_api, status, answer)

        return await self._with_token(path, once)

    async def upload(self, kind: str, data: bytes, filename: str) -> str:
        """media/upload of the old API; returns the media id (wire/dingtalk 5.3)."""
        url = f"{self._settings.oapi_base}/media/upload"

        async def once(token: str) -> dict[str, Any]:
            # Unquoted, so that a Chinese file name arrives as it is.
            form = aiohttp.FormData(quote_fields=False)
            form.add_field("media", data, filename=_safe(filename), content_type="application/octet-stream")
            query = {"access_token": token, "type": kind}
            status, answer = await self._exchange(
                "POST", url, data=form, params=query, patience=self._settings.media_timeout
            )
            return _judged(from_oapi, status, answer)

        answer = await self._with_token("/media/upload", once)
        media_id = answer.get("media_id")
        if not isinstance(media_id, str) or not media_id:
            raise PlatformDown("media", "the answer brings no media_id")
        return media_id

    async def webhook(self, url: str, body: Mapping[str, Any]) -> None:
        """A reply to the sessionWebhook of a message: no token, metered like a stream message."""
        with self._breakers.guard(PlatformName.DINGTALK, "sessionWebhook"):
            status, answer = await self._exchange("POST", url, json=dict(body))
            _judged(from_oapi, status, answer)
        self._meter("stream")

    async def _with_token(self, path: str, once: Callable[[str], Any]) -> dict[str, Any]:
        token = await self._tokens.get()
        for fresh in (False, True):
            try:
                with self._breakers.guard(PlatformName.DINGTALK, path):
                    await self._take_turn(path)
                    answer: dict[str, Any] = await once(token)
            except StaleToken as error:
                if fresh:
                    raise TokenRejected(error.code, "refused again right after a refresh") from None
                token = await self._tokens.get(rejected=token)
            except (RateLimited, Unsent):
                # Refused calls are not counted by the platform either; those that never left have not been seen.
                raise
            except Exception:
                self._meter("api")
                raise
            else:
                self._meter("api")
                return answer
        raise AssertionError("unreachable")

    async def _take_turn(self, path: str) -> None:
        """At most ``api_qps`` calls a second per API. Raises Throttled instead of queueing for long."""
        waited = 0.0
        # Any window of one second holds at most burst + rate calls: together they must stay within the limit.
        burst = max(1, int(self._settings.api_qps) // 4)
        rate = max(self._settings.api_qps / 2, self._settings.api_qps - burst)
        key = f"dingtalk:{path}:{self._settings.client_id}"
        while wait := await self._coordinator.throttle(key, rate=rate, burst=burst, now=self._clock.now()):
            if waited + wait > LONGEST_QUEUE:
                raise Throttled(key, api=path, retry_after=wait, pace=1 / rate)
            waited += wait
            await self._clock.sleep(wait)

    async def _exchange(
        self, method: str, url: str, *, patience: float | None = None, **request: Any
    ) -> tuple[int, Any]:
        timeout = aiohttp.ClientTimeout(total=patience or self._settings.call_timeout)
        try:
            async with self._session.request(
                method, url, timeout=timeout, allow_redirects=False, **request
            ) as response:
                text = await response.text(errors="replace")
                status = response.status
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unsent("network", type(error).__name__) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise PlatformDown("network", type(error).__name__) from None
        try:
            return status, json.loads(text)
        except ValueError:
            return status, None


def _judged(judge: Callable[[int, Any], Exception | None], status: int, answer: Any) -> dict[str, Any]:
    error = judge(status, answer)
    if error is not None:
        raise error
    return dict(answer)


def _safe(filename: str) -> str:
    """A name that cannot break out of the multipart header."""
    return "".join(c for c in filename if c.isprintable() and c not in '"\\/') or "file"
