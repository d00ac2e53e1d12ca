"""Waves formed once, whoever asks and however many do: a plan is promised in a row until it is done (F050, F054)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import structlog

from core import releasing
from core.deadlines import Deadline, DeadlineKind
from core.desk import Act
from core.orders import OrderStatus
from core.ports import Database, Transaction
from core.warehouse.plan import LeftOut, WavePlan
from core.warehouse.planner import plan_waves

log = structlog.get_logger()

PLAN_KINDS = frozenset({DeadlineKind.WAVE_TICK, DeadlineKind.WAVE_NOW, DeadlineKind.WAVE_PLAN})
"""Deadlines whose firing asks for a plan."""
WITHIN = timedelta(seconds=60)
"""A plan takes a few seconds; not done after this, its planner has died and another process plans."""
ROUNDS = 10
"""Plans made anew because another process released a wave meanwhile; then the next slot has to do."""
SEED = 42


class WavePlanner:
    """Reads the world, plans outside any transaction, then commits wave by wave: each holds its stock or is left.

    Replicas need nothing but the database to stay out of each other's way: a wave is only committed on the state of
    the world it was planned for. When another process has released a wave since, the rest is planned again, so that
    neither an order nor a carrier's capacity is given away twice.
    """

    def __init__(self, *, database: Database, act: Callable[[Transaction, str], Awaitable[Act]]) -> None:
        self._database = database
        self._act = act
        self._one = asyncio.Lock()
        self._stopping = False

    def stop(self) -> None:
        """No further round: a plan that is not done is another process's."""
        self._stopping = True

    async def promise(self, act: Act, asked: Deadline) -> None:
        """In the transaction that fires the slot: the plan comes, also if this process dies before it is made."""
        await act.tx.deadlines.arm(Deadline(kind=DeadlineKind.WAVE_PLAN, ref=_promise(asked), due_at=act.now + WITHIN))

    async def plan(self, slot: datetime, *, asked_by: Sequence[Deadline] = ()) -> int:
        """Form the waves of this moment, one plan for all that asked for it; returns how many waves.

        A plan that always came too late stays promised, so that it is made again within a minute.
        """
        made, stale = 0, True
        async with self._one:
            for _ in range(ROUNDS):
                waves, stale = await self._round(slot)
                made += waves
                if not stale or self._stopping:
                    break
        if asked_by and not stale:
            async with self._database.transaction() as tx:
                for asked in asked_by:
                    await tx.deadlines.cancel(_promise(asked), DeadlineKind.WAVE_PLAN, reason="planned")
        return made

    async def _round(self, slot: datetime) -> tuple[int, bool]:
        """One plan of the world as it is; stale when another process was quicker with a wave."""
        async with self._database.reading() as tx:
            seen = await tx.waves.newest()
            if not await tx.orders.in_status(OrderStatus.APPROVED, limit=1):
                return 0, False
            snap = await releasing.snapshot(await self._act(tx, "plan"))
        plan = await asyncio.to_thread(plan_waves, snap.world, seed=SEED)
        made = 0
        for planned in plan.waves:
            async with self._transaction(f"wave:{slot.isoformat()}:{planned.warehouse}:{planned.run_id}") as act:
                if await act.tx.waves.turn() != seen:
                    return made, True
                wave = await releasing.commit_wave(act, planned, snap, slot=slot)
                if wave is not None:
                    assert wave.id is not None
                    made, seen = made + 1, wave.id
        await self._note_left_out(slot, plan.left_out)
        _log(plan, made)
        return made, False

    async def _note_left_out(self, slot: datetime, orders: Sequence[LeftOut]) -> None:
        for left in orders:
            async with self._transaction(f"left:{slot.isoformat()}:{left.order_id}") as act:
                await releasing.note_left_out(act, left)

    @asynccontextmanager
    async def _transaction(self, cause: str) -> AsyncIterator[Act]:
        async with self._database.transaction() as tx:
            yield await self._act(tx, cause)


def _promise(asked: Deadline) -> str:
    return f"plan:{asked.id}"


def _log(plan: WavePlan, made: int) -> None:
    log.info("waves planned", waves=made, left_out=len(plan.left_out))
