"""The house burns down; a bot started on last night's backup goes on with drafts, approvals and deadlines."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

import demo
from bot.backup import backup, nightly_of, rehearse, restore
from core.clock import MovableClock
from core.orders import OrderStatus
from simulator.scenarios import Stage, steps
from storage.database import SqlDatabase
from tests.scenarios.conftest import FOUR_HOURS, QUICK_STREAM, check_nothing_lost
from tests.servers import PostgresServer


@pytest.fixture
def second_home(request: pytest.FixtureRequest, home: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """An empty database of the same kind."""
    if not home:
        return {"database_url": f"sqlite+aiosqlite:///{tmp_path / 'second' / 'jiedan.db'}"}
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"restored_{tmp_path.name.replace('-', '_')[:40].lower()}"
    server.sql(f"CREATE DATABASE {name}")
    return {**home, "database_url": server.url(name)}


async def test_a_restored_desk_decides_the_open_approval_and_keeps_its_deadlines(
    home: dict[str, str], second_home: dict[str, str], tmp_path: Path
) -> None:
    first = tmp_path
    async with demo.world(first, fill=False, clock=MovableClock(demo.MORNING), stream=QUICK_STREAM, **home) as world:
        stage = world.simulator.stage(idle=world.idle)
        sales = stage.phone("销售A")
        number = await steps.submitted(stage, sales, steps.order_text(stage))
        await sales.say("K0231 90915-YZZD4 12个, 后天要")
        draft = steps.number_on(await sales.wait_card("订单草稿"))
        await stage.settle()
        settings = world.bot.settings
        done = await backup(
            settings.database_url, Path(settings.files_dir), tmp_path / "backups", now=world.clock.now(), keep=3
        )
        async with world.bot.database.reading() as tx:
            due = await tx.deadlines.next_due()

    told = await rehearse(done.path, postgres_url=settings.database_url)
    assert told.defects == []
    second = tmp_path / "second"
    await restore(done.path, database_url=second_home["database_url"], files=second / "files")
    restored = SqlDatabase(second_home["database_url"])
    async with restored.reading() as tx:
        assert await tx.deadlines.next_due() == due
    await restored.close()

    clock = MovableClock(demo.MORNING + timedelta(minutes=30))
    async with demo.world(second, fill=False, clock=clock, stream=QUICK_STREAM, **second_home) as world:
        stage = world.simulator.stage(idle=world.idle)
        tech, sales = stage.phone("技术甲"), stage.phone("销售A")
        await tech.say(f"同意 {number}")
        await sales.wait_text(number)
        await stage.settle()
        clock.advance(FOUR_HOURS)
        await stage.settle()
        async with world.bot.database.reading() as tx:
            decided, open_draft = await tx.orders.get(number), await tx.orders.get(draft)
            reminded = [entry.action for entry in await tx.timeline.of(draft)]
        assert decided is not None
        assert open_draft is not None
        assert decided.status is not OrderStatus.PENDING
        assert open_draft.status is OrderStatus.DRAFT
        assert len(reminded) > 1
        await check_nothing_lost(world)


async def test_an_administrator_hears_that_last_nights_backup_failed(
    running: demo.World, stage: Stage, tmp_path: Path
) -> None:
    bot, admin = running.bot, stage.phone("管理员")
    blocked = tmp_path / "no-folder"
    blocked.write_text("")
    nightly = nightly_of(
        bot.settings.model_copy(update={"backup_dir": str(blocked / "backups")}),
        database=bot.database,
        act=bot.inbox.act,
        coordinator=bot.coordinator,
        clock=running.clock,
        leases=bot.leases,
        owner="test",
    )
    assert nightly is not None

    assert not await nightly.if_due()

    await admin.wait_text("昨晚的备份不完整")
    assert nightly_of(
        bot.settings, database=bot.database, act=bot.inbox.act, coordinator=bot.coordinator, clock=running.clock,
        leases=bot.leases, owner="test",
    ) is None  # fmt: skip
