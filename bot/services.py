"""Slow work for the handlers: downloads, recognition, bar codes, parked messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.ocr import OcrReader
from core.inbound import Inbound, MediaRef
from core.people import PlatformName
from core.ports import DeadLetter, DeadLetters, FileStore, Messenger
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
        parked_page: Callable[[str], str],
    ) -> None:
        self.parked_page = parked_page
        self._messengers = messengers
        self._files = files
        self._reader = reader
        self._dead_letters = dead_letters

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
