"""What needs the database begins when the database answers; the sockets do not wait for it (reliability section 4)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

import structlog

log = structlog.get_logger()

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 1.0
"""Real seconds between two tries: a bot that started without its database works a second after it is back."""


class Opening:
    """Runs ``work`` until it succeeds. ``undo`` clears away what a failed try has begun.

    ``start`` returns when it is done, or at the first failure, or after ``patience`` real seconds; then the tries go on
    behind. Raises a failure of the first try that is not ``away``'s: a bug or a wrong setting is not waited out.
    """

    def __init__(
        self,
        work: Callable[[], Awaitable[None]],
        undo: Callable[[], Awaitable[None]],
        *,
        away: Callable[[BaseException], bool],
        patience: float | None,
    ) -> None:
        self._work = work
        self._undo = undo
        self._away = away
        self._patience = patience
        self._first = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.done = False

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="opening")
        first = asyncio.create_task(self._first.wait())
        await asyncio.wait({self._task, first}, timeout=self._patience, return_when=asyncio.FIRST_COMPLETED)
        first.cancel()
        if self._task.done():
            self._task.result()

    async def stop(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        pause, tries = FIRST_PAUSE, 0
        while True:
            tries += 1
            try:
                await self._work()
            except Exception as error:
                await self._undo()
                if not self._away(error) and not self._first.is_set():
                    raise
                self._note(error, tries)
                self._first.set()
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, pause * 2)
            else:
                break
        self.done = True
        if tries > 1:
            log.warning("the database answers, the bot is complete", tries=tries)

    def _note(self, error: Exception, tries: int) -> None:
        if not self._away(error):
            log.error("the bot cannot begin its work, tried again", error=type(error).__name__, exc_info=error)
        elif tries == 1:
            log.warning("started without the database, tried again until it answers", error=type(error).__name__)


async def ended(until: float, **parts: Coroutine[Any, Any, None]) -> bool:
    """End these together; False when one of them is not done at ``until`` (loop time), which is then cancelled.

    A part that fails to end does not keep the others from ending.
    """
    loop = asyncio.get_running_loop()
    tasks = {asyncio.create_task(part): name for name, part in parts.items()}
    done, late = await asyncio.wait(tasks, timeout=max(0.0, until - loop.time()))
    for task in done:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("did not end well", part=tasks[task], error=type(error).__name__, exc_info=error)
    for task in late:
        log.warning("did not end in time", part=tasks[task])
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait({task}, timeout=0.1)
    return not late
