"""What the auditor says of the machine it runs on and of the messengers, and by which ways it is heard."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from structlog.testing import capture_logs

import demo
from bot.auditor import Auditor
from bot.trace_check import TraceWatch
from cards import wording
from core.auditing import TroubleKind
from core.clock import SteadyClock
from core.people import Role
from simulator.scenarios import NotOnPhone, Phone, Stage, steps
from simulator.world import FaultKind
from storage import tables as t
from tests.scenarios.auditing import TEXT, TWO_MINUTES, Outside, an_auditor, auditor, outside, quiet, sql, until

__all__ = ["auditor", "outside"]

HOUR = timedelta(hours=1)
Platform = Literal["wecom", "dingtalk"]
PLATFORMS: tuple[Platform, ...] = ("wecom", "dingtalk")


def a_second_look(running: demo.World, outside: Outside, **terms: object) -> Auditor:
    return an_auditor(running, outside, replica=running.bot.owner, **{"heartbeat": quiet(running), **terms})


def kinds(auditor: Auditor) -> list[TroubleKind]:
    return [x.kind for x in auditor.troubles]


# ------------------------------------------------------------ the machine


@pytest.mark.parametrize("free", [lambda _: 120 * 1024 * 1024, lambda _: Path("/nowhere/at/all").stat().st_size])
async def test_a_disk_that_is_nearly_full_or_cannot_be_asked_is_told(
    running: demo.World, stage: Stage, auditor: Auditor, outside: Outside, free: Callable[[Path], int]
) -> None:
    looking = a_second_look(running, outside, free=free)

    (found,) = await looking.look()

    assert found.kind is TroubleKind.LOW_DISK
    assert found.subject in ("120 MB", "0 MB")
    await stage.phone("管理员").wait_text(f"磁盘快满了,只剩 {found.subject}")


class Wall:
    """The machine's wall clock, which somebody sets."""

    def __init__(self, running: demo.World, off: timedelta = timedelta()) -> None:
        self._running = running
        self.off = off

    def __call__(self) -> datetime:
        return self._running.clock.now() + self.off


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_a_wall_clock_that_jumped_is_told_and_moves_nothing(
    running: demo.World, stage: Stage, auditor: Auditor, outside: Outside, jump: timedelta
) -> None:
    wall = Wall(running)
    clock = SteadyClock(wall=wall)
    looking = a_second_look(running, outside, clock=clock)
    assert await looking.look() == []

    wall.off = jump
    (found,) = await looking.look()

    assert found.kind is TroubleKind.CLOCK_SKEW
    assert found.since is not None
    assert abs(clock.now() - running.clock.now()) < timedelta(seconds=30)
    await stage.phone("管理员").wait_text("服务器时钟不准")


async def test_a_wall_clock_that_was_wrong_at_the_start_is_told_once_the_platforms_knew_better(
    running: demo.World, stage: Stage, auditor: Auditor, outside: Outside
) -> None:
    clock = SteadyClock(wall=Wall(running, off=HOUR))
    clock.believe(running.clock.now())

    (found,) = await a_second_look(running, outside, clock=clock).look()

    assert found.kind is TroubleKind.CLOCK_SKEW
    await stage.phone("管理员").wait_text("服务器时钟不准")


async def test_a_seal_that_cannot_be_written_outside_is_told_and_follows_when_it_can(
    running: demo.World, stage: Stage, auditor: Auditor, outside: Outside
) -> None:
    await auditor.stop()
    in_the_way = running.folder / "seals"
    in_the_way.write_text("a file where the folder should be")
    watch = TraceWatch(running.bot.database, running.clock, anchor_file=in_the_way / "anchors.log")
    looking = a_second_look(running, outside, watch=watch)
    sales = stage.phone("销售A")
    await sales.say(TEXT)
    await sales.wait_card("订单草稿")
    running.clock.advance(timedelta(minutes=11))
    await stage.settle()

    with capture_logs() as logs:
        for _ in range(3):
            assert [x.kind for x in await looking.look()] == [TroubleKind.ANCHOR_FILE]
        in_the_way.unlink()
        assert await looking.look() == []

    assert (in_the_way / "anchors.log").read_text().count("\n") == 1
    said = [line["event"] for line in logs if line["log_level"] == "error" or "gone" in line["event"]]
    assert said == ["the seal could not be written to its file", "audit finding", "audit finding is gone"]
    await stage.phone("管理员").wait_text("溯源封存写不进外部文件")


