"""/readyz and /metrics while the servers behind a replica fail: quick, true, in words (issue 3, point 6)."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from cluster.deployment import deployment
from cluster.platforms import platforms
from cluster.processes import free_port
from cluster.replica import Replica

pytestmark = pytest.mark.postgres

QUICK = 4.0
"""Seconds: one for the database, the rest for a busy machine. Without the bound it would be the driver's ten."""


async def test_a_replica_says_what_is_away_and_when_it_is_back(folder: Path) -> None:
    there, balancer = free_port(), free_port()

    async with (
        platforms(there, f"http://127.0.0.1:{balancer}/wecom/callback"),
        deployment(folder, platforms=f"http://127.0.0.1:{there}", replicas=1, balancer_port=balancer) as running,
    ):
        (replica,) = running.replicas
        said = await replica.wait_ready()
        assert (said["database_away"], said["redis_away"], said["deadlines_overdue"]) == (False, False, 0)
        assert "jiedan_database_away 0.0" in await metrics(replica)

        running.postgres.freeze()
        began = time.monotonic()
        said = await told(replica, database_away=True)
        assert time.monotonic() - began < QUICK
        assert said["ready"]
        assert "database away, 0 spooled" in said["amber"]
        began = time.monotonic()
        assert "jiedan_database_away 1.0" in await metrics(replica)
        assert time.monotonic() - began < QUICK
        assert await alive(replica) == {"status": "alive"}
        running.postgres.thaw()
        await told(replica, database_away=False)

        running.redis.kill()
        said = await told(replica, redis_away=True)
        assert "Redis away, this replica throttles alone" in said["amber"]
        assert said["ready"]
        running.redis.start()
        await told(replica, redis_away=False)


async def told(replica: Replica, **wanted: bool) -> dict[str, Any]:
    """What /readyz says as soon as it says so; it must answer 200 all the while."""
    async with asyncio.timeout(20), ClientSession() as session:
        while True:
            async with session.get(f"{replica.url}/readyz") as answer:
                assert answer.status == 200
                said: dict[str, Any] = await answer.json()
            if all(said[name] is value for name, value in wanted.items()):
                return said
            await asyncio.sleep(0.05)


async def metrics(replica: Replica) -> str:
    async with ClientSession() as session, session.get(f"{replica.url}/metrics") as answer:
        return await answer.text()


async def alive(replica: Replica) -> dict[str, str]:
    async with ClientSession() as session, session.get(f"{replica.url}/healthz") as answer:
        said: dict[str, str] = await answer.json()
        return said
