"""The auditor while its database is away: heard outside at once, one line in the log, and one when it is over."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from structlog.testing import capture_logs

from bot.auditor import Auditor
from bot.heartbeat import Heartbeat
from bot.masterdata import DeskSource
from bot.metrics import Metrics
from bot.trace_check import TraceWatch
from core.auditing import TroubleKind
from core.clock import MovableClock, wall_time
from core.intake.settings import RuleSettings
from core.rules import Rules
from core.workcalendar import WorkCalendar
from storage.clock import DatabaseClock
from storage.coordinator import InProcessCoordinator
from storage.database import SqlDatabase
from tests.outages.test_database_away import world
from tests.scenarios.auditing import Outside, an_auditor, outside, until
from tests.servers import PostgresServer

__all__ = ["outside"]
pytestmark = pytest.mark.postgres


async def test_a_database_that_is_away_is_heard_outside_and_is_two_lines_in_the_log(
    server: PostgresServer, tmp_path: Path, outside: Outside
) -> None:
    async with world(tmp_path, server) as running:
        await running.bot.auditor.stop()
        auditor = running.bot.auditor = an_auditor(running, outside, replica=running.bot.owner)
        assert await auditor.look() == []
        await asyncio.to_thread(server.crash)

        with capture_logs() as logs:
            for _ in range(4):
                found = await auditor.look()
                assert [x.kind for x in found] == [TroubleKind.DATABASE_AWAY]
            await until(lambda: any("database_away" in said for said in outside.fails))
            await asyncio.to_thread(server.start)
            await until(lambda: running.bot.writer.spooled == 0)
            async with asyncio.timeout(30):
                while found:
                    found = await auditor.look()

        findings = [line["event"] for line in logs if line["event"].startswith("audit finding")]
        assert findings == ["audit finding", "audit finding is gone"]
        said = [line["event"] for line in logs if "the audit could not be made" in (line["event"], line.get("failure"))]
        assert said == ["the audit could not be made", "over"]
        assert b'jiedan_audit_findings{kind="database_away"} 0.0' in running.bot.metrics.text()


@pytest.mark.parametrize("off", [timedelta(hours=1), timedelta(hours=-1)])
async def test_a_replica_whose_wall_clock_is_not_the_databases_says_so(
    server: PostgresServer, tmp_path: Path, off: timedelta
) -> None:
    database = SqlDatabase(server.url("desk"))
    clock = DatabaseClock(database.writer, wall=lambda: wall_time() + off)
    async with ClientSession() as session:
        auditor = Auditor(**terms(database, clock, session, tmp_path))
        await clock.start()

        found = await auditor.look()

        assert TroubleKind.CLOCK_SKEW in {x.kind for x in found}
        async with database.reading() as tx:
            (noted,) = await tx.audits.passes()
        assert abs(noted.at - wall_time()) < timedelta(seconds=30)
        await auditor.stop()
    await clock.stop()
    await database.close()


def terms(database: SqlDatabase, clock: DatabaseClock, session: ClientSession, folder: Path) -> dict[str, Any]:
    return {
        "database": database,
        "coordinator": InProcessCoordinator(MovableClock(wall_time())),
        "clock": clock,
        "desks": DeskSource(database, calendar=WorkCalendar(), rules=Rules(), checks=RuleSettings()),
        "metrics": Metrics(),
        "watch": TraceWatch(database, clock, anchor_file=folder / "anchors.log"),
        "heartbeat": Heartbeat(session, clock, url="", interval=60.0),
        "replica": "desk-1",
        "folder": folder,
        "alone": False,
    }
