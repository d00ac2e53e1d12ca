"""Deadlines as rows: armed once, cancelled with the obligation, claimed exactly once (reliability section 7)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, func, insert, select, text, update

from core.deadlines import Deadline, DeadlineKind, DeadlineState
from storage import tables as t
from storage.session import Work

_deadlines = t.deadlines.c
_ARMED = text(t.ARMED)
LOCK_WAIT_MS = 300
"""How long a firing waits for a row that a use case holds. The use case may itself be waiting for the deadline's row
(it cancels it): the firing steps back before PostgreSQL has to kill one of the two, and fires a moment later."""


class SqlDeadlines:
    def __init__(self, work: Work) -> None:
        self._work = work
        self._armed: set[tuple[DeadlineKind, str, str]] = set()

    async def arm(self, deadline: Deadline) -> Deadline:
        same = (
            (_deadlines.kind == deadline.kind) & (_deadlines.ref == deadline.ref) & (_deadlines.step == deadline.step)
        )
        key = (deadline.kind, deadline.ref, deadline.step)
        deadline.generation = 1
        if deadline.ref not in self._work.born or key in self._armed:
            await self._work.alone("deadline", deadline.kind, deadline.ref, deadline.step)
            await self._cancel(same, "armed again")
            last = (await self._work.run(select(func.max(_deadlines.generation)).where(same))).scalar()
            deadline.generation = (last or 0) + 1
        self._armed.add(key)
        deadline.available_at = deadline.due_at
        await self._work.put(deadline)
        return deadline

    async def cancel(self, ref: str, *kinds: DeadlineKind, reason: str) -> int:
        here = _deadlines.ref == ref
        return await self._cancel(here & _deadlines.kind.in_(kinds) if kinds else here, reason)

    async def armed(self, ref: str) -> list[Deadline]:
        return await self._work.many(
            select(Deadline).where(_deadlines.ref == ref, _ARMED).order_by(_deadlines.due_at, _deadlines.id)
        )

    async def of(self, ref: str) -> list[Deadline]:
        return await self._work.many(
            select(Deadline).where(_deadlines.ref == ref).order_by(_deadlines.due_at, _deadlines.id)
        )

    async def claim_due(self, now: datetime, limit: int) -> list[Deadline]:
        return await self._claim(
            select(Deadline)
            .where(_ARMED, _deadlines.available_at <= now)
            .order_by(_deadlines.available_at, _deadlines.id)
            .limit(limit)
        )

    async def claim(self, deadline_id: int) -> Deadline | None:
        found = await self._claim(select(Deadline).where(_ARMED, _deadlines.id == deadline_id))
        return found[0] if found else None

    async def park(self, deadline: Deadline, at: datetime) -> None:
        deadline.state = DeadlineState.PARKED
        await self._work.run(
            insert(t.dead_letters).values(
                source="deadline",
                source_id=deadline.id,
                reason=deadline.last_error,
                payload={"kind": deadline.kind.value, "ref": deadline.ref, "step": deadline.step},
                attempts=deadline.attempts,
                first_at=deadline.due_at,
                last_at=at,
                resolved_by="",
                resolution="",
            )
        )

    async def next_due(self) -> datetime | None:
        due: datetime | None = (
            await self._work.run(
                select(_deadlines.available_at).where(_ARMED).order_by(_deadlines.available_at).limit(1)
            )
        ).scalar()
        return due

    async def overdue(self, before: datetime) -> int:
        found = await self._work.run(
            select(func.count()).select_from(t.deadlines).where(_ARMED, _deadlines.due_at < before)
        )
        return int(found.scalar_one())

    async def _claim(self, wanted: Select[Deadline]) -> list[Deadline]:
        if self._work.postgres:
            await self._work.run(text(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}"))
        return await self._work.many(wanted.with_for_update(skip_locked=True).execution_options(populate_existing=True))

    async def _cancel(self, where: object, reason: str) -> int:
        return await self._work.changed(
            update(Deadline)
            .where(where, _ARMED)  # type: ignore[arg-type]
            .values(state=DeadlineState.CANCELLED, cancel_reason=reason)
            .execution_options(synchronize_session="fetch")
        )
