"""The small desk on both databases, and schedulers that share it as replicas do: without Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from bot.masterdata import DeskSource
from bot.scheduler import Scheduler
from core.clock import MovableClock
from core.intake.check import RuleSettings
from core.rules import Rules
from core.workcalendar import DEMO_DAYS, WorkCalendar
from storage.coordinator import InProcessCoordinator
from storage.database import SqlDatabase
from tests.servers import postgres_server
from tests.storage.conftest import database, database_url, postgres_template, sqlite_template
from tests.world_data import NOW, World

__all__ = ["database", "database_url", "postgres_server", "postgres_template", "sqlite_template"]

MakeScheduler = Callable[..., Scheduler]


@pytest.fixture
async def desk(database: SqlDatabase) -> World:
    """The desk of 2026-02-21, filled."""
    world = World(database, MovableClock(NOW, speed=0.0))
    await world.fill()
    return world


@pytest.fixture
async def replica(desk: World) -> AsyncIterator[MakeScheduler]:
    """Makes schedulers of their own, as each replica has one."""
    made: list[Scheduler] = []

    def make(**more: Any) -> Scheduler:
        desks = DeskSource(desk.database, calendar=WorkCalendar(DEMO_DAYS), rules=Rules(), checks=RuleSettings())
        scheduler = Scheduler(
            database=desk.database,
            coordinator=InProcessCoordinator(desk.clock),
            clock=desk.clock,
            desks=desks,
            **more,
        )
        made.append(scheduler)
        return scheduler

    yield make
    for scheduler in made:
        await scheduler.stop()
