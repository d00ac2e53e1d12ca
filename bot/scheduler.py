"""Fires what is due and plans the waves it asks for: the rows say what happens (reliability section 7).

Exactly once over all replicas, because a row is locked, its effects written and “fired” said in one transaction; never
early, because all replicas read the database's time; late by no more than a nap, because the nap ends at the next row.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from bot.masterdata import DeskSource
from bot.pacing import CatchUpPace
from bot.waveplans import PLAN_KINDS, WavePlanner
from core import falling_due
from core.clock import Clock
from core.deadlines import MOST_ATTEMPTS, Deadline, next_try
from core.desk import Act
from core.notices import Priority
from core.people import Role
from core.ports import Coordinator, Database, Transaction
from core.repeated import RepeatedFailure
from core.telling import Teller

log = structlog.get_logger()

BATCHES = range(10, 401)
"""Rows claimed at once, at the least and at the most: as many as the last transactions had time for."""
BATCH_SECONDS = 0.25
"""Effects of one transaction: what it does not reach is left armed, so that nobody waits long for its locks."""
LONGEST_NAP = 0.5
"""Seconds until the table is looked at again when nothing wakes the scheduler: a row that another replica armed for
soon is at most so late."""
OVERDUE = timedelta(seconds=5)
"""An armed row so long past its time is an alarm."""
LATE = timedelta(minutes=1)
"""So late a notice is a catch-up: its cards come one after the other."""
GAUGE_EVERY = 5.0

Fire = Callable[[Act, Deadline], Coroutine[Any, Any, None]]


class Gauges(Protocol):
    """What an operator sees of the timers."""

    def deadline_fired(self, kind: str, late_seconds: float) -> None: ...

    def deadlines_overdue(self, count: int) -> None: ...


class Unwatched:
    """Nobody looks."""

    def deadline_fired(self, kind: str, late_seconds: float) -> None:
        """Nothing to show."""

    def deadlines_overdue(self, count: int) -> None:
        """Nothing to show."""


@dataclass(frozen=True, kw_only=True)
class Fired:
    """What one transaction fired."""

    deadlines: tuple[Deadline, ...]
    more: bool
    """Whether rows were left for the next transaction."""


class Scheduler:
    """Deadlines within a second of their time, waves at their slots and at once for a red order."""

    def __init__(
        self,
        *,
        database: Database,
        coordinator: Coordinator,
        clock: Clock,
        desks: DeskSource,
        gauges: Gauges | None = None,
        fire: Fire = falling_due.fire,
        replicas: int = 1,
    ) -> None:
        self._database = database
        self._coordinator = coordinator
        self._clock = clock
        self._desks = desks
        self._gauges = gauges or Unwatched()
        self._fire = fire
        self._pace = CatchUpPace(replicas=replicas)
        self._waves = WavePlanner(database=database, act=self._act)
        self._busy = asyncio.Lock()
        self._loop: asyncio.Task[None] | None = None
        self._asked: list[Deadline] = []
        self._planning: asyncio.Task[None] | None = None
        self._stopping = False
        self._batch = 100
        self._gauged = 0.0
        self._failure = RepeatedFailure("deadline tick failed")

    async def start(self) -> None:
        """Arm the rows that carry themselves on (wave slots, the daily look at the calendar), then fire what is due."""
        async with self._transaction("start") as act:
            if not await act.tx.deadlines.armed(falling_due.WAVES):
                await falling_due.arm_next_wave(act)
            if not await act.tx.deadlines.armed(falling_due.CALENDAR):
                await falling_due.arm_next_calendar_check(act)
            missing = await falling_due.warn_of_calendar(act)
        if missing is not None:
            log.warning("next year's holidays are not published: dates in it are provisional", year=missing)
        self._loop = asyncio.create_task(self._run(), name="deadlines")

    async def stop(self) -> None:
        """Finish the transaction in hand; what is due later is another process's."""
        self._stopping = True
        self._waves.stop()
        if self._loop is not None:
            self._coordinator.wake("deadlines")
            await asyncio.gather(self._loop, return_exceptions=True)
        if self._planning is not None:
            await asyncio.gather(self._planning, return_exceptions=True)

    @property
    def idle(self) -> bool:
        """Nothing is being fired or planned."""
        return not self._busy.locked() and not self._asked and (self._planning is None or self._planning.done())

    async def tick(self) -> int:
        """Fire what is due, each with its effects in one commit; returns how many.

        A slot or a red order asks for waves: they are planned beside the loop, so that no other deadline waits.
        """
        fired = 0
        async with self._busy:
            more = True
            while more and not self._stopping:
                batch = await self._fire_batch()
                fired += len(batch.deadlines)
                self._asked += [d for d in batch.deadlines if d.kind in PLAN_KINDS]
                more = batch.more
                if batch.deadlines:
                    self._coordinator.wake("outbox")
            if self._asked and (self._planning is None or self._planning.done()):
                self._planning = asyncio.create_task(self._plan_asked(), name="waves")
        return fired

    async def plan(self, slot: datetime) -> int:
        """Form the waves of this moment; returns how many."""
        async with self._busy:
            made = await self._waves.plan(slot)
        self._coordinator.wake("outbox")
        return made

    async def _plan_asked(self) -> None:
        """One plan for all that asked until now; what fails is promised in its row and comes again."""
        while self._asked and not self._stopping:
            asked, self._asked = self._asked, []
            try:
                await self._waves.plan(self._clock.now(), asked_by=asked)
            except Exception:
                log.exception("waves could not be planned; tried again within a minute")
            self._coordinator.wake("outbox")

    async def _run(self) -> None:
        while not self._stopping:
            try:
                if await self._until_due():
                    await self.tick()
                await self._gauge()
            except Exception as error:
                self._failure.failed(error)
                await self._nap(LONGEST_NAP)
            else:
                self._failure.worked()

    async def _until_due(self) -> bool:
        """Nap until the next row is due; True when one is, False when it is time to look again."""
        async with self._database.reading() as tx:
            due = await tx.deadlines.next_due()
        left = (due - self._clock.now()).total_seconds() if due is not None else LONGEST_NAP
        if left > 0:
            await self._nap(left)
        return due is not None and due <= self._clock.now()

    async def _nap(self, seconds: float) -> None:
        """``seconds`` of the clock, but no more than half a real one; less when a use case arms something."""
        naps = {
            asyncio.create_task(self._coordinator.wait("deadlines", LONGEST_NAP)),
            asyncio.create_task(self._clock.sleep(seconds)),
        }
        try:
            await asyncio.wait(naps, timeout=LONGEST_NAP, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for nap in naps:
                nap.cancel()
            await asyncio.gather(*naps, return_exceptions=True)

    async def _fire_batch(self) -> Fired:
        """All together, or one by one when one of them raises: a poisoned row holds up nobody."""
        claimed: list[int] = []
        try:
            fired = await self._fire_together(claimed)
        except Exception as error:
            if not claimed:
                raise
            log.warning("a batch of deadlines is fired one by one", rows=len(claimed), error=type(error).__name__)
            alone = [d for i in claimed if not self._stopping and (d := await self._fire_alone(i)) is not None]
            fired = Fired(deadlines=tuple(alone), more=False)
        for deadline in fired.deadlines:
            late = (_fired_at(deadline) - deadline.due_at).total_seconds()
            self._gauges.deadline_fired(deadline.kind.value, late)
            log.info(
                "deadline fired",
                deadline=deadline.id,
                kind=deadline.kind.value,
                ref=deadline.ref,
                late_s=round(late, 1),
            )
        return fired

    async def _fire_together(self, claimed: list[int]) -> Fired:
        async with self._transaction("due") as act:
            due = await act.tx.deadlines.claim_due(act.now, self._batch)
            claimed += [_id(d) for d in due]
            until = time.monotonic() + BATCH_SECONDS
            fired: list[Deadline] = []
            for deadline in due:
                if fired and time.monotonic() > until:
                    break
                await self._fire_one(act, deadline)
                fired.append(deadline)
        more = len(fired) < len(due) or len(due) == self._batch
        if more:
            wanted = len(fired) if len(fired) < len(due) else 2 * self._batch
            self._batch = max(BATCHES[0], min(BATCHES[-1], wanted))
        return Fired(deadlines=tuple(fired), more=more)

    async def _fire_alone(self, deadline_id: int) -> Deadline | None:
        try:
            async with self._transaction("due") as act:
                deadline = await act.tx.deadlines.claim(deadline_id)
                if deadline is not None:
                    await self._fire_one(act, deadline)
        except Exception as error:
            log.exception("a deadline could not be fired", deadline=deadline_id)
            await self._failed(deadline_id, error)
            return None
        return deadline

    async def _fire_one(self, act: Act, deadline: Deadline) -> None:
        now = self._clock.now()
        pace = self._pace if now - deadline.due_at >= LATE else None
        one = Act(tx=act.tx, desk=act.desk, tell=Teller(act.tx, now=now, cause=f"dl{deadline.id}", pace=pace))
        await self._fire(one, deadline)
        if deadline.kind in PLAN_KINDS:
            await self._waves.promise(one, deadline)

    async def _failed(self, deadline_id: int, error: Exception) -> None:
        """Count it, try again later; after the fifth time it is parked and the administrators are called."""
        async with self._transaction(f"dl{deadline_id}:parked") as act:
            deadline = await act.tx.deadlines.claim(deadline_id)
            if deadline is None:
                return
            deadline.attempts += 1
            deadline.last_error = f"{type(error).__name__}: {error}"[:500]
            if deadline.attempts < MOST_ATTEMPTS:
                deadline.available_at = act.now + next_try(deadline.attempts)
                return
            await act.tx.deadlines.park(deadline, act.now)
            for admin in await act.tx.people.with_role(Role.ADMIN):
                await act.tell.say(
                    admin,
                    "deadline_parked",
                    ref=deadline.ref,
                    what=deadline.kind.value,
                    reason=deadline.last_error[:100],
                    priority=Priority.EXPEDITE,
                )
        log.error("a deadline is parked", deadline=deadline_id, kind=deadline.kind.value, ref=deadline.ref)
        self._coordinator.wake("outbox")

    async def _gauge(self) -> None:
        """How many rows are past their time, every few seconds."""
        if time.monotonic() < self._gauged:
            return
        self._gauged = time.monotonic() + GAUGE_EVERY
        async with self._database.reading() as tx:
            self._gauges.deadlines_overdue(await tx.deadlines.overdue(self._clock.now() - OVERDUE))

    @asynccontextmanager
    async def _transaction(self, cause: str) -> AsyncIterator[Act]:
        async with self._database.transaction() as tx:
            yield await self._act(tx, cause)

    async def _act(self, tx: Transaction, cause: str) -> Act:
        return Act(tx=tx, desk=await self._desks.get(tx), tell=Teller(tx, now=self._clock.now(), cause=cause))


def _id(deadline: Deadline) -> int:
    assert deadline.id is not None
    return deadline.id


def _fired_at(deadline: Deadline) -> datetime:
    assert deadline.fired_at is not None
    return deadline.fired_at
