"""The bot's web application as strangers meet it."""

from __future__ import annotations

from bot.http import Health, http_app
from bot.metrics import Metrics
from bot.wecom.callback import WeComCallback
from core.clock import MovableClock
from core.inbound import RawInbound
from tests.wecom.stand import SALES, START


class Served:
    """The bot's real web application on a socket, with an inbox that counts."""

    def __init__(self) -> None:
        self.kept: list[RawInbound] = []
        callback = WeComCallback((SALES,), self._ingest, MovableClock(START, speed=0.0), read_seconds=0.5)
        self.app = http_app(callback=callback, health=_health, metrics=Metrics(), record=[], leaving=lambda: False)

    async def _ingest(self, raw: RawInbound) -> object:
        self.kept.append(raw)
        return len(self.kept)


async def _health() -> Health:
    return Health(ready=True, inbox_open=0, inbox_age_seconds=0.0, parked=0, stream_sockets=0, stream_wanted=False)
