"""The one allocator of running numbers: a counter row per prefix and day."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

from sqlalchemy.sql.dml import ReturningInsert

from storage import tables as t
from storage.session import Work, insert_into


class SqlNumbers:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def next(self, prefix: str, day: date, count: int = 1) -> int:
        """The row stays locked until the commit, so that a number is neither doubled nor skipped."""
        given = await self._work.run(_next(self._work.postgres), {"prefix": prefix, "day": day, "last": count})
        return int(given.scalar_one())


@cache
def _next(postgres: bool) -> ReturningInsert[Any]:
    first = insert_into(t.numbers, postgres)
    return first.on_conflict_do_update(
        index_elements=["prefix", "day"], set_={"last": t.numbers.c.last + first.excluded.last}
    ).returning(t.numbers.c.last)
