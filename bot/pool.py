"""Claim → work, continuously: the shape that the inbox and the outbox share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog

from core.ports import Coordinator
from core.repeated import RepeatedFailure

log = structlog.get_logger()

T = TypeVar("T")

SPACING = 0.02
"""Seconds from one claim to the next at least. A quiet desk claims at once; a busy one several rows with each claim,
which otherwise would be half of everything it writes."""


class ClaimPool(Generic[T]):
    """Keeps ``concurrency`` claimed rows in work. No batch barrier: as soon as one is done, the next is claimed.

    ``claim(n)`` leases up to n rows, ``work`` handles one and never raises, ``key`` is the row's id, ``release`` gives
    this process's leases back. A row whose lease ran out because the clock was set forward is not worked twice by the
    process that still has it.
    """

    def __init__(
        self,
        name: str,
        coordinator: Coordinator,
        *,
        claim: Callable[[int], Awaitable[list[T]]],
        work: Callable[[T], Awaitable[None]],
        key: Callable[[T], int],
        release: Callable[[], Awaitable[None]],
        concurrency: int,
        poll: float,
    ) -> None:
        self._name = name
        self._coordinator = coordinator
        self._claim = claim
        self._work = work
        self._key = key
        self._release = release
        self._concurrency = concurrency
        self._poll = poll
        self._running: set[asyncio.Task[None]] = set()
        self._in_flight: set[int] = set()
        self._stopping = False
        self._claimed_at = 0.0
        self._failure = RepeatedFailure(f"claim failed in the {name}")
        self._loop: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        return not self._in_flight

    @property
    def busy(self) -> int:
        """Rows in work now, or claimed and about to be."""
        return max(len(self._running), len(self._in_flight))

    def start(self) -> None:
        self._loop = asyncio.create_task(self._run(), name=self._name)

    async def stop(self, *, grace: float = 8.0) -> None:
        """Stop claiming, finish what is in flight within ``grace`` seconds in all, give the leases back."""
        until = asyncio.get_running_loop().time() + grace
        self._stopping = True
        self._coordinator.wake(self._name)
        if self._loop is not None:
            await asyncio.wait({self._loop}, timeout=grace)
            self._loop.cancel()
        if self._running:
            left = max(0.0, until - asyncio.get_running_loop().time())
            _, late = await asyncio.wait(self._running, timeout=left)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._release()

    def hurry(self) -> None:
        """The next claim keeps no distance from the last one: a place is free of which there are few."""
        self._claimed_at = 0.0

    async def now(self, rows: list[T]) -> None:
        """Work these claimed rows in the caller's own time."""
        for row in rows:
            await self._one(row)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._stopping:
            if (early := self._claimed_at + SPACING - loop.time()) > 0:
                await asyncio.sleep(early)
            self._claimed_at = loop.time()
            free = self._concurrency - len(self._running)
            rows: list[T] = []
            if free > 0:
                try:
                    rows = await self._claim(free)
                except Exception as error:
                    self._failure.failed(error)
                else:
                    self._failure.worked()
            for row in rows:
                task = asyncio.create_task(self._one(row), name=f"{self._name}-{self._key(row)}")
                self._running.add(task)
                task.add_done_callback(self._done)
            if len(rows) < max(free, 1):  # nothing more for now; whatever changes that wakes
                await self._coordinator.wait(self._name, self._poll)

    async def _one(self, row: T) -> None:
        key = self._key(row)
        if key in self._in_flight:
            return
        self._in_flight.add(key)
        try:
            await self._work(row)
        except Exception:
            log.exception("work raised", pool=self._name, row=key)
        finally:
            self._in_flight.discard(key)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._coordinator.wake(self._name)
