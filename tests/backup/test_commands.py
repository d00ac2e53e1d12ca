"""What an operator types, while the bot is running and after it is gone."""

from __future__ import annotations

from pathlib import Path

from storage.database import SqlDatabase
from tests.backup.conftest import write_order
from tests.test_command_line import jiedan


async def test_backup_rehearsal_and_restore_one_after_the_other_while_the_bot_runs(tmp_path: Path) -> None:
    """The instance lock is held all the time: a backup wants none."""
    database = SqlDatabase(f"sqlite+aiosqlite:///{tmp_path / 'jiedan.db'}")
    await database.migrate()
    await write_order(database, 1)

    made = jiedan(tmp_path, "backup", str(tmp_path / "backups"))
    assert made.returncode == 0, made.stderr
    assert "已备份" in made.stdout
    (archive,) = (tmp_path / "backups").iterdir()

    rehearsed = jiedan(tmp_path, "restore", str(archive), "--verify")
    assert rehearsed.returncode == 0, rehearsed.stderr
    assert "演练通过" in rehearsed.stdout

    there = jiedan(tmp_path, "restore", str(archive), "--into", f"sqlite+aiosqlite:///{tmp_path / 'jiedan.db'}")
    assert there.returncode == 1
    assert "只恢复到空库" in there.stderr

    new = f"sqlite+aiosqlite:///{tmp_path / 'new.db'}"
    restored = jiedan(tmp_path, "restore", str(archive), "--into", new, "--files", str(tmp_path / "new-files"))
    assert "已恢复" in restored.stdout
    await database.close()
    again = SqlDatabase(new)
    async with again.reading() as tx:
        assert await tx.orders.get("SO260220-0001") is not None
    await again.close()


def test_what_cannot_be_done_is_said_in_a_sentence(tmp_path: Path) -> None:
    nowhere = jiedan(tmp_path, "backup")
    assert (nowhere.returncode, "没有说备份到哪里" in nowhere.stderr) == (2, True)

    no_database = jiedan(tmp_path, "backup", str(tmp_path / "b"))
    assert no_database.returncode == 1
    assert "没有备份成功" in no_database.stderr
    assert list((tmp_path / "b").iterdir()) == []

    junk = tmp_path / "junk.tar"
    junk.write_bytes(b"no archive" * 100)
    refused = jiedan(tmp_path, "restore", str(junk), "--verify")
    assert refused.returncode == 1
    assert "演练没有通过" in refused.stderr
    assert "✗ 封签不符" in refused.stderr
    assert "Traceback" not in refused.stderr + no_database.stderr + nowhere.stderr
    neither = jiedan(tmp_path, "restore", str(junk))
    assert (neither.returncode, "--verify" in neither.stderr) == (2, True)
