"""The coordinator of many processes on Redis. Whatever it cannot ask Redis, its in-process twin answers."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.clock import Clock
from storage.coordinator import InProcessCoordinator
from storage.gcra import Rule, microseconds

log = logging.getLogger(__name__)

T = TypeVar("T")

ANSWER_WITHIN = 0.5
"""Seconds Redis has for one call; afterwards it counts as away."""
ASK_AGAIN_AFTER = 1.0
"""Seconds without Redis before it is tried again, so that an outage costs one slow call a second, not each."""
RETRY_LOCK_EVERY = 0.05

GCRA = """
local due = tonumber(redis.call('GET', KEYS[1]) or ARGV[1])
local now, interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if due < now then due = now end
local wait = due - tolerance - now
if wait > 0 then return wait end
due = due + interval
redis.call('SET', KEYS[1], string.format('%.0f', due), 'PX', math.ceil((due - now) / 1000) + 60000)
return 0
"""
"""Same arithmetic as ``gcra.Rule.next``; microseconds since 1970 fit a Lua number exactly."""

DROP_IF_MINE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
RENEW_IF_MINE = (
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
)
FORGET_IF_SAME = """
local held = redis.call('GET', KEYS[1])
if held and string.sub(held, string.find(held, '|', 1, true) + 1) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class RedisCoordinator:
    """``core.ports.Coordinator`` shared by replicas. ``replicas`` divides the rates when each throttles alone."""

    def __init__(self, url: str, clock: Clock, *, replicas: int = 1, prefix: str = "jiedan:") -> None:
        self._redis = Redis.from_url(
            url, decode_responses=True, socket_timeout=ANSWER_WITHIN, socket_connect_timeout=ANSWER_WITHIN
        )
        self._clock = clock
        self._replicas = max(1, replicas)
        self._prefix = prefix
        self._me = uuid4().hex
        self._alone = InProcessCoordinator(clock)
        self._away_until = 0.0
        self._away = False
        self._gcra = self._redis.register_script(GCRA)
        self._drop_lock = self._redis.register_script(DROP_IF_MINE)
        self._renew_lock = self._redis.register_script(RENEW_IF_MINE)
        self._forget = self._redis.register_script(FORGET_IF_SAME)
        self._listener: asyncio.Task[None] | None = None
        self._messages: set[asyncio.Task[Any]] = set()

    async def throttle(self, key: str, *, rate: float, burst: int, now: datetime) -> float:
        rule = Rule.of(rate, burst)
        wait = await self._ask(
            lambda: self._gcra(
                keys=[self._key("throttle", key)], args=[microseconds(now), rule.interval, rule.tolerance]
            )
        )
        if wait is None:
            share = self._replicas
            return await self._alone.throttle(key, rate=rate / share, burst=max(1, burst // share), now=now)
        return float(wait) / 1_000_000

    async def get_token(self, key: str) -> str | None:
        held = await self._ask(lambda: self._redis.get(self._key("token", key)))
        if held is None:
            return await self._alone.get_token(key) if self._away else None
        until, _, token = str(held).partition("|")
        return token if int(until) > microseconds(self._clock.now()) else None

    async def put_token(self, key: str, token: str, ttl: float) -> None:
        """Kept in this process as well, so that losing Redis does not mean fetching it again."""
        await self._alone.put_token(key, token, ttl)
        until = microseconds(self._clock.now() + timedelta(seconds=ttl))
        await self._ask(
            lambda: self._redis.set(self._key("token", key), f"{until}|{token}", px=max(1, int(ttl * 1000)))
        )

    async def drop_token(self, key: str, token: str) -> None:
        await self._alone.drop_token(key, token)
        await self._ask(lambda: self._forget(keys=[self._key("token", key)], args=[token]))

    @asynccontextmanager
    async def single_flight(self, key: str, ttl: float) -> AsyncIterator[None]:
        """The lock in Redis is renewed while the holder lives, and runs out ``ttl`` seconds after it died."""
        name, mine = self._key("flight", key), uuid4().hex
        async with self._alone.single_flight(key, ttl):
            locked = await self._lock(name, mine, ttl)
            renewal = asyncio.create_task(self._renew(name, mine, ttl)) if locked else None
            try:
                yield
            finally:
                if renewal is not None:
                    renewal.cancel()
                    await asyncio.wait({renewal})
                    await self._ask(lambda: self._drop_lock(keys=[name], args=[mine]))

    def wake(self, channel: str) -> None:
        self._alone.wake(channel)
        message = asyncio.ensure_future(self._ask(lambda: self._redis.publish(self._key("wake", channel), self._me)))
        self._messages.add(message)
        message.add_done_callback(self._messages.discard)

    async def wait(self, channel: str, timeout: float) -> None:
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen(), name="redis-wakes")
        await self._alone.wait(channel, timeout)

    async def close(self) -> None:
        if self._messages:
            await asyncio.wait(self._messages)
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.wait({self._listener})
        await self._redis.aclose()

    def _key(self, kind: str, key: str) -> str:
        return f"{self._prefix}{kind}:{key}"

    async def _ask(self, call: Callable[[], Awaitable[T]]) -> T | None:
        """The answer, or None while Redis is away."""
        if time.monotonic() < self._away_until:
            return None
        try:
            answer = await call()
        except (RedisError, OSError, TimeoutError) as gone:
            self._note_away(gone)
            return None
        if self._away:
            self._away = False
            log.info("redis is back")
        return answer

    def _note_away(self, gone: Exception) -> None:
        self._away_until = time.monotonic() + ASK_AGAIN_AFTER
        if not self._away:
            self._away = True
            log.warning("redis is away (%s): this process coordinates alone", type(gone).__name__)

    async def _lock(self, name: str, mine: str, ttl: float) -> bool:
        """True when the lock is ours; False when Redis is away and the process is on its own."""
        while True:
            asked = await self._ask(lambda: self._redis.set(name, mine, nx=True, px=max(1, int(ttl * 1000)), get=False))
            if asked:
                return True
            if self._away:
                return False
            await asyncio.sleep(RETRY_LOCK_EVERY * random.uniform(0.5, 1.5))

    async def _renew(self, name: str, mine: str, ttl: float) -> None:
        while True:
            await asyncio.sleep(ttl / 3)
            await self._ask(lambda: self._renew_lock(keys=[name], args=[mine, max(1, int(ttl * 1000))]))

    async def _listen(self) -> None:
        """Other processes' wakes become ours. Without Redis the loops' own polling is the safety net."""
        head = self._key("wake", "")
        while True:
            with suppress(RedisError, OSError, TimeoutError):
                async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.psubscribe(f"{head}*")
                    while True:
                        message = await channel.get_message(timeout=ASK_AGAIN_AFTER)
                        if message is not None and message["data"] != self._me:
                            self._alone.wake(str(message["channel"]).removeprefix(head))
            await asyncio.sleep(ASK_AGAIN_AFTER)
