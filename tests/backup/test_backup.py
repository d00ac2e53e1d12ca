"""What is written down at night is there in the morning, and a backup that is not whole is found out."""

from __future__ import annotations

import asyncio
import io
import random
import shutil
import stat
import tarfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from bot.backup import BackupFailed, backup, newest_at, rehearse, restore, seal
from bot.backup.archive import MANIFEST
from bot.backup.defects import Defect
from storage.database import SqlDatabase
from storage.files import FolderFileStore
from storage.snapshots import NotEmpty, broken_chains
from tests.backup.conftest import NIGHT, PICTURE, Desk, write_order
from tests.servers import PostgresServer
from tests.storage.samples import an_order


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, desk: Desk, tmp_path: Path) -> Iterator[str]:
    """Where a backup of ``desk`` may be restored: a database without any table."""
    if desk.url.startswith("sqlite"):
        yield f"sqlite+aiosqlite:///{tmp_path / 'new' / 'jiedan.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"restored_{uuid4().hex[:12]}"
    server.sql(f"CREATE DATABASE {name}")
    yield server.url(name)
    server.sql(f"DROP DATABASE {name} WITH (FORCE)")


async def made(desk: Desk, *, keep: int = 7, later: timedelta = timedelta()) -> Path:
    return (await backup(desk.url, desk.files, desk.backups, now=NIGHT + later, keep=keep)).path


async def test_a_backup_is_one_private_file_that_rehearses_well(desk: Desk) -> None:
    done = await backup(desk.url, desk.files, desk.backups, now=NIGHT, keep=7)

    assert done.path.name == "jiedan-20260220T191000Z.tar"
    assert stat.S_IMODE(done.path.stat().st_mode) == 0o600
    assert (done.files, done.missing, done.damaged) == (1, (), ())
    assert [path.name for path in desk.backups.iterdir()] == [done.path.name]
    told = await rehearse(done.path, postgres_url=desk.url)
    assert told.defects == []
    lines = dict(told.lines)
    assert (lines["seal"], lines["hash chains"], lines["files"]) == ("ok", "ok", "1")
    assert (lines["  orders"], lines["  timeline"], lines["  lots"]) == ("5", "10", "1")


async def test_a_backup_in_the_midst_of_writing_is_one_consistent_moment(desk: Desk) -> None:
    """Each commit writes an order, its own chain and a link of one common chain: the counts belong together."""
    stop = asyncio.Event()

    async def keep_writing() -> int:
        nth = 5
        while not stop.is_set():
            nth += 1
            await write_order(desk.database, nth)
        return nth

    writer = asyncio.create_task(keep_writing())
    counts = []
    for n in range(3):
        told = await rehearse(await made(desk, later=timedelta(seconds=n)), postgres_url=desk.url)
        assert told.defects == []
        lines = dict(told.lines)
        counts.append((int(lines["  orders"]), int(lines["  timeline"]), int(lines["  order_lines"])))
    stop.set()
    written = await writer

    assert all(links == 2 * orders and rows == 2 * orders for orders, links, rows in counts)
    assert 5 <= counts[0][0] < counts[2][0] <= written


async def test_a_restored_desk_goes_on_where_it_stopped(desk: Desk, empty_url: str, tmp_path: Path) -> None:
    archive = await made(desk)

    await restore(archive, database_url=empty_url, files=tmp_path / "new-files")

    again = SqlDatabase(empty_url)
    await again.migrate()
    async with again.transaction() as tx:
        kept = await tx.orders.get("SO260220-0003")
        assert kept is not None
        assert [(line.part_number, line.quantity) for line in kept.lines] == [("04465-0K240", 20), ("90915-YZZD4", 48)]
        fresh = an_order("SO260220-0099")
        await tx.orders.add(fresh)
    # Numbers go on after the last one handed out: nothing collides, and nothing is handed out twice.
    assert (fresh.id or 0) > (kept.id or 0)
    await write_order(again, 100)
    await again.close()
    assert await FolderFileStore(tmp_path / "new-files").get(desk.picture) == PICTURE
    assert await broken_chains(empty_url) == []


async def test_a_restore_overwrites_nothing(desk: Desk, tmp_path: Path) -> None:
    archive = await made(desk)

    with pytest.raises(NotEmpty):
        await restore(archive, database_url=desk.url, files=desk.files)

    async with desk.database.reading() as tx:
        assert await tx.orders.get("SO260220-0005") is not None


async def test_a_backup_fits_its_own_kind_of_database_only(desk: Desk, tmp_path: Path) -> None:
    archive = await made(desk)
    other = "postgresql+asyncpg://x@/y" if desk.url.startswith("sqlite") else f"sqlite+aiosqlite:///{tmp_path}/n.db"

    with pytest.raises(BackupFailed, match="不是同一种数据库"):
        await restore(archive, database_url=other, files=tmp_path / "f")


