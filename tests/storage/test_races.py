"""Every operation runs concurrently with itself: exactly one wins, nothing is doubled, nothing over-allocated."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from core.deadlines import Deadline, DeadlineKind, DeadlineState
from core.orders import OrderStatus
from core.ports import Transaction
from core.waves import PickList, PickListState, Wave
from storage.database import SqlDatabase
from tests.storage.conftest import START
from tests.storage.samples import a_decision, a_delivery, a_lot, a_request, an_order

T = TypeVar("T")


async def at_once(database: SqlDatabase, count: int, act: Callable[[Transaction, int], Awaitable[T]]) -> list[T]:
    """Run the act in ``count`` transactions at the same time."""

    async def one(nth: int) -> T:
        async with database.transaction() as tx:
            return await act(tx, nth)

    return await asyncio.gather(*(one(n) for n in range(count)))


async def test_fifty_holds_never_over_allocate(database: SqlDatabase) -> None:
    lot = a_lot(on_hand=100, damaged=10)
    async with database.transaction() as tx:
        await tx.stock.receive([lot], by="E1", at=START, ref="RK1")
    assert lot.id is not None
    lot_id = lot.id

    held = await at_once(database, 50, lambda tx, _: tx.stock.hold(lot_id, 4))

    assert held.count(True) == 22
    async with database.reading() as tx:
        kept = await tx.stock.lot(lot_id)
    assert kept is not None
    assert (kept.allocated, kept.available) == (88, 2)


async def test_of_twenty_decisions_exactly_one_wins(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        request = await tx.approvals.open(a_request())
    request_id = request.id or 0

    won = await at_once(database, 20, lambda tx, n: tx.approvals.decide(a_decision(request_id, by=f"E{n:04}")))

    assert won.count(True) == 1
    async with database.reading() as tx:
        decision = await tx.approvals.decision(request_id)
        assert len(await tx.approvals.decisions("SO260220-0001")) == 1
    assert decision is not None
    assert decision.by == f"E{won.index(True):04}"


async def test_a_request_opened_by_many_is_one(database: SqlDatabase) -> None:
    opened = await at_once(database, 10, lambda tx, _: tx.approvals.open(a_request()))

    assert len({r.id for r in opened}) == 1


async def test_numbers_are_neither_doubled_nor_skipped(database: SqlDatabase) -> None:
    given = await at_once(database, 40, lambda tx, _: tx.numbers.next("SO", START.date()))

    assert sorted(given) == list(range(1, 41))


async def test_of_fifty_pickers_one_claims_the_list(database: SqlDatabase) -> None:
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
            )
        )
        await tx.waves.add_pick_list(
            PickList(
                number="W0220-10A-1",
                wave_id=wave.id or 0,
                wave_number=wave.number,
                warehouse="SH1",
                state=PickListState.OPEN,
                cutoff_at=START,
                orders=[],
                route_m=0.0,
                created_at=START,
            )
        )

    claimed = await at_once(database, 50, lambda tx, n: tx.waves.claim("W0220-10A-1", f"E{n:04}", START))

    assert claimed.count(True) == 1
    async with database.reading() as tx:
        pick_list = await tx.waves.pick_list("W0220-10A-1")
    assert pick_list is not None
    assert (pick_list.state, pick_list.claimed_by) == (PickListState.CLAIMED, f"E{claimed.index(True):04}")
    assert pick_list.version == 2


async def test_two_claimers_fire_every_deadline_exactly_once(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        for n in range(60):
            await tx.deadlines.arm(
                Deadline(kind=DeadlineKind.APPROVAL_DUE, ref=f"ap:{n}", due_at=START + timedelta(seconds=n))
            )
    now = START + timedelta(seconds=49)

    async def fire(tx: Transaction, _: int) -> list[str]:
        due = await tx.deadlines.claim_due(now, 5)
        for deadline in due:
            deadline.state, deadline.fired_at = DeadlineState.FIRED, now
        return [d.ref for d in due]

    fired: list[str] = []
    while batch := [ref for refs in await at_once(database, 2, fire) for ref in refs]:
        fired += batch

    assert sorted(fired) == sorted(f"ap:{n}" for n in range(50))
    async with database.reading() as tx:
        assert await tx.deadlines.next_due() == START + timedelta(seconds=50)


async def test_a_deadline_armed_by_many_is_armed_once(database: SqlDatabase) -> None:
    armed = await at_once(
        database,
        8,
        lambda tx, _: tx.deadlines.arm(Deadline(kind=DeadlineKind.APPROVAL_DUE, ref="ap:1", due_at=START)),
    )

    assert sorted(d.generation for d in armed) == list(range(1, 9))
    async with database.reading() as tx:
        assert [d.generation for d in await tx.deadlines.armed("ap:1")] == [8]


async def test_one_message_never_makes_two_orders(database: SqlDatabase) -> None:
    async def add(tx: Transaction, nth: int) -> bool:
        try:
            await tx.orders.add(an_order(f"SO260220-{nth:04}", source_key="wecom:m:1"))
        except ValueError:
            return False
        return True

    added = await at_once(database, 10, add)

    assert added.count(True) == 1
    async with database.reading() as tx:
        assert len(await tx.orders.in_status(OrderStatus.DRAFT)) == 1


async def test_a_locked_order_is_changed_by_one_at_a_time(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        await tx.orders.add(an_order())

    async def one_more(tx: Transaction, _: int) -> None:
        await tx.orders.get("SO260220-0001")
        order = await tx.orders.get("SO260220-0001", lock=True)
        assert order is not None
        order.line(1).quantity = (order.line(1).quantity or 0) + 1
        order.requirements.append("质检报告")

    await at_once(database, 12, one_more)

    async with database.reading() as tx:
        order = await tx.orders.get("SO260220-0001")
    assert order is not None
    assert (order.line(1).quantity, len(order.requirements), order.version) == (32, 12, 13)


async def test_the_chain_of_a_subject_does_not_fork(database: SqlDatabase) -> None:
    await at_once(
        database,
        20,
        lambda tx, n: tx.timeline.append(
            "SO1", "order.noted", actor="E1", actor_name="张三", channel="wecom", details={"n": n}, at=START
        ),
    )

    async with database.reading() as tx:
        assert [e.seq for e in await tx.timeline.of("SO1")] == list(range(1, 21))


async def test_the_same_notice_from_many_is_recorded_once(database: SqlDatabase) -> None:
    put = await at_once(database, 15, lambda tx, _: tx.outbox.put(a_delivery("esc:1:1:E1:wecom")))

    assert put.count(True) == 1
