"""What a handler has at hand. ``bot`` makes one for every inbound."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from cards.keys import Keys
from core.acting import Actor
from core.desk import Act
from core.inbound import Inbound, MediaRef
from core.ports import DeadLetter
from core.reading.words import ReadPage


class Services(Protocol):
    """Slow work outside every transaction."""

    async def fetch(self, message: Inbound, media: MediaRef) -> tuple[bytes, str]:
        """Bytes and file name from the platform. Raises PictureRefused with the sentence for the person."""

    async def keep(self, data: bytes) -> str:
        """Store by content; returns the sha256."""

    async def read(self, data: bytes, filename: str) -> tuple[ReadPage, ...]:
        """Words with boxes of a picture, xlsx, csv or pdf. Raises PictureRefused."""

    async def bar_codes(self, data: bytes) -> list[str]:
        """Texts of the bar codes in a picture, empty when there are none."""

    def reading_queue(self) -> int:
        """Pictures that wait or are being read, this one not counted."""

    async def parked(self) -> list[DeadLetter]: ...

    def parked_page(self, person_id: str) -> str:
        """The address where this administrator sees what was given up; empty when phones can't reach the bot."""


class Context(Protocol):
    """One inbound being handled."""

    message: Inbound
    keys: Keys
    services: Services

    @property
    def actor(self) -> Actor:
        """The known person who acts. Handlers that also serve strangers check ``known`` first."""

    @property
    def known(self) -> bool: ...

    def act(self) -> AbstractAsyncContextManager[Act]:
        """The one transaction of this inbound: effect, trace, notices and “done” are committed together, once."""

    def look(self) -> AbstractAsyncContextManager[Act]:
        """A read; nothing may be changed in it."""

    def aside(self) -> AbstractAsyncContextManager[Act]:
        """A receipt ahead of slow work: committed by itself, repeated at a retry without being sent twice."""
