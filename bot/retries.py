"""When a delivery that did not go out is tried again, and until when (reliability section 6, retry)."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from bot.platform_errors import PlatformError, Throttled
from core.clock import Clock
from core.notices import Delivery, Priority

BUDGET: dict[Priority, timedelta] = {
    Priority.EXPEDITE: timedelta(minutes=15),
    Priority.RECEIPT: timedelta(hours=24),
    Priority.APPROVAL: timedelta(hours=24),
    Priority.PICK: timedelta(hours=24),
    Priority.DIGEST: timedelta(hours=24),
}
"""From the first try that failed until the other messenger takes over."""
ALONE = timedelta(hours=24)
"""The budget when somebody of the recipients has no other messenger."""
LONGEST_WAIT = 60.0
BUSY_WAITS = (2.0, 15.0, 60.0)
"""WeCom asks to try again at most three times after -1 [90313]."""
LONGEST_QUEUE = timedelta(minutes=10)
"""Nobody is sent further back behind a limit than this."""


class Retries:
    """Waits of full jitter, and turns behind a limit.

    What met a limit is given a turn of its own, ``pace`` seconds after the one before it, rather than the same moment
    for all: of five hundred that come back together one may go and the others would be claimed and parked in circles.
    What is urgent does not queue: it comes back with the next free place.
    """

    def __init__(self, clock: Clock, *, rng: random.Random | None = None) -> None:
        self._clock = clock
        self._rng = rng or random.Random()
        self._turns: dict[tuple[str, Priority], datetime] = {}

    def after_failure(self, attempts: int) -> datetime:
        """Full jitter on 0.5 s·2ⁿ, at most a minute."""
        ceiling = min(LONGEST_WAIT, 0.5 * 2 ** min(attempts, 10))
        return self._clock.now() + timedelta(seconds=self._rng.uniform(0.1, ceiling))

    def after_busy(self, answers: int) -> datetime | None:
        """After the n-th answer -1; None when it must not be asked again."""
        if answers > len(BUSY_WAITS):
            return None
        wait = BUSY_WAITS[answers - 1]
        return self._clock.now() + timedelta(seconds=self._rng.uniform(wait / 2, wait))

    def after_limit(self, error: PlatformError, priority: Priority) -> datetime:
        now = self._clock.now()
        earliest = now + timedelta(seconds=max(error.retry_after or 1.0, 0.05))
        if not isinstance(error, Throttled) or priority is Priority.EXPEDITE:
            return earliest
        before = self._turns.get((error.detail, priority))
        turn = earliest if before is None else max(earliest, before + timedelta(seconds=error.pace))
        turn = min(turn, max(earliest, now + LONGEST_QUEUE))
        self._turns[error.detail, priority] = turn
        if len(self._turns) > 1000:
            self._turns = {key: at for key, at in self._turns.items() if at > now}
        return turn

    def give_up_at(self, delivery: Delivery) -> datetime:
        return delivery.give_up_at or self._clock.now() + BUDGET[Priority(delivery.priority)]

    @staticmethod
    def last_resort(delivery: Delivery, give_up_at: datetime) -> datetime:
        """Until when it is tried on this messenger because there is no other."""
        return give_up_at - BUDGET[Priority(delivery.priority)] + ALONE
