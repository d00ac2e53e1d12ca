"""Deadlines as rows: armed once, cancelled with the obligation, claimed exactly once (reliability section 7)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select, text, update

from core.deadlines import Deadline, DeadlineKind, DeadlineState
from storage import tables as t
from storage.session import Work

_deadlines = t.deadlines.c
_ARMED = text(t.ARMED)


class SqlDeadlines:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def arm(self, deadline: Deadline) -> Deadline:
        same = (
            (_deadlines.kind == deadline.kind) & (_deadlines.ref == deadline.ref) & (_deadlines.step == deadline.step)
        )
        await self._work.alone("deadline", deadline.kind, deadline.ref, deadline.step)
        await self._cancel(same, "armed again")
        last = (await self._work.run(select(func.max(_deadlines.generation)).where(same))).scalar()
        deadline.generation = (last or 0) + 1
        await self._work.put(deadline)
        return deadline

    async def cancel(self, ref: str, *kinds: DeadlineKind, reason: str) -> int:
        here = _deadlines.ref == ref
        return await self._cancel(here & _deadlines.kind.in_(kinds) if kinds else here, reason)

    async def armed(self, ref: str) -> list[Deadline]:
        return await self._work.many(
            select(Deadline).where(_deadlines.ref == ref, _ARMED).order_by(_deadlines.due_at, _deadlines.id)
        )

    async def claim_due(self, now: datetime, limit: int) -> list[Deadline]:
        return await self._work.many(
            select(Deadline)
            .where(_ARMED, _deadlines.due_at <= now)
            .order_by(_deadlines.due_at, _deadlines.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )

    async def next_due(self) -> datetime | None:
        due: datetime | None = (
            await self._work.run(select(_deadlines.due_at).where(_ARMED).order_by(_deadlines.due_at).limit(1))
        ).scalar()
        return due

    async def _cancel(self, where: object, reason: str) -> int:
        return await self._work.changed(
            update(Deadline)
            .where(where, _ARMED)  # type: ignore[arg-type]
            .values(state=DeadlineState.CANCELLED, cancel_reason=reason)
            .execution_options(synchronize_session="fetch")
        )
