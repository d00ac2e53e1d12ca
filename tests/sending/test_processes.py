"""Three real processes at once: no limit is exceeded, no token is fetched twice."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from typing import Any

import pytest

from core.clock import SystemClock
from storage.redis_coordinator import RedisCoordinator
from tests.dingtalk import stand as dingtalk_stand
from tests.sending.processes import CALLERS
from tests.servers import RedisServer, redis_server
from tests.wecom.stand import SALES, running

__all__ = ["redis_server"]

PROCESSES = 3


async def together(what: str, *args: str) -> list[Any]:
    """Start them, let them all begin at once, and read what each says."""
    command = (sys.executable, "-m", "tests.sending.processes", what, *args)
    started = [await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE) for _ in range(PROCESSES)]
    for process in started:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    said = await asyncio.gather(*(process.communicate(b"go\n") for process in started))
    assert [process.returncode for process in started] == [0] * PROCESSES
    return [json.loads(out) for out, _ in said]


async def test_over_three_processes_no_window_holds_more_than_rate_times_time_plus_burst(
    redis_server: RedisServer,
) -> None:
    rate, burst, seconds = 40, 5, 3

    passed = sorted(
        at for one in await together("throttled", redis_server.url, f"{seconds}", f"{rate}", f"{burst}") for at in one
    )

    for first, since in enumerate(passed):
        for last in range(first, len(passed)):
            assert last - first + 1 <= burst + rate * (passed[last] - since) / 1_000_000
    assert len(passed) >= burst + rate * (seconds - 0.5)


@pytest.mark.parametrize("redis", ["up", "gone"])
async def test_six_hundred_callers_that_meet_an_expired_wecom_token_fetch_one(
    redis_server: RedisServer, redis: str
) -> None:
    async with running() as stand:
        shared = RedisCoordinator(redis_server.url, SystemClock())
        never = f"{SystemClock().now().timestamp() + 3600:.3f}:revoked"
        await shared.put_token(f"wecom:token:{SALES.corpid}:{SALES.agentid}", never, 3600)
        await shared.close()
        if redis == "gone":
            redis_server.stop()

        said = await together("wecom", redis_server.url, stand.api_base, SALES.corpid, str(SALES.agentid), SALES.secret)

        assert said == [CALLERS] * PROCESSES
        assert stand.platform.tokens.fetched == 1 if redis == "up" else stand.platform.tokens.fetched <= PROCESSES


@pytest.mark.parametrize("redis", ["up", "gone"])
async def test_six_hundred_callers_that_meet_an_expired_dingtalk_token_fetch_one(
    redis_server: RedisServer, redis: str
) -> None:
    async with dingtalk_stand.stand() as held:
        shared = RedisCoordinator(redis_server.url, SystemClock())
        await shared.put_token(f"dingtalk:token:{held.settings.client_id}", "revoked", 3600)
        await shared.close()
        if redis == "gone":
            redis_server.stop()

        said = await together(
            "dingtalk",
            redis_server.url,
            held.settings.api_base,
            held.settings.client_id,
            held.settings.client_secret,
            "revoked",
        )

        assert said == [CALLERS] * PROCESSES
        fetched = len(held.calls("oauth2/accessToken"))
        assert fetched == 1 if redis == "up" else fetched <= PROCESSES
