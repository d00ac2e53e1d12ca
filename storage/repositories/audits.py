"""The auditor's view of the store: what is open, what is late, and the trace as it stands in its rows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    delete,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    tuple_,
)

from core.anchoring import Anchor, Place, StoredLink
from core.approvals import RequestState
from core.auditing import DraftDuty, Duties, FuseDuty, Late, ListDuty, ReplicaPass, RequestDuty, Timer, Unsent
from core.deadlines import DeadlineKind
from core.expedite import ExpediteState
from core.notices import DeliveryState
from core.orders import OrderStatus
from core.timeline import TimelineEntry
from core.waves import PickListState
from storage import tables as t
from storage.session import Work
from storage.types import dump_json

CHUNK = 400
MOST = 200
LEADER_MISSED = timedelta(hours=1)
"""A job nobody leads for longer has been switched off."""
LINK_COLUMNS = (
    "ref",
    "seq",
    "action",
    "actor",
    "actor_name",
    "channel",
    "evidence",
    "details",
    "at",
    "prev_hash",
    "hash",
)

T = TypeVar("T")


class SqlAudits:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def duties(self) -> Duties:
        orders, requests, fuses, lists = t.orders.c, t.approval_requests.c, t.expedites.c, t.pick_lists.c
        asked = select(func.max(requests.opened_at)).where(requests.order_number == orders.number).scalar_subquery()
        armed = exists().where(
            t.deadlines.c.ref == orders.number,
            t.deadlines.c.kind == DeadlineKind.DRAFT_UNSUBMITTED,
            text(f"deadlines.{t.ARMED}"),
        )
        drafts = select(orders.number, orders.created_at, asked.label("asked_at")).where(
            orders.status == OrderStatus.DRAFT, ~armed
        )
        open_requests = select(requests.id, requests.order_number, requests.opened_at, requests.due_at).where(
            requests.state == RequestState.OPEN, text("approval_requests.state = 'open'")
        )
        live = select(fuses.order_number, fuses.latest_ship_at, fuses.escalated_at).where(
            fuses.state == ExpediteState.LIVE, text("expedites.state = 'live'")
        )
        open_lists = select(lists.number, lists.created_at).where(lists.state == PickListState.OPEN)
        return Duties(
            drafts=[
                DraftDuty(number=r.number, since=max(r.created_at, r.asked_at or r.created_at))
                for r in await self._rows(drafts)
            ],
            requests=[
                RequestDuty(request_id=r.id, order_number=r.order_number, opened_at=r.opened_at, due_at=r.due_at)
                for r in await self._rows(open_requests)
            ],
            fuses=[
                FuseDuty(number=r.order_number, latest_ship_at=r.latest_ship_at, escalated_at=r.escalated_at)
                for r in await self._rows(live)
            ],
            lists=[ListDuty(number=r.number, created_at=r.created_at) for r in await self._rows(open_lists)],
        )

    async def timers(self, refs: Sequence[str]) -> list[Timer]:
        row = t.deadlines.c
        wanted = select(row.kind, row.ref, row.step, row.generation, row.due_at, row.state)
        return [
            Timer(kind=r.kind, ref=r.ref, step=r.step, generation=r.generation, due_at=r.due_at, state=r.state)
            for chunk in _chunks(sorted(set(refs)))
            for r in await self._rows(wanted.where(row.ref.in_(chunk)))
        ]

    async def overdue(self, before: datetime) -> list[Late]:
        row = t.deadlines.c
        wanted = (
            select(row.kind, row.ref, row.step, row.due_at)
            .where(text(t.ARMED), row.due_at <= before)
            .order_by(row.due_at, row.id)
            .limit(MOST)
        )
        return [
            Late(subject=" ".join(x for x in (r.kind.value, r.ref, r.step) if x), since=r.due_at)
            for r in await self._rows(wanted)
        ]

    async def stuck_leases(self, before: datetime) -> list[Late]:
        inbound, outbound, leader = t.inbox_work.c, t.outbox.c, t.leases.c
        found = [
            Late(subject=f"inbox {r.inbox_id}", since=r.lease_until)
            for r in await self._rows(
                select(inbound.inbox_id, inbound.lease_until)
                .where(inbound.state == "leased", inbound.lease_until <= before)
                .order_by(inbound.lease_until)
                .limit(MOST)
            )
        ]
        found += [
            Late(subject=f"outbox {r.id}", since=r.lease_until)
            for r in await self._rows(
                select(outbound.id, outbound.lease_until)
                .where(text(t.OPEN_DELIVERY), outbound.state == DeliveryState.LEASED, outbound.lease_until <= before)
                .order_by(outbound.lease_until)
                .limit(MOST)
            )
        ]
        found += [
            Late(subject=f"leader {r.name}", since=r.until)
            for r in await self._rows(
                select(leader.name, leader.until).where(leader.until <= before, leader.until > before - LEADER_MISSED)
            )
        ]
        return sorted(found, key=lambda late: late.since)

    async def unsent(self, now: datetime, before: datetime) -> list[Unsent]:
        row = t.outbox.c
        waiting = (
            select(row.platform, func.count().label("n"), func.min(row.created_at).label("oldest"))
            .where(text(t.OPEN_DELIVERY), row.created_at <= before, or_(row.available_at <= now, row.last_error != ""))
            .group_by(row.platform)
        )
        found = []
        for r in await self._rows(waiting):
            left = select(row.sent_at).where(row.platform == r.platform, row.state == DeliveryState.SENT)
            last: datetime | None = (await self._work.run(left.order_by(row.id.desc()).limit(1))).scalar()
            found.append(Unsent(platform=r.platform, count=r.n, oldest=r.oldest, last_sent=last))
        return found

    async def oldest_inbound(self) -> datetime | None:
        open_rows = t.inbox_work.join(t.inbox, t.inbox.c.id == t.inbox_work.c.inbox_id)
        oldest: datetime | None = (
            await self._work.run(select(func.min(t.inbox.c.received_at)).select_from(open_rows))
        ).scalar()
        return oldest

    async def left_spools(self, before: datetime) -> list[Late]:
        mark = t.spool_marks.c
        wanted = select(mark.replica, mark.until).where(mark.until <= before).order_by(mark.until)
        return [Late(subject=r.replica, since=r.until) for r in await self._rows(wanted)]

    async def passes(self) -> list[ReplicaPass]:
        row = t.audit_passes.c
        return [ReplicaPass(replica=r.replica, at=r.at) for r in await self._rows(select(row.replica, row.at))]

    async def note_pass(self, replica: str, at: datetime, findings: int) -> None:
        noted = self._work.insert(t.audit_passes).values(replica=replica, at=at, findings=findings)
        await self._work.run(
            noted.on_conflict_do_update(index_elements=["replica"], set_={"at": at, "findings": findings})
        )

    async def say_goodbye(self, replica: str) -> None:
        await self._work.run(delete(t.audit_passes).where(t.audit_passes.c.replica == replica))

    async def forget_replicas(self, before: datetime) -> None:
        await self._work.run(delete(t.audit_passes).where(t.audit_passes.c.at < before))

    # ------------------------------------------------------------ the trace

    async def links(self, *, after: int, upto: int | None = None, limit: int) -> list[StoredLink]:
        wanted = self._raw().where(t.timeline.c.id > after)
        if upto is not None:
            wanted = wanted.where(t.timeline.c.id <= upto)
        found: list[StoredLink] = []
        for rows in _chunks(await self._rows(wanted.order_by(t.timeline.c.id).limit(limit))):
            found += map(_link, rows)
            await asyncio.sleep(0)  # somebody waits for an answer meanwhile
        return found

    async def heads(self, places: Sequence[Place]) -> dict[Place, str]:
        row = t.timeline.c
        found: dict[Place, str] = {}
        for chunk in _chunks(sorted(set(places))):
            for r in await self._rows(self._raw().where(tuple_(row.ref, row.seq).in_(chunk))):
                link = _link(r)
                found[link.ref, link.seq] = link.hash
        return found

    async def settled(self) -> int:
        """On PostgreSQL the lock is granted when every writer of the trace has ended; on SQLite there is one writer."""
        if self._work.postgres:
            await self._work.run(text("SET LOCAL lock_timeout = '2s'"))
            await self._work.run(text("LOCK TABLE timeline IN SHARE MODE"))
        last: int = (await self._work.run(select(func.coalesce(func.max(t.timeline.c.id), 0)))).scalar_one()
        return last

    async def anchors(self, *, after: int = 0, limit: int | None = None) -> list[Anchor]:
        upto = t.timeline_anchors.c.upto
        wanted = select(t.timeline_anchors).where(upto > after).order_by(upto).limit(limit)
        return [_anchor(r) for r in await self._rows(wanted)]

    async def last_anchor(self, *, alone: bool = False) -> Anchor | None:
        if alone:
            await self._work.alone("anchor")
        newest = select(t.timeline_anchors).order_by(t.timeline_anchors.c.upto.desc()).limit(1)
        found = await self._rows(newest)
        return _anchor(found[0]) if found else None

    async def add_anchor(self, anchor: Anchor) -> None:
        await self._work.run(
            insert(t.timeline_anchors).values(at=anchor.at, upto=anchor.upto, links=anchor.links, root=anchor.root)
        )

    def _raw(self) -> Select[Any]:
        """The columns as they are kept. On SQLite as bytes: a damaged one must not stop the reading of the others."""
        if self._work.postgres:
            return select(t.timeline.c.id, *(_as_text(name) for name in LINK_COLUMNS))
        return select(
            t.timeline.c.id, *(literal_column(f"CAST(timeline.{name} AS BLOB)").label(name) for name in LINK_COLUMNS)
        )

    async def _rows(self, statement: Any) -> Sequence[Row[Any]]:
        return (await self._work.run(statement)).all()


def _as_text(name: str) -> ColumnElement[Any]:
    if name == "at":
        return literal_column("to_char(timeline.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')").label(name)
    return literal_column(f"CAST(timeline.{name} AS TEXT)").label(name)


def _link(row: Row[Any]) -> StoredLink:
    kept: dict[str, str] = {}
    whole = True
    for name in LINK_COLUMNS:
        value = getattr(row, name)
        if isinstance(value, bytes):
            try:
                value = value.decode()
            except UnicodeDecodeError:
                value, whole = value.decode(errors="replace"), False
        whole = whole and value is not None
        kept[name] = value or ""
    seq = int(kept["seq"]) if kept["seq"].isascii() and kept["seq"].isdecimal() else 0
    return StoredLink(
        id=row.id,
        ref=kept["ref"],
        seq=seq,
        prev_hash=kept["prev_hash"],
        hash=kept["hash"],
        entry=_entry(row.id, kept) if whole and str(seq) == kept["seq"] else None,
    )


def _entry(row_id: int, kept: dict[str, str]) -> TimelineEntry | None:
    """The entry; None when the row says the same in other bytes than the desk would have written."""
    try:
        details = json.loads(kept["details"])
        at = datetime.fromisoformat(kept["at"])
    except ValueError:
        return None
    if not isinstance(details, dict) or dump_json(details) != kept["details"]:
        return None
    if at.tzinfo is not None or f"{at:%Y-%m-%d %H:%M:%S.%f}" != kept["at"]:
        return None
    texts = {n: kept[n] for n in ("ref", "action", "actor", "actor_name", "channel", "evidence", "prev_hash", "hash")}
    return TimelineEntry(id=row_id, seq=int(kept["seq"]), details=details, at=at.replace(tzinfo=UTC), **texts)


def _anchor(row: Row[Any]) -> Anchor:
    return Anchor(at=row.at, upto=row.upto, links=row.links, root=row.root)


def _chunks(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[n : n + CHUNK] for n in range(0, len(items), CHUNK))
