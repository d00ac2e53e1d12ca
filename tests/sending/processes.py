"""One of several real processes that share a Redis: ``python -m tests.sending.processes <what> …``.

It says ``ready``, waits for a line, does its work and prints the outcome as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import aiohttp

from bot.dingtalk.settings import DingTalkSettings
from bot.dingtalk.tokens import Tokens
from bot.wecom.api import WeComMessenger
from bot.wecom.apps import WeComApp
from core.clock import SystemClock
from storage import redis_coordinator
from storage.gcra import microseconds
from storage.redis_coordinator import RedisCoordinator

CALLERS = 200


async def throttled(coordinator: RedisCoordinator, seconds: str, rate: str, burst: str) -> list[int]:
    """Full speed for so many seconds: the times, in µs, of what was let through."""
    clock = SystemClock()
    passed: list[int] = []
    end = microseconds(clock.now()) + int(float(seconds) * 1_000_000)

    async def press() -> None:
        while microseconds(now := clock.now()) < end:
            if await coordinator.throttle("k", rate=float(rate), burst=int(burst), now=now) == 0.0:
                passed.append(microseconds(now))
            await asyncio.sleep(0)

    await asyncio.gather(*(press() for _ in range(4)))
    return passed


async def wecom(coordinator: RedisCoordinator, base: str, corp: str, agent: str, secret: str) -> int:
    """All callers use the token that Redis holds, if any; how many calls were answered."""
    app = WeComApp(corpid=corp, agentid=int(agent), secret=secret, token="t", aes_key="a" * 43, base_url=base)
    async with aiohttp.ClientSession() as session:
        messenger = WeComMessenger(app, session, coordinator, SystemClock())
        answers = await asyncio.gather(*(messenger.member("XiaoA") for _ in range(CALLERS)))
    return len(answers)


async def dingtalk(coordinator: RedisCoordinator, base: str, client: str, secret: str, refused: str) -> int:
    """All callers met a refused token; how many got another."""
    settings = DingTalkSettings(client_id=client, client_secret=secret, api_base=base, oapi_base=base)
    async with aiohttp.ClientSession() as session:
        tokens = Tokens(settings, session, coordinator, SystemClock())
        got = await asyncio.gather(*(tokens.get(rejected=refused) for _ in range(CALLERS)))
    assert len(set(got)) == 1
    return len(got)


PATIENT = 5.0
"""Seconds Redis has for an answer here: six hundred callers on a busy machine are no outage."""


async def main(what: str, url: str, *args: str) -> None:
    redis_coordinator.ANSWER_WITHIN, redis_coordinator.STALLED = PATIENT, 1.5 * PATIENT
    coordinator = RedisCoordinator(url, SystemClock(), replicas=3)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    work: dict[str, Any] = {"throttled": throttled, "wecom": wecom, "dingtalk": dingtalk}
    print(json.dumps(await work[what](coordinator, *args)), flush=True)
    await coordinator.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
