"""What fails leaves nothing, and what must not change is refused by the database itself."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.orders import OrderRevision
from core.timeline import first_broken
from storage.database import SqlDatabase
from tests.storage.conftest import START
from tests.storage.samples import a_decision, a_delivery, a_lot, a_request, an_order

NUMBER = "SO260220-0001"


async def test_a_crash_in_the_middle_leaves_nothing(database: SqlDatabase) -> None:
    async def half() -> None:
        async with database.transaction() as tx:
            await tx.orders.add(an_order())
            await tx.outbox.put(a_delivery("k1"))
            await tx.numbers.next("SO", START.date())
            await tx.timeline.append(
                NUMBER, "order.created", actor="E1", actor_name="张三", channel="wecom", details={}, at=START
            )
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        await half()

    async with database.transaction() as tx:
        assert await tx.orders.get(NUMBER) is None
        assert await tx.outbox.put(a_delivery("k1"))
        assert await tx.numbers.next("SO", START.date()) == 1
        assert await tx.timeline.refs() == []


async def test_nothing_can_be_changed_while_reading(database: SqlDatabase) -> None:
    async def write() -> None:
        async with database.reading() as tx:
            await tx.numbers.next("SO", START.date())

    with pytest.raises(DBAPIError):
        await write()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE orders SET owner_id = 'E9999'",
        "UPDATE orders SET owner_account = 'lisi'",
        "UPDATE timeline SET actor = 'E9999'",
        "DELETE FROM timeline",
        "UPDATE decisions SET verdict = 'rejected'",
        "DELETE FROM decisions",
        "UPDATE order_revisions SET new = '1'",
        "DELETE FROM order_revisions",
        "UPDATE stock_movements SET delta = 0",
        "DELETE FROM stock_movements",
        "UPDATE lots SET on_hand = -1",
        "UPDATE lots SET allocated = 101",
        "UPDATE lots SET allocated = -1",
    ],
)
async def test_the_database_itself_refuses(database: SqlDatabase, statement: str) -> None:
    async with database.transaction() as tx:
        await tx.orders.add(an_order())
        await tx.orders.add_revision(
            OrderRevision(
                order_number=NUMBER, revision=1, field="2行 数量", old="48", new="50", by="E1", how="text", at=START
            )
        )
        request = await tx.approvals.open(a_request())
        await tx.approvals.decide(a_decision(request.id or 0))
        await tx.stock.receive([a_lot()], by="E1", at=START, ref="RK1")
        await tx.timeline.append(
            NUMBER, "order.created", actor="E1", actor_name="张三", channel="wecom", details={}, at=START
        )

    async def attack() -> None:
        async with database.writer.begin() as connection:
            await connection.execute(text(statement))

    with pytest.raises(DBAPIError, match=r"append-only|never changes|(?i:check constraint)"):
        await attack()


async def test_a_flipped_byte_in_the_chain_is_found(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        for n in range(5):
            await tx.timeline.append(
                NUMBER,
                "order.corrected",
                actor="E1",
                actor_name="张三",
                channel="wecom",
                details={"line": n, "old": "48", "new": "50", "lots": [["L2601", 4]]},
                at=START,
            )
    async with database.reading() as tx:
        assert first_broken(await tx.timeline.of(NUMBER)) is None

    async with database.writer.begin() as connection:
        off, on = _guards(database)
        await connection.execute(text(off))
        await connection.execute(text("UPDATE timeline SET details = replace(details, '50', '51') WHERE seq = 3"))
        await connection.execute(text(on))

    async with database.reading() as tx:
        broken = first_broken(await tx.timeline.of(NUMBER))
    assert broken is not None
    assert broken.seq == 3


def _guards(database: SqlDatabase) -> tuple[str, str]:
    """What somebody with the rights of a database administrator would do first."""
    if database.single_instance:
        return "DROP TRIGGER timeline_no_update", "SELECT 1"
    return "ALTER TABLE timeline DISABLE TRIGGER USER", "ALTER TABLE timeline ENABLE TRIGGER USER"
