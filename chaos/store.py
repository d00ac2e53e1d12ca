"""What the database holds, read past the bot: a reader of its own, also while the bot runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from chaos.checker import Stored, StoredDeadline, StoredOrder
from core.deadlines import DeadlineKind, DeadlineState
from core.notices import DeliveryKind
from core.orders import OrderStatus
from core.timeline import first_broken
from handlers.texts import render
from storage import tables as t
from storage.database import SqlDatabase


class Store:
    """Reads a database that a bot may be writing to. Answers None while the database is away."""

    def __init__(self, url: str) -> None:
        self._url = url
        parsed = make_url(url)
        if parsed.drivername.startswith("sqlite"):
            parsed = parsed.set(database=f"file:{parsed.database}", query={"mode": "ro", "uri": "true"})
        self._engine: AsyncEngine = create_async_engine(parsed, pool_size=1, max_overflow=0, pool_pre_ping=True)

    async def close(self) -> None:
        await self._engine.dispose()

    async def open_work(self) -> tuple[int, int] | None:
        """Inbounds not yet worked, deliveries not yet sent."""
        try:
            async with self._engine.connect() as connection:
                work = (await connection.execute(select(func.count()).select_from(t.inbox_work))).scalar_one()
                unsent = select(func.count()).select_from(t.outbox).where(text(t.OPEN_DELIVERY))
                return int(work), int((await connection.execute(unsent)).scalar_one())
        except (SQLAlchemyError, OSError):
            return None

    async def clocks_running(self) -> bool:
        """Whether a draft's clock has still to run out."""
        d = t.deadlines.c
        armed = select(func.count()).where(d.kind == DeadlineKind.DRAFT_UNSUBMITTED, d.state == DeadlineState.ARMED)
        async with self._engine.connect() as connection:
            return bool((await connection.execute(armed)).scalar_one())

    async def read(self) -> Stored:
        """Everything the checker asks about, after the bot has ended."""
        work = await self.open_work()
        assert work is not None
        async with self._engine.connect() as connection:
            o, d, b = t.orders.c, t.deadlines.c, t.timeline.c
            orders = (await connection.execute(select(o.id, o.number, o.source_key, o.status))).all()
            deadlines = (await connection.execute(select(d.id, d.kind, d.ref, d.due_at, d.fired_at, d.state))).all()
            counted = select(b.ref, b.action, func.count()).group_by(b.ref, b.action)
            effects = (await connection.execute(counted)).all()
            asked = dict(
                (await connection.execute(select(t.approval_requests.c.id, t.approval_requests.c.order_number))).all()
            )
            c = t.posted_cards.c
            fresh = (await connection.execute(select(c.card_id, c.ref).where(c.generation > 1))).all()
            decisions = (
                await connection.execute(
                    select(t.decisions.c.request_id, func.count()).group_by(t.decisions.c.request_id)
                )
            ).all()
            letters = select(func.count()).select_from(t.dead_letters).where(t.dead_letters.c.resolved_at.is_(None))
            x = t.outbox.c
            texts = (await connection.execute(select(x.recipients, x.body).where(x.kind == DeliveryKind.TEXT))).all()
            parked = int((await connection.execute(letters)).scalar_one())
        return Stored(
            orders=[StoredOrder(id=r.id, number=r.number, source=r.source_key, status=r.status.value) for r in orders],
            deadlines=[
                StoredDeadline(
                    id=r.id, kind=r.kind.value, ref=r.ref, due_at=r.due_at, fired_at=r.fired_at, state=r.state.value
                )
                for r in deadlines
            ],
            effects=Counter({(ref, action): times for ref, action, times in effects}),
            fresh=Counter((r.card_id.partition("-")[0], _number(r.ref, asked)) for r in fresh),
            decisions=Counter({str(request): times for request, times in decisions}),
            broken_chains=await self._broken(),
            said=Counter((r.recipients[0], render(r.body["sentence"], r.body["args"])) for r in texts),
            parked=parked,
            unworked=work[0],
            unsent=work[1],
            missing_timers=_missing(orders, deadlines),
        )

    async def _broken(self) -> list[str]:
        database = SqlDatabase(self._url)
        try:
            async with database.reading() as tx:
                return [ref for ref in await tx.timeline.refs() if first_broken(await tx.timeline.of(ref)) is not None]
        finally:
            await database.close()


def _number(ref: str, asked: dict[int, str]) -> str:
    """The order a card is about: an approval card's ref is its request."""
    return asked.get(int(ref), ref) if ref.isdigit() else ref


def _missing(orders: Sequence[Any], deadlines: Sequence[Any]) -> list[str]:
    """Drafts without a clock of their own, running or run out."""
    ran = (DeadlineState.ARMED, DeadlineState.FIRED)
    clocked = {d.ref for d in deadlines if d.kind is DeadlineKind.DRAFT_UNSUBMITTED and d.state in ran}
    return [o.number for o in orders if o.status is OrderStatus.DRAFT and o.number not in clocked]
