"""One callback → stored durably → a word in the chat it came from; nothing is said before it is stored."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from bot.platform_errors import PlatformError
from bot.wecom.aibot.frames import ENTER_CHAT, BadFrame, Cmd, Frame, said
from bot.wecom.aibot.media import AibotMedia
from bot.wecom.aibot.parse import parse, sender_of, store_form
from bot.wecom.aibot.settings import AibotSettings
from bot.wecom.aibot.socket import AibotSocket
from core.clock import Clock
from core.inbound import RawInbound

log = logging.getLogger(__name__)

Ingest = Callable[[RawInbound], Awaitable[int | None]]
"""Returns when the row is committed: its id, None for a duplicate. Raises when it could not be stored."""
AGAIN = 0.5
"""Real seconds between two tries to store."""


class Answers(Protocol):
    """What is said in the bot's own chat. Everything that matters comes from the app, through the outbox."""

    async def greeting(self, userid: str) -> str:
        """For somebody who has opened the chat."""

    async def receipt(self, userid: str) -> str:
        """For every message that is stored; the first time it says that the cards come from the app."""

    def not_stored(self) -> str:
        """Please send it again."""


class Receiver:
    """What each callback leads to. Bad input raises nothing."""

    def __init__(
        self, settings: AibotSettings, ingest: Ingest, answers: Answers, clock: Clock, media: AibotMedia
    ) -> None:
        self._settings = settings
        self._media = media
        self._ingest = ingest
        self._answers = answers
        self._clock = clock

    async def handle(self, socket: AibotSocket, frame: Frame) -> None:
        try:
            raw = store_form(frame.body, self._clock.now())
        except BadFrame as error:
            log.warning("aibot frame %s refused: %s", frame.req_id, error)
            return
        userid = sender_of(frame.body)
        if frame.event == ENTER_CHAT:
            # The greeting has five seconds and is no promise: it does not wait for the row.
            await asyncio.gather(self._store(socket, raw), self._greet(socket, frame, userid))
            return
        stored, inbox_id = await self._store(socket, raw)
        log.info("aibot message %s stored as %s", raw.dedupe_key, inbox_id or ("a duplicate" if stored else "nothing"))
        if frame.cmd != Cmd.MESSAGE:
            return
        if not stored:
            await self._say(socket, said(Cmd.RESPOND, frame.req_id, self._answers.not_stored()))
        elif inbox_id is not None:
            await self._confirm(socket, frame, userid)
            for held in parse(raw).media:
                await self._media.fetch_ahead(held.handle, kind=held.kind)

    async def _store(self, socket: AibotSocket, raw: RawInbound) -> tuple[bool, int | None]:
        """(stored, its id or None for a duplicate).

        WeCom does not send it again, so it is tried for a while, and given up at once when the process stops.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._settings.store_patience
        while True:
            try:
                return True, await self._ingest(raw)
            except Exception as error:
                if loop.time() >= until or socket.closing:
                    log.exception("aibot message %s could not be stored, its sender is asked again", raw.dedupe_key)
                    return False, None
                log.warning("aibot message %s could not be stored yet: %s", raw.dedupe_key, error)
            await asyncio.sleep(min(AGAIN, max(0.0, until - loop.time())))

    async def _greet(self, socket: AibotSocket, frame: Frame, userid: str) -> None:
        try:
            async with asyncio.timeout(self._settings.welcome_limit):
                text = await self._answers.greeting(userid)
                await self._say(socket, said(Cmd.WELCOME, frame.req_id, text))
        except Exception:
            log.exception("no greeting for %s", userid)

    async def _confirm(self, socket: AibotSocket, frame: Frame, userid: str) -> None:
        """An answer also ends the exchange: WeCom keeps three open per person, and then holds the next message back."""
        try:
            text = await self._answers.receipt(userid)
        except Exception:
            log.exception("no receipt for %s", userid)
            return
        await self._say(socket, said(Cmd.RESPOND, frame.req_id, text))

    async def _say(self, socket: AibotSocket, frame: Frame) -> None:
        try:
            await socket.ask(frame)
        except PlatformError as error:
            log.warning("the aibot could not say a word: %s", error)
