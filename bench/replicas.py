"""One replica and three on the same PostgreSQL and Redis: callbacks acknowledged and messages worked per second.

Real processes as compose.yml starts them, the simulator as both platforms. The client takes the replicas in turn by
itself: a balancer of ours would be measured too. On two cores, which client, database, platforms and replicas share,
the ratio says little about three machines; it shows what the replicas cost each other.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.sides import client, until_empty
from bench.wecom import AES_KEY, AGENT, CORP, TOKEN
from cluster.deployment import deployment
from cluster.platforms import platforms
from cluster.processes import free_port
from core.people import PlatformName, Role
from simulator.server import Accounts
from storage.database import SqlDatabase
from storage.queues import SqlInboxQueue

ORDERS = 120
COUNTS = (1, 3)


async def replicas() -> dict[str, Any]:
    """Rates with one replica and with three, and three over one."""
    figures: dict[str, Any] = {"orders": ORDERS}
    rates = {count: await _measure(count) for count in COUNTS}
    for count, (acknowledged, worked) in rates.items():
        figures[f"acknowledged_per_s_{count}"] = round(acknowledged)
        figures[f"worked_per_s_{count}"] = round(worked, 1)
    for nth, what in enumerate(("acknowledged", "worked")):
        figures[f"ratio_{what}"] = round(rates[3][nth] / rates[1][nth], 2)
    return figures


async def _measure(count: int) -> tuple[float, float]:
    accounts = Accounts()
    assert (accounts.corpid, accounts.agentid, accounts.token, accounts.aes_key) == (CORP, AGENT, TOKEN, AES_KEY)
    with _room() as folder:
        port = free_port()
        async with (
            platforms(port, "http://127.0.0.1:9/wecom/callback"),
            deployment(folder, platforms=f"http://127.0.0.1:{port}", replicas=count) as running,
        ):
            database = SqlDatabase(running.database_url)
            senders = await _salespeople(database)
            started = time.perf_counter()
            ports = [replica.port for replica in running.replicas]
            answers = await client(ports=ports, count=ORDERS, senders=senders)
            await until_empty(SqlInboxQueue(database.writer))
            worked = len(answers.times) / (time.perf_counter() - started)
            await database.close()
    return answers.rate, worked


@contextmanager
def _room() -> Iterator[Path]:
    """A folder that the account of the database server may enter."""
    with tempfile.TemporaryDirectory(prefix="jiedan-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


async def _salespeople(database: SqlDatabase) -> list[str]:
    async with database.reading() as tx:
        people = [p for p in await tx.people.everybody() if p.has(Role.SALES)]
    homes = (p.account_on(PlatformName.WECOM) for p in people)
    return [account.account for account in homes if account is not None]
