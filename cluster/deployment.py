"""PostgreSQL, Redis, N replicas and the balancer in front of them, started and stopped together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.masters.demo import load_demo
from cluster.platforms import environment
from cluster.processes import free_port
from cluster.proxy import Proxy
from cluster.replica import Replica
from cluster.servers import PostgresServer, RedisServer
from storage.database import SqlDatabase

DATABASE = "jiedan"
Say = Callable[[str], None]


class Deployment:
    """What ``compose.yml`` describes, from real local processes. ``platforms`` is where the messengers' APIs are.

    ``more`` gives further environment variables by the replica's name. The replicas reach PostgreSQL and Redis through
    proxies of their own (``to_postgres``, ``to_redis``), which can break the network between them.
    """

    def __init__(
        self,
        folder: Path,
        *,
        platforms: str,
        replicas: int = 3,
        balancer_port: int = 0,
        host: str = "127.0.0.1",
        public_url: str = "",
        log_level: str = "WARNING",
        module: str = "bot",
        more: Callable[[str], Mapping[str, str]] = lambda _: {},
    ) -> None:
        self.postgres = PostgresServer(_room(folder, "postgres"), durable=True)
        self.redis = RedisServer(_room(folder, "redis"))
        self.to_postgres = Proxy([("127.0.0.1", self.postgres.port)])
        self.to_redis = Proxy([("127.0.0.1", self.redis.port)])
        ports = [free_port() for _ in range(replicas)]
        self.balancer = Proxy([("127.0.0.1", port) for port in ports], host=host, port=balancer_port, check="/readyz")
        self._folder = folder
        self._platforms, self._public_url, self._log_level = platforms, public_url, log_level
        self._ports = ports
        self._module, self._more = module, more
        self.replicas: list[Replica] = []
        self.database_url = self.postgres.tcp_url(DATABASE)
        """Straight to the server, for whoever looks at what the replicas wrote."""

    async def start(self, *, load: Callable[[SqlDatabase], Awaitable[None]] | None = None) -> None:
        """Database with the demo company (or what ``load`` puts in), then the replicas, then their health checks."""
        await self.to_postgres.start()
        await self.to_redis.start()
        await asyncio.to_thread(self.postgres.sql, f"CREATE DATABASE {DATABASE}")
        database = SqlDatabase(self.database_url)
        await database.migrate()
        await (load(database) if load else load_demo(database, datetime.now(UTC)))
        await database.close()
        self.replicas = [self._replica(number, port) for number, port in enumerate(self._ports, start=1)]
        await self.balancer.start()
        await asyncio.gather(*(one.start() for one in self.replicas))
        await asyncio.gather(*(self.wait_ready(one) for one in self.replicas))

    async def stop(self) -> list[int]:
        """End everything; the return codes of the replicas. Nothing keeps running, whatever failed before."""
        try:
            return list(await asyncio.gather(*(one.terminate() for one in self.replicas if one.running)))
        finally:
            for proxy in (self.balancer, self.to_postgres, self.to_redis):
                await proxy.stop()
            if self.postgres.running:
                await asyncio.to_thread(self.postgres.stop, "immediate")
            self.redis.stop()

    async def wait_ready(self, replica: Replica, *, sockets: int = 1) -> None:
        """Return when it serves and the balancer has seen that it does."""
        await replica.wait_ready(sockets=sockets)
        async with asyncio.timeout(10):
            await self.balancer.until(replica.port, ready=True)

    async def restart(self, replica: Replica) -> tuple[float, float]:
        """SIGTERM, start, ready: seconds until it had ended, seconds from its start until it was ready."""
        began = time.monotonic()
        await replica.terminate()
        ended = time.monotonic()
        await replica.start()
        await self.wait_ready(replica)
        return ended - began, time.monotonic() - ended

    async def roll(self, say: Say = lambda _: None) -> list[tuple[float, float]]:
        """One replica after the other, as an update does it."""
        times = []
        for replica in self.replicas:
            took = await self.restart(replica)
            say(f"{replica.name}: ended in {took[0]:.1f} s, ready again in {took[1]:.1f} s")
            times.append(took)
        return times

    def _replica(self, number: int, port: int) -> Replica:
        name = f"replica-{number}"
        env = environment(
            self._platforms,
            database_url=self.postgres.tcp_url(DATABASE, port=self.to_postgres.port),
            redis_url=self.redis.tcp_url(port=self.to_redis.port),
            files=self._folder / "files",
            replicas=len(self._ports),
            public_url=self._public_url or self.balancer.url,
            log_level=self._log_level,
        )
        own = {"JIEDAN_REPLICA": str(number), "JIEDAN_SPOOL_DIR": str(_room(self._folder, name))}
        return Replica(name, port, {**env, **own, **self._more(name)}, folder=self._folder, module=self._module)


@asynccontextmanager
async def deployment(folder: Path, *, platforms: str, **options: Any) -> AsyncIterator[Deployment]:
    """A running deployment, ended in good order or not at all. The platforms must run already."""
    running = Deployment(folder, platforms=platforms, **options)
    try:
        await running.start()
        yield running
    finally:
        await running.stop()


def _room(folder: Path, name: str) -> Path:
    room = folder / name
    room.mkdir(mode=0o755)
    return room
