"""Ticks that ask the database what is due: the rows say what happens (reliability section 7)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.masterdata import DeskSource
from core import falling_due, releasing
from core.clock import Clock
from core.deadlines import DeadlineKind
from core.desk import Act
from core.orders import OrderStatus
from core.ports import Coordinator, Database, Transaction
from core.telling import Teller
from core.warehouse.planner import plan_waves

log = structlog.get_logger()

BATCH = 50
WAVE_KINDS = frozenset({DeadlineKind.WAVE_TICK, DeadlineKind.WAVE_NOW})
SEED = 42
LONGEST_NAP = 30.0


class Scheduler:
    """Deadlines within a second of their time, waves at their slots and at once for a red order."""

    def __init__(
        self, *, database: Database, coordinator: Coordinator, clock: Clock, desks: DeskSource, every: float = 1.0
    ) -> None:
        self._database = database
        self._coordinator = coordinator
        self._clock = clock
        self._desks = desks
        self._every = every
        self._ticker = AsyncIOScheduler(job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1})
        self._busy = asyncio.Lock()
        self._listener: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        """Arm the wave slots, plan what a crash may have left unplanned, then tick."""
        async with self._transaction("start") as act:
            if not await act.tx.deadlines.armed("waves"):
                await falling_due.arm_next_wave(act)
        self._ticker.add_job(self.tick, "interval", seconds=self._every, id="due")
        self._ticker.start()
        self._listener = asyncio.create_task(self._listen(), name="deadline-wakes")
        await self.plan(self._clock.now())

    async def stop(self) -> None:
        self._stopping = True
        if self._ticker.running:
            self._ticker.shutdown(wait=False)
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
        async with self._busy:
            return

    @property
    def idle(self) -> bool:
        """Nothing is being fired or planned."""
        return not self._busy.locked()

    async def tick(self) -> int:
        """Fire what is due, each with its effects in one commit; then plan waves if a slot or a red order asked."""
        fired = 0
        async with self._busy:
            wave: datetime | None = None
            while not self._stopping:
                count, wants_wave = await self._fire_batch()
                fired += count
                if wants_wave:
                    wave = self._clock.now()
                if count < BATCH:
                    break
            if wave is not None:
                await self._plan(wave)
        if fired:
            self._coordinator.wake("outbox")
        return fired

    async def plan(self, slot: datetime) -> int:
        """Form the waves of this moment; returns how many."""
        async with self._busy:
            return await self._plan(slot)

    async def _listen(self) -> None:
        """Sleep until the next row is due, but wake when a use case arms something or the clock is moved."""
        while not self._stopping:
            await self._until_due()
            try:
                await self.tick()
            except Exception:
                log.exception("deadline tick failed")

    async def _until_due(self) -> None:
        async with self._database.reading() as tx:
            due = await tx.deadlines.next_due()
        left = (due - self._clock.now()).total_seconds() if due is not None else LONGEST_NAP
        if left <= 0:
            return
        naps = {
            asyncio.create_task(self._coordinator.wait("deadlines", LONGEST_NAP)),
            asyncio.create_task(self._clock.sleep(left)),
        }
        try:
            await asyncio.wait(naps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for nap in naps:
                nap.cancel()
            await asyncio.gather(*naps, return_exceptions=True)

    async def _fire_batch(self) -> tuple[int, bool]:
        wants_wave = False
        async with self._transaction("due") as act:
            due = await act.tx.deadlines.claim_due(self._clock.now(), BATCH)
            for deadline in due:
                late = (self._clock.now() - deadline.due_at).total_seconds()
                one = Act(tx=act.tx, desk=act.desk, tell=Teller(act.tx, now=act.now, cause=f"dl{deadline.id}"))
                await falling_due.fire(one, deadline)
                wants_wave = wants_wave or deadline.kind in WAVE_KINDS
                log.info(
                    "deadline fired",
                    deadline=deadline.id,
                    kind=deadline.kind.value,
                    ref=deadline.ref,
                    late_s=round(late),
                )
        return len(due), wants_wave

    async def _plan(self, slot: datetime) -> int:
        """Read the world, plan outside any transaction, then commit wave by wave: each holds its stock or is left."""
        async with self._coordinator.single_flight("waves", 60.0):
            async with self._database.reading() as tx:
                if not await tx.orders.in_status(OrderStatus.APPROVED, limit=1):
                    return 0
                snap = await releasing.snapshot(await self._act(tx, "plan"))
            plan = await asyncio.to_thread(plan_waves, snap.world, seed=SEED)
            made = 0
            for wave in plan.waves:
                async with self._transaction(f"wave:{slot.isoformat()}:{wave.warehouse}:{wave.run_id}") as act:
                    made += await releasing.commit_wave(act, wave, snap, slot=slot) is not None
            for left in plan.left_out:
                async with self._transaction(f"left:{slot.isoformat()}:{left.order_id}") as act:
                    await releasing.note_left_out(act, left)
        log.info("waves planned", waves=made, left_out=len(plan.left_out))
        self._coordinator.wake("outbox")
        return made

    @asynccontextmanager
    async def _transaction(self, cause: str) -> AsyncIterator[Act]:
        async with self._database.transaction() as tx:
            yield await self._act(tx, cause)

    async def _act(self, tx: Transaction, cause: str) -> Act:
        return Act(tx=tx, desk=await self._desks.get(tx), tell=Teller(tx, now=self._clock.now(), cause=cause))
