"""``core.ports.Database`` on SQLAlchemy: one block, one transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine

from core import ports
from core.auditing import Audits
from storage import engine as connections
from storage import triggers
from storage.mapping import map_entities
from storage.migrations import stamp, upgrade
from storage.queues.letters import SqlLetters
from storage.repositories.approvals import SqlApprovals
from storage.repositories.attachments import SqlAttachments
from storage.repositories.audits import SqlAudits
from storage.repositories.catalog import CarriersOfVersion, SqlCatalog
from storage.repositories.deadlines import SqlDeadlines
from storage.repositories.expectations import SqlExpectations
from storage.repositories.expedites import SqlExpedites
from storage.repositories.inbox import SqlInboxDone
from storage.repositories.numbers import SqlNumbers
from storage.repositories.orders import SqlOrders
from storage.repositories.outbox import SqlOutbox
from storage.repositories.people import SqlPeople
from storage.repositories.stock import SqlStock
from storage.repositories.timeline import SqlTimeline
from storage.repositories.waves import SqlWaves
from storage.session import Work, unbroken
from storage.sqlite_driver import unhurried
from storage.tables import metadata
from storage.watchdog import PATIENT


class SqlTransaction:
    """All repositories over one session."""

    def __init__(self, work: Work, carriers: CarriersOfVersion) -> None:
        self.people: ports.People = SqlPeople(work)
        self.catalog: ports.Catalog = SqlCatalog(work, carriers)
        self.orders: ports.Orders = SqlOrders(work)
        self.approvals: ports.Approvals = SqlApprovals(work)
        self.stock: ports.Stock = SqlStock(work)
        self.waves: ports.Waves = SqlWaves(work)
        self.expedites: ports.Expedites = SqlExpedites(work)
        self.deadlines: ports.Deadlines = SqlDeadlines(work)
        self.outbox: ports.Outbox = SqlOutbox(work)
        self.timeline: ports.Timeline = SqlTimeline(work)
        self.numbers: ports.Numbers = SqlNumbers(work)
        self.expectations: ports.Expectations = SqlExpectations(work)
        self.attachments: ports.Attachments = SqlAttachments(work)
        self.inbox: ports.InboxDone = SqlInboxDone(work)
        self.letters: ports.Letters = SqlLetters(work)
        self.audits: Audits = SqlAudits(work)


class SqlDatabase:
    """The order store, on a SQLite file (one process) or on PostgreSQL (many).

    Raises DatabaseInUse when another process works on the SQLite file, ValueError for a URL of another kind.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        map_entities()
        triggers.attach()
        self._engines = connections.connect(url, pool_size=pool_size)
        self._carriers: CarriersOfVersion = {}

    @property
    def writer(self) -> AsyncEngine:
        """For the queues, which work in short transactions of their own."""
        return self._engines.writer

    @property
    def ingest(self) -> AsyncEngine:
        """For the writer of what arrives: on PostgreSQL not the pool in which work may queue."""
        return self._engines.ingest

    @property
    def single_instance(self) -> bool:
        """True on SQLite: every lease found at the start belongs to a dead predecessor."""
        return self._engines.lock is not None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[ports.Transaction]:
        work = Work(self._engines.writer, writing=True)
        try:
            yield SqlTransaction(work, self._carriers)
            await work.save()
            await unbroken(work.commit())
        except BaseException:
            await _give_up(work)
            raise
        finally:
            await unbroken(work.close())

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ports.Transaction]:
        work = Work(self._engines.reader, writing=False)
        try:
            if work.postgres:
                await unbroken(
                    work.connection(
                        execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
                    )
                )
            yield SqlTransaction(work, self._carriers)
        finally:
            await _give_up(work)
            await unbroken(work.close())

    async def create_all(self) -> None:
        """Tables and triggers at once, marked as the newest revision (tests, the demo)."""
        async with self._engines.writer.begin() as connection:
            await connection.run_sync(metadata.create_all)
            await connection.run_sync(stamp)

    async def migrate(self) -> None:
        """Bring the schema to the newest revision, whatever it is now."""
        async with self._engines.writer.connect() as connection:
            await connection.execution_options(**{PATIENT: True})
            driver = (await connection.get_raw_connection()).driver_connection
            with unhurried(driver):
                async with connection.begin():
                    await connection.run_sync(upgrade)

    def cut(self) -> None:
        """Let go of a database that does not answer: whoever waits for it fails now."""
        self._engines.cut()

    async def close(self) -> None:
        await self._engines.close()


async def _give_up(work: Work) -> None:
    """Roll back; a connection that cannot even do that is thrown away instead of going back to the pool.

    What was read stays readable afterwards.
    """
    work.expunge_all()
    try:
        await unbroken(work.rollback())
    except Exception:
        await unbroken(work.invalidate())
