"""What the next short reply of a person answers."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from sqlalchemy import Select, bindparam, delete, select

from core.notices import Expectation
from storage import tables as t
from storage.rows import columns_of
from storage.session import Work


@cache
def _live() -> Select[Expectation]:
    expectations = t.expectations.c
    return select(Expectation).where(
        expectations.person_id == bindparam("person"), expectations.expires_at > bindparam("now")
    )


class SqlExpectations:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def expect(self, expectation: Expectation) -> None:
        row = columns_of(expectation, t.expectations)
        row.pop("id", None)
        kept = await self._work.run(
            self._work.insert(t.expectations)
            .values(row)
            .on_conflict_do_update(
                index_elements=["person_id"], set_={k: v for k, v in row.items() if k != "person_id"}
            )
            .returning(t.expectations.c.id)
        )
        row_id = kept.scalar_one()
        if not self._work.tracks(expectation):
            expectation.id = row_id

    async def take(self, person_id: str, now: datetime) -> Expectation | None:
        return await self._work.fresh(_live(), {"person": person_id, "now": now})

    async def clear(self, person_id: str) -> None:
        await self._work.run(delete(t.expectations).where(t.expectations.c.person_id == person_id))
