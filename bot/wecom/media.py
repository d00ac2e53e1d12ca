"""Pictures and files: up with the name people will see, down within limits and told apart from errors [90253]."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

from aiohttp import ClientResponse, FormData

from bot.files.refusals import FileRefused, RefusalReason
from bot.platform_errors import MediaGone, PlatformDown, Refused
from bot.wecom.client import MEDIA_TIMEOUT, Call, WeComClient, checked, read_answer
from bot.wecom.errors import TOO_LARGE_AT_ONCE

MB = 1024 * 1024
SMALLEST = 6
"""WeCom wants more than 5 bytes [90253]."""
LARGEST_UP = {"image": 10 * MB, "file": 20 * MB}
LARGEST_DOWN = 20 * MB
RANGE = 10 * MB
PICTURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
TOTAL = re.compile(r"bytes \d+-\d+/(\d+)")
FILENAME = re.compile(r'filename="((?:[^"\\]|\\.)*)"|filename=([^;"\s]+)')
FILENAME_ENCODED = re.compile(r"filename\*=UTF-8''([^;\s]+)", re.IGNORECASE)
UNSAFE = re.compile(r'[\x00-\x1f\x7f"\\/:*?<>|]')


async def upload(client: WeComClient, kind: str, data: bytes, filename: str) -> str:
    """The media_id under which the corp's apps may send it for three days. ``kind`` is image or file.

    Raises Refused before the call for what WeCom would refuse: 44001 too small, 45001 too large, 40004 an image
    that is neither JPG nor PNG.
    """
    content_type = _content_type(kind, data)

    def form() -> FormData:
        # Quoted by aiohttp, the recipients would read percent signs instead of 订单.xlsx.
        fields = FormData(quote_fields=False)
        fields.add_field("media", data, filename=safe_name(filename, kind), content_type=content_type)
        return fields

    call = Call(api="media/upload", params={"type": kind}, form=form, timeout=MEDIA_TIMEOUT)
    answer = await client.call(call)
    media_id = answer.get("media_id")
    if not isinstance(media_id, str) or not media_id:
        raise PlatformDown("no_media_id", "media/upload")
    return media_id


async def download(client: WeComClient, media_id: str, kind: str) -> tuple[bytes, str]:
    """Bytes and file name of something a person sent, at most 20 MB.

    Raises MediaGone after its three days, FileRefused when it is larger; both need another sending.
    """

    async def once(token: str) -> tuple[bytes, str]:
        async with client.open(_get(media_id), token) as response:
            answer = await _file_or_error(response)
            if answer is not None:
                return answer, filename_of(response.headers, kind)
        return await _in_ranges(client, media_id, kind, token)

    return await client.authorised("media/get", once)


def filename_of(headers: Mapping[str, str], kind: str) -> str:
    """The name in Content-Disposition, raw UTF-8 or percent-encoded, made safe; ``kind`` when there is none."""
    disposition = headers.get("Content-Disposition", "")
    if encoded := FILENAME_ENCODED.search(disposition):
        return safe_name(unquote(encoded[1]), kind)
    plain = FILENAME.search(disposition)
    name = (plain[1] or plain[2] or "") if plain else ""
    # Headers are decoded byte by byte where they are no UTF-8.
    return safe_name(name.encode(errors="surrogateescape").decode(errors="replace"), kind)


def safe_name(name: str, fallback: str) -> str:
    """Without quotes, line ends and path marks, which would break the header or leave a folder; ≤ 100 characters."""
    safe = UNSAFE.sub("_", name).strip(" ._")
    if len(safe) > 100:
        stem, dot, suffix = safe.rpartition(".")
        safe = f"{stem[: 99 - len(suffix)]}{dot}{suffix}" if 0 < len(suffix) < 10 else safe[:100]
    return safe or fallback


def _content_type(kind: str, data: bytes) -> str:
    if len(data) < SMALLEST:
        raise Refused("44001", f"{len(data)} bytes are no {kind}")
    if len(data) > LARGEST_UP[kind]:
        raise Refused("45001", f"{len(data)} bytes, {kind} takes {LARGEST_UP[kind]}")
    found = next((name for magic, name in PICTURES.items() if data.startswith(magic)), "")
    if kind == "image" and not found:
        raise Refused("40004", "an image must be JPG or PNG")
    return found or "application/octet-stream"


def _get(media_id: str, span: str = "") -> Call:
    headers = {"Range": span} if span else {}
    return Call(api="media/get", params={"media_id": media_id}, headers=headers, timeout=MEDIA_TIMEOUT)


async def _file_or_error(response: ClientResponse) -> bytes | None:
    """The bytes; None when it must be asked for in ranges. Errors come as JSON with HTTP 200."""
    if response.status not in (200, 206):
        raise PlatformDown(f"http {response.status}", "media/get")
    if "Content-Disposition" in response.headers:
        return await _capped(response, LARGEST_DOWN)
    try:
        await read_answer(response)
    except Refused as error:
        if error.code == str(TOO_LARGE_AT_ONCE):
            return None
        raise
    raise MediaGone("no_file", "media/get answered neither with a file nor with an error")


async def _in_ranges(client: WeComClient, media_id: str, kind: str, token: str) -> tuple[bytes, str]:
    data = bytearray()
    while True:
        span = f"bytes={len(data)}-{len(data) + RANGE - 1}"
        async with client.open(_get(media_id, span), token) as response:
            total = TOTAL.fullmatch(response.headers.get("Content-Range", ""))
            if response.status != 206 or total is None:
                checked(await _capped(response, MB), "media/get")
                raise PlatformDown("no_range", "media/get")
            if int(total[1]) > LARGEST_DOWN:
                raise FileRefused(RefusalReason.TOO_MANY_BYTES, f"{total[1]} bytes")
            part = await _capped(response, RANGE)
            data += part
            if len(data) >= int(total[1]):
                return bytes(data), filename_of(response.headers, kind)
            if not part:
                raise PlatformDown("short_range", "media/get")


async def _capped(response: ClientResponse, most: int) -> bytes:
    if (response.content_length or 0) > most:
        raise FileRefused(RefusalReason.TOO_MANY_BYTES, f"{response.content_length} bytes")
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > most:
            raise FileRefused(RefusalReason.TOO_MANY_BYTES, f"more than {most} bytes")
    return bytes(data)
