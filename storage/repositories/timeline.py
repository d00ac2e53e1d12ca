"""The hash chain of every subject (F013)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select

from core.timeline import GENESIS, TimelineEntry, entry_hash
from storage import tables as t
from storage.rows import columns_of
from storage.session import Work

_links = t.timeline.c
_APPEND = insert(t.timeline).returning(_links.id)
_HEAD = select(_links.seq, _links.hash).where(_links.ref == bindparam("subject")).order_by(_links.seq.desc()).limit(1)


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
        last, prev = await self._head(ref)
        seq = last + 1
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
        entry.id = (await self._work.run(_APPEND, columns_of(entry, t.timeline))).scalar_one()
        self._work.heads[ref] = (seq, entry.hash)
        return entry

    async def _head(self, ref: str) -> tuple[int, str]:
        """The newest link; from here to the commit nobody else extends this chain."""
        if (known := self._work.heads.get(ref)) is not None:
            return known
        if ref in self._work.born:
            return 0, GENESIS
        await self._work.alone("timeline", ref)
        last = (await self._work.run(_HEAD, {"subject": ref})).first()
        return (last.seq, last.hash) if last else (0, GENESIS)

    async def of(self, ref: str) -> list[TimelineEntry]:
        return await self._work.many(select(TimelineEntry).where(_links.ref == ref).order_by(_links.seq))

    async def refs(self) -> list[str]:
        found = await self._work.run(select(_links.ref).distinct().order_by(_links.ref))
        return [str(ref) for ref in found.scalars()]
