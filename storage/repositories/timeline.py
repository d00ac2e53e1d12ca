"""The hash chain of every subject (F013)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from core.timeline import GENESIS, TimelineEntry, entry_hash
from storage import tables as t
from storage.rows import columns_of
from storage.session import Work

_links = t.timeline.c


class SqlTimeline:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def append(
        self,
        ref: str,
        action: str,
        *,
        actor: str,
        actor_name: str,
        channel: str,
        details: dict[str, Any],
        at: datetime,
        evidence: str = "B",
    ) -> TimelineEntry:
        await self._work.alone("timeline", ref)
        last = (
            await self._work.run(
                select(_links.seq, _links.hash).where(_links.ref == ref).order_by(_links.seq.desc()).limit(1)
            )
        ).first()
        seq, prev = (last.seq + 1, last.hash) if last else (1, GENESIS)
        entry = TimelineEntry(
            ref=ref,
            seq=seq,
            action=action,
            actor=actor,
            actor_name=actor_name,
            channel=channel,
            evidence=evidence,
            details=details,
            at=at,
            prev_hash=prev,
            hash=entry_hash(
                ref=ref,
                seq=seq,
                action=action,
                actor=actor,
                actor_name=actor_name,
                channel=channel,
                evidence=evidence,
                details=details,
                at=at,
                prev_hash=prev,
            ),
        )
        added = await self._work.run(insert(t.timeline).values(columns_of(entry, t.timeline)).returning(_links.id))
        entry.id = added.scalar_one()
        return entry

    async def of(self, ref: str) -> list[TimelineEntry]:
        return await self._work.many(select(TimelineEntry).where(_links.ref == ref).order_by(_links.seq))

    async def refs(self) -> list[str]:
        found = await self._work.run(select(_links.ref).distinct().order_by(_links.ref))
        return [str(ref) for ref in found.scalars()]
