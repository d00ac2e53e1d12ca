"""Callbacks accepted per second, and how long WeCom waits for its 200 (reliability section 9.1, R5, R6).

All sides take turns inside one run, get the same kind of bodies over the same number of kept-alive connections, and
each serves from a process of its own; the client is another. A durable server answers after its commit.
"""

from __future__ import annotations

import statistics
from dataclasses import replace
from typing import Any

from bench.client import CONNECTIONS, WARM_UP
from bench.sides import DATABASES, NO_DATABASE, Answers, client, server, stores

ROUNDS = 3
REQUESTS = {"echo": 8000, "envelope": 6000, "group": 4000, "single": 700}
"""Per round: about a second and more of each."""
RATES = (20, 100, 500)
ACK_SECONDS = 10

Side = tuple[str, str]
"""Server and database."""


async def ingest() -> dict[str, Any]:
    """R6: durable ingest as a share of aiohttp's bare echo, at least 0.25 on SQLite and 0.30 on PostgreSQL."""
    bare: list[Side] = [("echo", NO_DATABASE), ("envelope", NO_DATABASE)]
    answers = await _turns([*bare, *(("group", database) for database in DATABASES)])
    figures = {"connections": CONNECTIONS, "rounds": ROUNDS, **_rates(answers)}
    for database in DATABASES:
        figures[f"ratio_{database}_to_echo"] = _ratio(answers, ("group", database), ("echo", NO_DATABASE))
    return figures


async def group_commit() -> dict[str, Any]:
    """R6: group commit over one transaction for each request, at least 5 on SQLite and 3 on PostgreSQL."""
    answers = await _turns([(kind, database) for database in DATABASES for kind in ("single", "group")])
    figures = {"connections": CONNECTIONS, "rounds": ROUNDS, **_rates(answers)}
    for database in DATABASES:
        figures[f"ratio_{database}"] = _ratio(answers, ("group", database), ("single", database))
    return figures


async def ack() -> dict[str, Any]:
    """R5: time to the 200 at a given rate, from the moment at which the message was due."""
    figures: dict[str, Any] = {"seconds_each": ACK_SECONDS}
    with stores() as opened:
        for rate in RATES:
            for database in DATABASES:
                async with server("group", opened.url(database)) as running:
                    answers = await client(ports=[running.port], count=rate * ACK_SECONDS, rate=rate)
                figures[f"{database}_{rate}_per_s_ms"] = {
                    "p50": answers.at(0.5),
                    "p99": answers.at(0.99),
                    "p99.9": answers.at(0.999),
                    "max": answers.at(1),
                }
    return figures


async def _turns(sides: list[Side]) -> dict[Side, list[Answers]]:
    """Every side once a round, on a fresh database; the order is turned round each time."""
    answers: dict[Side, list[Answers]] = {side: [] for side in sides}
    with stores() as opened:
        for nth in range(ROUNDS):
            for kind, database in sides[:: -1 if nth % 2 else 1]:
                async with server(kind, opened.url(database)) as running:
                    before = running.cpu_seconds()
                    got = await client(ports=[running.port], count=REQUESTS[kind])
                    answers[kind, database].append(replace(got, cpu=running.cpu_seconds() - before))
    return answers


def _rates(answers: dict[Side, list[Answers]]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for (kind, database), rounds in answers.items():
        name = kind if database == NO_DATABASE else f"{kind}_{database}"
        figures[f"{name}_per_s"] = round(statistics.median(a.rate for a in rounds))
        figures[f"{name}_p99_ms"] = statistics.median(a.at(0.99) for a in rounds)
        figures[f"{name}_cpu_us"] = round(statistics.median(a.cpu / (len(a.times) + WARM_UP) for a in rounds) * 1e6)
    return figures


def _ratio(answers: dict[Side, list[Answers]], side: Side, base: Side) -> float:
    pairs = zip(answers[side], answers[base], strict=True)
    return round(statistics.median(a.rate / b.rate for a, b in pairs), 3)
