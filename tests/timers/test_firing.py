"""Every deadline fires exactly once, never early, whatever its neighbours do (R7)."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select

from core import falling_due
from core.deadlines import MOST_ATTEMPTS, Deadline, DeadlineKind, DeadlineState
from core.desk import Act
from core.people import PlatformName
from core.telling import Address
from storage import tables
from storage.database import SqlDatabase
from storage.queues import SqlDeadLetters
from tests.timers.conftest import MakeScheduler
from tests.world_data import World

HERE = Address(platform=PlatformName.WECOM, account="xiaoshou_a")


async def note(act: Act, deadline: Deadline) -> None:
    """The lightest effect: one sentence to one person."""
    if deadline.ref == "poison":
        raise ValueError("no such bin")
    deadline.state, deadline.fired_at = DeadlineState.FIRED, act.now
    await act.tell.say(HERE, "nudged", number=deadline.ref, by="")


async def armed(desk: World, *refs: str, minutes: float = 10) -> None:
    async with desk.act() as act:
        for ref in refs:
            due = desk.now + timedelta(minutes=minutes)
            await act.tx.deadlines.arm(Deadline(kind=DeadlineKind.PICK_UNCLAIMED, ref=ref, due_at=due))


async def rows(database: SqlDatabase) -> dict[str, Deadline]:
    async with database.reading() as tx:
        async with database.writer.connect() as connection:
            refs = (await connection.execute(select(tables.deadlines.c.ref))).scalars().all()
        return {ref: (await tx.deadlines.of(ref))[-1] for ref in refs}


async def noted(desk: World) -> Counter[str]:
    """How often each subject was said."""
    return Counter(args["number"] for _, args in await desk.said_to(HERE))


async def test_nothing_fires_before_its_time(desk: World, replica: MakeScheduler) -> None:
    await armed(desk, "one")
    scheduler = replica(fire=note)

    desk.clock.advance(timedelta(minutes=10) - timedelta(microseconds=1))
    assert await scheduler.tick() == 0
    desk.clock.advance(timedelta(microseconds=1))
    assert await scheduler.tick() == 1

    assert (await rows(desk.database))["one"].fired_at == desk.now


async def test_replicas_that_look_at_the_same_moment_fire_each_deadline_once(
    desk: World, replica: MakeScheduler
) -> None:
    names = [f"d{n:03}" for n in range(450)]
    await armed(desk, *names)
    desk.clock.advance(timedelta(minutes=10))

    counts = await asyncio.gather(*(replica(fire=note).tick() for _ in range(3)))
    left = await replica(fire=note).tick()

    assert sum(counts) + left == 450
    assert await noted(desk) == Counter(names)
    assert {d.state for d in (await rows(desk.database)).values()} == {DeadlineState.FIRED}


async def test_a_poisoned_deadline_holds_up_nobody_is_parked_after_five_tries_and_can_be_fired_again(
    desk: World, replica: MakeScheduler
) -> None:
    await armed(desk, "before", "poison", "after")
    desk.clock.advance(timedelta(minutes=10))
    scheduler = replica(fire=note)

    assert await scheduler.tick() == 2
    assert await noted(desk) == Counter(["before", "after"])
    tries = 1
    while (await rows(desk.database))["poison"].state is DeadlineState.ARMED:
        assert await scheduler.tick() == 0
        desk.clock.advance(timedelta(seconds=8))
        assert await scheduler.tick() == 0
        tries += 1

    assert tries == MOST_ATTEMPTS
    assert (await rows(desk.database))["poison"].last_error == "ValueError: no such bin"
    assert (await desk.said("管理员"))[-1] == (
        "deadline_parked",
        {"ref": "poison", "what": "pick_unclaimed", "reason": "ValueError: no such bin"},
    )
    letters = SqlDeadLetters(desk.database.writer)
    (letter,) = await letters.list()
    assert (letter.source, letter.payload["ref"], letter.attempts) == ("deadline", "poison", MOST_ATTEMPTS)
    async with desk.database.transaction() as tx:
        assert await tx.letters.resend(letter.id, "E16", desk.now)
    assert await replica().tick() == 1
    assert (await rows(desk.database))["poison"].state is DeadlineState.FIRED


async def test_a_failure_waits_longer_each_time(desk: World, replica: MakeScheduler) -> None:
    await armed(desk, "poison")
    desk.clock.advance(timedelta(minutes=10))
    scheduler = replica(fire=note)

    pauses = []
    for _ in range(MOST_ATTEMPTS - 1):
        await scheduler.tick()
        async with desk.look() as act:
            wake = await act.tx.deadlines.next_due()
        assert wake is not None
        pauses.append((wake - desk.now).total_seconds())
        desk.clock.advance(wake - desk.now)

    assert pauses == [1, 2, 4, 8]


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
async def test_a_use_case_that_holds_the_order_is_not_killed_by_the_firing(desk: World, replica: MakeScheduler) -> None:
    """The use case holds the order and wants the deadline's row; the firing holds the row and wants the order."""
    order = await desk.draft("K0231 04465-0K240 20个, 后天要")
    desk.clock.advance(timedelta(hours=3))

    async with desk.act() as act:
        assert await act.tx.orders.get(order.number, lock=True) is not None
        assert await replica().tick() == 0
        cancelled = await act.tx.deadlines.cancel(order.number, reason="submitted")

    assert cancelled == 1
    assert await replica().tick() == 0
    assert await desk.told("区域经理苏") == []


class Board:
    """What an operator would see."""

    def __init__(self) -> None:
        self.fired: dict[str, float] = {}
        self.overdue: list[int] = []
        self.complete = asyncio.Event()

    def deadline_fired(self, kind: str, late_seconds: float) -> None:
        self.fired[kind] = late_seconds
        self._look()

    def deadlines_overdue(self, count: int) -> None:
        self.overdue.append(count)
        self._look()

    def _look(self) -> None:
        if "pick_unclaimed" in self.fired and self.overdue:
            self.complete.set()


async def test_the_loop_fires_by_itself_and_shows_how_late(desk: World, replica: MakeScheduler) -> None:
    await armed(desk, "one", minutes=10)
    board = Board()
    scheduler = replica(fire=falling_due.fire, gauges=board)
    await scheduler.start()

    desk.clock.advance(timedelta(minutes=10, seconds=3))
    async with asyncio.timeout(10):
        await board.complete.wait()

    assert board.fired["pick_unclaimed"] == 3.0
    assert board.overdue[-1] == 0
