"""Slow work for the handlers: downloads, recognition, bar codes, parked messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.ocr import OcrReader
from core.clock import Clock
from core.inbound import Inbound, MediaRef
from core.people import PlatformName
from core.ports import Coordinator, DeadLetter, DeadLetters, FileStore, Messenger
from core.reading.words import ReadPage


class DeskServices:
    """What handlers may do outside their transaction."""

    def __init__(
        self,
        *,
        messengers: Mapping[PlatformName, Messenger],
        files: FileStore,
        reader: OcrReader,
        dead_letters: DeadLetters,
        coordinator: Coordinator,
        clock: Clock,
        parked_page: Callable[[str], str],
    ) -> None:
        self.parked_page = parked_page
        self._messengers = messengers
        self._files = files
        self._reader = reader
        self._dead_letters = dead_letters
        self._coordinator = coordinator
        self._clock = clock

    async def fetch(self, message: Inbound, media: MediaRef) -> tuple[bytes, str]:
        data, name = await self._messengers[message.platform].download(media.handle, kind=media.kind)
        return data, media.filename or name

    async def keep(self, data: bytes) -> str:
        return await self._files.put(data)

    async def read(self, data: bytes, filename: str) -> tuple[ReadPage, ...]:
        return await self._reader.read_file(data, filename)

    async def bar_codes(self, data: bytes) -> list[str]:
        return await self._reader.bar_codes(data)

    def reading_queue(self) -> int:
        return self._reader.waiting

    async def parked(self) -> list[DeadLetter]:
        return await self._dead_letters.list()

    async def resend(self, letter: int, by: str) -> bool:
        done = await self._dead_letters.resend(letter, by, self._clock.now())
        self._coordinator.wake("inbox")
        self._coordinator.wake("outbox")
        return done

    async def drop(self, letter: int, by: str) -> bool:
        return await self._dead_letters.drop(letter, by, self._clock.now())
