"""Keeps the one live connection of the bot up while this process leads (wire 7.2, decision 15)."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Literal

import aiohttp

from bot.platform_errors import PlatformDown, PlatformError, TokenRejected
from bot.wecom.aibot.media import AibotMedia
from bot.wecom.aibot.receive import Answers, Ingest, Receiver
from bot.wecom.aibot.settings import AibotSettings
from bot.wecom.aibot.socket import AibotSocket, Ending
from core.clock import Clock

log = logging.getLogger(__name__)

Trouble = Literal["refused", "taken_over"]
Alarm = Callable[[Trouble, str], Awaitable[None]]
"""Tells the administrators: what happened, and the platform's code where there is one."""
MAX_FRAME = 4 * 1024 * 1024


async def _no_alarm(trouble: Trouble, code: str) -> None:
    log.error("the aibot is in trouble: %s %s", trouble, code)


class AibotClient:
    """``run`` is a job for the leader: it ends when it is cancelled, and it may be run again.

    Failures are met with backoff. A refused id or secret is asked again once a minute, with one alarm per outage.
    After ``disconnected_event`` it does not reconnect. When the lease is another's by now (``ours`` says so), that
    was a replica of ours, and the job ends. Otherwise a foreign installation uses this bot: the administrators are
    told, and half an hour passes.
    """

    def __init__(
        self,
        settings: AibotSettings,
        ingest: Ingest,
        answers: Answers,
        clock: Clock,
        *,
        session: aiohttp.ClientSession,
        ours: Callable[[], Awaitable[bool]],
        alarm: Alarm = _no_alarm,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._session = session
        self._ours = ours
        self._alarm = alarm
        self._receiver = Receiver(settings, ingest, answers, clock, AibotMedia(settings, session))
        self._socket: AibotSocket | None = None
        self._changed = asyncio.Event()
        self._failures = 0
        self.leaving = False
        """Set before the lease is given back: the successor's connection ends this one, and that is no trouble."""
        self.refused = False
        """The platform does not accept id and secret."""

    @property
    def live(self) -> bool:
        """Subscribed and not known to be gone."""
        return self._socket is not None

    @property
    def last_frame_at(self) -> datetime | None:
        return self._socket.last_frame_at if self._socket is not None else None

    async def wait_live(self) -> None:
        """Return when the connection is up."""
        while not self.live:
            changed = self._changed
            await changed.wait()

    async def run(self) -> None:
        """Hold the connection until cancelled, or until another replica has it."""
        self._failures = 0
        while not self.leaving:
            socket = await self._open()
            if socket is None:
                continue
            try:
                ending = await asyncio.shield(socket.ending)
            finally:
                self._show(None)
                await socket.close()
            if ending is Ending.TAKEN_OVER:
                if self.leaving or not await self._ours():
                    return
                await self._tell("taken_over", "")
                await asyncio.sleep(self._settings.taken_over_wait)
                continue
            if socket.lived >= self._settings.stable_after:
                self._failures = 0
            await asyncio.sleep(self._backoff())

    async def _open(self) -> AibotSocket | None:
        """A subscribed connection; None after a failure that has been waited out."""
        try:
            socket = await self._connect()
        except TokenRejected as error:
            if not self.refused:
                self.refused = True
                await self._tell("refused", error.code)
            await asyncio.sleep(self._settings.refused_wait * random.uniform(1.0, 1.2))
            return None
        except PlatformError as error:
            wait = self._backoff()
            log.warning("no aibot connection (%s), next try in %.1f s", error, wait)
            await asyncio.sleep(wait)
            return None
        self.refused = False
        self._show(socket)
        log.info("the aibot connection is up")
        return socket

    async def _connect(self) -> AibotSocket:
        try:
            async with asyncio.timeout(self._settings.open_timeout):
                ws = await self._session.ws_connect(self._settings.url, max_msg_size=MAX_FRAME, autoping=True)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise PlatformDown(type(error).__name__, "aibot") from None
        socket = AibotSocket(ws, settings=self._settings, clock=self._clock, on_callback=self._receiver.handle)
        try:
            await socket.subscribe()
        except BaseException:
            await socket.close()
            raise
        return socket

    async def _tell(self, trouble: Trouble, code: str) -> None:
        try:
            await self._alarm(trouble, code)
        except Exception:
            log.exception("the administrators could not be told: the aibot is %s", trouble)

    def _backoff(self) -> float:
        """1, 2, 4 … 60 s with jitter (half to whole)."""
        doubled = self._settings.backoff_first * 2.0 ** min(self._failures, 16)
        self._failures += 1
        return min(self._settings.backoff_most, doubled) * random.uniform(0.5, 1.0)

    def _show(self, socket: AibotSocket | None) -> None:
        self._socket = socket
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
