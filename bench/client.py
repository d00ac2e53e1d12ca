"""The messenger's side in a process of its own, so that it shares neither core nor lock with the server.

Run: python -m bench.client '{"ports": […], "count": …, "rate": …, "warm_up": …, "senders": […]}'. It prepares its
requests first, then sends. Without a rate each of the connections sends its next request when the last is answered.
With a rate every request has its time, whatever became of those before it, and is measured from that time (no
coordinated omission). Prints seconds and the sorted times from request to answer as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

from bench.wecom import requests

CONNECTIONS = 64
WARM_UP = 200


class Line(asyncio.Protocol):
    """One kept-alive connection with one request on it at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._got = b""
        self._answered: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, end, body = self._got.partition(b"\r\n\r\n")
        if not end or self._answered is None or self._answered.done():
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self._answered.set_exception(RuntimeError(head.decode()))
        elif len(body) >= _length(head):
            self._got = b""
            self._answered.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(RuntimeError("the server closed the connection"))

    async def send(self, request: bytes) -> None:
        """Return with the 200. Raises RuntimeError for any other answer."""
        assert self._transport is not None
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        await self._answered

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


class Client:
    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = ports
        self._opened = 0
        self._idle: list[Line] = []
        self.times: list[float] = []

    async def line(self) -> Line:
        """A free connection, the ports in turn."""
        if self._idle:
            return self._idle.pop()
        port = self._ports[self._opened % len(self._ports)]
        self._opened += 1
        return (await asyncio.get_running_loop().create_connection(Line, "127.0.0.1", port))[1]

    async def one(self, request: bytes, due: float) -> None:
        line = await self.line()
        await line.send(request)
        self.times.append(time.perf_counter() - due)
        self._idle.append(line)

    async def as_fast_as_answered(self, waiting: Sequence[bytes]) -> None:
        """A closed loop over all connections."""
        left = iter(waiting)

        async def connection(line: Line) -> None:
            for request in left:
                started = time.perf_counter()
                await line.send(request)
                self.times.append(time.perf_counter() - started)
            self._idle.append(line)

        lines = [await self.line() for _ in range(CONNECTIONS)]
        await asyncio.gather(*(connection(line) for line in lines))

    async def at_a_rate(self, waiting: Sequence[bytes], rate: float) -> None:
        """An open loop: request n is due n / rate seconds after the start."""
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for n, request in enumerate(waiting):
                due = started + n / rate
                await asyncio.sleep(due - time.perf_counter())
                group.create_task(self.one(request, due))

    def close(self) -> None:
        for line in self._idle:
            line.close()


async def main(order: dict[str, Any]) -> dict[str, Any]:
    warm_up = order.get("warm_up", WARM_UP)
    waiting = requests(order["count"] + warm_up, senders=order.get("senders", ()))
    client = Client(order["ports"])
    await client.as_fast_as_answered(waiting[:warm_up])
    client.times.clear()
    started = time.perf_counter()
    if rate := order.get("rate"):
        await client.at_a_rate(waiting[warm_up:], rate)
    else:
        await client.as_fast_as_answered(waiting[warm_up:])
    seconds = time.perf_counter() - started
    client.close()
    return {"seconds": seconds, "times": sorted(client.times)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.loads(sys.argv[1])))))
