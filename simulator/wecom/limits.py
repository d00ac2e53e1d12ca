"""What the platform swallows: too much for one member, and repeats inside the duplicate window [90312]."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict, deque
from datetime import datetime, timedelta
from typing import Any

from simulator.world import Clock

PER_MINUTE = 30
PER_HOUR = 1000
DUPLICATE_WINDOW = 1800
DUPLICATE_WINDOW_MAX = 4 * 3600


class MemberRate:
    """An app's messages to one member: 30 in a minute and 1000 in an hour; more vanish without an error."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent: dict[tuple[int, str], deque[datetime]] = defaultdict(deque)

    def admit(self, agentid: int, user: str) -> bool:
        now = self._clock.now()
        sent = self._sent[agentid, user.casefold()]
        while sent and sent[0] <= now - timedelta(hours=1):
            sent.popleft()
        last_minute = sum(1 for at in reversed(sent) if at > now - timedelta(minutes=1))
        if last_minute >= PER_MINUTE or len(sent) >= PER_HOUR:
            return False
        sent.append(now)
        return True


class DuplicateCheck:
    """enable_duplicate_check: the same content to the same people is shown once per interval [90236]."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[datetime, dict[str, Any]]] = {}

    def earlier_answer(self, agentid: int, body: dict[str, Any], interval: int) -> dict[str, Any] | None:
        """The answer of the first such message, when it is younger than ``interval`` seconds."""
        found = self._seen.get(_fingerprint(agentid, body))
        if found is None or found[0] + timedelta(seconds=interval) <= self._clock.now():
            return None
        return found[1]

    def remember(self, agentid: int, body: dict[str, Any], answer: dict[str, Any]) -> None:
        self._seen[_fingerprint(agentid, body)] = (self._clock.now(), answer)


def _fingerprint(agentid: int, body: dict[str, Any]) -> str:
    shown = {k: v for k, v in body.items() if k not in {"enable_duplicate_check", "duplicate_check_interval"}}
    text = json.dumps([agentid, shown], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
