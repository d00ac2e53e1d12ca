"""R7: how late deadlines fire, over processes that are killed all the while. No early one, none twice, none lost.

Run: python -m bench.deadlines [--database sqlite|postgres] [--count 10000] [--ballast 100000] [--spread 60]
[--processes 3] [--kill-every 3]. Prints one line per run and writes build/deadlines.json.

The workers are forked from a process that has imported everything, as the arbiter of a deployment does. They run the
product's scheduler on the product's clocks; only the effect is the lightest there is, one sentence to one person.
A worker on SQLite is alone, since the file has one process; on PostgreSQL there are several, without Redis.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any
from uuid import uuid4

import structlog
from sqlalchemy import func, select

from bot.masterdata import DeskSource
from bot.scheduler import Scheduler
from cluster.servers import PostgresServer, short_folder
from core.clock import SteadyClock
from core.deadlines import Deadline, DeadlineKind, DeadlineState
from core.desk import Act
from core.intake.check import RuleSettings
from core.people import PlatformName
from core.rules import Rules
from core.telling import Address, Teller
from core.workcalendar import WorkCalendar
from storage import tables as t
from storage.clock import DatabaseClock
from storage.coordinator import InProcessCoordinator
from storage.database import SqlDatabase

HERE = Address(platform=PlatformName.WECOM, account="bench")
LEAD = 5.0
"""Seconds between arming and the first due time, and one more for every thousand: the rows are written and the workers
start meanwhile."""
GRACE = 4.0
"""Seconds after the last due time before the count, and one more for every thousand: what is not fired by then is
counted as lost."""
CHUNK = 2_000
MEASURED = "b"
"""Subjects of the deadlines that are measured begin so; ballast and the product's own do not."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is tried."""

    database: str = "postgres"
    count: int = 10_000
    ballast: int = 100_000
    spread: float = 60.0
    """Seconds over which the due times are spread; 0 = all at one instant."""
    processes: int = 3
    kill_every: float = 0.0
    """A random worker is killed with SIGKILL that often; 0 = never."""
    seed: int = 7


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What came out; lateness in milliseconds."""

    database: str
    processes: int
    spread_s: float
    kills: int
    armed: int
    fired: int
    said: int
    doubled: int
    early: int
    late_p50_ms: float
    late_p99_ms: float
    late_max_ms: float

    @property
    def exact(self) -> bool:
        """Each fired and was said once, none early."""
        return self.fired == self.said == self.armed and not self.doubled and not self.early


async def note(act: Act, deadline: Deadline) -> None:
    """The effect. Its key is new each time, so that a second firing would be seen as a second sentence."""
    deadline.state, deadline.fired_at = DeadlineState.FIRED, act.now
    await Teller(act.tx, now=act.now, cause=uuid4().hex).say(HERE, "nudged", number=deadline.ref, by="")


async def _work(url: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    database = SqlDatabase(url)
    clock = SteadyClock() if database.single_instance else DatabaseClock(database.writer)
    if isinstance(clock, DatabaseClock):
        await clock.start()
    scheduler = Scheduler(
        database=database,
        coordinator=InProcessCoordinator(clock),
        clock=clock,
        desks=DeskSource(database, calendar=WorkCalendar(), rules=Rules(), checks=RuleSettings()),
        fire=note,
    )
    await scheduler.start()
    await asyncio.Event().wait()


async def _arm(url: str, run: Run) -> datetime:
    """The ballast, then the rows that are measured, in random order; returns when the first is due."""
    database = SqlDatabase(url)
    await database.create_all()
    chance = random.Random(run.seed)
    later = datetime.now(UTC) + timedelta(days=1)
    await _insert(database, [(f"later{n}", later + timedelta(seconds=n)) for n in range(run.ballast)])
    now = datetime.now(UTC)
    if not database.single_instance:
        async with database.writer.connect() as connection:
            now = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
    first = now + timedelta(seconds=LEAD + run.count / 1000)
    await _insert(
        database,
        [(f"{MEASURED}{n}", first + timedelta(seconds=chance.random() * run.spread)) for n in range(run.count)],
    )
    await database.close()
    return first


async def _insert(database: SqlDatabase, rows: list[tuple[str, datetime]]) -> None:
    async with database.writer.begin() as connection:
        for at in range(0, len(rows), CHUNK):
            await connection.execute(t.deadlines.insert(), [_row(ref, due) for ref, due in rows[at : at + CHUNK]])


def _row(ref: str, due: datetime) -> dict[str, Any]:
    return {
        "kind": DeadlineKind.PICK_UNCLAIMED,
        "ref": ref,
        "step": "",
        "generation": 1,
        "due_at": due,
        "state": DeadlineState.ARMED,
        "policy": {},
        "cancel_reason": "",
        "attempts": 0,
        "available_at": due,
        "last_error": "",
    }


async def _count(url: str, run: Run, kills: int) -> Figures:
    database = SqlDatabase(url)
    d = t.deadlines.c
    async with database.writer.connect() as connection:
        rows = await connection.execute(
            select(d.due_at, d.fired_at).where(d.ref.like(f"{MEASURED}%"), d.state == DeadlineState.FIRED)
        )
        late = sorted((fired - due).total_seconds() * 1000 for due, fired in rows)
        bodies = (await connection.execute(select(t.outbox.c.body))).scalars()
        said = [b["args"]["number"] for b in bodies if b["args"]["number"].startswith(MEASURED)]
    await database.close()

    def at(share: float) -> float:
        return round(late[min(len(late) - 1, int(len(late) * share))], 1) if late else 0.0

    return Figures(
        database=run.database,
        processes=1 if run.database == "sqlite" else run.processes,
        spread_s=run.spread,
        kills=kills,
        armed=run.count,
        fired=len(late),
        said=len(set(said)),
        doubled=len(said) - len(set(said)),
        early=sum(1 for x in late if x < 0),
        late_p50_ms=at(0.5),
        late_p99_ms=at(0.99),
        late_max_ms=at(1.0),
    )


class Workers:
    """Forked processes, one replaced as soon as it is killed."""

    def __init__(self, url: str, count: int) -> None:
        self._url = url
        self._fork = multiprocessing.get_context("fork")
        self._running = [self._start() for _ in range(count)]
        self.kills = 0

    def kill_one(self, chance: random.Random) -> None:
        place = chance.randrange(len(self._running))
        _kill(self._running[place])
        self._running[place] = self._start()
        self.kills += 1

    def kill_all(self) -> None:
        for process in self._running:
            _kill(process)

    def _start(self) -> ForkProcess:
        process = self._fork.Process(target=_worker, args=(self._url,), daemon=True)
        process.start()
        return process


def _worker(url: str) -> None:
    asyncio.run(_work(url))


def _kill(process: ForkProcess) -> None:
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def measure(run: Run, url: str) -> Figures:
    """Arm, fire with workers that die, count. ``url`` is an empty database of its own. Blocks until it is done."""
    first = asyncio.run(_arm(url, run))
    workers = Workers(url, 1 if run.database == "sqlite" else run.processes)
    chance = random.Random(run.seed)
    end = first.timestamp() + run.spread
    try:
        while (left := end - time.time()) > 0:
            time.sleep(min(left, run.kill_every or left))
            if run.kill_every and first.timestamp() < time.time() < end:
                workers.kill_one(chance)
        time.sleep(GRACE + run.count / 1000)
    finally:
        workers.kill_all()
    return asyncio.run(_count(url, run, workers.kills))


@contextmanager
def place(database: str) -> Iterator[str]:
    """The URL of an empty database; PostgreSQL is a server of its own that writes durably."""
    folder = short_folder()
    if database == "sqlite":
        try:
            yield f"sqlite+aiosqlite:///{folder / 'deadlines.db'}"
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    server = PostgresServer(folder, durable=True)
    try:
        server.sql("CREATE DATABASE deadlines")
        yield server.url("deadlines")
    finally:
        server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Three runs per database: spread, spread with kills, one instant."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--database", choices=("sqlite", "postgres"), action="append")
    wanted.add_argument("--count", type=int, default=10_000)
    wanted.add_argument("--ballast", type=int, default=100_000)
    wanted.add_argument("--spread", type=float, default=60.0)
    wanted.add_argument("--processes", type=int, default=3)
    wanted.add_argument("--kill-every", type=float, default=3.0)
    wanted.add_argument("--seed", type=int, default=7)
    args = wanted.parse_args()
    figures = []
    for database in args.database or ("sqlite", "postgres"):
        for spread, kill_every in ((args.spread, 0.0), (args.spread, args.kill_every), (0.0, 0.0)):
            run = Run(
                database=database,
                count=args.count,
                ballast=args.ballast,
                spread=spread,
                processes=args.processes,
                kill_every=kill_every,
                seed=args.seed,
            )
            with place(database) as url:
                found = measure(run, url)
            figures.append(found)
            print(" ".join(f"{k}={v}" for k, v in asdict(found).items()), flush=True)
    target = Path("build/deadlines.json")
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps([asdict(f) for f in figures], indent=2))
    raise SystemExit(0 if all(f.exact for f in figures) else 1)


if __name__ == "__main__":
    main()
