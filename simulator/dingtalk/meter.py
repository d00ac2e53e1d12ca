"""Access tokens, queries per second, and the month's quota."""

from __future__ import annotations

import secrets
from collections import defaultdict, deque
from datetime import datetime, timedelta

from simulator.dingtalk.limits import CHINA, TOKEN_LIFE, Terms
from simulator.world import Clock


class Tokens:
    """One live access token: asked again inside its life, the platform hands out the same one [wire 7.1]."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._token = ""
        self._until = clock.now()

    def issue(self) -> tuple[str, int]:
        """The token and the seconds it still lives."""
        now = self._clock.now()
        if not self._token or now >= self._until:
            self._token = secrets.token_hex(16)
            self._until = now + timedelta(seconds=TOKEN_LIFE)
        return self._token, max(1, int((self._until - now).total_seconds()))

    def valid(self, token: str) -> bool:
        return bool(self._token) and token == self._token and self._clock.now() < self._until

    def revoke(self) -> None:
        """Early end of the token's life; the next one asked for is a new one."""
        self._token = ""


class Rate:
    """At most ``limit`` occasions of a key in any ``seconds``."""

    def __init__(self, clock: Clock, *, limit: int, seconds: float) -> None:
        self._clock = clock
        self._limit = limit
        self._span = timedelta(seconds=seconds)
        self._seen: dict[str, deque[datetime]] = defaultdict(deque)

    def take(self, key: str) -> bool:
        """False when the occasion is one too many; a refused one does not count [wire 7.3]."""
        now = self._clock.now()
        seen = self._seen[key]
        while seen and now - seen[0] >= self._span:
            seen.popleft()
        if len(seen) >= self._limit:
            return False
        seen.append(now)
        return True


class Quota:
    """The organisation's API calls and stream messages of the running month [wire 7.3]."""

    def __init__(self, clock: Clock, terms: Terms) -> None:
        self._clock = clock
        self._terms = terms
        self._month = ""
        self.api_calls = 0
        self.stream = 0

    def take_call(self) -> bool:
        """One metered API call; False when the month's calls are used up."""
        self._turn_month()
        if self.api_calls >= self._terms.monthly_api_calls:
            return False
        self.api_calls += 1
        return True

    def take_stream(self) -> bool:
        """One robot message in, or one sessionWebhook reply out; False when they are used up."""
        self._turn_month()
        if self.stream >= self._terms.monthly_stream:
            return False
        self.stream += 1
        return True

    def _turn_month(self) -> None:
        month = self._clock.now().astimezone(CHINA).strftime("%Y-%m")
        if month != self._month:
            self._month, self.api_calls, self.stream = month, 0, 0
