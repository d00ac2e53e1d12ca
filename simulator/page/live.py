"""Pushes changes to the open pages: phones, wire, clock, faults, the running scenario."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from simulator.page import view
from simulator.world import WireEntry

if TYPE_CHECKING:
    from simulator.server import Simulator

GATHER = 0.05
"""Real seconds in which changes are gathered into one push."""
LOOK_ANYWAY = 1.0
"""Real seconds after which the phones are looked at although the wire was quiet."""
WIRE_SHOWN = 400
"""Rows that a page gets when it opens."""

Json = dict[str, Any]


class Page:
    """One open browser page and what it has been shown already."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self.socket = socket
        self.watched: list[str] = []
        self.shown: dict[str, dict[str, str]] = {}
        """Phone → message id → the JSON last pushed."""
        self.menus: dict[str, list[Json]] = {}

    async def send(self, content: Json) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self.socket.send_str(json.dumps(content, ensure_ascii=False))


class Live:
    """Watches the simulator and tells all pages."""

    def __init__(self, simulator: Simulator) -> None:
        self._sim = simulator
        self._pages: set[Page] = set()
        self._dirty = asyncio.Event()
        self._entries: dict[int, WireEntry] = {}
        self._started: dict[int, float] = {}
        self._took: dict[int, int] = {}
        self._task: asyncio.Task[None] | None = None
        self._told: Json = {}
        self._counts: dict[str, int] = {}
        self._wrong = 0
        self._seen_at = (time.monotonic(), simulator.clock.now().timestamp())
        simulator.wire.listeners.append(self._on_wire)

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        for page in list(self._pages):
            await page.socket.close()

    def touch(self) -> None:
        """Something changed that the wire does not show: the clock, a fault, a scenario."""
        self._dirty.set()

    def wire_rows(self, since: int = 0) -> list[Json]:
        """Wire entries after ``since``, oldest first."""
        entries = [entry for entry in self._sim.wire.entries if entry.id > since]
        return [self._row(entry) for entry in entries[-WIRE_SHOWN:]]

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        """One page; it says which phones it shows, and is told everything else unasked."""
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        page = Page(socket)
        self._pages.add(page)
        try:
            await page.send({"type": "wire", "rows": self.wire_rows(), "violations": self._sim.wire.violations})
            await page.send(self._state_now(self._state()))
            async for received in socket:
                if received.type is WSMsgType.TEXT:
                    await self._watch(page, received.data)
        finally:
            self._pages.discard(page)
        return socket

    # -- inside ----------------------------------------------------------------------------------

    async def _watch(self, page: Page, text: str) -> None:
        try:
            wanted = json.loads(text)["watch"]
        except (ValueError, KeyError, TypeError):
            return
        known = set(self._sim.phones())
        page.watched = [phone for phone in wanted if phone in known] if isinstance(wanted, list) else []
        page.shown = {phone: shown for phone, shown in page.shown.items() if phone in page.watched}
        page.menus = {phone: shown for phone, shown in page.menus.items() if phone in page.watched}
        await self._push_phones([page])

    def _on_wire(self, entry: WireEntry) -> None:
        now = time.monotonic()
        started = self._started.setdefault(entry.id, now)
        if entry.status:
            self._took.setdefault(entry.id, round((now - started) * 1000))
        if self._pages:
            self._entries[entry.id] = entry
            self._dirty.set()
        for old in list(self._started)[: max(0, len(self._started) - (self._sim.wire.entries.maxlen or 2000))]:
            del self._started[old]
            self._took.pop(old, None)

    def _row(self, entry: WireEntry) -> Json:
        return view.wire(entry, self._took.get(entry.id))

    async def _run(self) -> None:
        while True:
            # Not wait_for: in 3.11 it loses a cancellation that arrives together with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_ANYWAY):
                    await self._dirty.wait()
            await asyncio.sleep(GATHER)
            self._dirty.clear()
            if self._pages:
                await self._push(list(self._pages))

    async def _push(self, pages: list[Page]) -> None:
        entries, self._entries = self._entries, {}
        wrong = len(self._sim.wire.violations)
        if entries or wrong != self._wrong:
            self._wrong = wrong
            rows = [self._row(entry) for _, entry in sorted(entries.items())]
            await _all(pages, {"type": "wire", "rows": rows, "violations": self._sim.wire.violations})
        state = self._state()
        if state != self._told or self._clock_jumped():
            self._told = state
            await _all(pages, self._state_now(state))
        counts = {phone: len(self._sim.chat(phone)) for phone in self._sim.phones()}
        if counts != self._counts:
            self._counts = counts
            await _all(pages, {"type": "counts", "counts": counts})
        await self._push_phones(pages)

    def _state(self) -> Json:
        """Everything about the bars but the time, which runs on by itself in the page."""
        return {
            "speed": self._sim.clock.speed,
            "armed": self._sim.armed(),
            "scenario": self._sim.director.progress(),
            "bot": self._sim.bot_says,
        }

    def _state_now(self, state: Json) -> Json:
        self._seen_at = (time.monotonic(), self._sim.clock.now().timestamp())
        return {"type": "state", "now": self._seen_at[1] * 1000, **state}

    def _clock_jumped(self) -> bool:
        """The time is not where a page that was told last would have it by now."""
        then, shown = self._seen_at
        expected = shown + (time.monotonic() - then) * self._sim.clock.speed
        return abs(self._sim.clock.now().timestamp() - expected) > 1.5

    async def _push_phones(self, pages: Iterable[Page]) -> None:
        for page in pages:
            for phone in page.watched:
                await self._push_phone(page, phone)

    async def _push_phone(self, page: Page, phone: str) -> None:
        before = page.shown.get(phone)
        messages = [view.message(message, phone) for message in self._sim.chat(phone)]
        after = {message["id"]: json.dumps(message) for message in messages}
        entries = view.menu(self._sim.menu(phone))
        if before is not None and list(after.items()) == list(before.items()) and page.menus.get(phone) == entries:
            return
        old = before or {}
        page.shown[phone], page.menus[phone] = after, entries
        changed = [message for message in messages if old.get(message["id"]) != after[message["id"]]]
        await page.send(
            {
                "type": "phone",
                "phone": phone,
                "order": list(after),
                "changed": changed,
                "menu": entries,
                "first": before is None,
            }
        )


async def _all(pages: Iterable[Page], content: Json) -> None:
    for page in pages:
        await page.send(content)
