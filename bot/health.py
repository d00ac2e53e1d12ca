"""What a bot says about itself: the figures of /metrics and the words of /readyz (reliability section 4)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from bot.http import Health
from core.people import PlatformName
from core.ports import Coordinator
from storage.redis_coordinator import RedisCoordinator

if TYPE_CHECKING:
    from bot.app import Bot


async def look(bot: Bot) -> Health:
    """The truth as the database has it now, or the last one known and that it does not answer. Over in a second."""
    metrics = bot.metrics
    queue, redis_away, can = await asyncio.gather(bot.looks.now(), _redis_away(bot.coordinator), bot.write_probe.now())
    age = (bot.clock.now() - queue.oldest).total_seconds() if queue.oldest else 0.0
    database_away = queue.away or not bot.opening.done
    breakers = {(platform.value, api): is_open for (platform, api), is_open in bot.breakers.states().items()}
    lags = _lags(queue.unsent, bot.clock.now())
    sockets = bot.stream.live_sockets if bot.stream else 0
    leading = bot.aibot is not None and bot.aibot.leader.leading
    connected = bot.aibot is not None and bot.aibot.client.live
    backup_age = bot.backups.age_seconds() if bot.backups is not None else None

    metrics.database_away.set(database_away)
    metrics.redis_away.set(redis_away)
    metrics.spooled.set(bot.writer.spooled)
    metrics.cannot_write.set(bot.writer.cannot_write or not can.anywhere)
    metrics.no_spool.set(not can.spool)
    metrics.inbox_open.set(queue.open_rows)
    metrics.inbox_age.set(age)
    metrics.parked.set(queue.parked)
    metrics.overdue.set(queue.overdue)
    for platform, lag in lags.items():
        metrics.send_lag.labels(platform=platform).set(lag)
    for (platform, api), is_open in breakers.items():
        metrics.breaker_open.labels(platform=platform, api=api).set(is_open)
    metrics.streams.set(sockets)
    metrics.aibot.set(connected)
    metrics.reading.set(bot.reader.waiting)
    metrics.audit_age.set(bot.auditor.age)
    if backup_age is not None:
        metrics.backup_age.set(backup_age)

    return Health(
        ready=bot.ready,
        database_away=database_away,
        redis_away=redis_away,
        spooled=bot.writer.spooled,
        set_aside=bot.writer.set_aside,
        cannot_write=bot.writer.cannot_write or not can.anywhere,
        no_spool=not can.spool,
        inbox_open=queue.open_rows,
        inbox_age_seconds=round(age, 1),
        parked=queue.parked,
        deadlines_overdue=queue.overdue,
        send_lag_seconds=lags,
        open_breakers=[f"{platform} {api}" for (platform, api), is_open in breakers.items() if is_open],
        stream_sockets=sockets,
        stream_wanted=bot.settings.dingtalk.enabled,
        aibot_leading=leading,
        aibot_connected=connected,
        backup_age_seconds=backup_age,
        audit_age_seconds=round(bot.auditor.age, 1),
        audit_findings=len(bot.auditor.troubles),
    )


async def _redis_away(coordinator: Coordinator) -> bool:
    return isinstance(coordinator, RedisCoordinator) and not await coordinator.here()


def _lags(unsent: Mapping[PlatformName, datetime], now: datetime) -> dict[str, float]:
    """Seconds that the oldest unsent notice of each platform waits."""
    return {p.value: round(max(0.0, (now - unsent.get(p, now)).total_seconds()), 1) for p in PlatformName}
