"""One job for all replicas: it runs where the lease is, and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from core.clock import Clock
from core.ports import Coordinator, Leases
from core.repeated import RepeatedFailure

log = structlog.get_logger()

TTL = 15.0
"""Seconds of the injected clock until a leader that died is succeeded."""
RELEASE_WITHIN = 1.0
"""Real seconds."""


class Leader:
    """Keeps ``job`` running while this process holds the lease, renewed every third of its life.

    A renewal that is *refused* ends the job at once: another replica leads. A renewal that *fails* (the database is
    away) does not: nobody else can take the lease either, and a job worth a leader is fenced at the other end as
    well (WeCom closes the older connection of a bot). A job that ends or fails is started again at the next renewal.
    """

    def __init__(
        self,
        name: str,
        job: Callable[[], Awaitable[None]],
        *,
        leases: Leases,
        coordinator: Coordinator,
        clock: Clock,
        owner: str,
        ttl: float = TTL,
        handover: float = 0.0,
    ) -> None:
        """``handover``: how long ``stop`` lets the job live on after the lease is given back, so that the successor
        is there before it ends; of use only with other replicas."""
        self._name = name
        self._job = job
        self._leases = leases
        self._coordinator = coordinator
        self._clock = clock
        self._owner = owner
        self._ttl = ttl
        self._handover = handover
        self._keeper: asyncio.Task[None] | None = None
        self._running: asyncio.Task[None] | None = None
        self._returning: asyncio.Task[None] | None = None
        self.leading = False
        self._failure = RepeatedFailure(f"the lease {name} could not be asked for")

    def start(self) -> None:
        """Begin to compete; returns at once."""
        self._keeper = asyncio.create_task(self._keep(), name=f"leader-{self._name}")

    async def stop(self) -> None:
        """Give the lease back, wake the others, end the job. Safe to call twice."""
        if self._keeper is None:
            return
        self._keeper.cancel()
        await asyncio.gather(self._keeper, return_exceptions=True)
        self._keeper = None
        was_leading, self.leading = self.leading, False
        # Not waited for much longer than a healthy database takes: the job must end either way.
        self._returning = asyncio.create_task(self._give_back(), name=f"release-{self._name}")
        await asyncio.wait({self._returning}, timeout=RELEASE_WITHIN)
        if was_leading and self._handover and self._running is not None:
            await asyncio.wait({self._running}, timeout=self._handover)
        await self._end_job()

    async def confirm(self) -> bool:
        """Ask the database itself: is the lease ours now? A process that was frozen thinks so too long."""
        return await self._leases.renew(self._name, self._owner, self._clock.now(), self._ttl)

    @property
    def _channel(self) -> str:
        return f"lease:{self._name}"

    async def _keep(self) -> None:
        while True:
            try:
                await self._step()
            except Exception as error:
                self._failure.failed(error)
            else:
                self._failure.worked()
            if self.leading:
                await asyncio.sleep(self._ttl / 3)
            else:
                await self._coordinator.wait(self._channel, self._ttl / 3)

    async def _step(self) -> None:
        ask = self._leases.renew if self.leading else self._leases.acquire
        held = await ask(self._name, self._owner, self._clock.now(), self._ttl)
        if held != self.leading:
            log.info("leadership won" if held else "leadership lost", lease=self._name, owner=self._owner)
        self.leading = held
        if not held:
            await self._end_job()
        elif self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run(), name=f"job-{self._name}")

    async def _run(self) -> None:
        try:
            await self._job()
        except Exception:
            log.exception("the leader's job failed, it is started again", lease=self._name)

    async def _give_back(self) -> None:
        try:
            # Also when we think that we do not lead: the last attempt may have been cut off after its commit.
            await self._leases.release(self._name, self._owner)
            self._coordinator.wake(self._channel)
        except Exception:
            log.exception("the lease could not be given back, it runs out", lease=self._name)

    async def _end_job(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None
