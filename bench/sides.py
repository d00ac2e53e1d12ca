"""What is put side by side: servers and the client in processes of their own, on fresh databases of both kinds."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.servers import PostgresServer, short_folder
from core.ports import InboxQueue

DATABASES = ("sqlite", "postgres")
NO_DATABASE = "none"


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a client measured. ``times`` are seconds from request to answer, sorted."""

    seconds: float
    times: list[float]
    cpu: float = 0.0
    """Seconds of CPU that the server spent on them, warm-up included: steady where others use the machine too."""

    @property
    def rate(self) -> float:
        return len(self.times) / self.seconds

    def at(self, share: float) -> float:
        """Milliseconds within which this share was answered."""
        return round(self.times[min(len(self.times) - 1, int(len(self.times) * share))] * 1000, 1)


@dataclass(frozen=True, kw_only=True)
class Running:
    """A server process."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """User and system time until now (Linux; 0.0 elsewhere)."""
        stat = Path(f"/proc/{self.pid}/stat")
        if not stat.is_file():
            return 0.0
        fields = stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Stores:
    """Fresh databases: a SQLite file with synchronous=FULL, or a database of a PostgreSQL that keeps its commits."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="jiedan-bench-"))
        self._postgres: PostgresServer | None = None
        self._room: Path | None = None
        self._numbers = itertools.count(1)

    def url(self, kind: str) -> str:
        """The URL of a new, empty database."""
        number = next(self._numbers)
        if kind == NO_DATABASE:
            return ""
        if kind == "sqlite":
            return f"sqlite+aiosqlite:///{self.folder / f'bench-{number}.db'}"
        if self._postgres is None:
            self._room = short_folder()
            self._postgres = PostgresServer(self._room, durable=True)
        self._postgres.sql(f"CREATE DATABASE bench_{number}")
        return self._postgres.url(f"bench_{number}")

    def close(self) -> None:
        if self._postgres is not None:
            self._postgres.stop("immediate")
        for folder in (self.folder, self._room):
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def stores() -> Iterator[Stores]:
    opened = Stores()
    try:
        yield opened
    finally:
        opened.close()


@asynccontextmanager
async def server(kind: str, url: str) -> AsyncIterator[Running]:
    """One of the servers of ``bench.ingest_server``."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.ingest_server", kind, url, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield Running(port=int(await process.stdout.readline()), pid=process.pid)
    finally:
        process.terminate()
        await process.wait()


async def client(**order: Any) -> Answers:
    """Run ``bench.client`` and read what it measured. Raises RuntimeError when a request was not accepted."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.client", json.dumps(order), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError("the client failed; its words are above")
    return Answers(**json.loads(out))


async def until_empty(queue: InboxQueue, *, within: float = 90.0) -> None:
    """Return when every message is worked. Raises TimeoutError: then something is stuck, not slow."""
    async with asyncio.timeout(within):
        # Another process may work it: there is nothing in this one that could be awaited.
        while (await queue.depth())[0]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
