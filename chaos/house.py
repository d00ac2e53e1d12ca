"""Everything that runs: the database, Redis, replicas, and the proxies between them that can be broken."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from chaos import skewed
from chaos.checker import Outage
from chaos.company import Company
from cluster.deployment import Deployment
from cluster.platforms import environment
from cluster.replica import Replica
from cluster.servers import short_folder
from storage.database import SqlDatabase

Size = Literal["sqlite", "postgres"]
DRAFT_HOURS = 0.01
"""36 seconds: so that timers run out while the run lasts."""


@dataclass(kw_only=True)
class House:
    """One run's machines; ``many`` is there with PostgreSQL."""

    folder: Path
    replicas: list[Replica]
    database_url: str
    """For whoever reads past the proxies."""
    many: Deployment | None = None
    outages: list[Outage] = field(default_factory=list)
    exits: list[tuple[str, int, float]] = field(default_factory=list)
    """Replica, return code and seconds of each SIGTERM."""

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        """What happens inside keeps the database from everybody."""
        start = datetime.now(UTC)
        try:
            yield
        finally:
            self.outages.append(Outage(start=start, end=datetime.now(UTC)))

    def set_clock(self, replica: Replica, seconds: float) -> None:
        """The wall clock of that replica's machine is off by so many seconds."""
        _clock(self.folder, replica.name).write_text(str(seconds))

    async def down(self) -> None:
        """SIGTERM to every replica, as a rolling restart does it, one after the other."""
        for replica in self.replicas:
            started = time.monotonic()
            code = await replica.terminate(timeout=30)
            self.exits.append((replica.name, code, time.monotonic() - started))


@asynccontextmanager
async def open_house(
    size: Size,
    *,
    replicas: int,
    company: Company,
    platforms: str,
    entrance: int,
    log_level: str,
    keep: Path | None = None,
) -> AsyncIterator[House]:
    """Servers up, company moved in, replicas ready behind the port ``entrance``; at the end all of it is gone, except
    for the logs and a SQLite file when there is a folder to ``keep`` them in."""
    folder = short_folder()
    try:
        if size == "sqlite":
            async with _alone(folder, company, platforms, entrance, log_level) as house:
                yield house
        else:
            async with _many(folder, replicas, company, platforms, entrance, log_level) as house:
                yield house
    finally:
        if keep is not None:
            _keep(folder, keep)
        shutil.rmtree(folder, ignore_errors=True)


def _keep(folder: Path, keep: Path) -> None:
    keep.mkdir(parents=True, exist_ok=True)
    for found in [*folder.glob("*.log"), *folder.glob("*.db*")]:
        shutil.copy(found, keep)


@asynccontextmanager
async def _alone(folder: Path, company: Company, platforms: str, port: int, log_level: str) -> AsyncIterator[House]:
    url = f"sqlite+aiosqlite:///{folder / 'jiedan.db'}"
    database = SqlDatabase(url)
    await database.migrate()
    await company.move_in(database)
    await database.close()
    env = environment(platforms, database_url=url, files=folder / "files", log_level=log_level)
    replica = Replica("bot", port, {**env, **_rules(folder, "bot")}, folder=folder, module="chaos.skewed")
    await replica.start()
    try:
        await replica.wait_ready(sockets=1, timeout=60)
        yield House(folder=folder, replicas=[replica], database_url=url)
    finally:
        if replica.running:
            await replica.kill(signal.SIGKILL)


@asynccontextmanager
async def _many(
    folder: Path, replicas: int, company: Company, platforms: str, port: int, log_level: str
) -> AsyncIterator[House]:
    many = Deployment(
        folder,
        platforms=platforms,
        replicas=replicas,
        balancer_port=port,
        log_level=log_level,
        module="chaos.skewed",
        more=lambda name: _rules(folder, name),
    )
    try:
        await many.start(load=company.move_in)
        yield House(folder=folder, replicas=many.replicas, database_url=many.database_url, many=many)
    finally:
        for replica in many.replicas:
            if replica.running:
                await replica.kill(signal.SIGKILL)
        await many.stop()


def _rules(folder: Path, replica: str) -> Mapping[str, str]:
    return {
        "JIEDAN_RULES__DRAFT_HOURS": str(DRAFT_HOURS),
        "JIEDAN_RULES__BUSINESS_CLOCK": "false",
        "JIEDAN_CHECKS__SAFETY_PERCENT": "100000",
        skewed.FILE: str(_clock(folder, replica)),
    }


def _clock(folder: Path, replica: str) -> Path:
    return folder / f"{replica}.clock"
