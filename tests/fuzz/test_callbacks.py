"""The callback under hostile fire: never a 500, nothing in without our signature, no declaration ever (R15)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.wecom.wire import WireError, parse_xml
from tests.fuzz.envelopes import DECLARED, Shot, damage, genuine, shot
from tests.fuzz.firing import Tally, judge, volley
from tests.fuzz.served import Served

BOUNDED = settings(max_examples=300, deadline=None)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Each refusal is a line; a volley of them would be kept in memory by pytest alone."""
    caplog.set_level(logging.CRITICAL)


async def test_a_volley_of_hostile_callbacks_breaks_nothing_and_gets_nothing_in() -> None:
    tally = await volley(4000, seed=15)

    assert tally.errors == []
    assert tally.accepted_unsigned == []
    assert tally.declared_refused == tally.declared > 100
    assert set(tally.statuses) <= {200, 400, 403, 413}
    assert len(tally.by_kind) == 12
    assert tally.grown_kb < 50 * 1024


def _judged(status: int, *, kept: bool, one: Shot, body: bytes | None = b"") -> Tally:
    tally = Tally()
    judge(one, status, kept, body, tally)
    return tally


def test_the_judge_finds_what_it_is_there_to_find() -> None:
    """Planted faults: a 500, a body in the refusal, a 200 without a row, an unsigned row, an accepted declaration."""
    envelope = genuine()
    good = Shot(kind="good", query=envelope.query(), body=envelope.body())
    bad = Shot(kind="bad", query={**envelope.query(), "msg_signature": "0" * 40}, body=envelope.body())
    dtd = Shot(kind="dtd", query=good.query, body=good.body, declared=True)

    assert _judged(200, kept=True, one=good).accepted_unsigned == []
    assert _judged(403, kept=False, one=bad).errors == []
    assert _judged(500, kept=False, one=bad).errors
    assert _judged(403, kept=False, one=bad, body=b"why").errors
    assert _judged(200, kept=False, one=good).errors
    assert _judged(200, kept=True, one=bad).accepted_unsigned == [bad]
    assert _judged(200, kept=True, one=dtd).accepted_unsigned == [dtd]


@BOUNDED
@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode) | st.sampled_from(DECLARED).map(str.encode))
@example(b"\xff\xfe<\x00x\x00m\x00l\x00>\x00")
@example(b"<xml>" + b"<a>" * 5000)
def test_no_xml_raises_anything_but_a_refusal(body: bytes) -> None:
    with contextlib.suppress(WireError):
        assert isinstance(parse_xml(body), dict)
        assert b"<!DOCTYPE" not in body


@BOUNDED
@given(st.sampled_from(DECLARED), st.randoms(use_true_random=False), st.booleans())
def test_no_declaration_gets_through_however_it_is_dressed(text: str, rng: random.Random, spaced: bool) -> None:
    padding = "".join(rng.choices(" \t\r\n", k=rng.randrange(40))) if spaced else ""
    comment = f"<!--{rng.randrange(10**6)}-->" if rng.random() < 0.5 else ""
    body = text if text.startswith("<?") else comment + padding + text

    with pytest.raises(WireError):
        parse_xml(body.encode())


@pytest.fixture
async def served() -> AsyncIterator[tuple[Served, TestServer]]:
    held = Served()
    async with TestServer(held.app) as server:
        yield held, server


async def test_the_same_fire_over_real_http(served: tuple[Served, TestServer]) -> None:
    held, server = served
    rng, tally = random.Random(77), Tally()
    url = server.make_url("/wecom/callback")
    async with aiohttp.ClientSession() as session:
        for _ in range(400):
            one = shot(rng)
            held.kept.clear()
            async with session.post(url, params=one.query, data=one.body) as response:
                judge(one, response.status, bool(held.kept), await response.read(), tally)
            async with session.get(url, params={**one.query, "echostr": one.body[:500].decode("latin-1")}) as response:
                assert response.status in (400, 403)
                assert await response.read() == b""

    assert tally.errors == []
    assert tally.accepted_unsigned == []
    assert tally.declared_refused == tally.declared


async def _raw(server: TestServer, data: bytes) -> bytes:
    """Everything the server says to these bytes on a bare connection."""
    assert server.port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    try:
        await writer.drain()
        writer.write_eof()
        async with asyncio.timeout(5):
            said = await reader.read(65536)
    except (ConnectionError, TimeoutError):
        said = b""
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return said


async def test_odd_content_types_and_encodings_get_no_500(served: tuple[Served, TestServer]) -> None:
    _, server = served
    rng = random.Random(3)
    heads = {
        "Content-Encoding": ("gzip", "deflate", "br", "zstd", "nothing", ""),
        "Content-Type": ("text/xml; charset=utf-7", "multipart/form-data; boundary=x", "\x7f", "a" * 3000),
        "Expect": ("100-continue", "200-ok"),
        "Transfer-Encoding": ("chunked", "gzip, chunked", "identity"),
        "Content-Length": ("-1", "99999999999999999999", "1e3", "５"),
    }
    for name, values in heads.items():
        for value in values:
            one = shot(rng)
            query = str(server.make_url("/wecom/callback").with_query(one.query).raw_query_string)
            head = f"POST /wecom/callback?{query} HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\nConnection: close\r\n"
            length = "" if name in ("Content-Length", "Transfer-Encoding") else f"Content-Length: {len(one.body)}\r\n"
            said = await _raw(server, f"{head}{length}\r\n".encode() + one.body)
            final = said.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
            assert not final or b" 400 " in final[:14] or b" 403 " in final[:14] or b" 417 " in final[:14], (
                name,
                value,
                said,
            )


async def test_garbage_below_http_gets_no_500_and_the_next_request_its_answer(
    served: tuple[Served, TestServer], caplog: pytest.LogCaptureFixture
) -> None:
    _, server = served
    rng = random.Random(9)
    query = "&".join(f"{k}={v}" for k, v in genuine().query().items())
    body = genuine().body()
    honest = f"POST /wecom/callback?{query} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    for nth in range(300):
        data = bytearray(honest if nth % 3 else rng.randbytes(rng.randrange(1, 400)))
        for _ in range(rng.randrange(1, 8)):
            damage(rng, data)
        said = await _raw(server, bytes(data))
        assert not said.startswith(b"HTTP/1.1 5"), (bytes(data), said)

    for head in (b"GET " + b"/a" * 9000, b"\x16\x03\x01\x02\x00\x01", b"POST / HTTP/9.9\r\n\r\n", b"\r\n" * 2000):
        assert not (await _raw(server, head)).startswith(b"HTTP/1.1 5")
    async with aiohttp.ClientSession() as session, session.get(server.make_url("/healthz")) as alive:
        assert alive.status == 200


def test_the_application_serves_what_it_says_and_nothing_else(served: tuple[Served, TestServer]) -> None:
    """Everything but the callback is read-only."""
    held, _ = served
    methods = {(r.method, r.resource.canonical) for r in held.app.router.routes() if r.resource is not None}

    assert {method for method, path in methods if "wecom" not in path} <= {"GET", "HEAD"}
    assert isinstance(held.app, web.Application)
