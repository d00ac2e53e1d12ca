"""What the parts of the DingTalk half share."""

from __future__ import annotations

import asyncio
import random
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simulator.dingtalk.files import Files
from simulator.dingtalk.limits import Terms
from simulator.dingtalk.meter import Quota, Tokens
from simulator.dingtalk.people import Directory
from simulator.dingtalk.phones import Phones
from simulator.world import Clock, FaultKind, Faults, WireLog


class RealPace:
    """Times of the wire in real seconds: moving the demo's clock does not make a 2 s click limit expire."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass(kw_only=True)
class Site:
    """One simulated DingTalk with one organisation and one application."""

    clock: Clock
    pace: Clock
    wire: WireLog
    faults: Faults
    terms: Terms
    corp_id: str
    client_id: str
    client_secret: str
    robot_code: str
    base_url: str
    people: Directory
    phones: Phones
    files: Files
    tokens: Tokens
    quota: Quota
    invalid_staff: set[str] = field(default_factory=set)
    flow_controlled: set[str] = field(default_factory=set)
    filtered_staff: set[str] = field(default_factory=set)
    unsafe_words: set[str] = field(default_factory=set)
    random: random.Random = field(default_factory=random.Random)

    def take(self, kind: FaultKind) -> bool:
        return self.faults.take(kind, "dingtalk")

    def violation(self, text: str) -> None:
        self.wire.violation("dingtalk", text)

    def new_id(self, prefix: str = "") -> str:
        return prefix + secrets.token_urlsafe(16)

    def now_ms(self) -> int:
        return int(self.clock.now().timestamp() * 1000)


async def within(pace: Clock, seconds: float, waiter: asyncio.Future[Any]) -> bool:
    """True when ``waiter`` is done before ``seconds`` of the pace clock have passed."""
    timer: asyncio.Future[Any] = asyncio.ensure_future(pace.sleep(seconds))
    try:
        await asyncio.wait({waiter, timer}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        timer.cancel()
    return waiter.done()
