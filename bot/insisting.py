"""What must be noted in the database, although it may be away for a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger()

INSIST_FOR = 30.0
AGAIN_AFTER = 0.5
"""Real seconds for which it is tried, and between two tries."""


async def insisting(note: Callable[[], Awaitable[None]]) -> None:
    """Until the database takes it, for half a minute; then raises what it said last."""
    until = asyncio.get_running_loop().time() + INSIST_FOR
    while True:
        try:
            return await note()
        except Exception:
            if asyncio.get_running_loop().time() >= until:
                raise
            log.warning("could not be noted, trying again", exc_info=True)
            await asyncio.sleep(AGAIN_AFTER)
