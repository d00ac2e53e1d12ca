"""Both simulated platforms on a port of their own, and the configuration that leads a replica to them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from simulator.clock import MovableClock, RunningClock
from simulator.server import BODY_MOST, Accounts, Hooks, Simulator

CARD_SECRET = "signs-the-cards-of-a-made-up-company"  # noqa: S105 - made-up data


def environment(
    platforms: str,
    *,
    database_url: str,
    files: Path,
    redis_url: str = "",
    replicas: int = 1,
    public_url: str = "",
    log_level: str = "WARNING",
    accounts: Accounts | None = None,
) -> dict[str, str]:
    """JIEDAN_* as an operator would set them; ``platforms`` is the simulator's address."""
    a = accounts or Accounts()
    return {
        "JIEDAN_CARD_SECRET": CARD_SECRET,
        "JIEDAN_DATABASE_URL": database_url,
        "JIEDAN_REDIS_URL": redis_url,
        "JIEDAN_REPLICAS": str(replicas),
        "JIEDAN_FILES_DIR": str(files),
        "JIEDAN_PUBLIC_URL": public_url,
        "JIEDAN_LOG_LEVEL": log_level,
        "JIEDAN_WECOM__ENABLED": "true",
        "JIEDAN_WECOM__CORPID": a.corpid,
        "JIEDAN_WECOM__AGENTID": str(a.agentid),
        "JIEDAN_WECOM__SECRET": a.secret,
        "JIEDAN_WECOM__TOKEN": a.token,
        "JIEDAN_WECOM__AES_KEY": a.aes_key,
        "JIEDAN_WECOM__BASE_URL": platforms,
        "JIEDAN_DINGTALK__ENABLED": "true",
        "JIEDAN_DINGTALK__CORP_ID": a.corp_id,
        "JIEDAN_DINGTALK__CLIENT_ID": a.client_id,
        "JIEDAN_DINGTALK__CLIENT_SECRET": a.client_secret,
        "JIEDAN_DINGTALK__ROBOT_CODE": a.robot_code,
        "JIEDAN_DINGTALK__API_BASE": platforms,
        "JIEDAN_DINGTALK__OAPI_BASE": platforms,
        "JIEDAN_DINGTALK__MONTHLY_API_CALLS": "10000000",
        "JIEDAN_DINGTALK__MONTHLY_STREAM": "10000000",
    }


@asynccontextmanager
async def platforms(
    port: int,
    callback: str,
    *,
    host: str = "127.0.0.1",
    clock: MovableClock | None = None,
    hooks: Hooks | None = None,
    wecom: Mapping[str, Any] | None = None,
    dingtalk: Mapping[str, Any] | None = None,
) -> AsyncIterator[Simulator]:
    """A running simulator; ``callback`` is where WeCom posts, the balancer's address or a replica's."""
    simulator = Simulator(
        clock=clock or RunningClock(datetime.now(UTC)),
        base_url=f"http://127.0.0.1:{port}",
        wecom_callback=callback,
        hooks=hooks,
        wecom=wecom,
        dingtalk=dingtalk,
    )
    app = web.Application(client_max_size=BODY_MOST)
    app.add_routes(simulator.routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.stop()
        await runner.cleanup()
