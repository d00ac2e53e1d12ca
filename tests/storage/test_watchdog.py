"""A server that has fallen silent does not hold a caller for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from cluster.proxy import Proxy
from storage.away import is_away
from storage.engine import GOODBYE_WITHIN, connect
from storage.watchdog import PATIENT, cut_silent_connections
from tests.servers import PostgresServer

AFTER = 0.3


@pytest.fixture
async def proxy(postgres_server: PostgresServer) -> AsyncIterator[Proxy]:
    found = Proxy([("127.0.0.1", postgres_server.port)])
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def engine(postgres_server: PostgresServer, proxy: Proxy) -> AsyncIterator[AsyncEngine]:
    found = create_async_engine(postgres_server.tcp_url("postgres", port=proxy.port), pool_size=1, max_overflow=0)
    cut_silent_connections(found, after=AFTER)
    yield found
    await found.dispose()


@pytest.mark.postgres
async def test_a_swallowed_question_fails_as_if_the_database_were_away_and_the_next_one_is_answered(
    engine: AsyncEngine, proxy: Proxy
) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("SELECT 1"))

    proxy.black_hole()
    with pytest.raises(Exception, match="closed") as silence:
        async with asyncio.timeout(10), engine.begin() as connection:
            await connection.execute(text("SELECT 2"))
    proxy.heal()

    assert is_away(silence.value)
    async with engine.begin() as connection:
        assert (await connection.execute(text("SELECT 3"))).scalar() == 3


@pytest.mark.postgres
async def test_a_patient_connection_may_wait_longer(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await connection.execution_options(**{PATIENT: True})
        async with connection.begin():
            assert (await connection.execute(text("SELECT 4 FROM pg_sleep(0.6)"))).scalar() == 4


@pytest.mark.postgres
async def test_a_connection_that_waits_in_the_pool_is_left_alone(
    engine: AsyncEngine, postgres_server: PostgresServer
) -> None:
    async def backend() -> int | None:
        async with engine.begin() as connection:
            return (await connection.execute(text("SELECT pg_backend_pid()"))).scalar()

    first = await backend()
    async with engine.begin() as connection:
        await connection.execute(text("SELECT 4 FROM pg_sleep(0.1)"))
    elsewhere = create_async_engine(postgres_server.url("postgres"))
    async with elsewhere.begin() as meanwhile:
        await meanwhile.execute(text(f"SELECT 5 FROM pg_sleep({AFTER * 1.5})"))
    await elsewhere.dispose()

    assert await backend() == first


@pytest.mark.postgres
async def test_the_end_does_not_wait_for_a_silent_server(
    postgres_server: PostgresServer, proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    engines = connect(postgres_server.tcp_url("postgres", port=proxy.port), pool_size=6)
    async with AsyncExitStack() as held:
        for _ in range(6):  # each would be waited for by itself
            connection = await held.enter_async_context(engines.writer.connect())
            await connection.execute(text("SELECT 1"))
            await connection.commit()

    proxy.black_hole()
    async with asyncio.timeout(GOODBYE_WITHIN * 3):
        await engines.close()

    assert "database connections left open, the server is silent" in caplog.messages
