"""Stock balances and pick lists."""

from __future__ import annotations

import pytest

from core.errors import DomainError
from core.ports import Attachment
from core.stock import Allocation, AllocationState
from core.warehouse.lots import QcState
from core.waves import PickList, PickListState, PickTask, TaskState, Wave
from storage.database import SqlDatabase
from tests.storage.conftest import START
from tests.storage.samples import a_lot

NUMBER = "SO260220-0001"


async def test_the_movements_of_a_lot_add_up_to_its_balance(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        await tx.stock.receive([a_lot(), a_lot("L2602", qc=QcState.PENDING)], by="E1", at=START, ref="RK1")
        lot, pending = await tx.stock.lots(["04465-0K240"])
        assert lot.id is not None
        assert pending.id is not None
        assert not await tx.stock.hold(pending.id, 1)
        assert await tx.stock.hold(lot.id, 30)
        await tx.stock.ship(lot.id, 20, ref=NUMBER, by="E2", at=START)
        await tx.stock.release(lot.id, 10)
        await tx.stock.receive([a_lot(on_hand=75)], by="E1", at=START, ref="PD1")

    async with database.reading() as tx:
        kept = await tx.stock.lot(lot.id)
        moves = await tx.stock.movements(lot.id)
    assert kept is not None
    assert (kept.on_hand, kept.allocated) == (75, 0)
    assert [(m.delta, m.cause) for m in moves] == [(100, "receipt"), (-20, "shipment"), (-5, "count")]


async def test_pieces_that_are_not_held_cannot_leave_or_be_counted_away(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        await tx.stock.receive([a_lot()], by="E1", at=START, ref="RK1")
        (lot,) = await tx.stock.by_lot_no("l2601")
        assert lot.id is not None
        await tx.stock.hold(lot.id, 5)
        with pytest.raises(DomainError):
            await tx.stock.ship(lot.id, 6, ref=NUMBER, by="E2", at=START)
        with pytest.raises(DomainError):
            await tx.stock.receive([a_lot(on_hand=4)], by="E1", at=START, ref="PD1")
        with pytest.raises(ValueError, match="fewer than 6"):
            await tx.stock.release(lot.id, 6)


async def test_a_pick_list_is_found_by_order_and_its_tasks_are_tracked(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        wave = await tx.waves.add(
            Wave(
                key="wave:SH1:1:SF",
                number="W0220-10A",
                warehouse="SH1",
                carrier="SF",
                cutoff_at=START,
                slot_at=START,
                created_at=START,
                parcels=7,
            )
        )
        for nth, urgent in ((1, False), (2, True)):
            await tx.waves.add_pick_list(
                PickList(
                    number=f"W0220-10A-{nth}",
                    wave_id=wave.id or 0,
                    wave_number=wave.number,
                    warehouse="SH1",
                    state=PickListState.OPEN,
                    cutoff_at=START,
                    orders=[f"SO{nth}"],
                    route_m=12.5,
                    route=[[0.0, 1.5]],
                    urgent=urgent,
                    created_at=START,
                    tasks=[
                        PickTask(
                            stop=1,
                            order_number=f"SO{nth}",
                            line_id=1,
                            allocation_id=1,
                            part_number="P",
                            part_name="片",
                            lot_no="L1",
                            bin="A-03-12-4-02",
                            quantity=4,
                        )
                    ],
                )
            )

    async with database.transaction() as tx:
        assert await tx.waves.claim("W0220-10A-1", "E0007", START)
        pick_list = await tx.waves.pick_list("W0220-10A-1", lock=True)
        assert pick_list is not None
        pick_list.tasks[0].state, pick_list.tasks[0].picked = TaskState.PICKED, 4

    async with database.reading() as tx:
        assert [x.number for x in await tx.waves.open_lists("SH1")] == ["W0220-10A-2", "W0220-10A-1"]
        (mine,) = await tx.waves.open_lists(claimed_by="E0007")
        assert (mine.tasks[0].state, mine.version) == (TaskState.PICKED, 3)
        found = await tx.waves.list_of_order("SO2")
        assert found is not None
        assert found.number == "W0220-10A-2"
        assert await tx.waves.shipped_parcels("SF", START) == 7
        assert [w.number for w in await tx.waves.today("SH1", START)] == ["W0220-10A"]


async def test_attachments_and_allocations_are_kept(database: SqlDatabase) -> None:
    picture = Attachment(sha256="a" * 64, kind="image", filename="单.jpg", size=12, by="E1", at=START)
    async with database.transaction() as tx:
        assert await tx.attachments.add(picture)
        assert not await tx.attachments.add(picture)
        await tx.stock.receive([a_lot()], by="E1", at=START, ref="RK1")
        (lot,) = await tx.stock.in_bin("SH1", "A-03-12-4-02")
        added = await tx.stock.add_allocation(
            Allocation(
                order_number=NUMBER,
                line_id=1,
                lot_id=lot.id or 0,
                lot_no=lot.lot_no,
                part_number="P",
                warehouse="SH1",
                bin=lot.bin,
                quantity=4,
                state=AllocationState.HELD,
            )
        )
        added.state = AllocationState.PICKED

    async with database.reading() as tx:
        assert await tx.attachments.get("a" * 64) == picture
        assert await tx.attachments.get("b" * 64) is None
        assert [a.state for a in await tx.stock.allocations(NUMBER)] == [AllocationState.PICKED]
