"""Master data, read whole into the index and written by the import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import Table, delete, select

from core.catalog import Bin, CalendarDay, Carrier, Customer, Part, PartAlias, Warehouse
from storage import tables as t
from storage.rows import chunks
from storage.session import Work

CHUNK = 500
MASTER: dict[type[Any], Table] = {
    Customer: t.customers,
    Part: t.parts,
    Warehouse: t.warehouses,
    Bin: t.bins,
    Carrier: t.carriers,
    CalendarDay: t.calendar_days,
}

CarriersOfVersion = dict[int, tuple[Carrier, ...]]
"""The carriers as of one version of the master data. Read before it, the version is never newer than they are."""
_VERSION = select(t.master_version.c.version)


class SqlCatalog:
    def __init__(self, work: Work, carriers: CarriersOfVersion) -> None:
        """``carriers``: kept by the process for all its transactions."""
        self._work = work
        self._carriers = carriers
        self._version: int | None = None
        """As read in this transaction, before anything else of the master data; None as long as it is not known."""
        self._changed = False

    async def customers(self) -> list[Customer]:
        return await self._work.many(select(Customer).order_by(t.customers.c.code))

    async def customer(self, code: str) -> Customer | None:
        return await self._work.one(select(Customer).where(t.customers.c.code == code))

    async def parts(self) -> list[Part]:
        return await self._work.many(select(Part).order_by(t.parts.c.number))

    async def part(self, number: str) -> Part | None:
        return await self._work.one(select(Part).where(t.parts.c.number == number))

    async def warehouses(self) -> list[Warehouse]:
        return await self._work.many(select(Warehouse).order_by(t.warehouses.c.code))

    async def warehouse(self, code: str) -> Warehouse | None:
        return await self._work.one(select(Warehouse).where(t.warehouses.c.code == code))

    async def carriers(self, warehouse: str = "") -> list[Carrier]:
        """In the order in which they leave."""
        known = None if self._version is None else self._carriers.get(self._version)
        if known is None:
            read = await self._work.many(select(Carrier).order_by(t.carriers.c.cutoff, t.carriers.c.code))
            known = tuple(replace(carrier) for carrier in read)
            if self._version is not None:
                self._carriers.clear()
                self._carriers[self._version] = known
        return [c for c in known if not warehouse or c.warehouse == warehouse]

    async def capacity_override(self, carrier: str, day: date) -> int | None:
        found = await self._work.run(
            select(t.carrier_capacity.c.parcels)
            .where(t.carrier_capacity.c.carrier == carrier)
            .where(t.carrier_capacity.c.day == day)
        )
        parcels: int | None = found.scalar()
        return parcels

    async def set_capacity(self, carrier: str, day: date, parcels: int, by: str) -> None:
        await self._work.run(
            self._work.insert(t.carrier_capacity)
            .values(carrier=carrier, day=day, parcels=parcels, by=by)
            .on_conflict_do_update(index_elements=["carrier", "day"], set_={"parcels": parcels, "by": by})
        )

    async def bins(self, warehouse: str) -> list[Bin]:
        return await self._work.many(select(Bin).where(t.bins.c.warehouse == warehouse).order_by(t.bins.c.label))

    async def calendar_days(self) -> list[CalendarDay]:
        return await self._work.many(select(CalendarDay).order_by(t.calendar_days.c.day))

    async def upsert(self, rows: Sequence[Customer | Part | Warehouse | Bin | Carrier | CalendarDay]) -> None:
        self._changed, self._version = True, None
        await self._work.save()
        self._work.forget(lambda known: isinstance(known, (*MASTER, PartAlias)))
        for entity, table in MASTER.items():
            key = [c.name for c in table.primary_key]
            # A row named twice in one file counts as its last line says.
            found = {tuple(getattr(row, k) for k in key): row for row in rows if isinstance(row, entity)}
            await self._put(table, key, list(found.values()))
        await self._put_aliases(list({x.number: x for x in rows if isinstance(x, Part)}.values()))
        await self._work.run(
            self._work.insert(t.master_version)
            .values(id=1, version=1)
            .on_conflict_do_update(index_elements=["id"], set_={"version": t.master_version.c.version + 1})
        )

    async def version(self) -> int:
        found = await self._work.run(_VERSION)
        version = int(found.scalar() or 0)
        self._version = None if self._changed else version
        return version

    async def _put(self, table: Table, key: list[str], rows: Sequence[Any]) -> None:
        insert = self._work.insert(table)
        fields = [c.name for c in table.c if c.name not in key]
        statement = insert.on_conflict_do_update(
            index_elements=key, set_={name: insert.excluded[name] for name in fields}
        )
        for chunk in chunks(rows, CHUNK):
            await self._work.run(statement, [{c.name: getattr(row, c.name) for c in table.c} for row in chunk])

    async def _put_aliases(self, parts: Sequence[Part]) -> None:
        for chunk in chunks(parts, CHUNK):
            await self._work.run(
                delete(t.part_aliases).where(t.part_aliases.c.part_number.in_([p.number for p in chunk]))
            )
            rows = [
                {"part_number": p.number, "kind": a.kind, "text": a.text, "normal": a.normal}
                for p in chunk
                for a in p.aliases
            ]
            if rows:
                await self._work.run(self._work.insert(t.part_aliases).on_conflict_do_nothing(), rows)
