"""One backup = one tar: the database of one moment, every kept file, and a manifest of what must be in it.

The name appears only when all of it is on the disk; mode 0600, since it holds what the database holds.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from sqlalchemy.exc import SQLAlchemyError

from bot.backup import seal
from storage import snapshots
from storage.snapshots import Snapshot

FORMAT = 1
STAMP = "%Y%m%dT%H%M%SZ"
NAME = re.compile(r"jiedan-(\d{8}T\d{6}Z)\.tar")
PARTIAL = re.compile(r"\.jiedan-(\d{8}T\d{6}Z)-\w+\.partial")
DIGEST = re.compile("[0-9a-f]{64}")
MANIFEST = "manifest.json"
DATABASE, FILES = "database/", "files/"
LEFT_OVER = timedelta(days=1)
CHUNK = 1 << 20


class BackupFailed(Exception):
    """No backup was made: the disk is full or not writable, or the database cannot be read. Nothing half is left."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """A finished backup. ``rows`` and ``files`` are counts, ``size`` is in bytes."""

    path: Path
    size: int
    rows: int
    files: int
    missing: tuple[str, ...]
    """Attachments that rows speak of and the folder does not have."""
    damaged: tuple[str, ...]
    """Files whose content is not what their name says; they are left out."""


async def backup(database_url: str, files: Path, folder: Path, *, now: datetime, keep: int) -> Made:
    """Write a backup into ``folder`` and remove the oldest beyond ``keep``. The bot may be running.

    Files are collected after the database's moment, so that each one its rows speak of is among them.
    Raises BackupFailed.
    """
    stamp = now.astimezone(UTC).strftime(STAMP)
    work = folder / f".jiedan-{stamp}-{os.getpid()}.partial"
    try:
        await asyncio.to_thread(_workplace, work)
        snapshot = await snapshots.take(database_url, work)
        made = await asyncio.to_thread(_pack, snapshot, work, files, folder / f"jiedan-{stamp}.tar", now)
        await asyncio.to_thread(_tidy, folder, keep, now)
    except (OSError, sqlite3.Error, SQLAlchemyError) as error:
        raise BackupFailed(f"{type(error).__name__}: {error}") from error
    finally:
        await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)
    return made


def _workplace(work: Path) -> None:
    work.parent.mkdir(parents=True, exist_ok=True)
    work.mkdir(mode=0o700)


def newest_at(folder: Path) -> datetime | None:
    """When the newest finished backup was made; None without any."""
    stamps = [found[1] for path in _archives(folder) if (found := NAME.fullmatch(path.name))]
    return _moment(max(stamps)) if stamps else None


def _archives(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("jiedan-*.tar") if NAME.fullmatch(path.name))


def _moment(stamp: str) -> datetime:
    return datetime.strptime(stamp, STAMP).replace(tzinfo=UTC)


def _pack(snapshot: Snapshot, work: Path, files: Path, target: Path, now: datetime) -> Made:
    new = work / "archive.tar"
    parts: dict[str, dict[str, str | int]] = {}
    damaged: list[str] = []
    kept: set[str] = set()
    with os.fdopen(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+b") as raw:
        with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for part in snapshot.parts:
                path = work / part
                parts[DATABASE + part] = {"sha256": _digest(path), "bytes": path.stat().st_size}
                with path.open("rb") as source:
                    _add(archive, DATABASE + part, source, path.stat().st_size, now)
                path.unlink()
            for path in _stored(files):
                # Files never change once they are there, so that hashing first and copying then is one reading.
                if _digest(path) != path.name:
                    damaged.append(path.name)
                    continue
                kept.add(path.name)
                parts[FILES + path.name] = {"sha256": path.name, "bytes": path.stat().st_size}
                with path.open("rb") as source:
                    _add(archive, FILES + path.name, source, path.stat().st_size, now)
            missing = tuple(digest for digest in snapshot.files if digest not in kept)
            manifest = {
                "format": FORMAT,
                "made_at": now.astimezone(UTC).isoformat(timespec="seconds"),
                "snapshot": asdict(snapshot),
                "parts": parts,
                "missing": list(missing),
                "damaged": damaged,
            }
            text = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
            _add(archive, MANIFEST, io.BytesIO(text), len(text), now)
        raw.flush()
    seal.close(new)
    size = new.stat().st_size
    os.replace(new, target)
    _sync_folder(target.parent)
    return Made(
        path=target,
        size=size,
        rows=sum(snapshot.tables.values()),
        files=len(kept),
        missing=missing,
        damaged=tuple(damaged),
    )


def _stored(files: Path) -> Iterator[Path]:
    """Everything under its digest in the store; half-written files carry other names."""
    for path in sorted(files.glob("??/??/*")):
        if DIGEST.fullmatch(path.name) and path.is_file():
            yield path


def _add(archive: tarfile.TarFile, name: str, source: IO[bytes], size: int, now: datetime) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(now.timestamp())
    archive.addfile(entry, source)


def _digest(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _tidy(folder: Path, keep: int, now: datetime) -> None:
    """Only after a new one is safe: the oldest go, and what a crash left half-made a day ago."""
    for path in _archives(folder)[: -max(keep, 1)]:
        path.unlink()
    for path in folder.glob(".jiedan-*.partial"):
        left = PARTIAL.fullmatch(path.name)
        if left and now - _moment(left[1]) > LEFT_OVER:
            shutil.rmtree(path, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    held = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)
