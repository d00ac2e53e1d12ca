"""Real servers for tests; what they are and how they break is told in ``cluster.servers``."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from cluster.servers import PostgresServer, RedisServer, short_folder

__all__ = ["PostgresServer", "RedisServer", "postgres_server", "redis_server"]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL for the whole run."""
    folder = short_folder()
    server = PostgresServer(folder)
    yield server
    if server.running:
        server.stop("immediate")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A real, empty Redis."""
    folder = short_folder()
    server = RedisServer(folder)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)
