"""What time it is by the platforms: the Date of any answer of theirs. Asked at the start, when a wrong wall clock would
otherwise be believed: every callback would look stale, and deadlines would be armed for another hour (R18)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout

log = structlog.get_logger()

WITHIN = 1.5
"""Seconds the platforms have to answer; without an answer the wall clock is believed."""
AGREE = timedelta(seconds=60)
"""Further apart than this two platforms contradict each other, and neither is believed."""


async def platform_time(session: ClientSession, urls: Iterable[str], *, within: float = WITHIN) -> datetime | None:
    """The time by the first of these servers, good to about a second; None when nobody answers or they disagree."""
    answers = await asyncio.gather(*(_date(session, url, within) for url in urls))
    known = [at for at in answers if at is not None]
    if not known:
        return None
    if max(known) - min(known) > AGREE:
        log.warning("the platforms disagree about the time", times=[at.isoformat() for at in known])
        return None
    return known[0]


async def _date(session: ClientSession, url: str, within: float) -> datetime | None:
    try:
        async with session.head(url, timeout=ClientTimeout(total=within), allow_redirects=False) as answer:
            at = parsedate_to_datetime(answer.headers["Date"])
    except (ClientError, TimeoutError, OSError, KeyError, ValueError, TypeError):
        return None
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).astimezone(UTC)
