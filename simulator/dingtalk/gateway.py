"""The stream: tickets, sockets, pings, pushes to one random connection, acks [wire 1]."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from aiohttp import WSMsgType, web

from simulator.dingtalk.errors import ApiError, BrokenFrameError
from simulator.dingtalk.frames import Ack, down_frame, parse_ack
from simulator.dingtalk.limits import TICKET_LIFE
from simulator.dingtalk.site import Site, within
from simulator.world import WireEntry

FRAMES_KEPT = 20_000


@dataclass(kw_only=True, eq=False)
class Connection:
    """One socket of the bot."""

    id: str
    socket: web.WebSocketResponse
    request: web.Request
    topics: frozenset[tuple[str, str]]
    state: Literal["live", "leaving", "mute"] = "live"
    """live; leaving: told to disconnect, gets nothing more; mute: half-open, nothing passes either way."""
    waiting: set[str] = field(default_factory=set)

    def wants(self, kind: str, topic: str) -> bool:
        return self.state != "leaving" and (kind, topic) in self.topics


@dataclass(kw_only=True)
class Sent:
    """A frame that was pushed; ``ack`` resolves to None when its socket is gone."""

    message_id: str
    connection: Connection
    entry: WireEntry
    ack: asyncio.Future[Ack | None]


class Gateway:
    """All connections of the application."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._tickets: dict[str, tuple[frozenset[tuple[str, str]], datetime]] = {}
        self._sent: OrderedDict[str, Sent] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections: list[Connection] = []

    # -- opening ---------------------------------------------------------------------------------

    async def open(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        """POST connections/open: a one-use ticket for 90 s.

        Raises ApiError 401 ``authFailed`` for a wrong id or secret, 400 for subscriptions it does not know.
        """
        site = self._site
        if (body.get("clientId"), body.get("clientSecret")) != (site.client_id, site.client_secret):
            raise ApiError(401, "authFailed", "鉴权失败")
        topics = _subscriptions(body.get("subscriptions"))
        ticket = site.new_id() + "/+=" + site.new_id()
        self._tickets[ticket] = (topics, site.clock.now() + timedelta(seconds=TICKET_LIFE))
        parts = urlsplit(site.base_url)
        scheme = "wss" if parts.scheme == "https" else "ws"
        endpoint = urlunsplit((scheme, parts.netloc, parts.path.rstrip("/") + "/connect", "", ""))
        return {"endpoint": endpoint, "ticket": ticket}

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """GET /connect?ticket=…: 401 when the ticket is unknown, used or older than 90 s."""
        site = self._site
        topics, until = self._tickets.pop(request.query.get("ticket", ""), (frozenset(), None))
        if until is None or site.clock.now() >= until:
            site.wire.record("dingtalk", "from_bot", "stream connect", status="401 ticket not valid")
            return web.Response(status=401, text="ticket is invalid")
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        connection = Connection(id=site.new_id(), socket=socket, request=request, topics=topics)
        self.connections.append(connection)
        site.wire.record("dingtalk", "from_bot", "stream connect", status="101", plain={"id": connection.id})
        pinger = self._spawn(self._keep_pinging(connection))
        try:
            async for message in socket:
                await self._receive(connection, message.type, message.data)
        finally:
            pinger.cancel()
            self._forget(connection)
            site.wire.record("dingtalk", "from_bot", "stream closed", plain={"id": connection.id})
        return socket

    async def _receive(self, connection: Connection, kind: WSMsgType, data: Any) -> None:
        if connection.state == "mute":
            return
        if kind is WSMsgType.PING:
            await connection.socket.pong(data)
        elif kind is WSMsgType.TEXT:
            self._acked(connection, data)
        elif kind is WSMsgType.BINARY:
            self._site.violation("a binary frame came up the stream")

    def _acked(self, connection: Connection, text: str) -> None:
        site = self._site
        entry = site.wire.record("dingtalk", "from_bot", "stream ack", plain=_readable(text))
        try:
            ack = parse_ack(text)
            sent = self._frame_of(connection, ack)
        except BrokenFrameError as error:
            entry.status = f"violation: {error}"
            site.wire.changed(entry)
            site.violation(str(error))
            return
        entry.label = f"ack {sent.entry.label}"
        sent.entry.status = f"ack {ack.code}"
        site.wire.changed(sent.entry)
        sent.ack.set_result(ack)

    def _frame_of(self, connection: Connection, ack: Ack) -> Sent:
        """The frame an ack belongs to. Raises BrokenFrameError: unknown, acked before, another socket's."""
        sent = self._sent.get(ack.message_id)
        if sent is None:
            raise BrokenFrameError(f"an ack for the unknown frame {ack.message_id}")
        if sent.connection is not connection:
            raise BrokenFrameError(f"the ack for frame {ack.message_id} came up another socket")
        if sent.ack.done():
            raise BrokenFrameError(f"a second ack for frame {ack.message_id}")
        return sent

    # -- pushing ---------------------------------------------------------------------------------

    def pick(self, kind: str, topic: str) -> Connection | None:
        """One of the connections that subscribed, at random; a half-open one may be hit as well."""
        able = [connection for connection in self.connections if connection.wants(kind, topic)]
        return self._site.random.choice(able) if able else None

    async def push(
        self,
        *,
        kind: str,
        topic: str,
        data: str,
        label: str,
        extra: dict[str, str] | None = None,
        to: Connection | None = None,
        note: str = "",
    ) -> Sent | None:
        """Send one frame with a new messageId; None when no connection takes it."""
        site = self._site
        connection = to or self.pick(kind, topic)
        if connection is None:
            site.wire.record("dingtalk", "to_bot", label, plain=_readable(data), status="no connection", note=note)
            return None
        frame = down_frame(
            kind=kind,
            topic=topic,
            message_id=site.new_id("m"),
            connection_id=connection.id,
            app_id=site.client_id,
            time_ms=site.now_ms(),
            data=data,
            extra=extra,
        )
        message_id = frame["headers"]["messageId"]
        shown = {**frame, "data": _readable(data)}
        entry = site.wire.record("dingtalk", "to_bot", label, plain=shown, note=note)
        sent = Sent(
            message_id=message_id,
            connection=connection,
            entry=entry,
            ack=asyncio.get_running_loop().create_future(),
        )
        self._sent[message_id] = sent
        while len(self._sent) > FRAMES_KEPT:
            self._sent.popitem(last=False)
        connection.waiting.add(message_id)
        if connection.state == "mute":
            entry.status = "swallowed by a half-open socket"
            return sent
        try:
            await connection.socket.send_str(json.dumps(frame, ensure_ascii=False))
        except ConnectionError:
            self._forget(connection)
        return sent

    # -- the life of a socket --------------------------------------------------------------------

    async def _keep_pinging(self, connection: Connection) -> None:
        site = self._site
        while connection.state != "leaving":
            await site.pace.sleep(site.terms.ping_every)
            if connection.state != "live" or connection not in self.connections:
                continue
            await self.ping(connection)

    async def ping(self, connection: Connection) -> bool:
        """SYSTEM ping; the bot must echo the opaque, otherwise the socket is closed."""
        site = self._site
        opaque = {"opaque": site.new_id("op-")}
        sent = await self.push(
            kind="SYSTEM", topic="ping", data=json.dumps(opaque), label="stream SYSTEM ping", to=connection
        )
        if sent is None:
            return False
        await within(site.pace, site.terms.ping_grace, sent.ack)
        ack = sent.ack.result() if sent.ack.done() else None
        if connection not in self.connections or connection.state != "live":
            return False
        if ack is not None and ack.code == 200 and ack.data == opaque:
            return True
        site.violation("a SYSTEM ping was not echoed" if ack is None else "a SYSTEM ping came back changed")
        await connection.socket.close(code=1001, message=b"ping timeout")
        return False

    async def disconnect(self, connection: Connection, reason: str = "connection is expired") -> None:
        """SYSTEM disconnect: nothing more comes down this socket, TCP closes after the grace [wire 1.2]."""
        data = json.dumps({"reason": reason})
        await self.push(kind="SYSTEM", topic="disconnect", data=data, label="stream SYSTEM disconnect", to=connection)
        connection.state = "leaving"
        self._spawn(self._close_after_grace(connection))

    async def _close_after_grace(self, connection: Connection) -> None:
        await self._site.pace.sleep(self._site.terms.disconnect_grace)
        if connection.request.transport is not None:
            connection.request.transport.close()

    def mute(self, connection: Connection) -> None:
        """The socket becomes half-open: it stays up, and nothing passes any more."""
        connection.state = "mute"
        self._site.wire.record("dingtalk", "to_bot", "stream half-open", plain={"id": connection.id})

    def drop(self, connection: Connection) -> None:
        """The TCP connection is aborted without a word."""
        if connection.request.transport is not None:
            connection.request.transport.abort()
        self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)
        for message_id in connection.waiting:
            sent = self._sent.get(message_id)
            if sent is not None and not sent.ack.done():
                sent.ack.set_result(None)
        connection.waiting.clear()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def stop(self) -> None:
        """Close every socket as a shutting-down server does (1001)."""
        for connection in list(self.connections):
            await connection.socket.close(code=1001, message=b"going away")
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _subscriptions(listed: Any) -> frozenset[tuple[str, str]]:
    if not isinstance(listed, list) or not listed:
        raise ApiError(400, "param.invalid", "subscriptions 为空")
    topics = set()
    for item in listed:
        if not isinstance(item, dict) or item.get("type") not in {"EVENT", "CALLBACK"} or not item.get("topic"):
            raise ApiError(400, "param.invalid", f"subscriptions 有误：{item!r}")
        if item["type"] == "EVENT" and item["topic"] != "*":
            raise ApiError(400, "param.invalid", "EVENT 只支持 topic *")
        topics.add((str(item["type"]), str(item["topic"])))
    return frozenset(topics)


def _readable(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
