"""A sign of life to something outside: when it stops coming, somebody who does not depend on this house is told.

In the manner of healthchecks.io: a request to the address means all is well, one to ``…/fail`` carries what is not.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout

from core.clock import Clock

log = structlog.get_logger()

TIMEOUT = ClientTimeout(total=10)


class Heartbeat:
    """One ping per ``interval`` at the most while all is well; bad news at once. Never makes the auditor wait."""

    def __init__(self, session: ClientSession, clock: Clock, *, url: str, interval: float) -> None:
        self._session = session
        self._clock = clock
        self._url = url.rstrip("/")
        self._interval = timedelta(seconds=interval)
        self._last: datetime | None = None
        self._said = ""
        self._ping: asyncio.Task[None] | None = None

    def beat(self, troubles: list[str]) -> None:
        """Report a round of the auditor: what it found, nothing when all is well."""
        now, words = self._clock.now(), "\n".join(troubles)
        early = self._last is not None and now - self._last < self._interval
        if not self._url or (early and words == self._said):
            return
        if self._ping is not None and not self._ping.done():
            return
        self._last, self._said = now, words
        self._ping = asyncio.create_task(self._send(words), name="heartbeat")

    async def stop(self) -> None:
        if self._ping is not None:
            self._ping.cancel()
            await asyncio.gather(self._ping, return_exceptions=True)

    async def _send(self, words: str) -> None:
        try:
            if words:
                request = self._session.post(f"{self._url}/fail", data=words.encode(), timeout=TIMEOUT)
            else:
                request = self._session.get(self._url, timeout=TIMEOUT)
            async with request as answer:
                if answer.status >= 400:
                    log.warning("heartbeat refused", status=answer.status)
        except (ClientError, OSError, TimeoutError) as error:
            log.warning("heartbeat failed", error=type(error).__name__)
