"""Callbacks at a steady pace, whatever the bot does meanwhile, and what the platform saw of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.personas import PERSONAS
from simulator.server import Simulator
from simulator.world import WireEntry

WECOM_USERS = [persona.user for persona in PERSONAS if persona.platform == "wecom"]


async def until(true: Callable[[], object], *, timeout: float = 30.0) -> None:
    """Return when it is so. What happens in other processes can only be looked at again and again."""
    async with asyncio.timeout(timeout):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@dataclass(eq=False)
class Load:
    """Events that nobody answers, each with a key of its own: ``start``, let things happen, ``stop``."""

    simulator: Simulator
    per_second: float = 60.0
    sent: int = 0
    tries: Counter[str] = field(default_factory=Counter)
    """How the tries ended, by status as the platform noted it."""
    _posts: set[asyncio.Task[None]] = field(default_factory=set)
    _pacing: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.simulator.wire.listeners.append(self._note)
        self._pacing = asyncio.create_task(self._pace())

    async def stop(self) -> None:
        """Send nothing more; return when every callback is answered or given up."""
        assert self._pacing is not None
        self._pacing.cancel()
        await asyncio.gather(self._pacing, return_exceptions=True)
        await asyncio.gather(*self._posts)

    @property
    def errors(self) -> Counter[str]:
        """Tries that the platform calls failed."""
        return Counter({status: n for status, n in self.tries.items() if not status.startswith("200")})

    async def answered(self, count: int) -> None:
        """Return when so many more tries have succeeded."""
        wanted = self._good + count
        await until(lambda: self._good >= wanted)

    @property
    def _good(self) -> int:
        return self.tries.total() - self.errors.total()

    async def _pace(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            user = WECOM_USERS[self.sent % len(WECOM_USERS)]
            self.sent += 1
            post = asyncio.create_task(self.simulator.wecom.event(user, "view", f"https://example.com/{self.sent}"))
            self._posts.add(post)
            post.add_done_callback(self._posts.discard)
            await asyncio.sleep(max(0.0, began + self.sent / self.per_second - loop.time()))

    def _note(self, entry: WireEntry) -> None:
        if entry.direction == "to_bot" and entry.status and "/wecom/callback" in entry.label:
            self.tries[entry.status] += 1
