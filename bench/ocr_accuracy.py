"""How well sample orders are read: line F1, fields, flags, silent errors, seconds, per kind of damage.

Run: python -m bench.ocr_accuracy [samples per damage [damage …]]. A silent error is a wrong, invented or missed
line that nothing on the sheet points at. The samples are ours: the figures say what broke, not how good it is.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from pathlib import Path

from bot.ocr import OcrReader
from core.reading.order_sheet import read_order
from core.reading.sheet import SheetReading
from tests.reading.samples import DAMAGES, KnownParts, Sample, make, plain, silent_errors


async def main(each: int, damages: list[str]) -> Counter[str]:
    """Prints one row per damage, and the sums; returns these."""
    reader = OcrReader()
    await reader.warm_up()
    totals: Counter[str] = Counter()
    for damage in damages or DAMAGES:
        sums: Counter[str] = Counter()
        notes: list[str] = []
        started = time.perf_counter()
        for seed in range(each):
            sample = make(damage, seed)
            reading = read_order(await reader.read(sample.picture), parts=KnownParts())
            sums += _score(sample, reading, notes)
        sums["ms"] = int((time.perf_counter() - started) * 1000)
        totals += sums
        print(_row(damage, sums), *notes, sep="\n    ")
    print(_row("all", totals))
    await reader.close()
    return totals


def _score(sample: Sample, reading: SheetReading, notes: list[str]) -> Counter[str]:
    truth = Counter((plain(part), quantity) for part, quantity in sample.lines)
    read = Counter((plain(line.part_text), line.quantity or 0) for line in reading.lines)
    right = truth & read
    silent = silent_errors(sample, reading, KnownParts())
    notes += [f"{sample.name} SILENT {what}" for what in silent]
    if read != truth:
        lost, invented = list((truth - read).elements()), list((read - truth).elements())
        notes.append(f"{sample.name}: not read {lost}, read {invented}")
    return Counter(
        pictures=1,
        lines=sum(truth.values()),
        read=sum(read.values()),
        right=right.total(),
        silent=len(silent),
        flagged=sum(
            1
            for line in reading.lines
            if right[plain(line.part_text), line.quantity or 0] and reading.problems_of(line.position)
        ),
        customer=reading.customer_text.replace(" ", "") == sample.customer.replace(" ", ""),
        due=reading.due_text == sample.due,
        quiet=not reading.problems,
    )


def _row(name: str, sums: Counter[str]) -> str:
    f1 = 2 * sums["right"] / max(1, sums["lines"] + sums["read"])
    pictures = max(1, sums["pictures"])
    return (
        f"{name:12} F1 {f1:.3f} of {sums['lines']:3} lines, silent {sums['silent']}, "
        f"flagged {sums['flagged'] / max(1, sums['right']):.1%}, customer {sums['customer'] / pictures:.2f}, "
        f"due {sums['due'] / pictures:.2f}, no question {sums['quiet'] / pictures:.0%}, "
        f"{sums['ms'] / 1000 / pictures:.2f} s"
    )


if __name__ == "__main__":
    sums_of_all = asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5, sys.argv[2:]))
    build = Path("build")
    build.mkdir(exist_ok=True)
    (build / "ocr_accuracy.json").write_text(json.dumps(sums_of_all, indent=1))
