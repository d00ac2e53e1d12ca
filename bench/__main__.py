"""``make bench``: every row on the screen and in build/bench.json. ``make bench ONLY=ingest`` runs that row alone.

Run: python -m bench [row …]. Absolute figures swing with the machine; the ratios are what to read.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog

from bench.history import history
from bench.ingest import ack, group_commit, ingest
from bench.replicas import replicas

ROWS: dict[str, Callable[[], Coroutine[Any, Any, dict[str, Any]]]] = {
    "ingest": ingest,
    "group_commit": group_commit,
    "ack": ack,
    "history": history,
    "replicas": replicas,
}


def main(names: list[str]) -> None:
    """Run the named rows, all when none is named; keeps rows of earlier runs that were not run now."""
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        sys.exit(f"no such row: {', '.join(unknown)}; there are {', '.join(ROWS)}")
    target = Path("build/bench.json")
    target.parent.mkdir(exist_ok=True)
    figures: dict[str, Any] = json.loads(target.read_text()) if target.is_file() else {}
    figures["machine"] = machine()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    print("machine " + ", ".join(f"{key} {value}" for key, value in figures["machine"].items()))
    for name in names or ROWS:
        print(f"{name} …", flush=True)
        started = time.monotonic()
        figures[name] = {**asyncio.run(ROWS[name]()), "took_s": round(time.monotonic() - started)}
        for key, value in figures[name].items():
            print(f"  {key:<34} {value}")
        target.write_text(json.dumps(figures, ensure_ascii=False, indent=2))
    print(f"figures in {target}")


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "fsync_us": fsync_microseconds(),
        "system": platform.platform(),
    }


def fsync_microseconds(times: int = 200) -> int:
    """The median time of one fsync after 4 KiB, where temporary files lie."""
    spent = []
    with tempfile.TemporaryFile() as file:
        for _ in range(times):
            file.write(b"x" * 4096)
            file.flush()
            started = time.perf_counter()
            os.fsync(file.fileno())
            spent.append(time.perf_counter() - started)
    return round(sorted(spent)[times // 2] * 1_000_000)


if __name__ == "__main__":
    main(sys.argv[1:] or os.environ.get("ONLY", "").split())
