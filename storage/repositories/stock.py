"""Lots in bins: one conditional update holds pieces, every change of a balance is a movement (F052, F061, F064)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select, update

from core.errors import DomainError
from core.stock import Allocation, Lot, StockMovement
from core.warehouse.lots import QcState
from storage import tables as t
from storage.rows import chunks, columns_of
from storage.session import Work

_lots = t.lots.c
_CHUNK = 500
_CELL = ("warehouse", "lot_no", "part_number", "bin")
_RELEASED = tuple(state for state in QcState if state.released)


class SqlStock:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def lots(self, part_numbers: Sequence[str], *, warehouse: str = "") -> list[Lot]:
        if not part_numbers:
            return []
        here = _lots.part_number.in_(part_numbers)
        return await self._now(here & (_lots.warehouse == warehouse) if warehouse else here)

    async def lot(self, lot_id: int) -> Lot | None:
        return next(iter(await self._now(_lots.id == lot_id)), None)

    async def by_lot_no(self, lot_no: str, *, warehouse: str = "") -> list[Lot]:
        """Whatever the case in which the code was typed."""
        here = func.upper(_lots.lot_no) == lot_no.strip().upper()
        return await self._now(here & (_lots.warehouse == warehouse) if warehouse else here)

    async def in_bin(self, warehouse: str, bin_label: str) -> list[Lot]:
        return await self._now((_lots.warehouse == warehouse) & (_lots.bin == bin_label))

    async def receive(self, lots: Sequence[Lot], *, by: str, at: datetime, ref: str) -> None:
        """A new cell is a receipt, a changed balance a count; pieces that are held stay held.

        Raises DomainError when a count finds fewer pieces than are held.
        """
        for chunk in chunks(lots, _CHUNK):
            await self._work.alone("receive")
            known = await self._known(chunk)
            fresh = list({self._cell(lot): lot for lot in chunk if self._cell(lot) not in known}.values())
            await self._add(fresh, by=by, at=at, ref=ref)
            for lot in chunk:
                if (row := known.get(self._cell(lot))) is not None:
                    await self._count(lot, row, by=by, at=at, ref=ref)

    async def _known(self, lots: Sequence[Lot]) -> dict[tuple[str, ...], Any]:
        found = await self._work.run(
            select(_lots.id, _lots.on_hand, _lots.allocated, *(_lots[name] for name in _CELL))
            .where(_lots.part_number.in_({lot.part_number for lot in lots}))
            .with_for_update()
        )
        return {tuple(getattr(row, name) for name in _CELL): row for row in found}

    async def _add(self, lots: Sequence[Lot], *, by: str, at: datetime, ref: str) -> None:
        if not lots:
            return
        added = await self._work.run(
            insert(t.lots).returning(_lots.id, sort_by_parameter_order=True), [columns_of(lot, t.lots) for lot in lots]
        )
        for lot, lot_id in zip(lots, added.scalars(), strict=True):
            lot.id = lot_id
        moved = [
            {
                "lot_id": lot.id,
                **{name: getattr(lot, name) for name in _CELL},
                "delta": lot.on_hand,
                "cause": "receipt",
                "ref": ref,
                "by": by,
                "at": at,
            }
            for lot in lots
            if lot.on_hand
        ]
        if moved:
            await self._work.run(insert(t.stock_movements), moved)

    async def _count(self, lot: Lot, known: Any, *, by: str, at: datetime, ref: str) -> None:
        counted = await self._work.changed(
            update(t.lots)
            .where(_lots.id == known.id, _lots.allocated <= lot.on_hand)
            .values(
                on_hand=lot.on_hand,
                damaged=lot.damaged,
                qc=lot.qc,
                received_on=lot.received_on,
                expires_on=lot.expires_on,
            )
        )
        if not counted:
            raise DomainError("count_below_held", lot=lot.lot_no, counted=lot.on_hand, held=known.allocated)
        if not self._work.tracks(lot):
            lot.id = known.id
        await self._move(lot, lot.on_hand - known.on_hand, cause="count", ref=ref, by=by, at=at)

    @staticmethod
    def _cell(lot: Lot) -> tuple[str, ...]:
        return tuple(getattr(lot, name) for name in _CELL)

    async def hold(self, lot_id: int, quantity: int) -> bool:
        held = await self._work.changed(
            update(t.lots)
            .where(_lots.id == lot_id, _lots.qc.in_(_RELEASED))
            .where(_lots.on_hand - _lots.allocated - _lots.damaged >= quantity)
            .values(allocated=_lots.allocated + _pieces(quantity))
        )
        return held == 1

    async def release(self, lot_id: int, quantity: int) -> None:
        """Raises ValueError when fewer pieces are held: a use case lost count."""
        released = await self._work.changed(
            update(t.lots)
            .where(_lots.id == lot_id, _lots.allocated >= quantity)
            .values(allocated=_lots.allocated - _pieces(quantity))
        )
        if released != 1:
            raise ValueError(f"lot {lot_id} holds fewer than {quantity} pieces")

    async def ship(self, lot_id: int, quantity: int, *, ref: str, by: str, at: datetime) -> None:
        shipped = await self._work.changed(
            update(t.lots)
            .where(_lots.id == lot_id, _lots.allocated >= quantity)
            .values(allocated=_lots.allocated - _pieces(quantity), on_hand=_lots.on_hand - quantity)
        )
        lot = await self.lot(lot_id)
        if shipped != 1 or lot is None:
            raise DomainError(
                "not_held", lot=lot.lot_no if lot else str(lot_id), asked=quantity, held=lot.allocated if lot else 0
            )
        await self._move(lot, -quantity, cause="shipment", ref=ref, by=by, at=at)

    async def movements(self, lot_id: int) -> list[StockMovement]:
        return await self._work.many(
            select(StockMovement).where(t.stock_movements.c.lot_id == lot_id).order_by(t.stock_movements.c.id)
        )

    async def add_allocation(self, allocation: Allocation) -> Allocation:
        await self._work.put(allocation)
        return allocation

    async def allocation(self, allocation_id: int) -> Allocation | None:
        return await self._work.one(select(Allocation).where(t.allocations.c.id == allocation_id))

    async def allocations(self, order_number: str) -> list[Allocation]:
        return await self._work.many(
            select(Allocation).where(t.allocations.c.order_number == order_number).order_by(t.allocations.c.id)
        )

    async def _now(self, where: ColumnElement[bool]) -> list[Lot]:
        """Balances as they are, past what the session remembers; first expired first."""
        return await self._work.many(
            select(Lot)
            .where(where)
            .order_by(_lots.expires_on.nulls_last(), _lots.received_on, _lots.lot_no, _lots.bin)
            .execution_options(populate_existing=True)
        )

    async def _move(self, lot: Lot, delta: int, *, cause: str, ref: str, by: str, at: datetime) -> None:
        if delta:
            cell = {name: getattr(lot, name) for name in _CELL}
            await self._work.run(
                insert(t.stock_movements).values(lot_id=lot.id, **cell, delta=delta, cause=cause, ref=ref, by=by, at=at)
            )


def _pieces(quantity: int) -> int:
    if quantity < 0:
        raise ValueError(f"{quantity} pieces cannot be held or released")
    return quantity
