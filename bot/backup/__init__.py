"""Backups: one sealed file per moment, made while the bot works, rehearsed before it is needed (newcomer, Backup)."""

from bot.backup.archive import BackupFailed, Made, backup, newest_at
from bot.backup.nightly import NightlyBackup, nightly_of
from bot.backup.restoring import Rehearsal, rehearse, restore

__all__ = [
    "BackupFailed",
    "Made",
    "NightlyBackup",
    "Rehearsal",
    "backup",
    "newest_at",
    "nightly_of",
    "rehearse",
    "restore",
]
