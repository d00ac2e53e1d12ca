"""Leadership: one holder at a time, taken over when it runs out, fenced by owner."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from core.clock import MovableClock
from storage.database import SqlDatabase
from storage.leases import SqlLeases

JOB = "wecom:aibot"


async def test_of_many_replicas_exactly_one_leads(database: SqlDatabase, clock: MovableClock) -> None:
    leases = SqlLeases(database.writer)

    won = await asyncio.gather(*(leases.acquire(JOB, f"replica-{n}", clock.now(), 15) for n in range(8)))

    assert sum(won) == 1
    assert await leases.acquire(JOB, f"replica-{won.index(True)}", clock.now(), 15)


async def test_a_lease_that_ran_out_is_taken_and_the_old_holder_is_fenced(
    database: SqlDatabase, clock: MovableClock
) -> None:
    leases = SqlLeases(database.writer)
    assert await leases.acquire(JOB, "frozen", clock.now(), 15)
    clock.advance(timedelta(seconds=14))
    assert not await leases.acquire(JOB, "standby", clock.now(), 15)

    clock.advance(timedelta(seconds=1))

    assert await leases.acquire(JOB, "standby", clock.now(), 15)
    assert not await leases.renew(JOB, "frozen", clock.now(), 15)
    await leases.release(JOB, "frozen")
    assert await leases.renew(JOB, "standby", clock.now(), 15)


async def test_renewing_pushes_the_end_out_and_another_job_is_another_lease(
    database: SqlDatabase, clock: MovableClock
) -> None:
    leases = SqlLeases(database.writer)
    await leases.acquire(JOB, "leader", clock.now(), 15)
    clock.advance(timedelta(seconds=10))
    assert await leases.renew(JOB, "leader", clock.now(), 15)
    clock.advance(timedelta(seconds=10))

    assert not await leases.acquire(JOB, "standby", clock.now(), 15)
    assert await leases.acquire("another job", "standby", clock.now(), 15)


async def test_a_lease_given_back_is_free_at_once(database: SqlDatabase, clock: MovableClock) -> None:
    leases = SqlLeases(database.writer)
    await leases.acquire(JOB, "leader", clock.now(), 15)

    await leases.release(JOB, "leader")

    assert not await leases.renew(JOB, "leader", clock.now(), 15)
    assert await leases.acquire(JOB, "standby", clock.now(), 15)


async def test_at_the_start_of_a_single_instance_every_lease_is_free(
    database: SqlDatabase, clock: MovableClock
) -> None:
    leases = SqlLeases(database.writer)
    await leases.acquire(JOB, "dead", clock.now(), 15)

    await leases.release_all()

    assert await leases.acquire(JOB, "new", clock.now(), 15)
