"""Deciding about what was given up, inside the transaction that records who decided."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Update, insert, select, update

from core.deadlines import DeadlineState
from core.notices import DeliveryState
from storage import tables as t
from storage.queues.claims import NO_LEASE
from storage.session import Work


class SqlLetters:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def resend(self, letter_id: int, by: str, at: datetime) -> bool:
        letters = t.dead_letters.c
        resolved = self._resolved(letter_id, by, at, "resent").returning(letters.source, letters.source_id)
        letter = (await self._work.run(resolved)).first()
        if letter is None:
            return False
        await self._reopen(letter.source, letter.source_id, at)
        return True

    async def drop(self, letter_id: int, by: str, at: datetime) -> bool:
        return await self._work.changed(self._resolved(letter_id, by, at, "dropped")) == 1

    def _resolved(self, letter_id: int, by: str, at: datetime, resolution: str) -> Update:
        letters = t.dead_letters.c
        return (
            update(t.dead_letters)
            .where(letters.id == letter_id, letters.resolved_at.is_(None))
            .values(resolved_by=by, resolved_at=at, resolution=resolution)
        )

    async def _reopen(self, source: str, source_id: int, at: datetime) -> None:
        """With fresh attempts."""
        if source == "deadline":
            row = t.deadlines.c
            await self._work.run(
                update(t.deadlines)
                .where(row.id == source_id, row.state == DeadlineState.PARKED)
                .values(state=DeadlineState.ARMED, attempts=0, available_at=at)
            )
            return
        if source == "outbox":
            await self._work.run(
                update(t.outbox)
                .where(t.outbox.c.id == source_id, t.outbox.c.state == DeliveryState.DEAD)
                .values(state=DeliveryState.READY, attempts=0, available_at=at, give_up_at=None, **NO_LEASE)
            )
            return
        inbound = (
            await self._work.run(select(t.inbox.c.conv_key, t.inbox.c.platform_at).where(t.inbox.c.id == source_id))
        ).one()
        await self._work.run(
            insert(t.inbox_work).values(
                inbox_id=source_id,
                conv_key=inbound.conv_key,
                platform_at=inbound.platform_at,
                state="ready",
                attempts=0,
                available_at=at,
                last_error="",
                **NO_LEASE,
            )
        )
