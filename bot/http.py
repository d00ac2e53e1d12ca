"""aiohttp routes: platform callbacks, /healthz /readyz /metrics, and the page of an order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field

from aiohttp import web

from bot.backup.nightly import OLD
from bot.metrics import Metrics
from bot.wecom.callback import WeComCallback

CALLBACK_BYTES = 256 * 1024
LAG = 60
"""Seconds an unsent notice may wait, throttles included, before somebody should look."""
AUDIT_SILENT = 120
"""Seconds without a round after which the auditor itself is missed (R17)."""


@dataclass(frozen=True, kw_only=True)
class Health:
    """The truth for operators and load balancers."""

    ready: bool
    inbox_open: int
    inbox_age_seconds: float
    parked: int
    stream_sockets: int
    stream_wanted: bool
    database_away: bool = False
    """The database does not answer; what comes in is spooled."""
    redis_away: bool = False
    """Redis is configured and does not answer; this replica throttles alone."""
    deadlines_overdue: int = 0
    """Timers that should have fired and have not."""
    send_lag_seconds: dict[str, float] = field(default_factory=dict)
    """How long the oldest unsent notice waits, by platform."""
    open_breakers: list[str] = field(default_factory=list)
    """``platform api`` of what is left alone for a while."""
    spooled: int = 0
    set_aside: int = 0
    """Spooled inbounds that the database refused for their own sake; they are still in the spool file."""
    cannot_write: bool = False
    """An inbound could be stored nowhere, not long ago, or could not be stored now."""
    no_spool: bool = False
    """There should be a spool and it cannot take anything: an outage of the database would refuse messages."""
    aibot_leading: bool = False
    """This replica is the one that holds the aibot's connection."""
    aibot_connected: bool = False
    backup_age_seconds: float | None = None
    """Of the newest backup; None where none are made."""
    audit_age_seconds: float = 0.0
    """Since the auditor last looked around."""
    audit_findings: int = 0

    @property
    def red(self) -> list[str]:
        """Why nothing should be sent here."""
        return ["cannot write"] if self.cannot_write else []

    @property
    def amber(self) -> list[str]:
        """What is not as it should be, in words; empty when all is well."""
        found = []
        if not self.ready:
            found.append("not ready")
        if self.database_away:
            found.append(f"database away, {self.spooled} spooled")
        elif self.spooled:
            found.append(f"{self.spooled} spooled inbounds are coming in")
        if self.redis_away:
            found.append("Redis away, this replica throttles alone")
        if self.deadlines_overdue:
            found.append(f"{self.deadlines_overdue} timers are overdue")
        found += [f"{p}: oldest notice waits {lag:.0f} s" for p, lag in self.send_lag_seconds.items() if lag > LAG]
        found += [f"{name} is left alone for a while" for name in self.open_breakers]
        if self.no_spool:
            found.append("no spool, an outage of the database could not be bridged")
        if self.set_aside:
            found.append(f"{self.set_aside} spooled inbounds were refused by the database")
        if self.inbox_age_seconds > 30:
            found.append(f"oldest inbound waits {self.inbox_age_seconds:.0f} s")
        if self.stream_wanted and self.stream_sockets == 0:
            found.append("no DingTalk stream socket is up")
        if self.aibot_leading and not self.aibot_connected:
            found.append("the WeCom aibot is not connected")
        if self.backup_age_seconds is not None and self.backup_age_seconds > OLD.total_seconds():
            found.append(f"the newest backup is {self.backup_age_seconds / 3600:.0f} h old")
        if self.audit_age_seconds > AUDIT_SILENT:
            found.append(f"the auditor has been silent for {self.audit_age_seconds:.0f} s")
        if self.audit_findings:
            found.append(f"the auditor reports {self.audit_findings} findings")
        return found


def http_app(
    *,
    callback: WeComCallback | None,
    health: Callable[[], Awaitable[Health]],
    metrics: Metrics,
    record: list[web.RouteDef],
    leaving: Callable[[], bool],
) -> web.Application:
    """The bot's web application. Everything but the callbacks is read-only."""

    async def part(_: web.Request, response: web.StreamResponse) -> None:
        """A connection that is kept alive would meet the closing socket with its next request: end it with this one.

        A signal, not a middleware: aiohttp keeps what it wraps by middlewares in a cache of the whole process.
        """
        if leaving():
            response.force_close()
            response.headers["Connection"] = "close"

    async def alive(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def ready(_: web.Request) -> web.Response:
        now = await health()
        return web.json_response(
            {**asdict(now), "amber": now.amber, "red": now.red}, status=200 if now.ready and not now.red else 503
        )

    async def figures(_: web.Request) -> web.Response:
        await health()
        return web.Response(body=metrics.text(), content_type="text/plain", charset="utf-8")

    app = web.Application(client_max_size=CALLBACK_BYTES)
    app.on_response_prepare.append(part)
    if callback is not None:
        app.add_routes(callback.routes())
    app.add_routes([web.get("/healthz", alive), web.get("/readyz", ready), web.get("/metrics", figures), *record])
    return app
