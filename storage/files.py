"""Files by content: ``ab/cd/<sha256>`` under one folder. A name is there only when all its bytes are."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from pathlib import Path
from tempfile import NamedTemporaryFile

_SHA256 = re.compile("[0-9a-f]{64}")


class FolderFileStore:
    """``core.ports.FileStore`` on a local or shared folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        await asyncio.to_thread(self._write, name, data)
        return name

    async def get(self, sha256: str) -> bytes:
        """Raises FileNotFoundError, also for a name that is no digest."""
        if not _SHA256.fullmatch(sha256):
            raise FileNotFoundError(sha256)
        return await asyncio.to_thread(self._path(sha256).read_bytes)

    def _path(self, name: str) -> Path:
        return self._root / name[:2] / name[2:4] / name

    def _write(self, name: str, data: bytes) -> None:
        path = self._path(name)
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as new:
            try:
                new.write(data)
                new.flush()
                os.fsync(new.fileno())
                os.replace(new.name, path)
            except BaseException:
                os.unlink(new.name)
                raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
