"""The balancer and its faults, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from cluster.processes import free_port
from cluster.proxy import Proxy


class Echo:
    """Says its name, then repeats every line. ``readiness`` is the status of a second, HTTP port."""

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.port = 0
        self.connections = 0
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(self.name + b"\n")
        with contextlib.suppress(OSError):
            while line := await reader.readline():
                writer.write(line)
                await writer.drain()
        writer.close()


Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def echoes() -> AsyncIterator[list[Echo]]:
    both = [Echo(b"one"), Echo(b"two")]
    for echo in both:
        await echo.start()
    yield both
    for echo in both:
        await echo.stop()


@pytest.fixture
async def proxy(echoes: list[Echo]) -> AsyncIterator[Proxy]:
    proxy = Proxy([("127.0.0.1", echo.port) for echo in echoes])
    await proxy.start()
    yield proxy
    await proxy.stop()


@contextlib.asynccontextmanager
async def call(proxy: Proxy) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def who(proxy: Proxy) -> bytes:
    async with call(proxy) as (reader, _):
        return await reader.readline()


async def test_backends_take_turns_and_one_that_refuses_is_passed_over(proxy: Proxy, echoes: list[Echo]) -> None:
    assert [await who(proxy) for _ in range(4)] == [b"one\n", b"two\n", b"one\n", b"two\n"]

    await echoes[0].stop()
    assert [await who(proxy) for _ in range(3)] == [b"two\n"] * 3

    await echoes[1].stop()
    with pytest.raises(ConnectionResetError):
        await who(proxy)
    assert proxy.refused == 1


async def test_a_drained_backend_keeps_what_it_has_and_gets_nothing_new(proxy: Proxy, echoes: list[Echo]) -> None:
    async with call(proxy) as (reader, writer):
        assert await reader.readline() == b"one\n"

        proxy.backend(echoes[0].port).draining = True

        assert [await who(proxy) for _ in range(2)] == [b"two\n"] * 2
        writer.write(b"still there\n")
        assert await reader.readline() == b"still there\n"


async def test_a_cut_resets_what_is_connected_and_a_closed_port_refuses(proxy: Proxy) -> None:
    async with call(proxy) as (reader, _):
        await reader.readline()
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            await reader.readline()

    await proxy.down()
    with pytest.raises(ConnectionRefusedError):
        await who(proxy)

    await proxy.up()
    assert await who(proxy) in (b"one\n", b"two\n")


async def test_a_black_hole_accepts_and_says_nothing_until_it_is_healed(proxy: Proxy, echoes: list[Echo]) -> None:
    async with call(proxy) as (reader, writer):
        await reader.readline()
        proxy.black_hole()
        writer.write(b"lost\n")

        async with call(proxy) as (other, _):
            silent = asyncio.gather(reader.readline(), other.readline())
            done, _ = await asyncio.wait({silent}, timeout=0.2)
            assert not done
            proxy.heal()
            with pytest.raises(ConnectionResetError):
                await silent

    assert echoes[0].connections + echoes[1].connections == 1
    assert await who(proxy) in (b"one\n", b"two\n")


async def test_half_open_connections_look_alive_to_the_client_and_new_ones_work(proxy: Proxy) -> None:
    async with call(proxy) as (reader, writer):
        await reader.readline()

        proxy.half_open()
        writer.write(b"anybody?\n")

        done, _ = await asyncio.wait({asyncio.ensure_future(reader.readline())}, timeout=0.2)
        assert not done
        assert await who(proxy) in (b"one\n", b"two\n")
        proxy.heal()


async def test_latency_is_added_in_both_directions(proxy: Proxy) -> None:
    loop = asyncio.get_running_loop()
    proxy.latency = 0.1
    began = loop.time()

    async with call(proxy) as (reader, writer):
        await reader.readline()
        writer.write(b"slow\n")
        assert await reader.readline() == b"slow\n"

    assert loop.time() - began >= 0.3


async def test_a_backend_that_says_it_is_not_ready_gets_nothing_new() -> None:
    status = {"left": 200, "right": 200}
    runners, ports = [], []
    for name in status:
        app = web.Application()

        async def ready(_: web.Request, name: str = name) -> web.Response:
            return web.Response(status=status[name])

        app.add_routes([web.get("/readyz", ready)])
        runner = web.AppRunner(app)
        await runner.setup()
        ports.append(free_port())
        await web.TCPSite(runner, "127.0.0.1", ports[-1]).start()
        runners.append(runner)
    proxy = Proxy([("127.0.0.1", port) for port in ports], check="/readyz", check_every=0.02)
    await proxy.start()

    status["left"] = 503
    async with asyncio.timeout(5):
        await proxy.until(ports[0], ready=False)
    assert proxy.backend(ports[1]).ready
    status["left"] = 200
    async with asyncio.timeout(5):
        await proxy.until(ports[0], ready=True)

    await proxy.stop()
    for runner in runners:
        await runner.cleanup()
