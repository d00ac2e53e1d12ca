"""What is pulled, frozen, cut and set wrong, by a plan that the seed makes."""

from __future__ import annotations

import asyncio
import random
import resource
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass

from chaos.house import House
from chaos.platforms import Platforms
from cluster.deployment import Deployment
from cluster.replica import Replica


@dataclass(frozen=True, kw_only=True)
class Planned:
    """``after`` seconds from the start, this happens."""

    after: float
    name: str


def plan(seed: int, *, seconds: float, kills: int, size: str, only: Collection[str] | None = None) -> list[Planned]:
    """``kills`` spread over the time, and the other troubles between them; the same for the same seed.

    ``only`` narrows the others to those named.
    """
    chance = random.Random(f"trouble {seed}")
    planned = [
        Planned(after=(n + chance.uniform(0.1, 0.9)) * seconds / kills, name="kill worker") for n in range(kills)
    ]
    for name, often in (_ALONE if size == "sqlite" else _TOGETHER).items():
        if only is not None and name not in only:
            continue
        times = max(1, round(often * seconds / 60)) if often else 0
        planned += [Planned(after=chance.uniform(0.05, 0.9) * seconds, name=name) for _ in range(times)]
    planned += [Planned(after=0.0, name=name) for name in _ALL_THROUGH if only is not None and name in only]
    return sorted(planned, key=lambda p: p.after)


_STREAMS = {"mute streams": 1.0, "disconnect streams": 1.5, "drop streams": 1.5}
_ALONE = {**_STREAMS, "freeze worker": 1.0, "disk full": 0.5, "clock jump": 0.5}
_TOGETHER = {
    **_STREAMS,
    "freeze worker": 2.0,
    "kill replica": 2.0,
    "postgres crash": 4.0,
    "postgres outage": 0.5,
    "postgres black hole": 0.5,
    "redis kill": 1.0,
    "redis black hole": 1.0,
    "redis flush": 1.0,
    "clock jump": 1.0,
}
"""How often a minute."""

_AT_THE_NODE = ("kill worker", "freeze worker", "disk full")
_ALL_THROUGH = ("redis gone", "redis silent")
"""Only when they are asked for: from the start to the end."""
NAMES = frozenset({*_ALONE, *_TOGETHER, *_ALL_THROUGH})


