"""``python -m tests.fuzz``: the long form. Prints counts, writes build/fuzz.json, exits with 1 on any finding."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import sys
import time
from pathlib import Path

import aiohttp
from aiohttp.test_utils import TestServer

from tests.fuzz.envelopes import shot
from tests.fuzz.firing import Tally, judge, volley
from tests.fuzz.served import Served

TARGET = Path("build/fuzz.json")
OVER_HTTP = 50
"""One in so many also goes through a real socket."""


def main() -> int:
    parser = argparse.ArgumentParser(description="hostile WeCom callbacks by the million")
    parser.add_argument("--number", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0, help="0 draws one; it is printed and repeats the run")
    asked = parser.parse_args()
    seed = asked.seed or random.SystemRandom().randrange(1, 2**31)
    logging.disable(logging.CRITICAL)
    print(f"{asked.number:,} hostile callbacks, SEED={seed}", flush=True)
    started = time.monotonic()
    inside = asyncio.run(volley(asked.number, seed, say=_say))
    served = asyncio.run(_over_http(max(200, asked.number // OVER_HTTP), seed + 1))
    seconds = time.monotonic() - started
    result = {"seed": seed, "seconds": round(seconds, 1), "in_process": _figures(inside), "over_http": _figures(served)}
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for name in _figures(inside):
        print(f"{name:26} {_figures(inside)[name]!s:>40} {_figures(served)[name]!s:>40}")
    for one, why in [*inside.errors, *served.errors][:5]:
        print(f"ERROR {one.kind}: {why}\n  {one.query}\n  {one.body!r}")
    for one in [*inside.accepted_unsigned, *served.accepted_unsigned][:5]:
        print(f"ACCEPTED {one.kind}:\n  {one.query}\n  {one.body!r}")
    print(f"{seconds:.0f} s, figures in {TARGET}")
    return 0 if _clean(inside) and _clean(served) else 1


def _clean(tally: Tally) -> bool:
    return not tally.errors and not tally.accepted_unsigned and tally.declared == tally.declared_refused


def _figures(tally: Tally) -> dict[str, object]:
    return {
        "fired": tally.fired,
        "statuses": {str(status): count for status, count in sorted(tally.statuses.items())},
        "http_500": tally.statuses[500] + len(tally.errors),
        "stored": tally.stored,
        "signed_by_us": tally.honest,
        "accepted_unsigned": len(tally.accepted_unsigned),
        "declarations": tally.declared,
        "declarations_refused": tally.declared_refused,
        "grown_kb": tally.grown_kb,
        "kinds": len(tally.by_kind),
    }


async def _over_http(count: int, seed: int) -> Tally:
    rng, tally, held = random.Random(seed), Tally(), Served()
    async with TestServer(held.app) as server, aiohttp.ClientSession() as session:
        url = server.make_url("/wecom/callback")
        for _ in range(count):
            one = shot(rng)
            held.kept.clear()
            tally.fired += 1
            tally.by_kind[one.kind] += 1
            async with session.post(url, params=one.query, data=one.body) as response:
                judge(one, response.status, bool(held.kept), await response.read(), tally)
    return tally


def _say(done: int, tally: Tally) -> None:
    print(f"  {done:,} fired, {len(tally.errors)} errors, {len(tally.accepted_unsigned)} accepted unsigned", flush=True)


if __name__ == "__main__":
    sys.exit(main())
