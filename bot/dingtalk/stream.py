"""The stream client: N live sockets, each replaced before it is missed (wire/dingtalk 1.5, 1.6)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp

from bot.dingtalk.gateway import Gateway
from bot.dingtalk.receive import AnswerPress, Ingest, Meter, Receiver, unmetered
from bot.dingtalk.settings import DingTalkSettings, StreamSettings
from bot.dingtalk.socket import Ending, StreamSocket
from bot.platform_errors import PlatformError, TokenRejected
from core.clock import Clock

log = logging.getLogger(__name__)

Alarm = Callable[[str], Awaitable[None]]
"""Tells an administrator; gets one line for the log's reader, without secrets."""


@dataclass(frozen=True, kw_only=True)
class SocketState:
    """One live socket, for /healthz and the inspector."""

    connection_id: str
    """Empty until the first frame has come down."""
    last_frame_at: datetime
    lived: float
    """Real seconds."""


class Backoff:
    """1, 2, 4 … 60 s with jitter (half to whole), from the beginning again after a connection that held."""

    def __init__(self, settings: StreamSettings) -> None:
        self._settings = settings
        self._failures = 0

    def reset(self) -> None:
        self._failures = 0

    def next(self) -> float:
        doubled = self._settings.backoff_first * 2.0 ** min(self._failures, 16)
        whole = min(self._settings.backoff_most, doubled)
        self._failures += 1
        return whole * random.uniform(0.5, 1.0)


async def _no_alarm(line: str) -> None:
    log.error("%s", line)


class StreamClient:
    """Brings robot messages, card presses and events in; each is stored before it is acked.

    ``ingest`` returns the inbox id when the row is committed (None for a duplicate) and raises when it could
    not be stored; ``answer_press`` returns the card answer. Wrong credentials do not end it: ``refused``
    says so, ``alarm`` is called once per outage, and the gateway is asked again every 60 s at most.
    """

    def __init__(
        self,
        settings: DingTalkSettings,
        ingest: Ingest,
        answer_press: AnswerPress,
        clock: Clock,
        *,
        session: aiohttp.ClientSession,
        alarm: Alarm = _no_alarm,
        meter: Meter = unmetered,
    ) -> None:
        self._settings = settings.stream
        self._clock = clock
        self._alarm = alarm
        self._gateway = Gateway(settings, session)
        self._receiver = Receiver(
            ingest=ingest,
            answer_press=answer_press,
            clock=clock,
            press_limit=settings.stream.press_limit,
            meter=meter,
        )
        self._live: list[StreamSocket] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._retiring: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()
        self.refused = False
        """The gateway does not accept client id and secret."""
        self.last_frame_at: datetime | None = None

    # -- life ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to hold the sockets; returns at once."""
        self._keepers = [
            asyncio.create_task(self._keep(), name=f"dingtalk-stream-{number}")
            for number in range(self._settings.sockets)
        ]

    async def stop(self) -> None:
        """Stop reading, finish the acks, close every socket with 1000. Safe to call twice."""
        self._stopping.set()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*self._retiring, return_exceptions=True)
        await self._receiver.drain(self._settings.stop_grace)

    # -- health ----------------------------------------------------------------------------------

    @property
    def live_sockets(self) -> int:
        return len(self._live)

    @property
    def sockets(self) -> list[SocketState]:
        return [
            SocketState(connection_id=one.connection_id, last_frame_at=one.last_frame_at, lived=one.lived)
            for one in self._live
        ]

    async def wait_live(self, count: int = 1) -> None:
        """Return when ``count`` sockets are up."""
        while len(self._live) < count:
            changed = self._changed
            await changed.wait()

    # -- keeping one socket up -------------------------------------------------------------------

    async def _keep(self) -> None:
        backoff = Backoff(self._settings)
        leaving: StreamSocket | None = None
        while not self._stopping.is_set():
            socket = await self._open(backoff)
            if socket is None:
                continue
            if leaving is not None:
                # Only now: until the new socket was up, the old one still brought acks home.
                self._retire(leaving)
                leaving = None
            ending = await self._ending_of(socket)
            if ending is None:
                leaving = socket
                break
            self._forget(socket)
            leaving = socket
            if socket.lived >= self._settings.stable_after:
                backoff.reset()
            if ending is Ending.CLOSED or socket.lived < self._settings.stable_after:
                await self._pause(backoff.next())
        if leaving is not None:
            self._forget(leaving)
            await leaving.retire(self._settings.stop_grace)

    async def _open(self, backoff: Backoff) -> StreamSocket | None:
        """A new live socket; None after a failure that has been waited out."""
        try:
            ws = await self._connect()
        except TokenRejected as error:
            await self._refused(error)
            await self._pause(self._settings.refused_wait * random.uniform(1.0, 1.2))
            return None
        except PlatformError as error:
            wait = max(backoff.next(), error.retry_after or 0.0)
            log.warning("no stream socket (%s), next try in %.1f s", error, wait)
            await self._pause(wait)
            return None
        except Exception:
            log.exception("no stream socket")
            await self._pause(backoff.next())
            return None
        if ws is None:
            return None
        self.refused = False
        socket = StreamSocket(
            ws, receiver=self._receiver, settings=self._settings, clock=self._clock, on_frame=self._framed
        )
        self._live.append(socket)
        self._notify()
        log.info("stream socket up, %d live", len(self._live))
        return socket

    async def _connect(self) -> aiohttp.ClientWebSocketResponse | None:
        """A websocket, None when the client is asked to stop meanwhile."""
        connecting = asyncio.create_task(self._gateway.connect())
        stopping = asyncio.create_task(self._stopping.wait())
        either: set[asyncio.Task[Any]] = {connecting, stopping}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            return connecting.result() if connecting.done() else None
        finally:
            stopping.cancel()
            connecting.cancel()

    async def _refused(self, error: TokenRejected) -> None:
        if not self.refused:
            self.refused = True
            await self._alarm(f"DingTalk refuses the client id or secret of the stream ({error.code})")

    async def _ending_of(self, socket: StreamSocket) -> Ending | None:
        """Why the socket must be replaced, None when the client is asked to stop."""
        stopping = asyncio.create_task(self._stopping.wait())
        either: set[asyncio.Future[Any]] = {stopping, socket.ending}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        return None if self._stopping.is_set() else socket.ending.result()

    def _retire(self, socket: StreamSocket) -> None:
        task = asyncio.create_task(socket.retire(self._settings.stop_grace))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    def _forget(self, socket: StreamSocket) -> None:
        if socket in self._live:
            self._live.remove(socket)
            self._notify()

    def _framed(self) -> None:
        self.last_frame_at = self._clock.now()

    def _notify(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
