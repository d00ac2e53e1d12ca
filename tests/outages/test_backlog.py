"""A message that waits long is not refused: its sender hears once that it queues, and operators see it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

import demo
from core.clock import MovableClock
from simulator.scenarios import Stage
from tests.scenarios.conftest import QUICK_STREAM

TEXT = "K0231 04465-0K240 20个, 大后天要"
QUEUED = "排队中"


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[demo.World]:
    async with demo.world(tmp_path, clock=MovableClock(demo.MORNING), stream=QUICK_STREAM) as world:
        yield world


async def _blocked(running: demo.World, stage: Stage) -> None:
    """The inbox loop stands still, as under a load that it cannot keep up with."""
    await running.bot.inbox.stop()
    await stage.phone("销售A").say(TEXT)
    await stage.phone("销售A").say("帮助")
    await stage.phone("技术甲").say("帮助")
    assert (await running.bot.inbox_queue.depth())[0] == 3


async def test_whose_message_waits_is_told_once(running: demo.World) -> None:
    stage = running.simulator.stage(idle=running.idle)
    await _blocked(running, stage)
    backlog = running.bot.backlog
    assert await backlog.look() == 0

    running.clock.advance(timedelta(seconds=31))
    assert await backlog.look() == 0, "seen for the first time"
    assert await backlog.look() == 2
    await backlog.look()

    for name in ("销售A", "技术甲"):
        await stage.phone(name).wait_text(QUEUED)
        assert sum(QUEUED in m.text for m in stage.phone(name).messages()) == 1
    health = await running.bot.health()
    assert health.ready
    assert any("oldest inbound waits" in line for line in health.amber)


async def test_a_clock_set_forward_tells_nobody_that_they_wait(running: demo.World) -> None:
    stage = running.simulator.stage(idle=running.idle)
    sales = stage.phone("销售A")

    await sales.say("帮助")
    running.clock.advance(timedelta(hours=4))
    await running.bot.backlog.look()
    await sales.wait_text("发订单")
    await running.bot.backlog.look()
    await stage.settle()

    assert not any(QUEUED in m.text for m in sales.messages())
