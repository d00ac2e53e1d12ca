"""Pictures and files sent to the bot: from WeCom's own store only, once, under a cap, opened with their key."""

from __future__ import annotations

import base64
import binascii
import logging
from urllib.parse import unquote

import aiohttp
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

from bot.files.refusals import FileRefused, RefusalReason
from bot.platform_errors import MediaGone, PlatformDown, PlatformError, Refused
from bot.wecom.aibot.settings import AibotSettings
from bot.wecom.aibot.shelf import Shelf
from bot.wecom.media import filename_of, safe_name
from core.errors import PictureRefused

log = logging.getLogger(__name__)

PREFIX = "aibot|"
BLOCK = 32
"""Padded to 32 bytes although AES works in blocks of 16."""
CHUNK = 64 * 1024


def handle_of(url: str, aeskey: str) -> str:
    """The handle by which a stored message finds its picture again."""
    return f"{PREFIX}{aeskey}|{url}"


def is_aibot_media(handle: str) -> bool:
    return handle.startswith(PREFIX)


class AibotMedia:
    """Downloads for the bot. The session is the caller's and outlives it."""

    def __init__(self, settings: AibotSettings, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._session = session
        self._shelf = Shelf(settings.shelf) if settings.shelf is not None else None

    async def fetch_ahead(self, handle: str, *, kind: str) -> None:
        """Lay it on the shelf while its address lives. A failure is the worker's to meet again."""
        if self._shelf is None or await self._shelf.get(handle) is not None:
            return
        try:
            data, name = await self._fetch(handle, kind=kind)
            await self._shelf.put(handle, data, name)
        except (PlatformError, PictureRefused, OSError) as error:
            log.warning("an aibot %s was not fetched ahead: %s", kind, type(error).__name__)

    async def download(self, handle: str, *, kind: str) -> tuple[bytes, str]:
        """Bytes and file name, at most 20 MB; from the shelf when they lie there.

        Raises MediaGone after the five minutes that an address lives, FileRefused for too large or not to be opened,
        Refused for an address outside WeCom's store, PlatformDown for everything on the way.
        """
        laid = await self._shelf.get(handle) if self._shelf is not None else None
        return laid or await self._fetch(handle, kind=kind)

    async def _fetch(self, handle: str, *, kind: str) -> tuple[bytes, str]:
        aeskey, _, url = handle.removeprefix(PREFIX).partition("|")
        if not self._settings.may_fetch(url):
            raise Refused("media-address", "not an https address of WeCom's store")
        timeout = aiohttp.ClientTimeout(total=self._settings.media_timeout, connect=self._settings.open_timeout)
        try:
            async with self._session.get(url, allow_redirects=False, timeout=timeout) as response:
                if response.status in {403, 404, 410}:
                    raise MediaGone(f"http {response.status}", "the address of the picture or file has expired")
                if response.status != 200:
                    raise PlatformDown(f"http {response.status}", "aibot media")
                sealed = await self._capped(response)
                name = safe_name(unquote(filename_of(response.headers, kind)), kind)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # Without the cause: its text would hold the signed address.
            raise PlatformDown(type(error).__name__, "aibot media") from None
        data = open_sealed(sealed, aeskey)
        if len(data) > self._settings.max_file:
            raise FileRefused(RefusalReason.TOO_MANY_BYTES, f"{len(data)} bytes")
        return data, name

    async def _capped(self, response: aiohttp.ClientResponse) -> bytes:
        most = self._settings.max_file + BLOCK
        if (response.content_length or 0) > most:
            raise FileRefused(RefusalReason.TOO_MANY_BYTES, f"{response.content_length} bytes")
        data = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK):
            data += chunk
            if len(data) > most:
                raise FileRefused(RefusalReason.TOO_MANY_BYTES, f"more than {most} bytes")
        return bytes(data)


def open_sealed(sealed: bytes, aeskey: str) -> bytes:
    """AES-256-CBC with the message's own key, its first 16 bytes as iv, PKCS#7 to 32.

    The key may come without its base64 padding. Raises FileRefused (broken) for whatever does not open.
    """
    try:
        key = base64.b64decode(aeskey + "=" * (-len(aeskey) % 4))
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != BLOCK:
        raise FileRefused(RefusalReason.BROKEN, "the key is no base64 of 32 bytes")
    if not sealed or len(sealed) % 16:
        raise FileRefused(RefusalReason.BROKEN, f"{len(sealed)} bytes are no multiple of the block")
    decryptor = Cipher(AES256(key), CBC(key[:16])).decryptor()
    padded = decryptor.update(sealed) + decryptor.finalize()
    pad = padded[-1]
    if not 1 <= pad <= BLOCK or padded[-pad:] != bytes([pad]) * pad:
        raise FileRefused(RefusalReason.BROKEN, "the padding is not PKCS#7 to 32")
    return padded[:-pad]
