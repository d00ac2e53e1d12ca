"""All master data at once: what an import is compared with, what an export writes, what the demo starts from."""

from __future__ import annotations

from dataclasses import dataclass

from core.catalog import Bin, CalendarDay, Carrier, Customer, Part, Warehouse
from core.people import Person
from core.ports import Transaction
from core.stock import Lot

_CHUNK = 500


@dataclass(frozen=True, kw_only=True)
class MasterSet:
    """The eight masters."""

    people: tuple[Person, ...] = ()
    customers: tuple[Customer, ...] = ()
    parts: tuple[Part, ...] = ()
    warehouses: tuple[Warehouse, ...] = ()
    bins: tuple[Bin, ...] = ()
    lots: tuple[Lot, ...] = ()
    carriers: tuple[Carrier, ...] = ()
    calendar: tuple[CalendarDay, ...] = ()


async def read_masters(tx: Transaction) -> MasterSet:
    """Everything on file, in the order of its codes."""
    parts = await tx.catalog.parts()
    warehouses = await tx.catalog.warehouses()
    numbers = [part.number for part in parts]
    lots = [
        lot for start in range(0, len(numbers), _CHUNK) for lot in await tx.stock.lots(numbers[start : start + _CHUNK])
    ]
    return MasterSet(
        people=tuple(await tx.people.everybody()),
        customers=tuple(await tx.catalog.customers()),
        parts=tuple(parts),
        warehouses=tuple(warehouses),
        bins=tuple([row for house in warehouses for row in await tx.catalog.bins(house.code)]),
        lots=tuple(sorted(lots, key=lambda lot: (lot.warehouse, lot.bin, lot.part_number, lot.lot_no))),
        carriers=tuple(sorted(await tx.catalog.carriers(), key=lambda row: (row.warehouse, row.cutoff, row.code))),
        calendar=tuple(await tx.catalog.calendar_days()),
    )
