"""``make bench``: every row on the screen and in build/bench.json.

Run: python -m bench [row …]. Absolute figures swing with the machine; the ratios are what to read.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from bench.ingest import ingest

ROWS: dict[str, Callable[[], Coroutine[Any, Any, dict[str, Any]]]] = {
    "ingest": ingest,
}


def main(names: list[str]) -> None:
    """Run the named rows, all when none is named; keeps rows of earlier runs that were not run now."""
    target = Path("build/bench.json")
    target.parent.mkdir(exist_ok=True)
    figures: dict[str, Any] = json.loads(target.read_text()) if target.is_file() else {}
    figures["machine"] = {"python": platform.python_version(), "cores": os.cpu_count(), "system": platform.platform()}
    for name in names or ROWS:
        print(f"{name} …", flush=True)
        figures[name] = asyncio.run(ROWS[name]())
        for key, value in figures[name].items():
            print(f"  {key:<28} {value}")
        target.write_text(json.dumps(figures, ensure_ascii=False, indent=2))
    print(f"figures in {target}")


if __name__ == "__main__":
    main(sys.argv[1:])
