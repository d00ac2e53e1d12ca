"""``make cluster``: PostgreSQL, Redis, replicas, their balancer and the page with the phones, all on this machine."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shutil
import signal
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from cards.keys import Keys
from cluster.deployment import Deployment
from cluster.platforms import CARD_SECRET, platforms
from cluster.processes import free_port
from cluster.servers import short_folder
from core.deadlines import Deadline, DeadlineKind
from simulator.clock import RunningClock
from simulator.personas import FIRST_PHONES, find
from simulator.server import Simulator
from storage.database import SqlDatabase

HELP = "r 回车:逐个重启全部副本 · 1、2…回车:杀掉该副本的工作进程 · s 回车:看状态 · Ctrl-C:全部结束,不留任何文件"


class WallClock(RunningClock):
    """The replicas live in real time, and so must their platforms. Raises ValueError when the page moves it."""

    def __init__(self) -> None:
        super().__init__(datetime.now(UTC))

    def advance(self, by: timedelta) -> None:
        raise ValueError("多副本演示走真实时间,不能拨表;拨表请用 make demo")

    def run_at(self, speed: float) -> None:
        self.advance(timedelta(0))


class FromThePage:
    """What the buttons of the page do with a bot that is several processes."""

    def __init__(self) -> None:
        self.running: Deployment | None = None

    async def restart_bot(self) -> None:
        if self.running is not None:
            await self.running.roll(say)

    async def bot_state(self, ref: str) -> dict[str, Any]:
        if self.running is None:
            return {}
        return {"page": f"{self.running.balancer.url}/o/{ref}?k={Keys(CARD_SECRET).page(ref)}"}

    async def tick_wave(self) -> None:
        """Arm “form a wave now”; whichever replica looks first fires it."""
        if self.running is None:
            return
        database = SqlDatabase(self.running.database_url)
        try:
            async with database.transaction() as tx:
                now = datetime.now(UTC)
                await tx.deadlines.arm(Deadline(kind=DeadlineKind.WAVE_NOW, ref="waves", due_at=now))
        finally:
            await database.close()


def say(text: str) -> None:
    print(text, flush=True)


async def serve(*, port: int, host: str, replicas: int) -> None:
    folder, stopping = short_folder(), asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    page, buttons, balancer = f"http://127.0.0.1:{port}", FromThePage(), free_port()
    callback = f"http://127.0.0.1:{balancer}/wecom/callback"
    try:
        say(f"正在启动 PostgreSQL、Redis 和 {replicas} 个副本,约半分钟…")
        async with platforms(port, callback, host=host, clock=WallClock(), hooks=buttons) as simulator:
            simulator.bot_says = "正在准备演示数据…"
            running = await asyncio.to_thread(
                lambda: Deployment(folder, platforms=page, replicas=replicas, balancer_port=balancer)
            )
            try:
                if await _unless(stopping, running.start()):
                    buttons.running = running
                    simulator.bot_says = ""
                    await _greet(simulator)
                    _tell(running, page)
                    await _obey(running, stopping)
            finally:
                say("正在停止…")
                await running.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tell(running: Deployment, page: str) -> None:
    say(f"手机页面   {page}")
    say(f"负载均衡   {running.balancer.url}   (/readyz /metrics)")
    for replica in running.replicas:
        say(f"{replica.name}  {replica.url}   日志 {replica.log}")
    say(f"PostgreSQL 127.0.0.1:{running.postgres.port} · Redis 127.0.0.1:{running.redis.port}")
    say(HELP)


async def _obey(running: Deployment, stopping: asyncio.Event) -> None:
    """Commands from the keyboard until Ctrl-C; without a terminal just the signal."""
    commands: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def typed() -> None:
        line = sys.stdin.readline()
        if not line:
            loop.remove_reader(sys.stdin)
        commands.put_nowait(line.strip())

    with contextlib.suppress(OSError, ValueError):
        loop.add_reader(sys.stdin, typed)
    while not stopping.is_set():
        command = asyncio.create_task(commands.get())
        if await _unless(stopping, command) and command.result():
            await _unless(stopping, _do(running, command.result()))


async def _do(running: Deployment, command: str) -> None:
    if command == "r":
        await running.roll(say)
    elif command == "s":
        for replica in running.replicas:
            said = await replica.readiness()
            say(f"{replica.name}: " + ("未就绪" if said is None else "; ".join(said["amber"]) or "就绪"))
    elif command.isdigit() and 1 <= int(command) <= len(running.replicas):
        replica = running.replicas[int(command) - 1]
        say(f"{replica.name}: 已杀掉 {replica.kill_worker()}")
    else:
        say(HELP)


async def _unless(stopping: asyncio.Event, work: Coroutine[Any, Any, Any] | asyncio.Task[Any]) -> bool:
    """Do it, unless Ctrl-C comes first: then it is given up. Whether it was done."""
    task = asyncio.ensure_future(work)
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if not task.done():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return False
    await task
    return True


async def _greet(simulator: Simulator) -> None:
    """The phones on the first screen open their chat, so that nobody looks at an empty page."""
    for name in FIRST_PHONES:
        person = find(name)
        if person.platform == "wecom":
            await simulator.wecom.event(person.user, "enter_agent")
        else:
            await simulator.dingtalk.say(person.user, "帮助")


def main() -> None:
    parser = argparse.ArgumentParser(description="Jiedan as many processes on one machine")
    parser.add_argument("--port", type=int, default=8900)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--replicas", type=int, default=3)
    options = parser.parse_args()
    asyncio.run(serve(port=options.port, host=options.host, replicas=options.replicas))


if __name__ == "__main__":
    main()