async def test_an_error_of_the_audit_itself_is_not_called_an_outage(
    running: demo.World, stage: Stage, auditor: Auditor, outside: Outside
) -> None:
    class NoDesk:
        async def get(self, tx: object) -> object:
            raise KeyError("rules")

    broken = a_second_look(running, outside, desks=NoDesk())

    await broken.look()

    assert kinds(broken) == [TroubleKind.AUDIT_FAILED]


async def test_a_replica_that_stopped_bringing_its_spool_in_is_told_while_one_that_goes_on_is_not(
    running: demo.World, stage: Stage, auditor: Auditor, outside: Outside
) -> None:
    now = running.clock.now()
    async with running.bot.database.writer.begin() as connection:
        for replica, until_when in (("desk-2", now), ("desk-3", now + timedelta(hours=1))):
            row = {"replica": replica, "oldest_at": now - HOUR, "until": until_when}
            await connection.execute(t.spool_marks.insert().values(row))

    running.clock.advance(TWO_MINUTES + timedelta(seconds=1))

    await until(lambda: any("spool_left desk-2" in said for said in outside.fails))
    assert not any("desk-3" in said for said in outside.fails)
    await stage.phone("管理员").wait_text("副本 desk-2 还有消息没入库")
    await sql(running, "DELETE FROM spool_marks")


# ------------------------------------------------------------ the messengers


async def an_admin_on_dingtalk(running: demo.World, stage: Stage) -> Phone:
    async with running.bot.database.transaction() as tx:
        person = await tx.people.find_by_name("技术甲")
        assert person is not None
        person.roles = [*person.roles, Role.ADMIN]
        await tx.people.save(person)
    return stage.phone("技术甲")


async def drafted(sales: Phone) -> str:
    await sales.say(TEXT)
    return steps.number_on(await sales.wait_button("确认提交"))


async def blue_sky(running: demo.World, stage: Stage, *deaf: Phone) -> None:
    """Everything that waited arrives, the alarm on the phones that were deaf too: a breaker rests an hour at most."""
    stage.faults.clear()
    running.clock.advance(timedelta(minutes=61))
    for phone in deaf:
        for _ in range(10):  # what was tried just before the sky cleared waits for its own turn
            with suppress(NotOnPhone):
                await phone.wait_text("消息发不出去", timeout=5.0)
                break
            running.clock.advance(timedelta(minutes=2))
        await phone.wait_text("消息发不出去")
    for _ in range(10):  # and on phones that nobody has waited for
        await stage.settle()
        if await running.bot.outbox_queue.next_available() is None:
            break
        running.clock.advance(timedelta(minutes=2))
    stage.mark_read()


@pytest.mark.parametrize("muted", PLATFORMS)
async def test_the_alarm_of_a_muted_messenger_comes_by_the_other_one(
    running: demo.World, stage: Stage, auditor: Auditor, outside: Outside, muted: Platform
) -> None:
    on_dingtalk, on_wecom = await an_admin_on_dingtalk(running, stage), stage.phone("管理员")
    sales = stage.phone("销售A")
    if muted == "dingtalk":
        number = await drafted(sales)
    stage.faults.weather(muted, {FaultKind.SERVER_ERROR: 1.0})
    if muted == "wecom":
        await sales.say(TEXT)
    else:
        await sales.press("确认提交", on=number)
    await until(lambda: stage.faults.injected[f"{muted} server_error"] > 0)

    running.clock.advance(TWO_MINUTES)

    heard, deaf = (on_dingtalk, on_wecom) if muted == "wecom" else (on_wecom, on_dingtalk)
    name = wording.PLATFORM[muted]
    await heard.wait_text(lambda m: "消息发不出去" in m.text and name in m.text)
    assert not any("消息发不出去" in m.text for m in deaf.messages())
    await until(lambda: any(f"muted_sender {muted}" in said for said in outside.fails))

    await blue_sky(running, stage, deaf)


async def test_when_no_messenger_works_the_heartbeat_and_the_log_carry_the_alarm(
    running: demo.World, stage: Stage, auditor: Auditor, outside: Outside
) -> None:
    sales = stage.phone("销售A")
    number = await drafted(sales)
    for platform in PLATFORMS:
        stage.faults.weather(platform, {FaultKind.SERVER_ERROR: 1.0})

    with capture_logs() as logs:
        await sales.press("确认提交", on=number)
        await until(lambda: len(stage.faults.injected) == 2)
        running.clock.advance(TWO_MINUTES)
        await until(lambda: any("muted_sender wecom" in x and "muted_sender dingtalk" in x for x in outside.fails))

    findings = {(x["kind"], x["subject"]) for x in logs if x["event"] == "audit finding"}
    assert {("muted_sender", "wecom"), ("muted_sender", "dingtalk")} <= findings
    await blue_sky(running, stage)
