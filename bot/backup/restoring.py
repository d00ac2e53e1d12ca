"""From a backup back to a working desk: rehearsed in a scratch place, or for good into an empty database."""

from __future__ import annotations

import asyncio
import hashlib
import json
import tarfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from bot.backup import seal
from bot.backup.archive import CHUNK, DATABASE, DIGEST, FILES, FORMAT, MANIFEST
from bot.backup.defects import Defect, Unusable
from storage import snapshots
from storage.files import FolderFileStore
from storage.snapshots import NotRestorable, Snapshot

MOST_MANIFEST = 256 * 1024 * 1024
Put = Callable[[bytes], None]


@dataclass(kw_only=True)
class Rehearsal:
    """What a rehearsal found: one line per thing looked at, and every defect."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    defects: list[Defect] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.defects


async def rehearse(archive: Path, *, postgres_url: str = "") -> Rehearsal:
    """Restore into a scratch place and look at everything: seal, parts, row counts, hash chains, files.

    A backup of PostgreSQL wants a server: a database is made beside the one of ``postgres_url`` and dropped again.
    """
    told = Rehearsal()
    whole = await asyncio.to_thread(seal.holds, archive)
    told.lines.append(("seal", "ok" if whole else "broken"))
    if not whole:
        told.defects.append(Defect("seal"))
    try:
        with TemporaryDirectory(prefix="jiedan-rehearsal-") as scratch:
            await _rehearse_in(Path(scratch), archive, postgres_url, told)
    except Unusable as found:
        told.defects += found.defects
    except NotRestorable as found:
        told.defects.append(Defect(found.why, found.of))
    return told


async def _rehearse_in(scratch: Path, archive: Path, postgres_url: str, told: Rehearsal) -> None:
    manifest = await asyncio.to_thread(_unpack, archive, scratch, None, told.defects)
    snapshot = _snapshot(manifest)
    told.lines += [
        ("made at", manifest["made_at"]),
        ("database", f"{snapshot.engine}, revision {snapshot.revision}"),
        ("files", str(sum(name.startswith(FILES) for name in manifest["parts"]))),
    ]
    told.defects += [Defect("attachment_missing", name) for name in manifest["missing"]]
    told.defects += [Defect("file_damaged", name) for name in manifest["damaged"]]
    async with _scratch_database(snapshot, scratch, postgres_url) as url:
        await snapshots.load(url, snapshot, scratch)
        told.lines += [(f"  {name}", str(rows)) for name, rows in snapshot.tables.items() if rows]
        broken = await snapshots.broken_chains(url)
        told.lines.append(("hash chains", f"{len(broken)} broken" if broken else "ok"))
        told.defects += [Defect("chain", ref) for ref in broken]


async def restore(archive: Path, *, database_url: str, files: Path) -> Rehearsal:
    """Put the backup into an empty database and its files beside what is there; the bot starts on it and goes on.

    Files come first: a database whose pictures are missing would be the worse half.
    Raises Unusable (nothing is restored), storage.snapshots.NotEmpty.
    """
    if not await asyncio.to_thread(seal.holds, archive):
        raise Unusable(Defect("seal"))
    told = Rehearsal()
    store, loop = FolderFileStore(files), asyncio.get_running_loop()

    def put(data: bytes) -> None:
        asyncio.run_coroutine_threadsafe(store.put(data), loop).result()

    with TemporaryDirectory(prefix="jiedan-restore-") as scratch:
        manifest = await asyncio.to_thread(_unpack, archive, Path(scratch), put, told.defects)
        if told.defects:
            raise Unusable(*told.defects)
        snapshot = _snapshot(manifest)
        try:
            await snapshots.load(database_url, snapshot, Path(scratch))
        except NotRestorable as found:
            raise Unusable(Defect(found.why, found.of)) from found
    told.lines += [
        ("database", f"{snapshot.engine}, revision {snapshot.revision}"),
        ("rows", str(sum(snapshot.tables.values()))),
        ("files", str(sum(name.startswith(FILES) for name in manifest["parts"]))),
    ]
    told.defects += [Defect("attachment_missing", name) for name in manifest["missing"]]
    return told


@asynccontextmanager
async def _scratch_database(snapshot: Snapshot, scratch: Path, postgres_url: str) -> AsyncIterator[str]:
    if snapshot.engine == "sqlite":
        with snapshots.scratch_sqlite(scratch) as url:
            yield url
        return
    if not postgres_url.startswith("postgresql"):
        raise Unusable(Defect("no_server"))
    name = f"jiedan_rehearsal_{uuid4().hex[:12]}"
    try:
        url = await snapshots.create_scratch_postgres(postgres_url, name)
    except Exception as error:
        raise Unusable(Defect("no_scratch", str(error))) from error
    try:
        yield url
    finally:
        await snapshots.drop_scratch_postgres(postgres_url, name)


def _snapshot(manifest: dict[str, Any]) -> Snapshot:
    try:
        return Snapshot(**manifest["snapshot"])
    except TypeError as error:
        raise Unusable(Defect("foreign")) from error


def _unpack(archive: Path, scratch: Path, put: Put | None, defects: list[Defect]) -> dict[str, Any]:
    """The manifest, after every part was hashed. Database parts land in ``scratch``, files are ``put``.

    Raises Unusable when there is no readable manifest; lesser damage is added to ``defects``.
    """
    try:
        with tarfile.open(archive, "r:") as tar:
            members = {member.name: member for member in tar.getmembers() if member.isreg()}
            manifest = _manifest(tar, members)
            for name, said in manifest["parts"].items():
                member = members.get(name)
                if member is None:
                    defects.append(Defect("part_missing", name))
                elif _part(tar, member, scratch, put) != said["sha256"]:
                    defects.append(Defect("part_damaged", name))
            defects += [Defect("part_unknown", name) for name in members.keys() - _named(manifest)]
    except (tarfile.TarError, OSError, EOFError) as error:
        raise Unusable(Defect("unreadable", str(error))) from error
    return manifest


def _named(manifest: dict[str, Any]) -> set[str]:
    return {MANIFEST, *manifest["parts"]}


def _manifest(tar: tarfile.TarFile, members: dict[str, tarfile.TarInfo]) -> dict[str, Any]:
    member = members.get(MANIFEST)
    source = tar.extractfile(member) if member is not None and member.size <= MOST_MANIFEST else None
    if source is None:
        raise Unusable(Defect("no_manifest"))
    try:
        manifest = json.loads(source.read())
    except ValueError as error:
        raise Unusable(Defect("bad_manifest")) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise Unusable(Defect("foreign"))
    return manifest


def _part(tar: tarfile.TarFile, member: tarfile.TarInfo, scratch: Path, put: Put | None) -> str:
    """The digest of a part, while it is written to where it belongs. A name is never used as a path unchecked."""
    source = tar.extractfile(member)
    assert source is not None
    total = hashlib.sha256()
    if member.name.startswith(FILES):
        digest = member.name.removeprefix(FILES)
        data = source.read()
        found = hashlib.sha256(data).hexdigest()
        if put is not None and found == digest and DIGEST.fullmatch(digest):
            put(data)
        return found
    name = member.name.removeprefix(DATABASE)
    if "/" in name or name.startswith("."):
        return ""
    with (scratch / name).open("wb") as target:
        while chunk := source.read(CHUNK):
            total.update(chunk)
            target.write(chunk)
    return total.hexdigest()
