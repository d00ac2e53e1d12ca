"""One replica: ``python -m bot run`` as an operator starts it, and everything that may happen to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

from cluster.processes import children, end_with_starter, send, tree

ROOT = Path(__file__).resolve().parent.parent
LOOK_EVERY = 0.05


class Replica:
    """A parent that holds the socket and the worker it forks. ``env`` are JIEDAN_* settings; the log goes to a file.

    ``module`` is run in place of ``bot``: one that changes the machine around it and then runs the bot.
    """

    def __init__(
        self,
        name: str,
        port: int,
        env: Mapping[str, str],
        *,
        folder: Path,
        host: str = "127.0.0.1",
        module: str = "bot",
    ) -> None:
        self.name = name
        self.host, self.port = host, port
        self.url = f"http://{host}:{port}"
        self.log = folder / f"{name}.log"
        self._env = {
            **{key: value for key, value in os.environ.items() if not key.startswith("JIEDAN_")},
            "PYTHONPATH": str(ROOT),
            "JIEDAN_REPLICA": name,
            **env,
            "JIEDAN_HOST": host,
            "JIEDAN_PORT": str(port),
        }
        self._folder = folder
        self._module = module
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Begin; ``wait_ready`` tells when it serves. It has a process group of its own: Ctrl-C does not reach it."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", self._module, "run"),
                env=self._env,
                cwd=self._folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_starter,
            )

    async def __aenter__(self) -> Replica:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Whatever happened, nothing of it runs on."""
        if self.running:
            await self.kill()

    @property
    def pid(self) -> int:
        """The parent that holds the socket."""
        assert self._process is not None, "start() first"
        return self._process.pid

    @property
    def worker(self) -> int | None:
        """The serving child; None between a crash and the next fork. The newest when one takes over from another."""
        found = children(self.pid)
        return found[-1] if found else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def readiness(self) -> dict[str, Any] | None:
        """What /readyz says when it answers 200, None otherwise."""
        try:
            async with (
                ClientSession(timeout=ClientTimeout(total=2)) as session,
                session.get(self.url + "/readyz") as it,
            ):
                return await it.json() if it.status == 200 else None
        except (ClientError, TimeoutError):
            return None

    async def wait_ready(self, *, timeout: float = 30.0, sockets: int = 0) -> dict[str, Any]:
        """Return when it serves, and has so many DingTalk sockets. Raises RuntimeError with its log otherwise."""
        said: dict[str, Any] | None = None
        try:
            async with asyncio.timeout(timeout):
                while self.running:
                    said = await self.readiness()
                    if said is not None and said["stream_sockets"] >= sockets:
                        return said
                    await asyncio.sleep(LOOK_EVERY)
        except TimeoutError:
            pass
        why = f"not ready within {timeout:g} s, says {said}" if self.running else "ended"
        raise RuntimeError(f"{self.name} {why}; its log:\n{self.log.read_text()[-3000:]}")

    def kill_worker(self, how: signal.Signals = signal.SIGKILL) -> int | None:
        """The serving child dies, the socket stays. Its pid, None when there was none just then."""
        worker = self.worker
        if worker is not None:
            send([worker], how)
        return worker

    async def kill(self, how: signal.Signals = signal.SIGKILL) -> int:
        """The whole replica at once, as when its machine goes; the socket too."""
        send(tree(self.pid), how)  # the parent first: it would fork another worker
        return await self.ended()

    def freeze(self) -> int | None:
        """The worker stands still and holds whatever it holds; the parent replaces it after some seconds."""
        return self.kill_worker(signal.SIGSTOP)

    def thaw(self, worker: int | None = None) -> None:
        """A frozen worker goes on, ``worker`` when another has taken its place meanwhile."""
        pid = worker or self.worker
        if pid is not None:
            send([pid], signal.SIGCONT)

    def reload(self) -> None:
        """A new worker behind the same socket, then the old one ends."""
        send([self.pid], signal.SIGHUP)

    async def terminate(self, *, timeout: float = 15.0) -> int:
        """SIGTERM, as a rolling restart sends it; the return code. Killed and TimeoutError when it takes too long."""
        if not self.running:
            return await self.ended()
        send([self.pid], signal.SIGTERM)
        try:
            async with asyncio.timeout(timeout):
                return await self.ended()
        except TimeoutError:
            await self.kill()
            raise

    async def ended(self) -> int:
        """Return when the parent is gone; its return code. Whatever it left behind is killed."""
        assert self._process is not None, "start() first"
        code = await self._process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # what its worker may have left behind
        return code
