"""``python -m storage.migrations "message"``: write the next revision from what the tables became.

The difference is taken against an empty SQLite file brought to the newest revision. Triggers are not compared: they
go into a revision by hand.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from sqlalchemy import Connection

from storage.engine import connect
from storage.migrations import config, upgrade


def _write(connection: Connection, message: str) -> None:
    upgrade(connection)
    settings = config(connection)
    versions = Path(settings.get_main_option("script_location") or "", "versions")
    number = f"{sum(1 for _ in versions.glob('[0-9]*.py')) + 1:04}"
    command.revision(settings, message=message, autogenerate=True, rev_id=number)


async def main(message: str) -> None:
    with TemporaryDirectory() as folder:
        engines = connect(f"sqlite+aiosqlite:///{folder}/empty.db")
        async with engines.writer.begin() as connection:
            await connection.run_sync(_write, message)
        await engines.close()


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:])))
