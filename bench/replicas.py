"""One replica and three on the same PostgreSQL and Redis: callbacks acknowledged and orders worked per second.

Real processes as compose.yml starts them, the simulated platforms in this one, and a company in which everybody orders
so little that no limit per person is what is measured. The client takes the replicas in turn by itself: a balancer of
ours would be measured too. On two cores, which client, database, platforms and replicas share, the ratio says little
about three machines; it shows what the replicas cost each other.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from bench.sides import Answers, client, until_empty
from bench.wecom import AES_KEY, AGENT, CORP, TOKEN
from chaos.company import ORDERS_EACH, SALES_IN_REGION, Company
from chaos.platforms import Platforms
from cluster.deployment import Deployment
from cluster.processes import free_port
from core.people import PlatformName
from storage.database import SqlDatabase
from storage.queues import SqlInboxQueue

ORDERS = 120
FIRST = 24
"""Orders before those that are timed: a replica's first ones import, connect and prepare."""
REGIONS = 20
"""Three salespeople each are on WeCom."""
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
    company = Company.for_orders(REGIONS * SALES_IN_REGION * ORDERS_EACH)
    senders = [(one.account, one.customer) for one in company.sales if one.platform is PlatformName.WECOM]
    port = free_port()
    phones = Platforms(company, port, "http://127.0.0.1:9/wecom/callback", seed=1)
    a = phones.accounts
    assert (a.corpid, a.agentid, a.token, a.aes_key) == (CORP, AGENT, TOKEN, AES_KEY)
    with _room() as folder:
        async with phones.open(), _replicas(folder, phones, company, count) as up:
            database = SqlDatabase(up.database_url)
            inbox = SqlInboxQueue(database.writer)
            await _order(up, senders[:FIRST], FIRST)
            await until_empty(inbox)
            started = time.perf_counter()
            answers = await _order(up, senders[FIRST:], ORDERS)
            await until_empty(inbox)
            worked = ORDERS / (time.perf_counter() - started)
            await database.close()
    return answers.rate, worked


async def _order(running: Deployment, senders: Sequence[tuple[str, str]], count: int) -> Answers:
    ports = [replica.port for replica in running.replicas]
    return await client(ports=ports, count=count, senders=senders, warm_up=0)


@asynccontextmanager
async def _replicas(folder: Path, phones: Platforms, company: Company, count: int) -> AsyncIterator[Deployment]:
    running = Deployment(folder, platforms=phones.url, replicas=count)
    try:
        await running.start(load=company.move_in)
        yield running
    finally:
        await running.stop()


@contextmanager
def _room() -> Iterator[Path]:
    """A folder that the account of the database server may enter."""
    with tempfile.TemporaryDirectory(prefix="jiedan-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