async def test_any_flipped_byte_is_found(desk: Desk, tmp_path: Path) -> None:
    archive = await made(desk)
    whole = archive.read_bytes()
    rng = random.Random(5)
    for position in [0, len(whole) - 1, len(whole) // 2, *(rng.randrange(len(whole)) for _ in range(150))]:
        hurt = bytearray(whole)
        hurt[position] ^= 1 << rng.randrange(8)
        archive.write_bytes(hurt)

        assert not seal.holds(archive), position

    with pytest.raises(BackupFailed, match="封签不符"):
        await restore(archive, database_url=f"sqlite+aiosqlite:///{tmp_path}/n.db", files=tmp_path / "f")
    assert not (tmp_path / "n.db").exists()


async def test_a_torn_archive_is_found_wherever_it_ends(desk: Desk) -> None:
    archive = await made(desk)
    whole = archive.read_bytes()
    for size in (0, 100, 600, len(whole) // 2, len(whole) - 1):
        archive.write_bytes(whole[:size])

        told = await rehearse(archive, postgres_url=desk.url)

        assert told.defects


def _without(archive: Path, left_out: str, *, changed: bytes | None = None) -> None:
    """The archive again, well sealed, with one part left out or replaced: somebody packed it by hand."""
    with tarfile.open(archive) as old, tarfile.open(archive.with_suffix(".new"), "w") as new:
        for member in old.getmembers():
            source = old.extractfile(member)
            assert source is not None
            if not member.name.startswith(left_out):
                new.addfile(member, source)
            elif changed is not None:
                data = source.read()[: -len(changed)] + changed
                member.size = len(data)
                new.addfile(member, io.BytesIO(data))
    archive.with_suffix(".new").replace(archive)
    seal.close(archive)


@pytest.mark.parametrize("part", ["files/", "database/", MANIFEST])
async def test_a_missing_part_is_named_although_the_seal_holds(desk: Desk, part: str) -> None:
    archive = await made(desk)
    _without(archive, part)

    told = await rehearse(archive, postgres_url=desk.url)

    assert {d.why for d in told.defects} & {"part_missing", "no_manifest"}


@pytest.mark.parametrize("part", ["files/", "database/"])
async def test_a_changed_part_is_named_although_the_seal_holds(desk: Desk, part: str) -> None:
    archive = await made(desk)
    _without(archive, part, changed=b"!!!")

    told = await rehearse(archive, postgres_url=desk.url)

    assert "part_damaged" in {defect.why for defect in told.defects}


async def test_files_that_are_not_whole_are_said_at_the_backup_and_at_the_rehearsal(desk: Desk) -> None:
    path = next(desk.files.glob("??/??/*"))
    path.write_bytes(b"\0" + PICTURE[1:])

    done = await backup(desk.url, desk.files, desk.backups, now=NIGHT, keep=7)

    assert done.damaged == (desk.picture,)
    assert done.missing == (desk.picture,)
    told = await rehearse(done.path, postgres_url=desk.url)
    assert len(told.defects) == 2


async def test_a_broken_chain_is_found_by_the_rehearsal(desk: Desk) -> None:
    off = (
        "DROP TRIGGER timeline_no_update"
        if desk.url.startswith("sqlite")
        else "ALTER TABLE timeline DISABLE TRIGGER ALL"
    )
    async with desk.database.writer.begin() as direct:
        await direct.execute(text(off))
        await direct.execute(text("UPDATE timeline SET actor = 'E0009' WHERE seq = 3 AND ref = 'everything'"))

    told = await rehearse(await made(desk), postgres_url=desk.url)

    assert told.defects == [Defect("chain", "everything #3")]


async def test_the_oldest_go_and_leftovers_of_a_crash_too(desk: Desk) -> None:
    desk.backups.mkdir()
    old = desk.backups / ".jiedan-20260218T191000Z-77.partial"
    fresh = desk.backups / ".jiedan-20260220T190000Z-78.partial"
    stranger = desk.backups / "notes.txt"
    for folder in (old, fresh):
        folder.mkdir()
    stranger.write_text("mine")

    for night in range(4):
        await made(desk, keep=2, later=timedelta(days=night))

    assert sorted(path.name for path in desk.backups.iterdir()) == [
        "jiedan-20260222T191000Z.tar",
        "jiedan-20260223T191000Z.tar",
        "notes.txt",
    ]
    assert newest_at(desk.backups) == NIGHT + timedelta(days=3)


async def test_without_a_place_to_write_it_fails_and_leaves_nothing(desk: Desk, tmp_path: Path) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")

    with pytest.raises(BackupFailed):
        await backup(desk.url, desk.files, blocked / "backups", now=NIGHT, keep=7)

    shutil.rmtree(desk.files)
    gone = await backup(desk.url, desk.files, desk.backups, now=NIGHT, keep=7)
    assert gone.missing == (desk.picture,)
