"""One access token per app, fetched by one caller at a time and shared by all [91039]."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.platform_errors import PlatformError, RateLimited, TokenRejected
from bot.wecom.apps import WeComApp
from bot.wecom.errors import REJECTED_SECRET
from core.clock import Clock
from core.ports import Coordinator

REFRESH_AFTER = (0.8, 0.9)
"""Renewed at a random point of its life, so that several processes do not meet at its end."""
REJECTED_SECONDS = 60.0
REJECTED_SECONDS_MAX = 3600.0
FLIGHT_SECONDS = 20.0
"""Longer than a fetch may take: a holder that died gives the turn back after this."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """``stored`` is the coordinator's form: when to renew it, by our clock, and the token."""

    value: str
    stored: str


class TokenSource:
    """Hands out the app's token. After a rejected secret it answers by itself for a minute, then two, four …"""

    def __init__(
        self,
        app: WeComApp,
        coordinator: Coordinator,
        clock: Clock,
        fetch: Callable[[], Awaitable[dict[str, Any]]],
        *,
        rng: random.Random | None = None,
    ) -> None:
        self._key = f"wecom:token:{app.corpid}:{app.agentid}"
        self._coordinator = coordinator
        self._clock = clock
        self._fetch = fetch
        self._rng = rng or random.Random()
        self._blocked: tuple[datetime, PlatformError] | None = None
        self._patience = REJECTED_SECONDS
        self._failures = 0
        self._last_failure: PlatformError | None = None

    async def get(self) -> Token:
        """The live token. Raises TokenRejected without a call while the secret is known to be refused."""
        self._refuse_if_blocked()
        if token := await self._cached():
            return token
        failures = self._failures
        async with self._coordinator.single_flight(self._key, FLIGHT_SECONDS):
            self._refuse_if_blocked()
            if token := await self._cached():
                return token
            if self._failures != failures and self._last_failure is not None:
                raise _again(self._last_failure)  # whoever waited shares the outcome, and does not ask anew
            return await self._renew()

    async def drop(self, token: Token) -> None:
        """The platform refuses this one: forget it, unless somebody has renewed it already."""
        await self._coordinator.drop_token(self._key, token.stored)

    def block(self, error: PlatformError) -> None:
        """Make no call until the time is over: a minute and then twice as long, up to an hour."""
        seconds = error.retry_after or self._patience
        self._patience = min(self._patience * 2, REJECTED_SECONDS_MAX)
        self._blocked = (self._clock.now() + timedelta(seconds=seconds), error)

    async def _renew(self) -> Token:
        try:
            answer = await self._fetch()
        except PlatformError as error:
            self._failures += 1
            self._last_failure = error
            if isinstance(error, RateLimited):
                # Too many wrong secrets from this address: the ban lasts an hour [90313].
                error = RateLimited(error.code, error.detail, retry_after=REJECTED_SECONDS_MAX)
            if isinstance(error, RateLimited | TokenRejected):
                self.block(error)
            raise error from None
        life = float(answer["expires_in"])
        renew = self._clock.now() + timedelta(seconds=life * self._rng.uniform(*REFRESH_AFTER))
        token = _token(renew, str(answer["access_token"]))
        await self._coordinator.put_token(self._key, token.stored, life)
        self._blocked, self._patience = None, REJECTED_SECONDS
        return token

    async def _cached(self) -> Token | None:
        stored = await self._coordinator.get_token(self._key)
        if stored is None:
            return None
        renew, _, value = stored.partition(":")
        return Token(value=value, stored=stored) if self._clock.now().timestamp() < float(renew) else None

    def _refuse_if_blocked(self) -> None:
        if self._blocked is None:
            return
        until, error = self._blocked
        left = (until - self._clock.now()).total_seconds()
        if left > 0:
            raise _again(error, retry_after=left)


def is_secret_rejected(error: PlatformError) -> bool:
    """Whether it would be refused again, with any token."""
    return error.code in {str(code) for code in REJECTED_SECRET}


def _token(renew: datetime, value: str) -> Token:
    return Token(value=value, stored=f"{renew.timestamp():.3f}:{value}")


def _again(error: PlatformError, *, retry_after: float | None = None) -> PlatformError:
    return type(error)(error.code, error.detail, retry_after=retry_after or error.retry_after)
