"""The demo's company: made up, always the same, and enough for every script (domain page, section 8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from random import Random

from bot.masters.demo.customers import demo_customers
from bot.masters.demo.parts import demo_parts
from bot.masters.demo.people import demo_people
from bot.masters.demo.places import demo_bins, demo_carriers, demo_warehouses
from bot.masters.demo.stock import demo_lots
from bot.masters.master_set import MasterSet
from core.clock import CHINA
from core.ports import Database

__all__ = ["DEMO_START", "SEED", "DemoRefused", "demo_set", "load_demo"]

DEMO_START = datetime(2026, 2, 21, 9, 14, tzinfo=CHINA)
"""When the demo's clock starts: a Saturday that its work calendar works on."""
SEED = 42
LOADED = "demo.loaded"


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How many of each."""

    customers: int
    parts: int
    lots: int


SCALES = {"small": Scale(customers=600, parts=1200, lots=3000)}


class DemoRefused(ValueError):
    """There is real master data in this database; the demo is never mixed into it."""


def demo_set(seed: int = SEED, scale: str = "small") -> MasterSet:
    """The whole set, equal for equal seeds. Raises ValueError for a scale that is not there."""
    if scale not in SCALES:
        raise ValueError(f"no demo set of scale {scale!r}; there is {', '.join(SCALES)}")
    size = SCALES[scale]
    random = Random(seed)
    parts = demo_parts(random, size.parts)
    bins = demo_bins()
    return MasterSet(
        people=demo_people(),
        customers=demo_customers(random, size.customers),
        parts=tuple(item.part for item in parts),
        warehouses=demo_warehouses(),
        bins=bins,
        lots=demo_lots(random, parts, bins, size.lots, DEMO_START.date()),
        carriers=demo_carriers(),
    )


async def load_demo(database: Database, now: datetime, *, seed: int = SEED, scale: str = "small") -> bool:
    """Fill an empty order store with the demo set, in one transaction; False when it is there already.

    Raises DemoRefused when the store holds master data of somebody else (newcomer page, section 3).
    """
    masters = demo_set(seed, scale)
    async with database.transaction() as tx:
        if any(entry.action == LOADED for entry in await tx.timeline.of("masters")):
            return False
        if await tx.catalog.version() or await tx.people.everybody():
            raise DemoRefused("this database holds real master data")
        await tx.catalog.upsert(
            [*masters.warehouses, *masters.parts, *masters.customers, *masters.bins, *masters.carriers]
        )
        for person in masters.people:
            await tx.people.save(person)
        await tx.stock.receive(masters.lots, by="demo", at=now, ref="demo")
        await tx.timeline.append(
            "masters",
            LOADED,
            actor="system",
            actor_name="系统",
            channel="system",
            at=now,
            details={"seed": seed, "scale": scale},
        )
    return True
