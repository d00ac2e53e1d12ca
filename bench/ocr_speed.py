"""What reading costs: CPU seconds per picture beside the raw recogniser, memory, and two children at work.

Run: python -m bench.ocr_speed. Both read the same pictures in the same process, one thread each, one after the
other, so that the ratio holds on any machine; rates are this machine's.
"""

from __future__ import annotations

import asyncio
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from bot.files.pictures import decode
from bot.ocr import OcrReader
from bot.ocr_engine import Recogniser, open_engine
from tests.reading.samples import make

DAMAGES = ("clean", "photo", "stamp", "tilt", "turned180")
SEEDS = range(4)


def cpu_seconds(read: Callable[[Any], object], pictures: list[Any]) -> list[float]:
    """CPU seconds of each picture, sorted."""
    spent = []
    for picture in pictures:
        started = time.process_time()
        read(picture)
        spent.append(time.process_time() - started)
    return sorted(spent)


async def rate(files: list[bytes]) -> float:
    """Pictures a second through two warm children."""
    reader = OcrReader(workers=2)
    await asyncio.gather(reader.warm_up(), reader.warm_up())
    started = time.perf_counter()
    await asyncio.gather(*(reader.read(file) for file in files))
    spent = time.perf_counter() - started
    await reader.close()
    return len(files) / spent


def main() -> None:
    """Prints the figures and writes them to build/ocr_speed.json."""
    files = [make(damage, seed).picture for damage in DAMAGES for seed in SEEDS]
    pictures = [decode(file) for file in files]
    raw, ours = open_engine(), Recogniser()
    ours.warm_up()
    raw(pictures[0])
    raw_spent = cpu_seconds(raw, pictures)
    our_spent = cpu_seconds(ours.read, pictures)
    figures = {
        "pictures": len(files),
        "cpu_p50_s": round(median(our_spent), 3),
        "cpu_p95_s": round(our_spent[int(len(our_spent) * 0.95)], 3),
        "raw_cpu_p50_s": round(median(raw_spent), 3),
        "cpu_over_raw": round(sum(our_spent) / sum(raw_spent), 3),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "two_children_pictures_per_s": round(asyncio.run(rate(files)), 2),
    }
    print(json.dumps(figures, indent=1))
    build = Path("build")
    build.mkdir(exist_ok=True)
    (build / "ocr_speed.json").write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
