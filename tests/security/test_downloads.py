"""Files of people are fetched from the platform only: no redirect is followed, no name leads inside the house."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer

from bot.dingtalk.downloads import PublicOnly, fetch
from bot.dingtalk.settings import DingTalkSettings
from bot.platform_errors import PlatformDown, Refused


class Rebinding(AbstractResolver):
    """A name server that answers a public name with an address inside."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize(
    "inside", ["127.0.0.1", "10.1.2.3", "172.16.0.9", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1"]
)
async def test_a_public_name_that_resolves_inside_is_not_fetched(inside: str) -> None:
    with pytest.raises(OSError, match="no public address"):
        await PublicOnly(Rebinding(inside)).resolve("files.example.com")

    connector = aiohttp.TCPConnector(resolver=PublicOnly(Rebinding(inside)))
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises(PlatformDown):
            await fetch(
                session,
                "https://files.example.com/a",
                DingTalkSettings(client_id="a", client_secret="b"),
                fallback_name="a",
            )


async def test_of_several_addresses_only_the_public_ones_are_tried() -> None:
    found = await PublicOnly(Rebinding("10.0.0.1", "47.98.1.1")).resolve("files.example.com")

    assert [answer["host"] for answer in found] == ["47.98.1.1"]


@pytest.fixture
async def store() -> AsyncIterator[TestServer]:
    """A file store that sends elsewhere, or more than was agreed."""

    async def elsewhere(_: web.Request) -> web.Response:
        raise web.HTTPFound("http://169.254.169.254/latest/meta-data")

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        try:
            while True:
                await answer.write(b"x" * 65536)
        except ConnectionError:
            return answer

    application = web.Application()
    application.add_routes([web.get("/elsewhere", elsewhere), web.get("/endless", endless)])
    async with TestServer(application) as server:
        yield server


async def test_a_redirect_is_not_followed_and_an_endless_answer_is_cut(store: TestServer) -> None:
    settings = DingTalkSettings(client_id="a", client_secret="b", api_base=str(store.make_url("/")), max_file=200_000)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(PlatformDown, match="302"):
            await fetch(session, str(store.make_url("/elsewhere")), settings, fallback_name="a")
        with pytest.raises(Refused, match="more than 200000"):
            await fetch(session, str(store.make_url("/endless")), settings, fallback_name="a")
