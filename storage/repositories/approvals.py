"""Questions put to a role, and the one decision each gets (F012, F124–F126)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from core.approvals import STEP_ROLE, ApprovalRequest, Decision, RequestState, Step
from core.people import Person
from storage import tables as t
from storage.rows import columns_of
from storage.session import Work

_requests = t.approval_requests.c


class SqlApprovals:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def open(self, request: ApprovalRequest) -> ApprovalRequest:
        await self._work.alone("approval", request.order_number, request.revision, request.step)
        standing = await self._work.one(
            select(ApprovalRequest)
            .where(_requests.order_number == request.order_number)
            .where(_requests.revision == request.revision)
            .where(_requests.step == request.step)
        )
        if standing is not None:
            return standing
        await self._work.put(request)
        return request

    async def get(self, request_id: int, *, lock: bool = False) -> ApprovalRequest | None:
        here = _requests.id == request_id
        if lock:
            return await self._work.locked(ApprovalRequest, t.approval_requests, here)
        return await self._work.one(select(ApprovalRequest).where(here))

    async def current(self, order_number: str, *, lock: bool = False) -> ApprovalRequest | None:
        here = (_requests.order_number == order_number) & (_requests.state == RequestState.OPEN)
        if lock:
            return await self._work.locked(ApprovalRequest, t.approval_requests, here)
        return await self._work.one(select(ApprovalRequest).where(here).order_by(_requests.id.desc()))

    async def of_order(self, order_number: str) -> list[ApprovalRequest]:
        return await self._work.many(
            select(ApprovalRequest).where(_requests.order_number == order_number).order_by(_requests.id)
        )

    async def decide(self, decision: Decision) -> bool:
        inserted = await self._work.run(
            self._work.insert(t.decisions)
            .values(columns_of(decision, t.decisions))
            .on_conflict_do_nothing(index_elements=["request_id"])
            .returning(t.decisions.c.id)
        )
        row_id = inserted.scalar()
        if row_id is None:
            return False
        decision.id = row_id
        return True

    async def decision(self, request_id: int) -> Decision | None:
        return await self._work.one(select(Decision).where(t.decisions.c.request_id == request_id))

    async def decisions(self, order_number: str) -> list[Decision]:
        return await self._work.many(
            select(Decision).where(t.decisions.c.order_number == order_number).order_by(t.decisions.c.id)
        )

    async def open_for(self, person: Person, *, steps: Sequence[Step]) -> list[ApprovalRequest]:
        """What waits for this person, most urgent first: asked by name, called by an escalation, or by role."""
        waiting = await self._work.many(
            select(ApprovalRequest)
            .where(_requests.state == RequestState.OPEN)
            .where(_requests.step.in_(steps))
            .order_by(_requests.due_at, _requests.id)
        )
        return [
            r
            for r in waiting
            if person.id in r.audience or person.id in r.escalated_to or person.has(STEP_ROLE[r.step])
        ]
