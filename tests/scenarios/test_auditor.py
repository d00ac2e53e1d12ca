"""The auditor in a running house: what is missing, stuck or muted is reported within two minutes (R17)."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

import demo
from bot.auditor import Auditor
from bot.trace_check import TraceWatch
from core.auditing import Trouble, TroubleKind
from simulator.scenarios import Stage, steps
from tests.scenarios.auditing import (
    TEXT,
    TWO_MINUTES,
    Outside,
    an_auditor,
    auditor,
    outside,
    quiet,
    sql,
    until,
)
from tests.scenarios.conftest import check_nothing_lost

__all__ = ["auditor", "outside"]


async def alarmed(stage: Stage, words: str) -> None:
    """An administrator reads it, on both messengers."""
    await stage.phone("管理员").wait_text(words)


async def test_a_deadline_that_vanished_is_armed_again_and_reported(
    running: demo.World, stage: Stage, auditor: Auditor, outside: Outside
) -> None:
    sales = stage.phone("销售A")
    await sales.say(TEXT)
    number = steps.number_on(await sales.wait_card("订单草稿"))
    await stage.settle()
    async with running.bot.database.reading() as tx:
        (before,) = await tx.deadlines.armed(number)
    await sql(running, "DELETE FROM deadlines WHERE ref = :ref", ref=number)

    running.clock.advance(TWO_MINUTES)

    await until(lambda: any(number in said for said in outside.fails))
    await alarmed(stage, "自检发现时限丢失")
    async with running.bot.database.reading() as tx:
        (again,) = await tx.deadlines.armed(number)
        trace = await tx.timeline.of(number)
    assert (again.kind, again.due_at) == (before.kind, before.due_at)
    assert trace[-1].action == "timer.rearmed"
    assert await auditor.look() == []


async def test_after_a_start_those_who_waited_come_before_the_audit(running: demo.World, outside: Outside) -> None:
    late = an_auditor(running, outside, replica="late", first=0.5)
    started = asyncio.get_running_loop().time()
    late.start()
    await until(lambda: outside.well > 0)
    await late.stop()

    assert asyncio.get_running_loop().time() - started >= 0.5


async def test_a_doubt_is_looked_into_again_without_the_long_way_and_nothing_found_is_forgotten(
    running: demo.World, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = TraceWatch(running.bot.database, running.bot.clock, anchor_file=running.folder / "again.log")
    looks = 0

    async def broken() -> None:
        nonlocal looks
        looks += 1
        watch.broken[7] = "SO261123-0007"

    monkeypatch.setattr(watch, "look", broken)
    auditor = an_auditor(running, outside, replica="again", watch=watch)

    first = await auditor.look()
    second = await auditor.look(again=True)

    assert looks == 1
    assert [x.kind for x in first] == [x.kind for x in second] == [TroubleKind.BROKEN_CHAIN]


async def test_doubts_without_end_do_not_keep_the_auditor_from_obligations_and_trace(
    running: demo.World, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = TraceWatch(running.bot.database, running.bot.clock, anchor_file=running.folder / "doubts.log")
    looks = rounds = 0

    async def looked() -> None:
        nonlocal looks
        looks += 1

    def always_new(now: datetime) -> list[Trouble]:
        nonlocal rounds
        rounds += 1
        return [Trouble(kind=TroubleKind.INBOX_WAITS, subject=f"doubt {rounds}", since=now)]

    monkeypatch.setattr(watch, "look", looked)
    auditor = an_auditor(running, outside, replica="doubts", watch=watch, grace=0.05)
    monkeypatch.setattr(auditor, "_of_the_machine", always_new)
    auditor.start()
    await until(lambda: rounds >= 3)
    assert looks == 1
    running.clock.advance(timedelta(seconds=46))
    await until(lambda: looks == 2)
    await auditor.stop()


async def test_a_draft_that_has_climbed_already_has_no_timer_and_that_is_in_order(
    running: demo.World, stage: Stage, auditor: Auditor
) -> None:
    sales = stage.phone("销售A")
    await sales.say(TEXT)
    steps.number_on(await sales.wait_card("订单草稿"))
    running.clock.advance(timedelta(hours=2, minutes=1))
    await stage.settle()

    assert await auditor.look() == []

    stage.mark_read()


async def test_a_lease_nobody_takes_over_is_reported(
    running: demo.World, stage: Stage, auditor: Auditor, outside: Outside
) -> None:
    sales = stage.phone("销售A")
    await running.bot.inbox.stop()
    await sales.say(TEXT)
    async with asyncio.timeout(10):
        while (await running.bot.inbox_queue.depth())[0] == 0:  # noqa: ASYNC110 - waits on a condition
            await asyncio.sleep(0.02)
    await running.bot.inbox_queue.claim("dead-replica", running.clock.now(), 15, 1)

    running.clock.advance(TWO_MINUTES)

    await until(lambda: any("stuck_lease inbox" in said for said in outside.fails))
    await alarmed(stage, "有任务卡住")
    await sql(running, "DELETE FROM inbox_work")


async def test_a_muted_sender_is_reported_outside(
    running: demo.World, stage: Stage, auditor: Auditor, outside: Outside
) -> None:
    await running.bot.outbox.stop()
    sales = stage.phone("销售A")
    await sales.say(TEXT)
    async with asyncio.timeout(10):
        while await running.bot.outbox_queue.next_available() is None:  # noqa: ASYNC110 - waits on a condition
            await asyncio.sleep(0.02)

    running.clock.advance(TWO_MINUTES)

    await until(lambda: any("muted_sender" in said for said in outside.fails))
    await until(lambda: b'jiedan_audit_findings{kind="muted_sender"} 1.0' in running.bot.metrics.text())
    assert any("auditor" in line for line in (await running.bot.health()).amber)
    await sql(running, "DELETE FROM outbox WHERE state IN ('ready', 'leased')")


async def test_an_auditor_that_stopped_is_missed_outside_and_inside(
    running: demo.World, stage: Stage, auditor: Auditor, outside: Outside
) -> None:
    assert auditor._loop is not None
    auditor._loop.cancel()
    await asyncio.gather(auditor._loop, return_exceptions=True)
    heard = len(outside.pings)
    other = an_auditor(running, outside, replica="another", alone=False, heartbeat=quiet(running))

    running.clock.advance(TWO_MINUTES + timedelta(seconds=1))
    await other.look()
    async with asyncio.timeout(20):
        while not (found := await other.look()):  # noqa: ASYNC110 - waits on a condition
            await asyncio.sleep(0.02)

    assert len(outside.pings) == heard
    assert [x.kind for x in found] == [TroubleKind.SILENT_REPLICA]
    assert any("silent" in line for line in (await running.bot.health()).amber)
    await alarmed(stage, "副本没有响应")
    await other.stop()


async def test_a_replica_that_said_goodbye_is_not_missed(
    running: demo.World, stage: Stage, auditor: Auditor, outside: Outside
) -> None:
    other = an_auditor(running, outside, replica="another", alone=False, heartbeat=quiet(running))
    await other.look()
    await other.stop()

    running.clock.advance(timedelta(minutes=5))

    assert await auditor.look() == []
    assert TroubleKind.SILENT_REPLICA not in {kind for kind, *_ in auditor._suspected}


async def test_a_house_in_order_says_so_every_minute_and_alarms_nobody(
    running: demo.World, stage: Stage, auditor: Auditor, outside: Outside
) -> None:
    sales = stage.phone("销售A")
    number = await steps.submitted(stage, sales, TEXT)
    await stage.phone("技术甲").wait_button("通过", on=number)
    for _ in range(12):
        well = outside.well
        async with asyncio.timeout(20):
            while outside.well == well:
                running.clock.advance(timedelta(seconds=61))
                await stage.settle()

    assert outside.fails == []
    assert (running.folder / "anchors.log").read_text().count("\n") >= 2
    stage.mark_read()
    await stage.settle()
    await check_nothing_lost(running)
