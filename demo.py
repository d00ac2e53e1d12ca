"""The demo: the bot and the simulated messengers in one process on one port, with nothing but Python.

The only module that knows both; they reach each other over real HTTP and websockets all the same. The scenario tests
start the same thing with another database or Redis.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from bot.app import Bot
from bot.dingtalk.settings import StreamSettings
from bot.masters.demo import load_demo
from bot.ocr import OcrReader
from bot.settings import CalendarSection, DingTalkSection, Settings, WeComSection
from bot.wecom.aibot.settings import AibotSettings
from core.clock import CHINA, MovableClock
from simulator.personas import FIRST_PHONES, find
from simulator.server import BODY_MOST, Accounts, Simulator
from simulator.wecom.aibot import SOCKET as AIBOT_SOCKET

MORNING = datetime(2026, 2, 21, 9, 12, tzinfo=CHINA)
DEMO_WORKDAY = date(2026, 2, 21)
"""A Saturday of the Spring Festival weeks that the demo company works on (domain section 8)."""


PROCESSORS = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.dev.set_exc_info,
    structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
    structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
)
"""Plain tracebacks: the rich ones print every local variable, and the desk stands still for seconds meanwhile."""

RETRY_DELAY = 1.0
"""Seconds between two tries of a WeCom callback, so that a restarting bot is back before the platform gives up."""


class World:
    """A bot, both messengers and a clock that can be moved. ``restart`` and ``crash`` are what operators fear."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        database_url: str = "",
        redis_url: str = "",
        host: str = "127.0.0.1",
        stream: StreamSettings | None = None,
        aibot: AibotSettings | None = None,
        clock: MovableClock | None = None,
        **simulator: Any,
    ) -> None:
        self.folder = folder
        self.base_url = f"http://127.0.0.1:{port}"
        self.clock = clock or MovableClock(MORNING)
        self.reader = OcrReader(workers=1)
        self._port, self._host = port, host
        self._stream = stream
        self._aibot = aibot
        self._accounts = Accounts()
        self._database_url = database_url or f"sqlite+aiosqlite:///{folder / 'jiedan.db'}"
        self._redis_url = redis_url
        self.simulator = Simulator(
            clock=self.clock,
            base_url=self.base_url,
            wecom_callback=f"{self.base_url}/wecom/callback",
            accounts=self._accounts,
            hooks=self,
            **{"wecom": {"retry_delay": RETRY_DELAY}, **simulator},
        )
        self.bot = self._make()
        self._web: web.Application | None = None
        self._runner: web.AppRunner | None = None

    def settings(self) -> Settings:
        """What an administrator would write into config.toml; only the base URLs point at the simulator."""
        a = self._accounts
        return Settings(
            host=self._host,
            port=self._port,
            database_url=self._database_url,
            redis_url=self._redis_url,
            files_dir=str(self.folder / "files"),
            public_url=self.base_url,
            card_secret="demo-card-secret-0123456789",  # noqa: S106 - signs cards of made-up data
            wecom=WeComSection(
                enabled=True,
                corpid=a.corpid,
                agentid=a.agentid,
                secret=a.secret,
                token=a.token,
                aes_key=a.aes_key,
                base_url=self.base_url,
                aibot_id=a.aibotid,
                aibot_secret=a.aibot_secret,
                aibot_url=f"{self.base_url}{AIBOT_SOCKET}".replace("http", "ws", 1),
            ),
            dingtalk=DingTalkSection(
                enabled=True,
                corp_id=a.corp_id,
                client_id=a.client_id,
                client_secret=a.client_secret,
                robot_code=a.robot_code,
                api_base=self.base_url,
                oapi_base=self.base_url,
                monthly_api_calls=200_000,
                monthly_stream=50_000,
            ),
            calendar=CalendarSection(workdays=[DEMO_WORKDAY]),
        )

    async def start(self, *, fill: bool = True) -> None:
        """Serve the port first, so that the bot finds its platforms; then master data, then the bot."""
        root = web.Application(client_max_size=BODY_MOST)
        root.add_routes(self.simulator.routes())
        root.router.add_route("*", "/{path:.*}", self._to_bot)
        self._runner = web.AppRunner(root, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        await self.simulator.start()
        self.simulator.bot_says = "正在准备演示数据…"
        if fill:
            await self.bot.database.migrate()
            await load_demo(self.bot.database, self.clock.now())
        await self._serve()

    async def stop(self) -> None:
        self._web = None
        await self.bot.stop()
        await self.simulator.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        await self.reader.close()

    async def restart_bot(self) -> None:
        """Stop in good order and start again on the same data."""
        self._web = None
        await self.bot.stop()
        self.bot = self._make()
        await self._serve()

    async def bot_state(self, ref: str) -> dict[str, Any]:
        """The order as its page shows it, for the inspector."""
        return {"page": f"{self.base_url}/o/{ref}?k={self.bot.keys.page(ref)}"}

    async def tick_wave(self) -> None:
        await self.bot.scheduler.plan(self.clock.now())

    async def idle(self) -> None:
        """Return when nothing waits: nothing in the spool, no open inbound, no delivery that could go out now."""
        while True:
            spooled = self.bot.writer.spooled  # read first: a row leaves the spool for the inbox
            open_rows, _ = await self.bot.inbox_queue.depth()
            upcoming = await self.bot.outbox_queue.next_available()
            async with self.bot.database.reading() as tx:
                due = await tx.deadlines.next_due()
            now = self.clock.now()
            waiting = (upcoming is not None and upcoming <= now) or (due is not None and due <= now)
            if not spooled and not open_rows and not waiting and self.bot.outbox.idle and self.bot.scheduler.idle:
                return
            await asyncio.sleep(0.02)

    def _make(self) -> Bot:
        return Bot(self.settings(), clock=self.clock, reader=self.reader, stream=self._stream, aibot=self._aibot)

    async def _serve(self) -> None:
        await self.bot.start()
        if self.bot.stream is not None:
            await self.bot.stream.wait_live()
        if self.bot.aibot is not None and self.bot.opening.done:
            await self.bot.aibot.client.wait_live()
        app = self.bot.web_app()
        app.freeze()
        self._web = app
        self.simulator.bot_says = ""

    async def _to_bot(self, request: web.Request) -> web.StreamResponse:
        """Everything that is not the simulator's goes to the bot that runs now; 503 while it restarts."""
        if self._web is None:
            return web.Response(status=503, text="机器人正在重启")
        return await self._web._handle(request)  # noqa: SLF001 - aiohttp cannot swap a mounted application


@asynccontextmanager
async def world(folder: Path, **options: Any) -> AsyncIterator[World]:
    """A running world, stopped in good order at the end."""
    port = options.pop("port", 0) or free_port()
    fill = options.pop("fill", True)
    running = World(folder, port=port, **options)
    await running.start(fill=fill)
    try:
        yield running
    finally:
        await running.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _serve_demo(port: int, host: str) -> None:
    folder = Path(tempfile.mkdtemp(prefix="jiedan-demo-"))
    stopping = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    say: Callable[[str], None] = lambda text: print(text, flush=True)  # noqa: E731
    try:
        say("正在准备演示数据(47店/3仓/1,200 SKU/600客户,随机种子42)…")
        async with world(folder, port=port, host=host) as running:
            warming = asyncio.create_task(running.reader.warm_up())
            await _greet(running)
            say(f"演示已就绪 {running.base_url}   (SQLite 临时库 · 进程内协调 · 企业微信和钉钉均为本机模拟)")
            say("在浏览器打开上面的地址;按 Ctrl-C 结束,不留任何文件。")
            await stopping.wait()
            say("正在停止…")
            warming.cancel()
            await asyncio.gather(warming, return_exceptions=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _greet(running: World) -> None:
    """The phones on the first screen open their chat, so that nobody looks at an empty page."""
    for name in FIRST_PHONES:
        person = find(name)
        if person.platform == "wecom":
            await running.simulator.wecom.event(person.user, "enter_agent")
        else:
            await running.simulator.dingtalk.say(person.user, "帮助")


def main() -> None:
    """``python -m demo --port 8900``."""
    parser = argparse.ArgumentParser(description="Jiedan demo: phones, messengers and the bot on one port")
    parser.add_argument("--port", type=int, default=8900)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    level = logging.INFO if options.verbose else logging.WARNING
    logging.basicConfig(level=level)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(level), processors=PROCESSORS)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((options.host, options.port))
        except OSError:
            sys.exit(f"端口 {options.port} 被占用。换一个端口:make demo PORT=8901")
    asyncio.run(_serve_demo(options.port, options.host))


if __name__ == "__main__":
    main()
