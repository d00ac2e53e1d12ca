"""One schema: what the migrations build is what the tables say, triggers included; one process per SQLite file."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from storage.database import SqlDatabase
from storage.engine import DatabaseInUse
from storage.mapping import map_entities
from storage.tables import metadata
from tests.servers import PostgresServer


def _difference(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))


def _guards(connection: Connection) -> dict[str, str]:
    if connection.dialect.name == "sqlite":
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    else:
        rows = connection.execute(
            text(
                "SELECT tgname, pg_get_triggerdef(t.oid) || p.prosrc FROM pg_trigger t "
                "JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT tgisinternal"
            )
        )
    return {name: " ".join(sql.split()) for name, sql in rows}


@pytest.mark.parametrize("engine", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def test_migrations_and_tables_agree(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    urls = [f"sqlite+aiosqlite:///{tmp_path}/{name}.db" for name in ("migrated", "created")]
    if engine == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        for name in ("migrated", "created"):
            server.sql(f"CREATE DATABASE {name}")
        urls = [server.url(name) for name in ("migrated", "created")]
    migrated, created = (SqlDatabase(url) for url in urls)

    await migrated.migrate()
    await created.create_all()

    async with migrated.writer.begin() as old, created.writer.begin() as new:
        assert await old.run_sync(_difference) == []
        assert await old.run_sync(_guards) == await new.run_sync(_guards)
    await created.migrate()
    await migrated.migrate()
    await migrated.close()
    await created.close()


@pytest.mark.postgres
async def test_replicas_that_start_together_migrate_once(postgres_server: PostgresServer) -> None:
    postgres_server.sql("CREATE DATABASE together")
    replicas = [SqlDatabase(postgres_server.url("together")) for _ in range(3)]

    await asyncio.gather(*(replica.migrate() for replica in replicas))

    async with replicas[0].reading() as tx:
        assert await tx.people.everybody() == []
    for replica in replicas:
        await replica.close()


async def test_a_sqlite_file_has_one_process(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/jiedan.db"
    first = SqlDatabase(url)

    with pytest.raises(DatabaseInUse, match="another process"):
        SqlDatabase(url)

    await first.close()
    await SqlDatabase(url).close()


@pytest.mark.parametrize("url", ["sqlite+aiosqlite://", "sqlite:///x.db", "mysql+aiomysql://x/y"])
def test_another_kind_of_database_is_refused_with_what_is_wanted(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite\\+aiosqlite"):
        SqlDatabase(url)


def test_every_field_of_an_entity_is_kept() -> None:
    registry = map_entities()

    forgotten = {
        f"{mapper.class_.__name__}.{field.name}"
        for mapper in registry.mappers
        for field in fields(mapper.class_)
        if field.name not in mapper.attrs
    }

    assert forgotten == set()
