"""The long connection: subscribing, pings, the newest connection wins, callbacks down [101463]."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import WSMsgType, web

from simulator.wecom.aibot_frames import AibotConnection, Body, Issued, Kind, Up, ack, down, read_up
from simulator.wecom.errors import ApiError, defect
from simulator.world import Clock, FaultKind, Faults, WireLog

FAILURES = 5
"""Refused subscriptions in a minute before the address is turned away. The number is assumed."""
ANSWERED_CALLBACKS = 20_000


@dataclass(frozen=True, kw_only=True)
class AibotConfig:
    """A bot as its page in the admin console shows it."""

    aibotid: str
    secret: str
    """The secret of the long connection, not that of the HTTP mode."""
    name: str = "接单机器人"


Reply = Callable[[AibotConnection, Up], Body]


class AibotGateway:
    """All connections of one bot. ``ping_limit``: real seconds without a ping until a connection is closed."""

    def __init__(
        self, clock: Clock, wire: WireLog, faults: Faults, config: AibotConfig, *, ping_limit: float = 90.0
    ) -> None:
        self._clock = clock
        self._wire = wire
        self._faults = faults
        self._config = config
        self._ping_limit = ping_limit
        self._numbers = itertools.count(1)
        self._failures: deque[datetime] = deque()
        self._commands: dict[str, Reply] = {"aibot_subscribe": self._subscribe, "ping": self._ping}
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections: list[AibotConnection] = []
        self.issued: dict[str, Issued] = {}
        self.lost: list[Body] = []
        """Callbacks that met no connection. That they are not sent later is assumed, the worse reading."""
        self.takeovers = 0
        """How often a live connection was replaced by a newer one."""

    def on(self, cmd: str, reply: Reply) -> None:
        """Who answers a command of the bot."""
        self._commands[cmd] = reply

    @property
    def live(self) -> AibotConnection | None:
        """The connection that callbacks go to; a half-open one swallows them."""
        return next((c for c in self.connections if c.state in ("live", "mute")), None)

    # -- sockets ---------------------------------------------------------------------------------

    async def connect(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        now = asyncio.get_running_loop().time()
        connection = AibotConnection(socket=socket, request=request, opened=now, pinged=now)
        self.connections.append(connection)
        self._wire.record("wecom", "from_bot", "aibot connect", status="101")
        guard = asyncio.create_task(self._watch(connection))
        try:
            async for message in socket:
                if connection.state == "mute":
                    continue
                if message.type is WSMsgType.TEXT:
                    await self._receive(connection, message.data)
                elif message.type is WSMsgType.BINARY:
                    self._wire.violation("wecom", "a binary frame came up the aibot connection")
        finally:
            guard.cancel()
            self._forget(connection)
            self._wire.record("wecom", "from_bot", "aibot closed")
        return socket

    async def _receive(self, connection: AibotConnection, text: str) -> None:
        entry = self._wire.record("wecom", "from_bot", "aibot frame", plain=_readable(text))
        req_id = ""
        try:
            up = read_up(text)
            req_id, entry.label = up.req_id, up.cmd
            answer = ack(req_id, self._answer(connection, up))
            entry.status = "errcode 0"
        except ApiError as error:
            if error.defect:
                self._wire.violation("wecom", f"aibot {entry.label}: {error}")
            answer = ack(req_id, error=error)
            entry.status = f"errcode {error.code} {error.why}"
        self._wire.changed(entry)
        with contextlib.suppress(ConnectionError):
            await connection.socket.send_str(json.dumps(answer, ensure_ascii=False))

    def _answer(self, connection: AibotConnection, up: Up) -> Body:
        reply = self._commands.get(up.cmd)
        if reply is None:
            raise defect(40035, f"no such cmd {up.cmd!r}")
        if connection.state == "new" and up.cmd != "aibot_subscribe":
            raise defect(40001, "before aibot_subscribe")
        if connection.state == "replaced":
            raise ApiError(40001, "another connection has taken over")
        if not up.cmd.startswith("aibot_respond"):
            if up.req_id in connection.used or up.req_id in self.issued:
                raise defect(40035, f"req_id {up.req_id!r} was used before")
            connection.used.add(up.req_id)
        return reply(connection, up)

    def _subscribe(self, connection: AibotConnection, up: Up) -> Body:
        now = self._clock.now()
        while self._failures and self._failures[0] <= now - timedelta(minutes=1):
            self._failures.popleft()
        if len(self._failures) >= FAILURES:
            raise defect(45009, "subscribing again and again with a wrong secret")
        said = (up.body.get("bot_id"), up.body.get("secret"))
        if not self._config.aibotid or said != (self._config.aibotid, self._config.secret):
            self._failures.append(now)
            raise ApiError(40001, "bot_id or secret")
        if connection.state == "live":
            raise defect(40035, "subscribed already")
        older, connection.state = self.live, "live"
        if older is not None:
            self.takeovers += 1
            self._spawn(self._replace(older))
        return {}

    async def _replace(self, older: AibotConnection) -> None:
        """The older connection is told, gets nothing more and is closed in good order."""
        was_mute, older.state = older.state == "mute", "replaced"
        if was_mute:
            return
        body = {**self.event_body("", "disconnected_event"), "chattype": "single"}
        await self._send(older, down("aibot_event_callback", self._next_id("ev"), body), "disconnected_event")
        with contextlib.suppress(ConnectionError):
            await older.socket.close()

    def _ping(self, connection: AibotConnection, up: Up) -> Body:
        connection.pinged = asyncio.get_running_loop().time()
        return {}

    async def _watch(self, connection: AibotConnection) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._ping_limit / 4)
            if loop.time() - connection.pinged > self._ping_limit and connection.state != "mute":
                self._wire.violation("wecom", f"aibot: no ping for {self._ping_limit:.0f} s")
                await connection.socket.close(code=1001, message=b"no ping")
                return

    # -- callbacks -------------------------------------------------------------------------------

    def next_msgid(self) -> str:
        return f"CAIQ{next(self._numbers):08d}/NGagIOAgAMg+w0="

    def event_body(self, user: str, eventtype: str, content: Body | None = None, *, chatid: str = "") -> Body:
        return {
            "msgid": self.next_msgid(),
            "create_time": int(self._clock.now().timestamp()),
            "aibotid": self._config.aibotid,
            "chattype": "group" if chatid else "single",
            **({"chatid": chatid} if chatid else {}),
            "from": {"userid": user},
            "msgtype": "event",
            "event": {"eventtype": eventtype, **({eventtype: content} if content else {})},
        }

    async def push(self, cmd: str, body: Body, *, kind: Kind, user: str, chatid: str = "", task_id: str = "") -> bool:
        """Send a callback down the live connection; False when there is none."""
        times = 3 if self._faults.take(FaultKind.DUPLICATE_CALLBACK, "wecom") else 1
        for _ in range(times):
            connection = self.live
            label = f"{cmd} {body.get('event', {}).get('eventtype') or body['msgtype']}"
            if connection is None:
                self.lost.append(body)
                self._wire.record("wecom", "to_bot", label, plain=body, status="no connection")
                return False
            req_id = self._next_id("cb")
            self.issued[req_id] = Issued(
                kind=kind,
                connection=connection,
                user=user,
                chatid=chatid,
                at=self._clock.now(),
                since=asyncio.get_running_loop().time(),
                task_id=task_id,
            )
            while len(self.issued) > ANSWERED_CALLBACKS:
                self.issued.pop(next(iter(self.issued)))
            await self._send(connection, down(cmd, req_id, body), label)
        return True

    def hold_back(self, body: Body) -> None:
        """The person has too many unanswered messages: this one does not go out."""
        self.lost.append(body)
        self._wire.violation("wecom", "aibot: messages stay without an answer, the next one is held back")
        self._wire.record("wecom", "to_bot", "aibot_msg_callback", plain=body, status="held back")

    async def _send(self, connection: AibotConnection, frame: Body, label: str) -> None:
        muted = connection.state == "mute"
        status = "swallowed by a half-open socket" if muted else ""
        self._wire.record("wecom", "to_bot", label, plain=frame, status=status)
        if not muted:
            with contextlib.suppress(ConnectionError):
                await connection.socket.send_str(json.dumps(frame, ensure_ascii=False))

    # -- trouble ---------------------------------------------------------------------------------

    def mute(self) -> None:
        """The live connection becomes half-open: it stays up, and nothing passes any more."""
        if self.live is not None:
            self.live.state = "mute"

    def drop(self) -> None:
        """The live connection is aborted without a word."""
        if (connection := self.live) is not None:
            if connection.request.transport is not None:
                connection.request.transport.abort()
            self._forget(connection)

    async def close_cleanly(self) -> None:
        """The live connection is closed with 1000, which the official SDK does not notice."""
        if (connection := self.live) is not None:
            self._forget(connection)
            await connection.socket.close()

    async def stop(self) -> None:
        for connection in list(self.connections):
            await connection.socket.close(code=1001, message=b"going away")
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, connection: AibotConnection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)

    def _next_id(self, prefix: str) -> str:
        return f"{prefix}-{next(self._numbers)}"

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _readable(text: str) -> Any:
    """The frame for the inspector, its secret left out."""
    try:
        frame = json.loads(text)
    except ValueError:
        return text
    if isinstance(frame, dict) and isinstance(frame.get("body"), dict) and "secret" in frame["body"]:
        frame["body"] = {**frame["body"], "secret": "…"}
    return frame
