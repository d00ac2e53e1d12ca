"""The servers that are compared; prints its port when it serves. Run: python -m bench.ingest_server kind [URL].

echo: aiohttp gives the body back, nothing else: what the machine can do at all. envelope: the bot's callback route,
verified and decrypted, then thrown away. single: the same, each message in a transaction of its own before its 200.
group: the bot as it is, with the group-commit writer.
"""

from __future__ import annotations

import asyncio
import logging
import sys

from aiohttp import web

from bench.wecom import AES_KEY, AGENT, CORP, TOKEN
from bot.wecom.apps import WeComApp
from bot.wecom.callback import Ingest, WeComCallback
from core.clock import SystemClock
from core.inbound import RawInbound
from storage.database import SqlDatabase
from storage.queues import SqlInboxQueue
from storage.writer import GroupCommitWriter


async def _echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


async def _forget(_: RawInbound) -> None:
    """Verified, decrypted, thrown away."""


async def _ingest(kind: str, url: str) -> Ingest:
    if kind == "envelope":
        return _forget
    clock = SystemClock()
    database = SqlDatabase(url)
    await database.create_all()
    queue = SqlInboxQueue(database.writer)
    if kind == "group":
        return GroupCommitWriter(queue, clock).store

    async def alone(raw: RawInbound) -> int | None:
        return (await queue.store([raw], clock.now()))[0]

    return alone


async def main(kind: str, url: str) -> None:
    app = web.Application()
    if kind == "echo":
        app.router.add_post("/wecom/callback", _echo)
    else:
        wecom = WeComApp(corpid=CORP, agentid=AGENT, secret="s", token=TOKEN, aes_key=AES_KEY)
        app.add_routes(WeComCallback([wecom], await _ingest(kind, url), SystemClock()).routes())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    logging.disable(logging.INFO)
    asyncio.run(main(sys.argv[1], sys.argv[2]))
