"""Pictures and files fetched ahead: their addresses live five minutes, an outage or a backlog may last longer."""

from __future__ import annotations

import asyncio
import hashlib
import os
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

MOST_BYTES = 512 * 1024 * 1024
"""What the shelf holds; the oldest make room. By then the desk has read them, and keeps them by content."""


class Shelf:
    """Bytes and names by handle, in a folder: they outlive the process, and replicas may share it."""

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes

    async def put(self, handle: str, data: bytes, name: str) -> None:
        await asyncio.to_thread(self._put, handle, data, name)

    async def get(self, handle: str) -> tuple[bytes, str] | None:
        """What was put; None when it never was, or has made room."""
        return await asyncio.to_thread(self._get, handle)

    def _put(self, handle: str, data: bytes, name: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        place = self._place(handle)
        self._make_room(len(data))
        # Renamed into place when it is whole: a reader never sees a part of it.
        growing = place.with_suffix(f".{uuid4().hex}")
        growing.write_bytes(name.encode() + b"\n" + data)
        os.replace(growing, place)

    def _get(self, handle: str) -> tuple[bytes, str] | None:
        try:
            name, _, data = self._place(handle).read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        return data, name.decode()

    def _make_room(self, wanted: int) -> None:
        held = []
        for file in self._folder.iterdir():
            with suppress(FileNotFoundError):
                facts = file.stat()
                held.append((facts.st_mtime_ns, facts.st_size, file))
        used = sum(size for _, size, _ in held)
        for _, size, file in sorted(held):
            if used + wanted <= self._most_bytes:
                return
            file.unlink(missing_ok=True)
            used -= size

    def _place(self, handle: str) -> Path:
        return self._folder / hashlib.sha256(handle.encode()).hexdigest()
