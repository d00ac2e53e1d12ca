"""A backup every night, and at once after a night that was missed; a failure is told, and tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.backup.archive import BackupFailed, backup, newest_at
from bot.settings import Settings
from core.clock import CHINA, Clock
from core.desk import Act
from core.people import Role
from core.ports import Coordinator, Database, Leases

log = structlog.get_logger()

AT_HOUR, AT_MINUTE = 3, 10
"""Chinese time: after the last wave of the night, before the first salesperson, off the platforms' busy minutes."""
LOOK_EVERY = timedelta(minutes=10)
"""Also how soon a failed one is tried again."""
LEASE = timedelta(hours=2)
OLD = timedelta(hours=26)
"""A newest backup older than this is worth an alarm (newcomer, Backup)."""

Alarm = Callable[[str], Awaitable[None]]
"""Tells the administrators why there is no backup of last night; called once a night."""


class NightlyBackup:
    """Runs beside the loops. With several replicas one of them makes it, whichever gets the lease."""

    def __init__(
        self,
        *,
        database_url: str,
        files: Path,
        folder: Path,
        keep: int,
        clock: Clock,
        leases: Leases,
        owner: str,
        alarm: Alarm,
    ) -> None:
        self._database_url = database_url
        self._files = files
        self._folder = folder
        self._keep = keep
        self._clock = clock
        self._leases = leases
        self._owner = owner
        self._alarm = alarm
        self._since = clock.now()
        self._told: datetime | None = None
        self._looks: set[asyncio.Task[None]] = set()
        # Only a ticker: what is due is asked from the folder. A clock set back makes it late by that much and no more.
        self._ticker = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
        )

    def start(self) -> None:
        """Look now, and every ten minutes."""
        self._ticker.add_job(
            self._look, "interval", seconds=LOOK_EVERY.total_seconds(), next_run_time=datetime.now(UTC), id="backup"
        )
        self._ticker.start()

    async def stop(self) -> None:
        """At once: a half-made archive has no name and is removed."""
        if self._ticker.running:
            self._ticker.shutdown(wait=False)
        for look in self._looks:
            look.cancel()
        await asyncio.gather(*self._looks, return_exceptions=True)

    def age_seconds(self) -> float:
        """Of the newest backup; without any, since this bot began to look after it."""
        return max(0.0, (self._clock.now() - (newest_at(self._folder) or self._since)).total_seconds())

    async def if_due(self) -> bool:
        """Make the backup of last night unless it is there; True when one was made now."""
        now = self._clock.now()
        slot = last_slot(now)
        newest = newest_at(self._folder)
        if newest is not None and newest >= slot:
            return False
        if not await self._leases.acquire("backup", self._owner, now, LEASE.total_seconds()):
            return False
        try:
            made = await backup(self._database_url, self._files, self._folder, now=now, keep=self._keep)
        except BackupFailed as error:
            log.error("no backup could be made", error=str(error))  # noqa: TRY400 - the reason is the message
            if self._told != slot:
                self._told = slot
                await self._alarm(str(error))
            return False
        finally:
            await self._leases.release("backup", self._owner)
        log.info("backup made", file=made.path.name, bytes=made.size, rows=made.rows, files=made.files)
        if made.missing or made.damaged:
            log.error("files are missing or damaged", missing=len(made.missing), damaged=len(made.damaged))
            await self._alarm(f"{len(made.missing)} files missing, {len(made.damaged)} damaged")
        return True

    async def _look(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)
        try:
            await self.if_due()
        except Exception:
            log.exception("the nightly backup failed")


def last_slot(now: datetime) -> datetime:
    """The latest 03:10 in China that has passed."""
    slot = now.astimezone(CHINA).replace(hour=AT_HOUR, minute=AT_MINUTE, second=0, microsecond=0)
    return slot if slot <= now else slot - timedelta(days=1)


def nightly_of(
    settings: Settings,
    *,
    database: Database,
    act: Callable[..., Awaitable[Act]],
    coordinator: Coordinator,
    clock: Clock,
    leases: Leases,
    owner: str,
) -> NightlyBackup | None:
    """As the settings want it; None without ``backup_dir``. A failure is a sentence to every administrator."""
    if not settings.backup_dir:
        return None

    async def alarm(why: str) -> None:
        async with database.transaction() as tx:
            one = await act(tx, cause=f"backup:{clock.now():%Y%m%d}")
            for admin in await tx.people.with_role(Role.ADMIN):
                await one.tell.say(admin, "backup_failed", why=why[:120])
        coordinator.wake("outbox")

    return NightlyBackup(
        database_url=settings.database_url,
        files=Path(settings.files_dir),
        folder=Path(settings.backup_dir),
        keep=settings.backup_keep,
        clock=clock,
        leases=leases,
        owner=owner,
        alarm=alarm,
    )
