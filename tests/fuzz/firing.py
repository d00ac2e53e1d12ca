"""Shots against the real callback handler, without a socket in between: about ten thousand a second."""

from __future__ import annotations

import asyncio
import random
import resource
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

from aiohttp import StreamReader, web
from aiohttp.base_protocol import BaseProtocol

from bot.wecom.callback import WeComCallback
from core.clock import MovableClock
from core.inbound import RawInbound
from tests.fuzz.envelopes import Shot, honest, shot
from tests.wecom.stand import SALES, START

ANSWERS = frozenset({200, 400, 403, 413})


def _body(data: bytes) -> StreamReader:
    """A body that has arrived, as aiohttp hands it over."""
    loop = asyncio.get_running_loop()
    body = StreamReader(BaseProtocol(loop), 2**16, loop=loop)
    body.feed_data(data)
    body.feed_eof()
    return body


@dataclass
class _Request:
    """The part of a request that the handler looks at."""

    query: dict[str, str]
    content: StreamReader
    content_length: int
    match_info: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Tally:
    """What came of it. ``accepted_unsigned`` and ``errors`` must stay empty."""

    fired: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    by_kind: Counter[str] = field(default_factory=Counter)
    stored: int = 0
    honest: int = 0
    declared: int = 0
    declared_refused: int = 0
    accepted_unsigned: list[Shot] = field(default_factory=list)
    errors: list[tuple[Shot, str]] = field(default_factory=list)
    grown_kb: int = 0


class Range:
    """The callback of one app with an inbox that only counts."""

    def __init__(self) -> None:
        self.kept: list[RawInbound] = []
        callback = WeComCallback((SALES,), self._ingest, MovableClock(START, speed=0.0))
        self.routes = callback.routes()
        self._post = cast(
            Callable[[Any], Awaitable[web.Response]],
            next(r.handler for r in self.routes if r.method == "POST" and "{" not in r.path),
        )

    async def _ingest(self, raw: RawInbound) -> object:
        self.kept.append(raw)
        return len(self.kept)

    async def fire(self, one: Shot, tally: Tally) -> int:
        """The status, with everything noted that must not be."""
        self.kept.clear()
        request = _Request(query=one.query, content=_body(one.body), content_length=len(one.body))
        tally.fired += 1
        tally.by_kind[one.kind] += 1
        try:
            response = await self._post(request)
        except Exception as error:
            tally.errors.append((one, repr(error)))
            return 500
        judge(one, response.status, bool(self.kept), response.body, tally)
        return response.status


def judge(one: Shot, status: int, kept: bool, body: object, tally: Tally) -> None:
    """A status of ours with an empty body; stored exactly when 200; 200 only for what an honest peer would take."""
    tally.statuses[status] += 1
    tally.stored += kept
    tally.declared += one.declared
    tally.declared_refused += one.declared and status in (400, 403)
    genuine = honest(one)
    tally.honest += genuine
    if status not in ANSWERS or body not in (None, b"") or kept != (status == 200):
        tally.errors.append((one, f"status {status}, kept {kept}, body {body!r}"))
    if (kept or status == 200) and (not genuine or one.declared):
        tally.accepted_unsigned.append(one)


async def volley(count: int, seed: int, *, say: Callable[[int, Tally], None] = lambda _n, _t: None) -> Tally:
    """``count`` shots of this seed, and how much the process grew meanwhile."""
    rng, range_, tally = random.Random(seed), Range(), Tally()
    for _ in range(min(1000, count)):
        await range_.fire(shot(rng), tally)
    before = _peak_kb()
    for nth in range(tally.fired, count):
        await range_.fire(shot(rng), tally)
        if nth % 50_000 == 0:
            say(nth, tally)
    tally.grown_kb = _peak_kb() - before
    return tally


def _peak_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
