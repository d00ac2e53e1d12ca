"""The coordinator of many processes on Redis. Whatever it cannot ask Redis, its in-process twin answers.

What Redis' absence costs (reliability section 6, R4): the calls under way when it vanishes wait ``ANSWER_WITHIN`` once;
every later one is answered from memory at once, while one task alone asks whether it is back.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from core.clock import Clock
from core.ports import Limit
from storage import redis_scripts
from storage.coordinator import InProcessCoordinator
from storage.gcra import Gate, Rule, microseconds

log = logging.getLogger(__name__)

T = TypeVar("T")

ANSWER_WITHIN = 0.5
"""Seconds Redis has for one call; afterwards it counts as away."""
STALLED = 1.5 * ANSWER_WITHIN
"""After so long without an answer it was we who stood still, not Redis: it is asked once more."""
ASK_AGAIN_AFTER = 1.0
"""Seconds between two questions whether it is back."""
RETRY_LOCK_EVERY = 0.05
CALLS = 8
"""Questions under way at once; others wait their turn here, which is not counted as Redis' time."""
CONNECTIONS = CALLS + 4
"""One listens, one asks whether Redis is back. The plain pool would raise “Too many connections” beyond."""
DROPPED_MS = 60_000
"""How long a token that the platform refused is remembered as such, against those who still hold a copy."""
GONE = (RedisError, OSError, TimeoutError)


