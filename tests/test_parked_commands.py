"""``jiedan parked …``: what was given up is read, sent again or dropped at the command line, and each leaves a link."""

from __future__ import annotations

import getpass
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert

from core.people import PlatformName
from storage import tables as t
from storage.database import SqlDatabase
from storage.queues import SqlInboxQueue
from tests.test_command_line import jiedan

NOW = datetime(2026, 2, 21, 1, 12, tzinfo=UTC)


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """With three parked orders, numbered 1 to 3."""
    database = SqlDatabase(f"sqlite+aiosqlite:///{tmp_path / 'jiedan.db'}")
    await database.migrate()
    async with database.writer.begin() as connection:
        for n in (1, 2, 3):
            content = {"message": {"MsgType": "text", "Content": f"K0231 {n}个, 13812345678", "ResponseCode": "x1y2"}}
            row = {
                "platform": PlatformName.WECOM,
                "dedupe_key": f"m:{n}",
                "conv_key": f"wecom:1:person{n}",
                "kind": "text",
                "payload": content,
                "raw_sha256": "",
                "platform_at": NOW,
                "received_at": NOW,
            }
            source = (await connection.execute(insert(t.inbox).values(row).returning(t.inbox.c.id))).scalar_one()
            await connection.execute(
                insert(t.dead_letters).values(
                    source="inbox",
                    source_id=source,
                    reason="KeyError: 'CreateTime' 13812345678",
                    payload={"platform": "wecom", "kind": "text", "conv_key": row["conv_key"], "content": content},
                    attempts=5,
                    first_at=NOW,
                    last_at=NOW,
                    resolved_by="",
                    resolution="",
                )
            )
    await database.close()
    return tmp_path


async def traces(folder: Path) -> list[tuple[str, str, str, str]]:
    database = SqlDatabase(f"sqlite+aiosqlite:///{folder / 'jiedan.db'}")
    try:
        async with database.reading() as tx:
            refs = sorted(await tx.timeline.refs())
            entries = [entry for ref in refs for entry in await tx.timeline.of(ref)]
    finally:
        await database.close()
    return [(e.ref, e.action, e.actor_name, e.channel) for e in entries]


async def open_again(folder: Path) -> int:
    database = SqlDatabase(f"sqlite+aiosqlite:///{folder / 'jiedan.db'}")
    try:
        return (await SqlInboxQueue(database.writer).depth())[0]
    finally:
        await database.close()


async def test_one_is_shown_in_full_and_nobodys_phone_with_it(folder: Path) -> None:
    listed = jiedan(folder, "parked", "list")
    shown = jiedan(folder, "parked", "show", "2")

    assert [line.split("\t")[:4] for line in listed.stdout.splitlines()] == [
        ["3", "inbox", "02-21 09:12", "5"],
        ["2", "inbox", "02-21 09:12", "5"],
        ["1", "inbox", "02-21 09:12", "5"],
    ]
    assert shown.returncode == 0
    assert "K0231 2个, 138****5678" in shown.stdout
    assert "13812345678" not in shown.stdout + listed.stdout
    assert "x1y2" not in shown.stdout


async def test_one_is_sent_again_once_and_the_trace_says_by_whom(folder: Path) -> None:
    done = jiedan(folder, "parked", "resend", "2")
    again = jiedan(folder, "parked", "resend", "2")
    gone = jiedan(folder, "parked", "show", "2")

    assert (done.returncode, done.stdout.strip()) == (0, "已处理")
    assert (again.returncode, again.stdout.strip()) == (1, "没有待处理的 2")
    assert (gone.returncode, gone.stdout.strip()) == (1, "没有待处理的 2")
    assert await traces(folder) == [("parked:2", "parked.resent", getpass.getuser(), "cli")]
    assert await open_again(folder) == 1


async def test_all_of_them_are_dropped_and_each_leaves_a_link(folder: Path) -> None:
    done = jiedan(folder, "parked", "drop", "--all")

    assert (done.returncode, done.stdout.strip()) == (0, "已处理 3 条")
    assert await traces(folder) == [(f"parked:{n}", "parked.dropped", getpass.getuser(), "cli") for n in (1, 2, 3)]
    assert await open_again(folder) == 0
    assert "没有搁置的消息" in jiedan(folder, "parked", "list").stdout
    assert jiedan(folder, "parked", "drop", "--all").stdout.strip() == "已处理 0 条"


async def test_neither_a_number_nor_all_and_both_are_answered_in_a_sentence(folder: Path) -> None:
    for words in (["resend"], ["drop", "2", "--all"]):
        refused = jiedan(folder, "parked", *words)

        assert refused.returncode == 2
        assert "请写编号,或用 --all 处理全部。" in refused.stderr
    assert await traces(folder) == []


async def test_a_decision_whose_trace_cannot_be_written_is_none(folder: Path) -> None:
    with sqlite3.connect(folder / "jiedan.db") as connection:
        connection.execute(
            "CREATE TRIGGER no_trace BEFORE INSERT ON timeline BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )

    assert jiedan(folder, "parked", "resend", "2").returncode == 1

    assert await open_again(folder) == 0
    assert [line.split("\t")[0] for line in jiedan(folder, "parked", "list").stdout.splitlines()] == ["3", "2", "1"]
