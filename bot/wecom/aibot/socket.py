"""One live connection: subscribed, pinging, watched; requests find their answers by id."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum

import aiohttp
from aiohttp import WSMsgType

from bot.platform_errors import PlatformDown, Refused, TokenRejected
from bot.wecom.aibot.frames import DISCONNECTED, BadFrame, Cmd, Frame, read_frame, request
from bot.wecom.aibot.settings import AibotSettings
from core.clock import Clock

log = logging.getLogger(__name__)

OVER = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR})


class Ending(StrEnum):
    """Why a connection is over."""

    TAKEN_OVER = "taken_over"  # disconnected_event: another connection of this bot was opened
    SILENT = "silent"  # half dead: not even a ping is answered
    CLOSED = "closed"  # the other side closed it, cleanly or not, or it broke


Callback = Callable[["AibotSocket", Frame], Awaitable[None]]


class AibotSocket:
    """From the opened websocket to ``close``. It never opens another one: that is the client's part."""

    def __init__(
        self,
        ws: aiohttp.ClientWebSocketResponse,
        *,
        settings: AibotSettings,
        clock: Clock,
        on_callback: Callback,
    ) -> None:
        self._ws = ws
        self._settings = settings
        self._clock = clock
        self._on_callback = on_callback
        self._loop = asyncio.get_running_loop()
        self._opened = self._framed = self._loop.time()
        self._waiting: dict[str, asyncio.Future[Frame]] = {}
        self._work: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(settings.in_flight)
        self._blocked = False
        self.closing = False
        self.last_frame_at: datetime = clock.now()
        self.ending: asyncio.Future[Ending] = self._loop.create_future()
        self._reader = asyncio.create_task(self._read(), name="aibot-read")
        self._guard = asyncio.create_task(self._watch(), name="aibot-watch")

    @property
    def lived(self) -> float:
        """Real seconds since it was opened."""
        return self._loop.time() - self._opened

    async def subscribe(self) -> None:
        """Say who we are. Raises TokenRejected for a refused id or secret, PlatformDown without an answer."""
        who = {"bot_id": self._settings.bot_id, "secret": self._settings.secret}
        try:
            await self.ask(request(Cmd.SUBSCRIBE, who))
        except Refused as error:
            raise TokenRejected(error.code, error.detail) from None

    async def ask(self, frame: Frame) -> Frame:
        """Send a frame and wait for its acknowledgement.

        Raises Refused with the platform's code, PlatformDown when no answer comes or the connection is gone.
        """
        answer: asyncio.Future[Frame] = self._loop.create_future()
        self._waiting[frame.req_id] = answer
        try:
            await self._ws.send_str(frame.text())
            async with asyncio.timeout(self._settings.answer_timeout):
                acknowledged = await answer
        except (TimeoutError, ConnectionError, aiohttp.ClientError, OSError) as error:
            raise PlatformDown(type(error).__name__, frame.cmd) from None
        finally:
            self._waiting.pop(frame.req_id, None)
        if acknowledged.errcode != 0:
            raise Refused(str(acknowledged.errcode), acknowledged.errmsg)
        return acknowledged

    async def close(self) -> None:
        """Stop reading, let what came be stored for a while, close."""
        self.closing = True
        self._guard.cancel()
        self._reader.cancel()
        await asyncio.gather(self._guard, self._reader, return_exceptions=True)
        if self._work:
            await asyncio.wait(set(self._work), timeout=self._settings.stop_grace)
        self._end(Ending.CLOSED)
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        with contextlib.suppress(ConnectionError, aiohttp.ClientError, OSError):
            await self._ws.close(code=aiohttp.WSCloseCode.OK)

    async def _read(self) -> None:
        try:
            while True:
                message = await self._ws.receive()
                if message.type is WSMsgType.TEXT:
                    await self._take(message.data)
                elif message.type in OVER:
                    # Also a clean close: it is a loss like any other, and must be noticed at once.
                    log.info("the aibot connection was closed by the other side (%s)", self._ws.close_code)
                    return
        except (ConnectionError, aiohttp.ClientError, OSError) as error:
            log.info("the aibot connection broke: %s", type(error).__name__)
        finally:
            self._end(Ending.CLOSED)

    async def _take(self, text: str) -> None:
        self._framed = self._loop.time()
        self.last_frame_at = self._clock.now()
        try:
            frame = read_frame(text)
        except BadFrame as error:
            log.warning("the aibot brought an unreadable frame: %s", error)
            return
        if not frame.cmd:
            waiting = self._waiting.get(frame.req_id)
            if waiting is not None and not waiting.done():
                waiting.set_result(frame)
            return
        if frame.cmd == Cmd.EVENT and frame.event == DISCONNECTED:
            log.warning("another connection has taken the aibot over")
            self._end(Ending.TAKEN_OVER)
            return
        if frame.cmd not in (Cmd.MESSAGE, Cmd.EVENT):
            log.info("the aibot sent %s, left alone", frame.cmd)
            return
        self._blocked = True
        await self._slots.acquire()
        self._blocked = False
        task = asyncio.create_task(self._handle(frame))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _handle(self, frame: Frame) -> None:
        try:
            await self._on_callback(self, frame)
        except Exception:
            log.exception("aibot frame %s failed", frame.req_id)
        finally:
            self._slots.release()

    async def _watch(self) -> None:
        """Ping every 30 s; the answers are frames, so that silence means a half-open connection."""
        settings = self._settings
        pinged = self._opened
        while not self.ending.done():
            await asyncio.sleep(min(settings.ping_every, settings.watchdog) / 4)
            now = self._loop.time()
            if now - self._framed > settings.watchdog and not self._blocked:
                log.warning("the aibot connection has fallen silent, it is replaced")
                self._end(Ending.SILENT)
                return
            if now - pinged >= settings.ping_every:
                pinged = now
                with contextlib.suppress(ConnectionError, aiohttp.ClientError, OSError):
                    await self._ws.send_str(request(Cmd.PING).text())

    def _end(self, why: Ending) -> None:
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError("the connection is over"))
        if not self.ending.done():
            self.ending.set_result(why)
