"""Three replicas behind a balancer are restarted one after the other under callbacks (R13)."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.deployment import deployment
from cluster.platforms import platforms
from cluster.processes import free_port
from storage.database import SqlDatabase
from tests.cluster.load import Load

pytestmark = pytest.mark.postgres


async def test_a_rolling_restart_shows_the_platform_no_error_and_loses_nothing(folder: Path) -> None:
    there, balancer = free_port(), free_port()
    callback = f"http://127.0.0.1:{balancer}/wecom/callback"

    async with (
        platforms(there, callback, wecom={"retry_delay": 0.5, "retries": 2}) as simulator,
        deployment(folder, platforms=f"http://127.0.0.1:{there}", balancer_port=balancer) as running,
    ):
        load = Load(simulator)
        load.start()
        await load.answered(60)

        took = await running.roll(print)
        await load.answered(60)
        await load.stop()

        print(f"{load.sent} callbacks, at most {max(ended for ended, _ in took):.1f} s to end")
        assert load.errors == {}
        assert max(ended for ended, _ in took) < 10
        assert await stored(running.database_url) == load.sent
        assert await running.stop() == [0, 0, 0]


async def stored(url: str) -> int:
    database = SqlDatabase(url)
    try:
        async with database.writer.connect() as connection:
            found = await connection.exec_driver_sql("SELECT count(*) FROM inbox WHERE dedupe_key LIKE 'e:%%'")
            return int(found.scalar_one())
    finally:
        await database.close()
