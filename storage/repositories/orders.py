"""Orders with their lines, and every correction that was made to them (F012, F034–F038)."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import joinedload

from core.orders import Order, OrderRevision, OrderStatus
from storage import tables as t
from storage.session import Work

_NEWEST = (t.orders.c.created_at.desc(), t.orders.c.id.desc())
_TWIN = (
    select(t.orders.c.number)
    .where(t.orders.c.fingerprint == bindparam("same"), t.orders.c.created_at >= bindparam("since"))
    .where(t.orders.c.status != OrderStatus.CANCELLED)
    .order_by(*_NEWEST)
    .limit(1)
)
_TAKEN = select(t.orders.c.number).where(
    (t.orders.c.source_key == bindparam("source")) | (t.orders.c.number == bindparam("named"))
)


@cache
def _by_number() -> Select[Order]:
    """An order and its lines in one statement."""
    return select(Order).options(joinedload(Order.lines)).where(t.orders.c.number == bindparam("named"))  # type: ignore[arg-type]


@cache
def _by_source() -> Select[Order]:
    return select(Order).where(t.orders.c.source_key == bindparam("source"))


class SqlOrders:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def add(self, order: Order) -> None:
        await self._work.alone("order", order.source_key)
        taken = await self._work.run(_TAKEN, {"source": order.source_key, "named": order.number})
        if (number := taken.scalar()) is not None:
            raise ValueError(f"order {number} has this number or source already")
        await self._work.put(order)
        self._work.born.add(order.number)

    async def get(self, number: str, *, lock: bool = False) -> Order | None:
        here = t.orders.c.number == number
        if lock:
            return await self._work.locked(Order, t.orders, here)
        return await self._work.one(_by_number(), {"named": number})

    async def by_source(self, source_key: str) -> Order | None:
        return await self._work.one(_by_source(), {"source": source_key})

    async def ending_with(self, digits: str, *, limit: int = 6) -> list[Order]:
        return await self._many(
            select(Order).where(t.orders.c.number.endswith(digits, autoescape=True)).order_by(*_NEWEST), limit
        )

    async def of_owner(self, person_id: str, *statuses: OrderStatus, limit: int = 20) -> list[Order]:
        wanted = select(Order).where(t.orders.c.owner_id == person_id).order_by(*_NEWEST)
        return await self._many(wanted.where(t.orders.c.status.in_(statuses)) if statuses else wanted, limit)

    async def of_customer(self, customer_code: str, *, limit: int = 10) -> list[Order]:
        return await self._many(
            select(Order).where(t.orders.c.customer_code == customer_code).order_by(*_NEWEST), limit
        )

    async def twin(self, fingerprint: str, *, since: datetime) -> str:
        found = await self._work.run(_TWIN, {"same": fingerprint, "since": since})
        return found.scalar() or ""

    async def in_status(self, *statuses: OrderStatus, warehouse: str = "", limit: int = 10_000) -> list[Order]:
        """Oldest first."""
        wanted = select(Order).where(t.orders.c.status.in_(statuses)).order_by(t.orders.c.id)
        return await self._many(wanted.where(t.orders.c.warehouse == warehouse) if warehouse else wanted, limit)

    async def add_revision(self, revision: OrderRevision) -> None:
        await self._work.put(revision)

    async def revisions(self, number: str) -> list[OrderRevision]:
        return await self._work.many(
            select(OrderRevision).where(t.order_revisions.c.order_number == number).order_by(t.order_revisions.c.id)
        )

    async def _many(self, statement: Select[Order], limit: int) -> list[Order]:
        return await self._work.many(statement.limit(limit))
