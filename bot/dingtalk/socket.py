"""One live socket of the stream: reading, acks on the socket that delivered, a watch over its silence."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import aiohttp
from aiohttp import WSMsgType

from bot.dingtalk.frames import Ack, BadFrame, Frame, read_frame
from bot.dingtalk.receive import Receiver
from bot.dingtalk.settings import StreamSettings
from core.clock import Clock

log = logging.getLogger(__name__)

QUIET = frozenset({"CONNECTED", "REGISTERED", "KEEPALIVE"})
"""Legacy SYSTEM frames that want nothing."""


OVER = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR})


class Ending(StrEnum):
    """Why a socket is to be replaced."""

    TOLD = "told"  # SYSTEM disconnect: nothing more comes down, TCP lives on for about 10 s
    SILENT = "silent"  # half dead: no pong, or no frame although the server used to ping
    CLOSED = "closed"  # the other side closed or the connection broke


class StreamSocket:
    """A connection from its opening to ``retire``. It never opens another one: that is the client's part."""

    def __init__(
        self,
        ws: aiohttp.ClientWebSocketResponse,
        *,
        receiver: Receiver,
        settings: StreamSettings,
        clock: Clock,
        on_frame: Callable[[], None],
    ) -> None:
        self._ws = ws
        self._receiver = receiver
        self._settings = settings
        self._clock = clock
        self._on_frame = on_frame
        self._loop = asyncio.get_running_loop()
        self._slots = asyncio.Semaphore(settings.in_flight)
        self._work: set[asyncio.Task[None]] = set()
        self._opened = self._heard = self._framed = self._loop.time()
        self._server_pings = False
        self._blocked = False
        self.connection_id = ""
        self.last_frame_at: datetime = clock.now()
        self.ending: asyncio.Future[Ending] = self._loop.create_future()
        self._reader = asyncio.create_task(self._read(), name="dingtalk-stream-read")
        self._guard = asyncio.create_task(self._watch(), name="dingtalk-stream-watch")

    @property
    def lived(self) -> float:
        """Real seconds since it was opened."""
        return self._loop.time() - self._opened

    async def retire(self, grace: float) -> None:
        """Stop reading, let what came be stored and acked for up to ``grace`` seconds, close with 1000."""
        self._guard.cancel()
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader
        if self._work:
            await asyncio.wait(set(self._work), timeout=grace)
        with contextlib.suppress(ConnectionError, aiohttp.ClientError, OSError):
            await self._ws.close(code=aiohttp.WSCloseCode.OK)
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, self._guard, return_exceptions=True)
        self._end(Ending.CLOSED)

    async def _read(self) -> None:
        try:
            while True:
                message = await self._ws.receive()
                self._heard = self._loop.time()
                if message.type is WSMsgType.TEXT:
                    await self._take(message.data)
                elif message.type is WSMsgType.PING:
                    await self._ws.pong(message.data)
                elif message.type in OVER:
                    log.info("stream %s closed by the other side (%s)", self.connection_id, self._ws.close_code)
                    return
        except (ConnectionError, aiohttp.ClientError, OSError) as error:
            log.info("stream %s broke: %s", self.connection_id, type(error).__name__)
        finally:
            self._end(Ending.CLOSED)

    async def _take(self, text: str) -> None:
        self._framed = self._loop.time()
        self.last_frame_at = self._clock.now()
        self._on_frame()
        try:
            frame = read_frame(text)
        except BadFrame as error:
            log.warning("stream %s brought an unreadable frame: %s", self.connection_id, error)
            return
        if not self.connection_id and frame.headers.get("connectionId"):
            # A forgotten second deployment steals messages: its connections are not in this log.
            self.connection_id = str(frame.headers["connectionId"])
            log.info("stream socket is connection %s", self.connection_id)
        if frame.type == "SYSTEM":
            await self._system(frame)
            return
        self._blocked = True
        await self._slots.acquire()
        self._blocked = False
        task = asyncio.create_task(self._answer(frame))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _system(self, frame: Frame) -> None:
        if frame.topic == "ping":
            self._server_pings = True
            await self._send(frame, Ack(data=frame.data))
        elif frame.topic == "disconnect":
            log.info("stream %s is told to go: %s", self.connection_id, frame.data)
            self._end(Ending.TOLD)
        elif frame.topic not in QUIET:
            log.info("stream %s: SYSTEM %s left alone", self.connection_id, frame.topic)

    async def _answer(self, frame: Frame) -> None:
        try:
            ack = await self._receiver.handle(frame)
            if ack is not None:
                await self._send(frame, ack)
            self._receiver.count(frame)
        except Exception:
            log.exception("stream frame %s failed, it stays unacked", frame.message_id)
        finally:
            self._slots.release()

    async def _send(self, frame: Frame, ack: Ack) -> None:
        # Always on this socket: an ack on another one is unknown there.
        try:
            await self._ws.send_str(ack.text(frame))
        except (ConnectionError, aiohttp.ClientError, OSError):
            log.warning("the ack for frame %s was not sent: its socket is gone", frame.message_id)

    async def _watch(self) -> None:
        """Ping the other side, and give the socket up when it has fallen silent.

        Frames count once the server has shown that it pings; before, its pongs prove that it lives (the
        interval of its pings is not published).
        """
        settings = self._settings
        pinged = self._opened
        while not self.ending.done():
            await asyncio.sleep(min(settings.heartbeat, settings.watchdog) / 4)
            now = self._loop.time()
            silent = now - self._heard > 2 * settings.heartbeat
            stale = self._server_pings and now - self._framed > settings.watchdog
            if (silent or stale) and not self._blocked:
                log.warning("stream %s has fallen silent, it is replaced", self.connection_id)
                self._end(Ending.SILENT)
                return
            if now - pinged >= settings.heartbeat:
                pinged = now
                with contextlib.suppress(ConnectionError, aiohttp.ClientError, OSError):
                    await self._ws.ping()

    def _end(self, why: Ending) -> None:
        if not self.ending.done():
            self.ending.set_result(why)
