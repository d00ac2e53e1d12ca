"""Live expedites: at most one per order (F070–F076)."""

from __future__ import annotations

from sqlalchemy import select

from core.expedite import Expedite, ExpediteState
from storage import tables as t
from storage.session import Work

_live = t.expedites.c.state == ExpediteState.LIVE


class SqlExpedites:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def add(self, expedite: Expedite) -> Expedite:
        """Ends of earlier ones are written first, since at most one is live."""
        await self._work.save()
        await self._work.put(expedite)
        return expedite

    async def live(self, order_number: str, *, lock: bool = False) -> Expedite | None:
        here = (t.expedites.c.order_number == order_number) & _live
        if lock:
            return await self._work.locked(Expedite, t.expedites, here)
        return await self._work.one(select(Expedite).where(here))

    async def all_live(self) -> list[Expedite]:
        """The most pressing first."""
        return await self._work.many(
            select(Expedite).where(_live).order_by(t.expedites.c.latest_ship_at, t.expedites.c.id)
        )
