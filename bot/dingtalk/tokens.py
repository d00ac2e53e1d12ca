"""The access token: shared, fetched by one at a time, refreshed before it dies (wire/dingtalk 7.1)."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Mapping
from datetime import datetime, timedelta

import aiohttp

from bot.breakers import Breakers
from bot.dingtalk.errors import from_api
from bot.dingtalk.settings import DingTalkSettings
from bot.platform_errors import (
    PlatformBusy,
    PlatformDown,
    PlatformError,
    QuotaExhausted,
    RateLimited,
    Throttled,
    TokenRejected,
    Unsent,
)
from core.clock import Clock
from core.people import PlatformName
from core.ports import Coordinator

log = logging.getLogger(__name__)

REFUSAL = timedelta(seconds=60)
"""A refused id or secret is not tried again sooner."""
TEMPORARY = (PlatformBusy, PlatformDown, QuotaExhausted, RateLimited)


class Tokens:
    """One token for the app, over all processes that share the coordinator."""

    def __init__(
        self,
        settings: DingTalkSettings,
        session: aiohttp.ClientSession,
        coordinator: Coordinator,
        clock: Clock,
        *,
        breakers: Breakers | None = None,
    ) -> None:
        self._breakers = breakers or Breakers(clock)
        self._failures = 0
        self._last_failure: PlatformError | None = None
        self._settings = settings
        self._session = session
        self._coordinator = coordinator
        self._clock = clock
        self._key = f"dingtalk:token:{settings.client_id}"
        self._refused: tuple[datetime, PlatformError] | None = None

    async def get(self, *, rejected: str = "") -> str:
        """The token; ``rejected`` is one the platform has just refused and that must not come again.

        Raises TokenRejected when id or secret are wrong, at once while that is less than a minute old;
        another PlatformError when the platform cannot be asked now.
        """
        if rejected:
            await self._coordinator.drop_token(self._key, rejected)
        token = await self._coordinator.get_token(self._key)
        if token is not None:
            return token
        failures = self._failures
        async with self._coordinator.single_flight(self._key, self._settings.call_timeout * 2):
            token = await self._coordinator.get_token(self._key)
            if token is not None:
                return token
            if self._failures != failures and self._last_failure is not None:
                last = self._last_failure  # whoever waited shares the outcome, and does not ask anew
                raise type(last)(last.code, last.detail, retry_after=last.retry_after)
            return await self._fetch()

    async def _fetch(self) -> str:
        try:
            with self._breakers.guard(PlatformName.DINGTALK, "/v1.0/oauth2/accessToken"):
                return await self._ask()
        except Throttled:
            raise
        except PlatformError as error:
            self._failures += 1
            self._last_failure = error
            raise

    async def _ask(self) -> str:
        if self._refused is not None and self._clock.now() - self._refused[0] < REFUSAL:
            raise TokenRejected(self._refused[1].code, "refused a moment ago, not asked again yet")
        body = {"appKey": self._settings.client_id, "appSecret": self._settings.client_secret}
        try:
            async with self._session.post(
                f"{self._settings.api_base}/v1.0/oauth2/accessToken",
                json=body,
                headers={"Accept": "application/json"},
                timeout=aiohttp.ClientTimeout(total=self._settings.call_timeout),
                allow_redirects=False,
            ) as response:
                status, text = response.status, await response.text(errors="replace")
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unsent("token", type(error).__name__) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise PlatformDown("token", type(error).__name__) from None
        answer = _object(text)
        problem = from_api(status, answer)
        if problem is not None and not isinstance(problem, TEMPORARY):
            self._refused = (self._clock.now(), problem)
            raise TokenRejected(problem.code, problem.detail)
        if problem is not None:
            raise problem
        return await self._keep(answer or {})

    async def _keep(self, answer: Mapping[str, object]) -> str:
        token, life = answer.get("accessToken"), answer.get("expireIn")
        if not isinstance(token, str) or not token or not isinstance(life, int) or life <= 0:
            raise PlatformDown("token", "the answer brings no accessToken and expireIn")
        self._refused = None
        # Refreshed at 80–90 % of its life, each process at another moment.
        await self._coordinator.put_token(self._key, token, life * random.uniform(0.8, 0.9))
        log.info("dingtalk access token fetched, lives %d s", life)
        return token


def _object(text: str) -> dict[str, object] | None:
    try:
        answer = json.loads(text)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None