class RedisCoordinator:
    """``core.ports.Coordinator`` shared by replicas. ``replicas`` divides the rates when each throttles alone.

    Rates: with Redis, exactly rate·T + burst over all processes. Without, each replica keeps to its share, at least one
    in a burst. After a flush each process hands back what it had seen, so that one process alone never exceeds a rate,
    and together at most by what the others sent between its last call and the flush.
    Tokens: a copy stays in each process that has used it; losing or flushing Redis costs no fetch.
    """

    def __init__(self, url: str, clock: Clock, *, replicas: int = 1, prefix: str = "jiedan:") -> None:
        self._redis = Redis(
            connection_pool=BlockingConnectionPool.from_url(
                url,
                max_connections=CONNECTIONS,
                timeout=ANSWER_WITHIN,
                decode_responses=True,
                socket_timeout=ANSWER_WITHIN,
                socket_connect_timeout=ANSWER_WITHIN,
            )
        )
        self._clock = clock
        self._replicas = max(1, replicas)
        self._prefix = prefix
        self._me = uuid4().hex
        self._alone = InProcessCoordinator(clock)
        self._gate = Gate()
        self._away = False
        self._gcra = self._redis.register_script(redis_scripts.GCRA)
        self._take_lock = self._redis.register_script(redis_scripts.LOCK)
        self._drop_lock = self._redis.register_script(redis_scripts.DROP_IF_MINE)
        self._renew_lock = self._redis.register_script(redis_scripts.RENEW_IF_MINE)
        self._forget = self._redis.register_script(redis_scripts.FORGET_IF_SAME)
        self._listener: asyncio.Task[None] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._publishing: dict[str, asyncio.Task[None]] = {}
        self._wake_again: set[str] = set()
        self._left_locked: dict[str, str] = {}
        self._turns = asyncio.Semaphore(CALLS)
        self._asking: dict[str, asyncio.Future[Any]] = {}
        self._dropping: dict[tuple[str, str], asyncio.Future[Any]] = {}

    @property
    def away(self) -> bool:
        """Redis does not answer, and this process coordinates alone."""
        return self._away

    async def here(self) -> bool:
        """Ask Redis, also when nothing else does: the answer to /readyz. Known to be away, it is not waited for."""
        await self._ask(self._redis.ping)
        return not self._away

    async def throttle(self, key: str, *, rate: float, burst: int, now: datetime) -> float:
        return (await self.throttle_all([Limit(key=key, rate=rate, burst=burst)], now=now))[0]

    async def throttle_all(self, limits: Sequence[Limit], *, now: datetime) -> tuple[float, str]:
        rules = {limit.key: Rule.of(limit.rate, limit.burst) for limit in limits}
        at = microseconds(now)
        args = [at, *(n for key, rule in rules.items() for n in (rule.interval, rule.tolerance, self._gate.known(key)))]
        answer = await self._ask(lambda: self._gcra(keys=[self._key("throttle", key) for key in rules], args=args))
        if answer is None:
            return self._share(limits, at)
        wait, nth, *arrivals = (int(n) for n in answer)
        for key, arrival in zip(rules, arrivals, strict=True):
            self._gate.note(key, arrival)
        return wait / 1_000_000, list(rules)[nth - 1] if wait else ""

    def _share(self, limits: Sequence[Limit], at: int) -> tuple[float, str]:
        """Each replica alone takes its part of the rate, starting from what it last saw of the whole."""
        parts = self._replicas
        rules = {x.key: Rule.of(x.rate / parts, max(1, x.burst // parts)) for x in limits}
        wait, key = self._gate.take(rules, at)
        return wait / 1_000_000, key

    async def get_token(self, key: str) -> str | None:
        """Those who ask at the same time share one question: a stampede must not jam the connections."""
        asking = self._asking.get(key)
        if asking is None:
            asking = asyncio.ensure_future(self._ask(lambda: self._redis.get(self._key("token", key))))
            self._asking[key] = asking
            asking.add_done_callback(lambda done: self._answered(key, done))
        held = await asyncio.shield(asking)
        if held is None:  # away, flushed, or never there
            return await self._alone.get_token(key)
        until, _, token = str(held).partition("|")
        left = int(until or 0) - microseconds(self._clock.now())
        if left <= 0:
            return None
        await self._alone.put_token(key, token, left / 1_000_000)
        return token

    def _answered(self, key: str, done: asyncio.Future[Any]) -> None:
        if self._asking.get(key) is done:
            del self._asking[key]

    async def put_token(self, key: str, token: str, ttl: float) -> None:
        await self._alone.put_token(key, token, ttl)
        until = microseconds(self._clock.now() + timedelta(seconds=ttl))
        await self._ask(
            lambda: self._redis.set(self._key("token", key), f"{until}|{token}", px=max(1, int(ttl * 1000)))
        )

    async def drop_token(self, key: str, token: str) -> None:
        """Marked as dropped rather than deleted, so that a copy in another process does not count any more."""
        await self._alone.drop_token(key, token)
        self._asking.pop(key, None)  # an answer that is under way may still bring it
        if (known := self._dropping.get((key, token))) is None:
            known = asyncio.ensure_future(
                self._ask(lambda: self._forget(keys=[self._key("token", key)], args=[token, DROPPED_MS]))
            )
            self._dropping[key, token] = known
            known.add_done_callback(lambda _: self._dropping.pop((key, token), None))
        await asyncio.shield(known)
        self._asking.pop(key, None)

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
                await self._unlock(name, mine)

    def wake(self, channel: str) -> None:
        """Never waits and never piles up: at most one message per channel is under way, and one more follows it."""
        self._alone.wake(channel)
        if self._away:
            return
        if channel in self._publishing:
            self._wake_again.add(channel)
            return
        task = asyncio.ensure_future(self._publish(channel))
        self._publishing[channel] = task
        task.add_done_callback(lambda _: self._publishing.pop(channel, None))

    async def wait(self, channel: str, timeout: float) -> None:
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen(), name="redis-wakes")
        await self._alone.wait(channel, timeout)

    async def close(self) -> None:
        if self._publishing:
            await asyncio.wait(set(self._publishing.values()))
        loops = {task for task in (self._listener, self._watcher) if task is not None}
        for task in loops:
            task.cancel()
        if loops:
            await asyncio.wait(loops)
        with suppress(*GONE):
            await self._redis.aclose()
            await self._redis.connection_pool.disconnect()

    def _key(self, kind: str, key: str) -> str:
        return f"{self._prefix}{kind}:{key}"

    async def _ask(self, call: Callable[[], Awaitable[T]]) -> T | None:
        """The answer, or None while Redis is away."""
        if self._away:
            return None
        async with self._turns:
            return await self._in_turn(call)

    async def _in_turn(self, call: Callable[[], Awaitable[T]]) -> T | None:
        if self._away:  # it went while we waited
            return None
        now = asyncio.get_running_loop().time
        for last in (False, True):
            began = now()
            try:
                async with asyncio.timeout(ANSWER_WITHIN):
                    return await call()
            except GONE as gone:
                if last or now() - began < STALLED:
                    self._note_away(gone)
                    return None
        return None

    def _note_away(self, gone: Exception) -> None:
        if not self._away:
            self._away = True
            log.warning("redis is away (%s): this process coordinates alone", type(gone).__name__)
            self._watcher = asyncio.create_task(self._until_back(), name="redis-back")

    async def _until_back(self) -> None:
        """One question a second on behalf of all; what it still holds for us there is let go."""
        while True:
            await asyncio.sleep(ASK_AGAIN_AFTER)
            with suppress(*GONE):
                async with asyncio.timeout(ANSWER_WITHIN):
                    await self._redis.ping()
                    for name, mine in list(self._left_locked.items()):
                        await self._drop_lock(keys=[name], args=[mine])
                        self._left_locked.pop(name, None)
                self._away = False
                log.info("redis is back")
                return

    async def _publish(self, channel: str) -> None:
        while True:
            self._wake_again.discard(channel)
            await self._ask(lambda: self._redis.publish(self._key("wake", channel), self._me))
            if self._away or channel not in self._wake_again:
                return

    async def _lock(self, name: str, mine: str, ttl: float) -> bool:
        """True when the lock is ours; False when Redis is away and the process is on its own."""
        while True:
            asked = await self._ask(lambda: self._take_lock(keys=[name], args=[mine, max(1, int(ttl * 1000))]))
            if asked:
                return True
            if self._away:
                return False
            await asyncio.sleep(RETRY_LOCK_EVERY * random.uniform(0.5, 1.5))

    async def _unlock(self, name: str, mine: str) -> None:
        """Also when we went alone: a question that got no answer may have locked after all, once Redis goes on."""
        if await self._ask(lambda: self._drop_lock(keys=[name], args=[mine])) is None:
            self._left_locked[name] = mine

    async def _renew(self, name: str, mine: str, ttl: float) -> None:
        while True:
            await asyncio.sleep(ttl / 3)
            await self._ask(lambda: self._renew_lock(keys=[name], args=[mine, max(1, int(ttl * 1000))]))

    async def _listen(self) -> None:
        """Other processes' wakes become ours. Without Redis the loops' own polling is the safety net."""
        head = self._key("wake", "")
        while True:
            with suppress(*GONE):
                async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.psubscribe(f"{head}*")
                    while not self._away:
                        message: Any = await channel.get_message(timeout=ASK_AGAIN_AFTER)
                        if message is not None and message["data"] != self._me:
                            self._alone.wake(str(message["channel"]).removeprefix(head))
            await asyncio.sleep(ASK_AGAIN_AFTER)
