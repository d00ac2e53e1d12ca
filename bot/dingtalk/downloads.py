"""Fetching what a person sent: from the platform only, once, under a cap (reliability 8, Media)."""

from __future__ import annotations

import socket
from email.message import Message
from ipaddress import ip_address
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from bot.dingtalk.settings import DingTalkSettings, is_loopback
from bot.platform_errors import MediaGone, PlatformDown, Refused

CHUNK = 64 * 1024


class PublicOnly(AbstractResolver):
    """Resolves names to public addresses only, so that an address cannot be turned inside after the check."""

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        public = [answer for answer in found if is_public(answer["host"])]
        if not public:
            raise OSError(f"{host} has no public address")
        return public

    async def close(self) -> None:
        await self._inner.close()


def is_public(host: str) -> bool:
    """True for a global address; a name is judged when it is resolved."""
    try:
        return ip_address(host).is_global
    except ValueError:
        return True


def download_session() -> aiohttp.ClientSession:
    """The session for downloads in production: no cookies, no proxies, public addresses only."""
    connector = aiohttp.TCPConnector(resolver=PublicOnly(aiohttp.DefaultResolver()), limit=8)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


def check_address(url: str, settings: DingTalkSettings) -> None:
    """https to a public host; plain http to loopback only while the configured platform is there itself.

    Raises Refused.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if settings.local and is_loopback(host) and parts.scheme in {"http", "https"}:
        return
    if parts.scheme != "https" or not host or parts.username or is_loopback(host) or not is_public(host):
        raise Refused("download-address", f"{parts.scheme}://{host} is not a public https address")


async def fetch(
    session: aiohttp.ClientSession, url: str, settings: DingTalkSettings, *, fallback_name: str
) -> tuple[bytes, str]:
    """The bytes and a file name. No redirects, at most ``max_file`` bytes.

    Raises MediaGone when the address has expired, Refused when the file is too big or the address is not
    one to fetch from, PlatformDown for everything on the way.
    """
    check_address(url, settings)
    timeout = aiohttp.ClientTimeout(total=settings.media_timeout, connect=settings.call_timeout)
    try:
        async with session.get(url, allow_redirects=False, timeout=timeout) as response:
            if response.status in {403, 404, 410}:
                raise MediaGone(f"http-{response.status}", "the download address has expired")
            if response.status != 200:
                raise PlatformDown(f"http-{response.status}", "download")
            data = await _capped(response, settings.max_file)
            return data, _name(response.headers.get("Content-Disposition", "")) or fallback_name
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise PlatformDown("download", type(error).__name__) from None


async def _capped(response: aiohttp.ClientResponse, most: int) -> bytes:
    if (response.content_length or 0) > most:
        raise Refused("too-big", f"{response.content_length} bytes, at most {most}")
    data = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK):
        data += chunk
        if len(data) > most:
            raise Refused("too-big", f"more than {most} bytes")
    return bytes(data)


def _name(disposition: str) -> str:
    message = Message()
    message["Content-Disposition"] = disposition
    return (message.get_filename("") or "").replace("\\", "/").rpartition("/")[2]
