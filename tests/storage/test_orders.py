"""Orders: what is written is what is read, also when it was changed inside a list."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from core.findings import Finding, FindingCode, Severity
from core.orders import OrderLine, OrderStatus
from storage.database import SqlDatabase
from tests.storage.conftest import START
from tests.storage.samples import an_order

NUMBER = "SO260220-0001"
FLAG = Finding(
    code=FindingCode.PART_SUGGESTED,
    severity=Severity.YELLOW,
    line=1,
    field="part",
    args=(("raw", "0446S"),),
    candidates=("04465-0K240",),
)


async def test_an_order_is_read_as_it_was_written(database: SqlDatabase) -> None:
    beijing = timezone(timedelta(hours=8))
    order = an_order(
        findings=[FLAG],
        requirements=["质检报告"],
        due_at=datetime(2026, 2, 22, 17, 0, tzinfo=beijing),
        customer_name="浦东汽修",
    )
    async with database.transaction() as tx:
        await tx.orders.add(order)

    async with database.reading() as tx:
        kept = await tx.orders.get(NUMBER)

    assert kept == order
    assert kept is not None
    assert kept.findings == [FLAG]
    assert kept.due_at == datetime(2026, 2, 22, 9, 0, tzinfo=UTC)
    assert (kept.version, [x.position for x in kept.lines]) == (1, [1, 2])


@pytest.mark.parametrize("change", ["append", "inside", "reassign", "line", "new line", "field"])
async def test_a_change_anywhere_in_an_order_is_kept_and_raises_its_version(database: SqlDatabase, change: str) -> None:
    async with database.transaction() as tx:
        await tx.orders.add(an_order(findings=[FLAG]))

    async with database.transaction() as tx:
        order = await tx.orders.get(NUMBER, lock=True)
        assert order is not None
        match change:
            case "append":
                order.requirements.append("带质检报告")
            case "inside":
                order.findings[0] = replace(order.findings[0], resolved_by="E0001", resolution="acknowledged")
            case "reassign":
                order.findings = []
            case "line":
                order.line(2).quantity = 50
            case "new line":
                order.lines.append(OrderLine(position=3, raw="火花塞 4", quantity=4))
            case _:
                order.customer_code = "K0231"
        changed = replace(order, version=2)
        del order

    async with database.reading() as tx:
        kept = await tx.orders.get(NUMBER)
    assert kept is not None
    assert kept.version == 2
    assert [replace(x, id=None, order_id=None) for x in kept.lines] == [
        replace(x, id=None, order_id=None) for x in changed.lines
    ]
    assert (kept.findings, kept.requirements, kept.customer_code) == (
        changed.findings,
        changed.requirements,
        changed.customer_code,
    )


async def test_reading_an_order_for_a_change_without_one_leaves_its_version(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        await tx.orders.add(an_order(findings=[FLAG]))

    async with database.transaction() as tx:
        await tx.orders.get(NUMBER, lock=True)

    async with database.reading() as tx:
        kept = await tx.orders.get(NUMBER)
    assert kept is not None
    assert kept.version == 1


async def test_orders_are_found_by_what_people_know_of_them(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        for n, status in enumerate((OrderStatus.DRAFT, OrderStatus.APPROVED, OrderStatus.APPROVED), start=1):
            await tx.orders.add(
                an_order(
                    f"SO260220-{n:04}",
                    status=status,
                    customer_code="K1",
                    fingerprint="f",
                    warehouse=f"SH{n}",
                    created_at=START + timedelta(minutes=n),
                )
            )
        with pytest.raises(ValueError, match="SO260220-0002"):
            await tx.orders.add(an_order("SO260220-0002", source_key="wecom:m:other"))
    newest_first = ["SO260220-0003", "SO260220-0002", "SO260220-0001"]

    async with database.reading() as tx:
        assert [o.number for o in await tx.orders.ending_with("0002")] == ["SO260220-0002"]
        assert await tx.orders.ending_with("%") == []
        assert [o.number for o in await tx.orders.of_owner("E0001")] == newest_first
        assert [o.number for o in await tx.orders.of_owner("E0001", OrderStatus.DRAFT)] == ["SO260220-0001"]
        assert [o.number for o in await tx.orders.of_customer("K1", limit=1)] == newest_first[:1]
        since = START + timedelta(minutes=2)
        assert await tx.orders.twin("f", since=since) == newest_first[0]
        assert await tx.orders.twin("f", since=since + timedelta(minutes=2)) == ""
        assert [o.number for o in await tx.orders.in_status(OrderStatus.APPROVED)] == newest_first[1::-1]
        assert [o.number for o in await tx.orders.in_status(OrderStatus.APPROVED, warehouse="SH3")] == newest_first[:1]
        by_source = await tx.orders.by_source("wecom:m:SO260220-0001")
        assert by_source is not None
        assert by_source.number == "SO260220-0001"
