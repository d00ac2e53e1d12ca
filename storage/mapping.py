"""Ties the entities of ``core`` to their tables, so that no row is copied into an object by hand."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Column, Table
from sqlalchemy.orm import RelationshipProperty, registry, relationship

from core.approvals import ApprovalRequest, Decision
from core.catalog import Bin, CalendarDay, Carrier, Customer, Part, PartAlias, Warehouse
from core.deadlines import Deadline
from core.expedite import Expedite
from core.notices import ClickCode, Delivery, Expectation, PostedCard
from core.orders import Order, OrderLine, OrderRevision
from core.people import ChatAccount, Person
from core.stock import Allocation, Lot, StockMovement
from core.timeline import TimelineEntry
from core.waves import PickList, PickTask, Wave
from storage import tables as t
from storage.changes import watch

PLAIN: dict[type[object], Table] = {
    ChatAccount: t.chat_accounts,
    Customer: t.customers,
    Warehouse: t.warehouses,
    Bin: t.bins,
    Carrier: t.carriers,
    CalendarDay: t.calendar_days,
    OrderLine: t.order_lines,
    OrderRevision: t.order_revisions,
    ApprovalRequest: t.approval_requests,
    Decision: t.decisions,
    Lot: t.lots,
    Allocation: t.allocations,
    StockMovement: t.stock_movements,
    Wave: t.waves,
    PickTask: t.pick_tasks,
    Expedite: t.expedites,
    Deadline: t.deadlines,
    TimelineEntry: t.timeline,
    Expectation: t.expectations,
    Delivery: t.outbox,
    PostedCard: t.posted_cards,
    ClickCode: t.click_codes,
}
"""Entities whose fields are exactly their columns."""


@cache
def map_entities() -> registry:
    """Map every entity once per process. Children come with their parent; nothing is loaded behind an attribute."""
    mapped = registry(metadata=t.metadata)
    for entity, table in PLAIN.items():
        mapped.map_imperatively(entity, table)
    mapped.map_imperatively(PartAlias, t.part_aliases, properties={"_id": t.part_aliases.c.id})
    mapped.map_imperatively(
        Person,
        t.people,
        properties={"accounts": _children(ChatAccount, t.chat_accounts.c.platform)},
    )
    mapped.map_imperatively(Part, t.parts, properties={"aliases": _children(PartAlias, t.part_aliases.c.id)})
    mapped.map_imperatively(
        Order,
        t.orders,
        version_id_col=t.orders.c.version,
        properties={"lines": _children(OrderLine, t.order_lines.c.position)},
    )
    mapped.map_imperatively(
        PickList,
        t.pick_lists,
        version_id_col=t.pick_lists.c.version,
        properties={"tasks": _children(PickTask, t.pick_tasks.c.stop, t.pick_tasks.c.id)},
    )
    mapped.configure()
    watch(mapped)
    return mapped


def _children(entity: type[object], *order_by: Column[Any]) -> RelationshipProperty[Any]:
    return relationship(entity, lazy="selectin", cascade="all, delete-orphan", order_by=order_by)
