"""gettoken: one token per app secret, 7200 s by the simulated clock, and a ban for guessing [91039]."""

from __future__ import annotations

import secrets
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from simulator.wecom.accounts import AppConfig, Directory
from simulator.wecom.errors import ApiError, defect
from simulator.world import Clock

LIFE = timedelta(seconds=7200)
BAN = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class AccessToken:
    value: str
    agentid: int
    expires: datetime


class TokenDesk:
    """Hands out tokens; asking again inside the life of one gives the same one."""

    def __init__(self, clock: Clock, directory: Directory, corpid: str, *, wrong_secret_limit: int) -> None:
        self._clock = clock
        self._directory = directory
        self._corpid = corpid
        self._limit = wrong_secret_limit
        self._tokens: dict[str, AccessToken] = {}
        self._wrong: dict[str, deque[datetime]] = defaultdict(deque)
        self.fetched = 0
        """How often gettoken was called: a client that does not cache its token shows here."""

    def issue(self, corpid: str, secret: str, remote: str) -> dict[str, object]:
        """The answer of gettoken.

        Raises:
            ApiError: 40013 other corp; 40001 wrong secret; 45009 this address guessed too often in the
                last hour.
        """
        self.fetched += 1
        now = self._clock.now()
        wrong = self._wrong[remote]
        while wrong and wrong[0] <= now - BAN:
            wrong.popleft()
        if len(wrong) >= self._limit:
            raise ApiError(45009, "too many wrong secrets from this address, banned for an hour")
        if corpid != self._corpid:
            raise ApiError(40013, corpid)
        app = next((app for app in self._directory.apps.values() if app.secret == secret), None)
        if app is None:
            wrong.append(now)
            raise ApiError(40001, "wrong secret")
        token = self._live(app, now) or self._new(app, now)
        left = int((token.expires - now).total_seconds())
        return {"errcode": 0, "errmsg": "ok", "access_token": token.value, "expires_in": left}

    def app(self, value: str) -> AppConfig:
        """The app a call speaks for.

        Raises:
            ApiError: 41001 no token, 40014 unknown or revoked token, 42001 token past its life.
        """
        if not value:
            raise defect(41001, "access_token missing")
        token = self._tokens.get(value)
        if token is None:
            raise ApiError(40014)
        if token.expires <= self._clock.now():
            raise ApiError(42001)
        return self._directory.app(token.agentid)

    def revoke(self, value: str) -> None:
        """The platform takes a token back before its time [91039]."""
        self._tokens.pop(value, None)

    def _live(self, app: AppConfig, now: datetime) -> AccessToken | None:
        mine = (token for token in self._tokens.values() if token.agentid == app.agentid)
        return next((token for token in mine if token.expires > now), None)

    def _new(self, app: AppConfig, now: datetime) -> AccessToken:
        token = AccessToken(value=secrets.token_urlsafe(64), agentid=app.agentid, expires=now + LIFE)
        self._tokens[token.value] = token
        return token
