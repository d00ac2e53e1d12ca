"""The pool of claims that inbox and outbox share."""

from __future__ import annotations

import asyncio

from bot.pool import SPACING, ClaimPool
from core.clock import SystemClock
from storage.coordinator import InProcessCoordinator


class Counted:
    """Rows that wait, and how often somebody asked for some."""

    def __init__(self, coordinator: InProcessCoordinator, *, places: int = 4) -> None:
        self.waiting: list[int] = []
        self.claims: list[int] = []
        self.worked: list[int] = []
        self.pool = ClaimPool(
            "counted",
            coordinator,
            claim=self._claim,
            work=self._work,
            key=lambda row: row,
            release=self._release,
            concurrency=places,
            poll=30.0,
        )

    async def _claim(self, free: int) -> list[int]:
        found, self.waiting = self.waiting[:free], self.waiting[free:]
        self.claims.append(len(found))
        return found

    async def _work(self, row: int) -> None:
        self.worked.append(row)

    async def _release(self) -> None:
        return


async def test_a_busy_desk_claims_several_rows_at_a_time_and_at_most_fifty_times_a_second() -> None:
    coordinator = InProcessCoordinator(SystemClock())
    counted = Counted(coordinator)
    counted.pool.start()
    loop = asyncio.get_running_loop()
    began = loop.time()
    for row in range(100):
        counted.waiting.append(row)
        coordinator.wake("counted")
        await asyncio.sleep(0.003)
    async with asyncio.timeout(10):
        while len(counted.worked) < 100:  # noqa: ASYNC110 - what another task has done
            await asyncio.sleep(0.005)
    took = loop.time() - began
    await counted.pool.stop()

    assert sorted(counted.worked) == list(range(100))
    assert len(counted.claims) <= took / SPACING + 2
    assert max(counted.claims) > 1


async def test_the_end_of_the_spacing_needs_no_second_wake() -> None:
    coordinator = InProcessCoordinator(SystemClock())
    counted = Counted(coordinator)
    counted.pool.start()
    async with asyncio.timeout(10):
        while not counted.claims:  # noqa: ASYNC110 - what another task has done
            await asyncio.sleep(0)
    counted.waiting.append(1)
    coordinator.wake("counted")  # inside the spacing after the first, empty claim
    async with asyncio.timeout(10):
        while not counted.worked:  # noqa: ASYNC110 - what another task has done
            await asyncio.sleep(0.005)
    await counted.pool.stop()

    assert counted.worked == [1]
