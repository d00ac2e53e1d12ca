"""What members send to the bot, sealed: AES-256-CBC with a key of its own per file, an address for five minutes."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from aiohttp import web
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

from simulator.wecom.crypto import BLOCK
from simulator.world import Clock

LIFE = timedelta(minutes=5)
PATH = "/aibot/media/"


@dataclass(frozen=True, kw_only=True)
class SealedFile:
    """``aeskey`` as the message carries it: base64, for every other file without its padding (observed)."""

    name: str
    aeskey: str
    filename: str
    sealed: bytes
    created: datetime


class SealedStore:
    """All sealed files, by the last part of their address."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._files: dict[str, SealedFile] = {}
        self.origin = ""
        """Scheme, host and port under which the last connection reached us."""

    def keep(self, data: bytes, filename: str) -> SealedFile:
        key = secrets.token_bytes(32)
        aeskey = base64.b64encode(key).decode()
        file = SealedFile(
            name=secrets.token_hex(16),
            aeskey=aeskey.rstrip("=") if len(self._files) % 2 else aeskey,
            filename=filename,
            sealed=seal(data, key),
            created=self._clock.now(),
        )
        self._files[file.name] = file
        return file

    def reference(self, file: SealedFile) -> dict[str, str]:
        """What stands in a message: no file name, the address and its key."""
        return {"url": f"{self.origin}{PATH}{file.name}?sign=q-sign-algorithm%3Dsha1", "aeskey": file.aeskey}

    async def serve(self, request: web.Request) -> web.Response:
        """GET: the sealed bytes, with the name percent-encoded in Content-Disposition; 403 after five minutes."""
        file = self._files.get(request.match_info["name"])
        if file is None or file.created + LIFE <= self._clock.now():
            return web.Response(status=403, text="<Error><Code>AccessDenied</Code></Error>", content_type="text/xml")
        disposition = f"attachment; filename*=UTF-8''{quote(file.filename)}" if file.filename else "attachment"
        return web.Response(body=file.sealed, headers={"Content-Disposition": disposition})


def seal(data: bytes, key: bytes) -> bytes:
    """iv = the first 16 bytes of the key, PKCS#7 to 32 [100719]."""
    pad = BLOCK - len(data) % BLOCK
    encryptor = Cipher(AES256(key), CBC(key[:16])).encryptor()
    return encryptor.update(data + bytes([pad]) * pad) + encryptor.finalize()
