"""Every night one backup, whoever makes it; what was missed is made up for, what failed is told and tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.backup import NightlyBackup, newest_at
from bot.backup.nightly import OLD, last_slot
from bot.http import Health
from core.clock import MovableClock
from storage.leases import SqlLeases
from tests.backup.conftest import Desk
from tests.dingtalk.stand import until

EVENING = datetime(2026, 2, 20, 12, 0, tzinfo=UTC)
"""20:00 in China."""


class Watch:
    """A nightly backup with its clock, and what the administrators were told."""

    def __init__(self, desk: Desk, *, folder: Path | None = None, owner: str = "r1") -> None:
        self.clock = MovableClock(EVENING, speed=0.0)
        self.told: list[str] = []
        self.leases = SqlLeases(desk.database.writer)
        self.folder = folder or desk.backups
        self.nightly = NightlyBackup(
            database_url=desk.url,
            files=desk.files,
            folder=self.folder,
            keep=3,
            clock=self.clock,
            leases=self.leases,
            owner=owner,
            alarm=self._alarm,
        )

    async def _alarm(self, why: str) -> None:
        self.told.append(why)

    async def later(self, **by: float) -> bool:
        self.clock.advance(timedelta(**by))
        return await self.nightly.if_due()


def test_the_night_begins_at_ten_past_three_in_china() -> None:
    assert last_slot(datetime(2026, 2, 20, 19, 9, tzinfo=UTC)) == datetime(2026, 2, 19, 19, 10, tzinfo=UTC)
    assert last_slot(datetime(2026, 2, 20, 19, 10, tzinfo=UTC)) == datetime(2026, 2, 20, 19, 10, tzinfo=UTC)


async def test_one_a_night_and_the_missed_one_at_once(desk: Desk) -> None:
    watch = Watch(desk)

    assert await watch.nightly.if_due()
    assert not await watch.later(hours=7, minutes=9)
    assert await watch.later(minutes=1)
    assert not await watch.later(hours=20)
    assert await watch.later(days=3)

    assert len(list(desk.backups.glob("*.tar"))) == 3
    assert newest_at(desk.backups) == watch.clock.now()
    assert watch.told == []


async def test_of_two_replicas_only_the_one_with_the_lease_makes_it(desk: Desk) -> None:
    first, second = Watch(desk), Watch(desk, owner="r2")
    await first.leases.acquire("backup", "r2", EVENING, 60.0)

    assert not await first.nightly.if_due()
    assert await second.nightly.if_due()
    assert not await first.nightly.if_due()

    assert len(list(desk.backups.glob("*.tar"))) == 1


async def test_a_failure_is_told_once_a_night_and_made_good_when_there_is_room(desk: Desk, tmp_path: Path) -> None:
    blocked = tmp_path / "disk"
    blocked.write_text("")
    watch = Watch(desk, folder=blocked / "backups")

    assert not await watch.nightly.if_due()
    assert not await watch.later(minutes=10)
    assert len(watch.told) == 1
    assert not await watch.later(days=1)
    assert len(watch.told) == 2

    blocked.unlink()
    assert await watch.later(minutes=10)
    assert watch.nightly.age_seconds() == 0.0


async def test_its_age_is_seen_also_before_the_first_one(desk: Desk) -> None:
    watch = Watch(desk)
    watch.clock.advance(timedelta(hours=30))
    assert watch.nightly.age_seconds() == 30 * 3600

    await watch.nightly.if_due()
    watch.clock.advance(timedelta(hours=2))
    assert watch.nightly.age_seconds() == 2 * 3600

    def amber(age: float | None) -> list[str]:
        return Health(
            ready=True,
            inbox_open=0,
            inbox_age_seconds=0.0,
            parked=0,
            stream_sockets=0,
            stream_wanted=False,
            backup_age_seconds=age,
        ).amber

    assert amber(None) == amber(OLD.total_seconds()) == []
    assert amber(OLD.total_seconds() + 1) == ["the newest backup is 26 h old"]


async def test_the_loop_makes_it_when_the_clock_gets_there_and_stops_at_once(desk: Desk) -> None:
    watch = Watch(desk)
    watch.nightly.start()
    await until(lambda: newest_at(desk.backups) is not None, 20.0)

    await watch.nightly.stop()
    assert newest_at(desk.backups) == EVENING
