"""``jiedan run``: a small parent holds the listening socket, one worker answers on it (reliability sections 4 and 5).

A worker that crashes is forked again at once, one that hangs is replaced; callbacks that arrive meanwhile wait in the
socket's queue instead of being refused. SIGTERM and Ctrl-C end both within ten seconds, SIGHUP starts a worker anew
with the settings as they are then. The parent runs nothing of the desk: it imports it, forks, and waits.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

import structlog
from aiohttp import web
from aiohttp.worker import GunicornWebWorker
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.config import Config  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]
from sqlalchemy.orm import configure_mappers

from bot import redaction
from bot.app import Bot, DatabaseInUse
from bot.settings import ConfigError, Settings
from storage.mapping import map_entities

log = structlog.get_logger()

BACKLOG = 2048
"""Connections that wait while a worker starts; Linux caps it by net.core.somaxconn."""
FROZEN_AFTER = 8
"""Seconds without a beat of the event loop after which the parent replaces the worker."""
END_AFTER = 9
"""Seconds a worker has to end in good order; then it is killed. With the parent's own part it stays under ten."""
ANSWERS_AFTER = 4.0
"""Seconds for the requests in hand once the socket is closed; the writer gives up after 3 s."""
PREDECESSOR_AFTER = 15.0
"""Seconds a worker waits for the SQLite file of the one before, which is still ending."""
LAST_READ = 0.3
"""Seconds between closing the socket and hanging up: what had been accepted just before has its request read."""
PAUSE_AFTER_FAILURE = 1.0
BEAT = 1.0
MEMORY = Path("/dev/shm")  # noqa: S108 - where the beat is kept, so that a busy disk does not look like a hung worker


class Desk(BaseApplication):  # type: ignore[misc]
    """The bot as the parent sees it: how to configure the socket, and what a worker runs."""

    def __init__(self, read: Callable[[], Settings]) -> None:
        self._read = read
        self.settings = read()
        self.bot: Bot | None = None
        self.runner: web.AppRunner | None = None
        """Both in the worker, once it runs."""
        super().__init__()

    def load_config(self) -> None:
        bind = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        wanted = {
            "bind": f"{bind}:{self.settings.port}",
            "backlog": BACKLOG,
            "workers": 1,
            "worker_class": Worker,
            "preload_app": True,
            "timeout": FROZEN_AFTER,
            "graceful_timeout": END_AFTER,
            "worker_tmp_dir": str(MEMORY) if MEMORY.is_dir() else None,
            "logger_class": Log,
            "loglevel": self.settings.log_level.lower(),
            "control_socket_disable": True,
        }
        for name, value in wanted.items():
            self.cfg.set(name, value)

    def reload(self) -> None:
        """SIGHUP: the settings as they stand now; wrong ones are reported and the old ones stay in force."""
        try:
            self.settings = self._read()
        except ConfigError as error:
            log.warning("the new settings are wrong, the old ones stay in force", problem=str(error))
        redaction.install(self.settings)
        super().reload()

    def load(self) -> Callable[[], object]:
        """Once, in the parent: what every worker would do again. What is there now is no garbage: no worker looks
        through it, and copies it by doing so."""
        map_entities()
        configure_mappers()
        gc.collect()
        gc.freeze()
        return self.serve

    async def serve(self) -> web.AppRunner:
        """What a worker does: the bot behind its HTTP side, started before and stopped after it."""
        bot = self.bot = await predecessor_gone(self.settings)

        async def up(_: web.Application) -> None:
            await bot.start()

        async def down(_: web.Application) -> None:
            await bot.stop()

        app = bot.web_app()
        app.on_startup.append(up)
        app.on_cleanup.append(down)  # after the last answer: until then the writer is wanted
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=ANSWERS_AFTER)
        return self.runner


class Worker(GunicornWebWorker):
    """Answers, and beats also while it starts and ends, both of which may last longer than a hung worker is given."""

    app: Desk

    async def _run(self) -> None:
        self._beating = self.loop.create_task(self._beat())
        try:
            await super()._run()
        finally:
            left = asyncio.all_tasks() - {asyncio.current_task()}
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _beat(self) -> None:
        while True:
            self.notify()
            await asyncio.sleep(BEAT)

    def run(self) -> None:
        """Serve until told to end.

        The parent gives up when a worker cannot start. That is right for the first one, before somebody's eyes. A
        later one has a predecessor that could, so only its surroundings can be at fault: it is tried again.
        """
        try:
            super().run()
        except SystemExit as ended:
            _gone(ended)
        except Exception as error:
            if isinstance(error, DatabaseInUse):
                print(f"{error}\n另一个机器人正在使用这个库:请先停掉它,或改用 PostgreSQL。", file=sys.stderr)
            else:
                log.exception("the worker failed")
            if self.age == 1 and not self.booted:
                sys.exit(Arbiter.WORKER_BOOT_ERROR)
            time.sleep(PAUSE_AFTER_FAILURE)
            sys.exit(1)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM: “not ready” first, and time for the balancer to see it; then the socket is closed."""
        self._leaving = self.loop.create_task(self._leave())

    async def _leave(self) -> None:
        if self.app.bot is not None and self.app.runner is not None:
            self.app.bot.leave()
            await asyncio.sleep(self.app.settings.drain_seconds)
            for site in list(self.app.runner.sites):
                await site.stop()
            await asyncio.sleep(LAST_READ)
        self.alive = False
        self._notify_waiter_done()


class Log(Logger):  # type: ignore[misc]
    """What the parent says goes the way of every other line."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def serve(read: Callable[[], Settings]) -> None:
    """Serve until SIGTERM or Ctrl-C; leaves by SystemExit. ``read`` gives the settings, again at each SIGHUP."""
    desk = Desk(read)
    level = desk.settings.log_level
    logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname)s:%(process)d:%(name)s:%(message)s")
    for chatty in ("apscheduler", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]))
    redaction.install(desk.settings)
    try:
        desk.run()
    except SystemExit as ended:
        _gone(ended)


def _gone(ended: SystemExit) -> NoReturn:
    """End here and now: everything is closed, and taking a large interpreter apart costs seconds on a busy machine."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(ended.code if isinstance(ended.code, int) else 1)


async def predecessor_gone(settings: Settings, *, within: float = PREDECESSOR_AFTER) -> Bot:
    """A bot on its database. Raises DatabaseInUse when another one has had the SQLite file for so many seconds."""
    loop = asyncio.get_running_loop()
    until = loop.time() + within
    while True:
        try:
            return Bot(settings)
        except DatabaseInUse:
            if loop.time() > until:
                raise
            await asyncio.sleep(0.05)
