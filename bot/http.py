"""aiohttp routes: platform callbacks, /healthz /readyz /metrics, and the page of an order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from bot.web import pages
from bot.wecom.callback import WeComCallback

if TYPE_CHECKING:
    from bot.app import Bot

CALLBACK_BYTES = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class Health:
    """The truth for operators and load balancers."""

    ready: bool
    inbox_open: int
    inbox_age_seconds: float
    parked: int
    stream_sockets: int
    stream_wanted: bool

    @property
    def amber(self) -> list[str]:
        """What is not as it should be, in words; empty when all is well."""
        found = []
        if not self.ready:
            found.append("not ready")
        if self.inbox_age_seconds > 30:
            found.append(f"oldest inbound waits {self.inbox_age_seconds:.0f} s")
        if self.stream_wanted and self.stream_sockets == 0:
            found.append("no DingTalk stream socket is up")
        return found


def http_app(bot: Bot, callback: WeComCallback | None) -> web.Application:
    """The bot's web application. Everything but the callbacks is read-only."""
    app = web.Application(client_max_size=CALLBACK_BYTES)
    if callback is not None:
        app.add_routes(callback.routes())
    app.add_routes(
        [
            web.get("/healthz", _alive),
            web.get("/readyz", _with(bot, _ready)),
            web.get("/metrics", _with(bot, _metrics)),
            *pages.routes(bot),
        ]
    )
    return app


async def _alive(_: web.Request) -> web.Response:
    return web.json_response({"status": "alive"})


async def _ready(bot: Bot, _: web.Request) -> web.Response:
    health = await bot.health()
    return web.json_response({**asdict(health), "amber": health.amber}, status=200 if health.ready else 503)


async def _metrics(bot: Bot, _: web.Request) -> web.Response:
    await bot.health()
    return web.Response(body=bot.metrics.text(), content_type="text/plain", charset="utf-8")


def _with(
    bot: Bot, handler: Callable[[Bot, web.Request], Awaitable[web.Response]]
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def run(request: web.Request) -> web.Response:
        return await handler(bot, request)

    return run
