"""What a gateway, a proxy or an odd server may answer: a tiny server half that the strict platform never plays."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from bot.files.refusals import FileRefused
from bot.platform_errors import MediaGone, PlatformDown, Refused
from bot.wecom.api import WeComMessenger
from bot.wecom.media import LARGEST_DOWN, filename_of, safe_name
from core.clock import MovableClock
from storage.coordinator import InProcessCoordinator
from tests.wecom.stand import JPG, SALES, START

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def token(_request: web.Request) -> web.Response:
    return web.json_response({"errcode": 0, "access_token": "SECRET-TOKEN", "expires_in": 7200})


@asynccontextmanager
async def against(**handlers: Handler) -> AsyncIterator[WeComMessenger]:
    app = web.Application()
    for path, handler in {"gettoken": token, **handlers}.items():
        app.router.add_route("*", f"/cgi-bin/{path.replace('__', '/')}", handler)
    async with TestServer(app, handler_cancellation=True) as server, aiohttp.ClientSession() as session:
        yield messenger_at(str(server.make_url("/")), session)


def messenger_at(base_url: str, session: aiohttp.ClientSession) -> WeComMessenger:
    clock = MovableClock(START, speed=0.0)
    app = replace(SALES, base_url=base_url)
    limit = aiohttp.ClientTimeout(total=0.3)
    return WeComMessenger(app, session, InProcessCoordinator(clock), clock, timeout=limit, rng=random.Random(1))


def always(response: Callable[[], web.Response]) -> Handler:
    async def handle(_request: web.Request) -> web.Response:
        return response()

    return handle


NO_ANSWER: dict[str, Callable[[], web.Response]] = {
    "a gateway's page": lambda: web.Response(text="<html>", content_type="text/html"),
    "a server error": lambda: web.Response(status=502, text='{"errcode":0}'),
    "a redirect": lambda: web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}),
    "a list": lambda: web.json_response([1]),
    "a text errcode": lambda: web.json_response({"errcode": "soon"}),
    "deep nesting": lambda: web.Response(text="[" * 100_000),
    "nothing": web.Response,
    "two megabytes": lambda: web.Response(body=b" " * 2_000_000),
    "no UTF-8": lambda: web.Response(body=b'{"errcode": 0, "x": "\xff"}'),
}


@pytest.mark.parametrize("name", NO_ANSWER)
async def test_what_is_no_answer_leaves_the_outcome_unknown(name: str) -> None:
    async with against(message__send=always(NO_ANSWER[name])) as messenger:
        with pytest.raises(PlatformDown) as down:
            await messenger.send_text("a", "1", retry=False)

    assert "SECRET-TOKEN" not in str(down.value)
    assert down.value.__cause__ is None


async def test_a_server_that_is_not_there_is_down_and_no_secret_is_in_its_error() -> None:
    async with aiohttp.ClientSession() as session:
        messenger = messenger_at(f"http://127.0.0.1:{unused_port()}", session)
        with pytest.raises(PlatformDown) as down:
            await messenger.send_text("a", "1", retry=False)

    assert SALES.secret not in f"{down.value} {down.value.__cause__}"


async def test_a_server_that_never_answers_is_down_after_the_time_limit() -> None:
    async def never(_request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with against(message__send=never) as messenger:
        with pytest.raises(PlatformDown, match="message/send"):
            await messenger.send_text("a", "1", retry=False)


async def test_gettoken_without_a_token_is_no_token() -> None:
    async with against(gettoken=always(lambda: web.json_response({"errcode": 0}))) as messenger:
        with pytest.raises(PlatformDown, match="no_token"):
            await messenger.callback_ips()


async def test_an_unknown_errcode_is_refused_with_its_hint() -> None:
    answer = {"errcode": 99999, "errmsg": "hint: [17000]"}
    async with against(message__send=always(lambda: web.json_response(answer))) as messenger:
        with pytest.raises(Refused, match=r"99999: hint: \[17000\]"):
            await messenger.send_text("a", "1", retry=False)


def ranged(data: bytes, asked: list[str]) -> Handler:
    """A server that gives only ranges, as WeCom does for large files."""

    async def handle(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Range", ""))
        if "Range" not in request.headers:
            return web.json_response({"errcode": 830002, "errmsg": "use Range"})
        start, stop, _ = request.http_range.indices(len(data))
        part = data[start:stop]
        headers = {
            "Content-Range": f"bytes {start}-{start + len(part) - 1}/{len(data)}",
            "Content-Disposition": 'attachment; filename="订单.xlsx"',
        }
        return web.Response(status=206, body=part, headers=headers)

    return handle


async def test_a_file_too_large_at_once_comes_in_ranges() -> None:
    data = random.Random(3).randbytes(12 * 1024 * 1024)
    asked: list[str] = []
    async with against(media__get=ranged(data, asked)) as messenger:
        assert await messenger.download("M", kind="file") == (data, "订单.xlsx")

    assert asked == ["", "bytes=0-10485759", "bytes=10485760-20971519"]


async def test_a_ranged_file_beyond_20_mb_is_refused_after_its_first_part() -> None:
    asked: list[str] = []
    async with against(media__get=ranged(bytes(LARGEST_DOWN + 1), asked)) as messenger:
        with pytest.raises(FileRefused, match="too_many_bytes"):
            await messenger.download("M", kind="file")

    assert len(asked) == 2


async def test_a_file_that_hides_its_size_is_cut_off_at_the_cap() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Disposition": "attachment"})
        await response.prepare(request)
        for _ in range(21):
            await response.write(bytes(1024 * 1024))
        return response

    async with against(media__get=endless) as messenger:
        with pytest.raises(FileRefused, match="too_many_bytes"):
            await messenger.download("M", kind="file")


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (lambda: web.json_response({"errcode": 40007}), MediaGone),
        (lambda: web.Response(body=b'{"errcode":40007}', content_type="text/plain"), MediaGone),
        (lambda: web.json_response({"errcode": 0}), MediaGone),
        (lambda: web.Response(body=b"<html>", content_type="text/html"), PlatformDown),
        (lambda: web.Response(status=500), PlatformDown),
    ],
)
async def test_an_error_instead_of_a_file_is_told_from_a_file(
    response: Callable[[], web.Response], error: type[Exception]
) -> None:
    async with against(media__get=always(response)) as messenger:
        with pytest.raises(error):
            await messenger.download("M", kind="image")


async def test_a_body_that_ends_early_is_no_picture() -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        headers = {"Content-Length": "100000", "Content-Disposition": "attachment"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        await response.write(JPG)
        assert request.transport is not None
        request.transport.abort()
        return response

    async with against(media__get=half) as messenger:
        with pytest.raises(PlatformDown):
            await messenger.download("M", kind="image")


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="订单.xlsx"', "订单.xlsx"),
        ("attachment; filename=a.jpg", "a.jpg"),
        ("attachment; filename*=UTF-8''%E8%AE%A2%E5%8D%95.pdf", "订单.pdf"),
        ('attachment; filename="../../etc/passwd"', "etc_passwd"),
        ('attachment; filename="C:\\\\x.png"', "C___x.png"),
        ('attachment; filename=""', "image"),
        ("attachment", "image"),
        ("", "image"),
    ],
)
def test_a_file_name_from_the_wire_is_safe(disposition: str, name: str) -> None:
    assert filename_of({"Content-Disposition": disposition}, "image") == name


def test_a_long_file_name_keeps_its_suffix() -> None:
    assert safe_name("单" * 200 + ".xlsx", "file") == "单" * 95 + ".xlsx"


async def test_the_same_text_is_the_same_bytes_whenever_it_is_sent_again() -> None:
    seen: list[bytes] = []

    async def send(request: web.Request) -> web.Response:
        seen.append(await request.read())
        return web.json_response({"errcode": 0, "msgid": "m"})

    async with against(message__send=send) as messenger:
        for _ in range(2):
            await messenger.send_text("a", "订单 “1” \\u4e2d 🔴", retry=True)

    assert seen[0] == seen[1]
    assert "订单 “1”".encode() in seen[0]


async def test_half_a_surrogate_in_a_text_does_not_stop_it() -> None:
    seen: list[Any] = []

    async def send(request: web.Request) -> web.Response:
        seen.append(await request.json())
        return web.json_response({"errcode": 0})

    async with against(message__send=send) as messenger:
        await messenger.send_text("a", "x\ud83d", retry=False)

    assert seen[0]["text"]["content"] == "x?"
