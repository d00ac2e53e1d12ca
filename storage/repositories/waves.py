"""Waves, pick lists and their tasks (F050–F058)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select, update

from core.waves import PickList, PickListState, Wave
from storage import tables as t
from storage.session import Work

_lists = t.pick_lists.c
_LIVE = (PickListState.OPEN, PickListState.CLAIMED)


class SqlWaves:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def turn(self) -> int:
        await self._work.alone("waves")
        return await self.newest()

    async def newest(self) -> int:
        return int((await self._work.run(select(func.max(t.waves.c.id)))).scalar() or 0)

    async def by_key(self, key: str) -> Wave | None:
        return await self._work.one(select(Wave).where(t.waves.c.key == key))

    async def add(self, wave: Wave) -> Wave:
        await self._work.put(wave)
        return wave

    async def today(self, warehouse: str, since: datetime) -> list[Wave]:
        return await self._work.many(
            select(Wave)
            .where(t.waves.c.warehouse == warehouse, t.waves.c.slot_at >= since)
            .order_by(t.waves.c.slot_at, t.waves.c.id)
        )

    async def add_pick_list(self, pick_list: PickList) -> PickList:
        await self._work.put(pick_list)
        return pick_list

    async def pick_list(self, number: str, *, lock: bool = False) -> PickList | None:
        here = _lists.number == number
        if lock:
            return await self._work.locked(PickList, t.pick_lists, here)
        return await self._work.one(select(PickList).where(here))

    async def claim(self, number: str, person_id: str, at: datetime) -> bool:
        claimed = await self._work.changed(
            update(t.pick_lists)
            .where(_lists.number == number, _lists.state == PickListState.OPEN)
            .values(state=PickListState.CLAIMED, claimed_by=person_id, claimed_at=at, version=_lists.version + 1)
        )
        await self._work.fresh(select(PickList).where(_lists.number == number))
        return claimed == 1

    async def open_lists(self, warehouse: str = "", *, claimed_by: str = "") -> list[PickList]:
        wanted = (
            select(PickList).where(_lists.state.in_(_LIVE)).order_by(_lists.urgent.desc(), _lists.cutoff_at, _lists.id)
        )
        if warehouse:
            wanted = wanted.where(_lists.warehouse == warehouse)
        if claimed_by:
            wanted = wanted.where(_lists.claimed_by == claimed_by)
        return await self._work.many(wanted)

    async def list_of_order(self, order_number: str) -> PickList | None:
        on_it = select(t.pick_tasks.c.pick_list_id).where(t.pick_tasks.c.order_number == order_number)
        return await self._work.one(
            select(PickList).where(_lists.state.in_(_LIVE), _lists.id.in_(on_it)).order_by(_lists.id.desc())
        )

    async def shipped_parcels(self, carrier: str, since: datetime) -> int:
        taken = await self._work.run(
            select(func.coalesce(func.sum(t.waves.c.parcels), 0)).where(
                t.waves.c.carrier == carrier, t.waves.c.created_at >= since
            )
        )
        return int(taken.scalar_one())
