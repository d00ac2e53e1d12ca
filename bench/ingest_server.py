"""The two servers that ``bench.ingest`` compares; prints its port when it serves."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from aiohttp import web

from bench.ingest import AES_KEY, AGENT, CORP, TOKEN
from bot.wecom.apps import WeComApp
from bot.wecom.callback import WeComCallback
from core.clock import SystemClock
from core.inbound import RawInbound
from storage.database import SqlDatabase
from storage.queues import SqlInboxQueue
from storage.writer import GroupCommitWriter


async def main(kind: str, folder: Path) -> None:
    clock = SystemClock()
    app = WeComApp(corpid=CORP, agentid=AGENT, secret="s", token=TOKEN, aes_key=AES_KEY)
    if kind == "durable":
        database = SqlDatabase(f"sqlite+aiosqlite:///{folder / 'bench.db'}")
        await database.create_all()
        store = GroupCommitWriter(SqlInboxQueue(database.writer), clock).store
    else:

        async def store(raw: RawInbound) -> int | None:
            """The bare server: verified, decrypted, thrown away."""
            return 1

    web_app = web.Application()
    web_app.add_routes(WeComCallback([app], store, clock).routes())
    runner = web.AppRunner(web_app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    logging.disable(logging.INFO)
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
