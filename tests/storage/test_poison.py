"""A message that ends the process it is worked in: parked after five tries, and nobody else pays for it (R12)."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from bot.inbox import KILLER
from core.inbound import RawInbound
from core.people import PlatformName
from storage.database import SqlDatabase
from storage.queues import SqlDeadLetters, SqlInboxQueue

WORKER = """
import asyncio, os, sys
import demo
from bot.masters.demo import load_demo
from bot.app import Bot
from bot.settings import Settings
from handlers import routes

class Plugin:
    def __init__(self):
        self.real = routes.handle
    async def __call__(self, context):
        if "poison" in context.message.text:
            os._exit(3)
        if "slow" in context.message.text:
            await asyncio.sleep(0.3)
        if "bomb" in context.message.text:
            await asyncio.sleep(0.5)
            os._exit(3)
        await self.real(context)

async def main(folder):
    url = f"sqlite+aiosqlite:///{folder}/jiedan.db"
    bot = Bot(Settings(database_url=url, files_dir=f"{folder}/files", card_secret="0123456789abcdef"))
    await bot.database.migrate()
    await load_demo(bot.database, demo.MORNING)
    routes.handle = Plugin()
    await bot.start()
    async with asyncio.timeout(60):
        while (await bot.inbox_queue.depth())[0]:
            await asyncio.sleep(0.05)
    await bot.stop()

asyncio.run(main(sys.argv[1]))
"""


def inbound(nth: int, text: str) -> RawInbound:
    account = f"stranger{nth}"
    return RawInbound(
        platform=PlatformName.WECOM,
        dedupe_key=f"m:{nth}",
        conv_key=f"wecom:{account}",
        kind="text",
        payload={
            "agentid": 1,
            "message": {
                "ToUserName": "corp",
                "FromUserName": account,
                "CreateTime": "1771636320",
                "MsgType": "text",
                "Content": text,
                "MsgId": str(nth),
                "AgentID": "1",
            },
        },
        raw_sha256="0" * 64,
        platform_at=datetime.now(UTC),
    )


def work(folder: Path) -> int:
    """One life of a bot; 0 when it worked everything off."""
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(folder)], check=False, env=os.environ, capture_output=True, text=True
    )
    assert done.returncode in (0, 3), done.stderr[-3000:]
    return done.returncode


async def until_done(folder: Path) -> list[int]:
    ends: list[int] = []
    while not ends or ends[-1] == 3:
        ends.append(await asyncio.to_thread(work, folder))
        assert len(ends) < 10
    return ends


async def test_a_message_that_kills_its_worker_is_parked_and_the_others_are_handled(tmp_path: Path) -> None:
    database = SqlDatabase(f"sqlite+aiosqlite:///{tmp_path}/jiedan.db")
    await database.migrate()
    texts = ["slow one", "slow two", "poison", "slow three", "four"]
    await SqlInboxQueue(database.writer).store(
        [inbound(n, text) for n, text in enumerate(texts, start=1)], datetime.now(UTC)
    )
    await database.close()

    ends = await until_done(tmp_path)

    assert ends == [3, 3, 3, 3, 3, 0]
    database = SqlDatabase(f"sqlite+aiosqlite:///{tmp_path}/jiedan.db")
    letters = await SqlDeadLetters(database.writer).list()
    async with database.writer.begin() as connection:
        told = (
            await connection.exec_driver_sql("SELECT recipients FROM outbox WHERE body LIKE '%\"parked\"%'")
        ).scalars()
        assert list(told) == ['["stranger3"]']
    assert [(x.source_id, x.reason, x.attempts) for x in letters if x.source == "inbox"] == [(3, KILLER, 5)]
    await database.close()


async def test_who_waits_to_be_worked_alone_is_not_guilty_of_what_happens_meanwhile(tmp_path: Path) -> None:
    database = SqlDatabase(f"sqlite+aiosqlite:///{tmp_path}/jiedan.db")
    await database.migrate()
    inbox = SqlInboxQueue(database.writer)
    suspect, bomb = await inbox.store([inbound(1, "one"), inbound(2, "bomb")], datetime.now(UTC))
    async with database.writer.begin() as connection:
        await connection.exec_driver_sql(f"UPDATE inbox_work SET attempts = 2 WHERE inbox_id = {suspect}")
    await database.close()

    ends = []
    for _ in range(2):
        ends.append(await asyncio.to_thread(work, tmp_path))
        with closing(sqlite3.connect(tmp_path / "jiedan.db")) as direct:
            tries = dict(direct.execute("SELECT inbox_id, attempts FROM inbox_work"))
        assert tries == {suspect: 2, bomb: len(ends)}
    ends += await until_done(tmp_path)

    assert ends == [3, 3, 3, 3, 3, 0]
    database = SqlDatabase(f"sqlite+aiosqlite:///{tmp_path}/jiedan.db")
    letters = await SqlDeadLetters(database.writer).list()
    assert [(x.source_id, x.attempts) for x in letters if x.source == "inbox"] == [(bomb, 5)]
    await database.close()
