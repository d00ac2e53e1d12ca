"""A TCP proxy in front of several backends: the balancer of the local cluster, and the network's faults on demand.

A new connection goes to the next backend that takes it; one that refuses is passed over. With ``check`` each backend
is asked over HTTP whether it wants traffic, as any balancer does, and gets no new connections while it says no.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiohttp import ClientError, ClientSession, ClientTimeout

CHUNK = 64 * 1024
CONNECT_WITHIN = 1.0
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with zero seconds: closing answers with RST instead of FIN."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(eq=False)
class Backend:
    """One server behind the proxy."""

    host: str
    port: int
    ready: bool = True
    """What its health check said last."""
    draining: bool = False
    """Taken out by hand: what is connected stays, nothing new comes."""
    served: int = 0
    """Connections it got."""


@dataclass(eq=False)
class _Link:
    """One client's connection and the one it was led to."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    backend: Backend | None = None
    deaf: bool = False
    """What either side says is swallowed from now on."""
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class Proxy:
    """``start`` opens the port. Faults are switched on and off while it runs."""

    def __init__(
        self,
        backends: Sequence[tuple[str, int]],
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        check: str | None = None,
        check_every: float = 0.2,
    ) -> None:
        self.backends = [Backend(host=where, port=number) for where, number in backends]
        self.host, self.port = host, port
        self.latency = 0.0
        """Seconds that every piece of data waits, in both directions."""
        self.refused = 0
        """Connections for which no backend was found."""
        self._check, self._check_every = check, check_every
        self._next = 0
        self._silent = False
        self._links: set[_Link] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._checker: asyncio.Task[None] | None = None
        self._looked = asyncio.Event()

    async def start(self) -> None:
        await self.up()
        if self._check is not None:
            self._checker = asyncio.create_task(self._watch(self._check), name="health-checks")

    async def stop(self) -> None:
        if self._checker is not None:
            self._checker.cancel()
            await asyncio.gather(self._checker, return_exceptions=True)
        await self.down()
        await asyncio.gather(*self._serving, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def connections(self) -> int:
        return len(self._links)

    def backend(self, port: int) -> Backend:
        """The one on this port; set its ``draining`` to take it out. Raises StopIteration when there is none."""
        return next(one for one in self.backends if one.port == port)

    async def until(self, port: int, *, ready: bool) -> None:
        """Return when the backend's health check says so."""
        while self.backend(port).ready is not ready:
            await self._looked.wait()

    # -- faults ------------------------------------------------------------------------------------

    async def down(self) -> None:
        """Connections are refused from now on, and those that are there are reset."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self.cut()
        if server is not None:
            await server.wait_closed()

    async def up(self) -> None:
        """Connections are accepted (again), on the same port."""
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, self.host, self.port, backlog=1024)
            self.port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Every connection is reset on both sides; new ones are welcome."""
        for link in list(self._links):
            _reset(link.client)
            _reset(link.server)
            for task in link.tasks:
                task.cancel()

    def black_hole(self) -> None:
        """Connections are accepted and stay open, and whatever is said is swallowed."""
        self._silent = True
        for link in self._links:
            link.deaf = True

    def half_open(self) -> None:
        """The backends lose their side of every connection; the clients are not told. New connections work."""
        for link in self._links:
            link.deaf = True
            _reset(link.server)

    def heal(self) -> None:
        """No fault any more. Connections that lost data can only be reset."""
        self.latency, self._silent = 0.0, False
        for link in list(self._links):
            if link.deaf:
                _reset(link.client)
                _reset(link.server)
                for task in link.tasks:
                    task.cancel()

    # -- one connection ----------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        link = _Link(client=writer, deaf=self._silent)
        self._links.add(link)
        try:
            await self._carry(link, reader)
        finally:
            self._links.discard(link)
            for side in (link.client, link.server):
                if side is not None:
                    side.close()

    async def _carry(self, link: _Link, reader: asyncio.StreamReader) -> None:
        answers: asyncio.StreamReader | None = None
        if not link.deaf:
            found = await self._connect(link)
            if found is None:
                self.refused += 1
                _reset(link.client)
                return
            answers, link.server = found
        link.tasks = [asyncio.create_task(self._pump(link, reader, link.server))]
        if answers is not None:
            link.tasks.append(asyncio.create_task(self._pump(link, answers, link.client)))
        await asyncio.gather(*link.tasks, return_exceptions=True)

    async def _connect(self, link: _Link) -> Streams | None:
        """The next backend that takes the connection. One that says it is not ready is asked only when none is."""
        for wanted in (True, False):
            for _ in self.backends:
                backend = self.backends[self._next % len(self.backends)]
                self._next += 1
                if backend.draining or backend.ready is not wanted:
                    continue
                with contextlib.suppress(OSError, TimeoutError):
                    async with asyncio.timeout(CONNECT_WITHIN):
                        streams = await asyncio.open_connection(backend.host, backend.port)
                    backend.served += 1
                    link.backend = backend
                    return streams
        return None

    async def _pump(self, link: _Link, source: asyncio.StreamReader, sink: asyncio.StreamWriter | None) -> None:
        """Carry one direction until its end, which is passed on as it came: a goodbye or a reset."""
        try:
            while data := await source.read(CHUNK):
                if self.latency:
                    await asyncio.sleep(self.latency)
                if link.deaf or sink is None:
                    continue
                sink.write(data)
                await sink.drain()
        except OSError:
            if not link.deaf:
                _reset(sink)
            return
        if link.deaf:
            await asyncio.Event().wait()  # the other side is not told that this one has gone
        elif sink is not None and sink.can_write_eof():
            with contextlib.suppress(OSError):
                sink.write_eof()

    # -- health checks -----------------------------------------------------------------------------

    async def _watch(self, path: str) -> None:
        async with ClientSession(timeout=ClientTimeout(total=1.0)) as session:
            while True:
                await asyncio.gather(*(self._look(session, one, path) for one in self.backends))
                looked, self._looked = self._looked, asyncio.Event()
                looked.set()
                await asyncio.sleep(self._check_every)

    async def _look(self, session: ClientSession, backend: Backend, path: str) -> None:
        try:
            async with session.get(f"http://{backend.host}:{backend.port}{path}") as answer:
                backend.ready = answer.status == 200
        except (ClientError, OSError, TimeoutError):
            backend.ready = False


def _reset(writer: asyncio.StreamWriter | None) -> None:
    if writer is None or writer.transport.is_closing():
        return
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()