class Troublemaker:
    """Carries out a plan on a house. Each trouble mends by itself after a while, as an operator or a watchdog would."""

    def __init__(self, house: House, platforms: Platforms, seed: int, *, outage_seconds: float = 10.0) -> None:
        self._house = house
        self._platforms = platforms
        self._chance = random.Random(f"blows {seed}")
        self._outage = outage_seconds
        self._database = asyncio.Lock()
        self._redis = asyncio.Lock()
        self._only = asyncio.Lock()
        self._running: set[asyncio.Task[None]] = set()
        self.done: Counter[str] = Counter()
        self.last_kill = 0.0

    async def carry_out(self, planned: list[Planned]) -> None:
        """Returns when everything planned has happened and is mended."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        for trouble in planned:
            await asyncio.sleep(max(0.0, start + trouble.after - loop.time()))
            task = asyncio.create_task(self._one(trouble.name), name=trouble.name)
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        if self._running:
            await asyncio.gather(*self._running)

    async def _one(self, name: str) -> None:
        if self._house.many is None and name in _AT_THE_NODE:
            async with self._only:
                await self._blows()[name]()
                await self._up_again()
        else:
            await self._blows()[name]()
        self.done[name] += 1

    async def _up_again(self) -> None:
        """A lone node gets its next blow when it serves again: nobody else could answer meanwhile."""
        async with asyncio.timeout(30):
            while await self._house.replicas[0].readiness() is None:  # noqa: ASYNC110 - somebody else's process
                await asyncio.sleep(0.1)

    def _blows(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {
            "kill worker": self._kill_worker,
            "kill replica": self._kill_replica,
            "freeze worker": self._freeze,
            "mute streams": self._mute,
            "disconnect streams": self._disconnect,
            "drop streams": self._drop,
            "disk full": self._disk_full,
            "clock jump": self._clock_jump,
            "postgres crash": self._postgres_crash,
            "postgres outage": self._postgres_outage,
            "postgres black hole": self._postgres_black_hole,
            "redis kill": self._redis_kill,
            "redis black hole": self._redis_black_hole,
            "redis flush": self._redis_flush,
            "redis gone": self._redis_gone,
            "redis silent": self._redis_silent,
        }

    # -- processes

    async def _kill_worker(self) -> None:
        for replica in self._shuffled():
            if replica.running and replica.kill_worker() is not None:
                self.last_kill = asyncio.get_running_loop().time()
                return

    async def _kill_replica(self) -> None:
        """Parent and worker, as when a machine goes; somebody starts it again two seconds later."""
        replica = next(self._shuffled())
        if not replica.running:
            return
        await replica.kill(signal.SIGKILL)
        self.last_kill = asyncio.get_running_loop().time()
        await asyncio.sleep(2.0)
        await replica.start()

    async def _freeze(self) -> None:
        replica = next(self._shuffled())
        if not replica.running:
            return
        worker = replica.freeze()
        await asyncio.sleep(self._chance.uniform(3.0, 8.0))
        replica.thaw(worker)

    async def _clock_jump(self) -> None:
        """Half an hour forward or back, and right again after ten seconds."""
        replica = next(self._shuffled())
        self._house.set_clock(replica, self._chance.choice([-3600.0, -1800.0, 1800.0, 3600.0]))
        await asyncio.sleep(10.0)
        self._house.set_clock(replica, 0.0)

    async def _disk_full(self) -> None:
        """No file of the worker can grow for three seconds: what a full disk does to a database."""
        replica = self._house.replicas[0]
        worker = replica.worker
        if worker is None:
            return
        try:
            free = resource.prlimit(worker, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
            await asyncio.sleep(3.0)
            resource.prlimit(worker, resource.RLIMIT_FSIZE, free)
        except ProcessLookupError:
            return  # killed meanwhile: the next worker has its disk

    # -- streams

    async def _mute(self) -> None:
        """One half-open socket; the watchdog has to find it."""
        live = [c for c in self._platforms.dingtalk.gateway.connections if c.state == "live"]
        if len(live) > 1:
            self._platforms.dingtalk.gateway.mute(self._chance.choice(live))

    async def _disconnect(self) -> None:
        live = [c for c in self._platforms.dingtalk.gateway.connections if c.state == "live"]
        if live:
            await self._platforms.dingtalk.gateway.disconnect(self._chance.choice(live))

    async def _drop(self) -> None:
        self._platforms.dingtalk.drop_streams()

    # -- the database

    async def _postgres_crash(self) -> None:
        server = self._many.postgres
        async with self._database, self._house.outage():
            await asyncio.to_thread(server.crash)
            await asyncio.sleep(self._chance.uniform(0.0, 2.0))
            await asyncio.to_thread(server.start)

    async def _postgres_outage(self) -> None:
        async with self._database, self._house.outage():
            await self._many.to_postgres.down()
            await asyncio.sleep(self._outage)
            await self._many.to_postgres.up()

    async def _postgres_black_hole(self) -> None:
        async with self._database, self._house.outage():
            self._many.to_postgres.black_hole()
            await asyncio.sleep(self._outage)
            self._many.to_postgres.heal()

    # -- Redis

    async def _redis_kill(self) -> None:
        async with self._redis:
            await asyncio.to_thread(self._many.redis.kill)
            await asyncio.sleep(self._chance.uniform(1.0, 10.0))
            await asyncio.to_thread(self._many.redis.start)

    async def _redis_black_hole(self) -> None:
        async with self._redis:
            self._many.to_redis.black_hole()
            await asyncio.sleep(self._chance.uniform(3.0, 10.0))
            self._many.to_redis.heal()

    async def _redis_flush(self) -> None:
        async with self._redis:
            await asyncio.to_thread(self._many.redis.flush)

    async def _redis_gone(self) -> None:
        await asyncio.to_thread(self._many.redis.kill)

    async def _redis_silent(self) -> None:
        self._many.to_redis.black_hole()

    @property
    def _many(self) -> Deployment:
        assert self._house.many is not None, "planned for PostgreSQL only"
        return self._house.many

    def _shuffled(self) -> Iterator[Replica]:
        crew = list(self._house.replicas)
        self._chance.shuffle(crew)
        return iter(crew)
