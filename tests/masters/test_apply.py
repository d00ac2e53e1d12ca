"""One transaction: what is usable goes in, what is known is changed, nothing is half-written."""

from __future__ import annotations

import pytest

from bot.masters import DEMO_START, apply, dry_run, read_masters
from core.errors import DomainError
from core.people import PlatformName, Role
from storage.database import SqlDatabase
from tests.masters.books import LOTS, PEOPLE, book, shop

NOW = DEMO_START


async def _imported(database: SqlDatabase, data: bytes, filename: str = "x.xlsx") -> list[tuple[str, int, int, int]]:
    summary = await apply(await dry_run(data, filename, database), database, by="E0018", now=NOW)
    return [(t.title, t.added, t.changed, t.unchanged) for t in summary.tables]


async def test_a_file_fills_an_empty_store(database: SqlDatabase) -> None:
    done = await _imported(database, shop())

    assert done == [
        ("人员与角色", 2, 0, 0),
        ("客户", 1, 0, 0),
        ("物料", 2, 0, 0),
        ("仓库", 1, 0, 0),
        ("库位", 2, 0, 0),
        ("批次库存", 1, 0, 0),
        ("物流商", 1, 0, 0),
    ]
    async with database.reading() as tx:
        person = await tx.people.by_account(PlatformName.DINGTALK, "cg_a")
        assert person is not None
        assert (person.name, person.roles, person.warehouse) == ("仓管A", [Role.PICKER], "KS")
        (lot,) = await tx.stock.lots(["04465-0K240"])
        assert (lot.on_hand, lot.bin) == (44, "A-03-12-4-02")
        assert [(m.delta, m.cause, m.by) for m in await tx.stock.movements(lot.id or 0)] == [(44, "receipt", "E0018")]
        (entry,) = await tx.timeline.of("masters")
        assert (entry.action, entry.actor) == ("masters.imported", "E0018")


async def test_the_same_file_again_changes_nothing(database: SqlDatabase) -> None:
    await _imported(database, shop())
    async with database.reading() as tx:
        version = await tx.catalog.version()

    done = await _imported(database, shop())

    assert {(added, changed) for _, added, changed, _ in done} == {(0, 0)}
    async with database.reading() as tx:
        assert await tx.catalog.version() == version
        assert len(await tx.timeline.of("masters")) == 1


async def test_columns_that_are_not_in_the_file_keep_what_is_on_file(database: SqlDatabase) -> None:
    await _imported(database, shop())

    done = await _imported(database, "物料号,名称,安全库存\n90915-YZZD4,机油滤,800\n".encode("gbk"), "物料.csv")

    assert done == [("物料", 0, 1, 0)]
    async with database.reading() as tx:
        part = await tx.catalog.part("90915-YZZD4")
        assert part is not None
        assert (part.safety_stock, part.pack, part.unit) == (800, 10, "个")


async def test_only_the_usable_rows_go_in(database: SqlDatabase) -> None:
    parts = [["物料号", "名称"], ["04465-0K240", "前刹车片"], [4465, "后刹车片"]]

    summary = await apply(await dry_run(book(物料=parts), "x.xlsx", database), database, by="E0018", now=NOW)

    assert (summary.added, summary.left_out) == (1, 1)
    assert summary.text == "物料:新增 1,修改 0,未变 0\n有误未导入 1 行"
    async with database.reading() as tx:
        assert [p.number for p in await tx.catalog.parts()] == ["04465-0K240"]


async def test_two_people_may_swap_their_accounts(database: SqlDatabase) -> None:
    await _imported(database, shop())
    swapped = [PEOPLE[0], [*PEOPLE[1][:4], "cangguan_a", None], [*PEOPLE[2][:4], "xiaoshou_a", "cg_a"]]

    done = await _imported(database, book(人员与角色=swapped))

    assert done == [("人员与角色", 0, 2, 0)]
    async with database.reading() as tx:
        person = await tx.people.by_account(PlatformName.WECOM, "cangguan_a")
        assert person is not None
        assert person.id == "E0001"


async def test_a_count_is_a_movement_and_held_pieces_stay_held(database: SqlDatabase) -> None:
    await _imported(database, shop())
    async with database.transaction() as tx:
        (lot,) = await tx.stock.lots(["04465-0K240"])
        assert await tx.stock.hold(lot.id or 0, 20)

    await _imported(database, book(批次库存=[LOTS[0], [*LOTS[1][:4], 30, *LOTS[1][5:]]]))

    async with database.reading() as tx:
        (lot,) = await tx.stock.lots(["04465-0K240"])
        assert (lot.on_hand, lot.allocated, lot.available) == (30, 20, 10)
        assert [m.delta for m in await tx.stock.movements(lot.id or 0)] == [44, -14]


async def test_an_import_that_fails_half_way_leaves_nothing_behind(database: SqlDatabase) -> None:
    await _imported(database, shop())
    parts = [["物料号", "名称"], ["17801-21050", "空气滤"]]
    plan = await dry_run(book(物料=parts, 批次库存=[LOTS[0], [*LOTS[1][:4], 10, *LOTS[1][5:]]]), "x.xlsx", database)
    async with database.transaction() as tx:
        (lot,) = await tx.stock.lots(["04465-0K240"])
        assert await tx.stock.hold(lot.id or 0, 20)
        before = await tx.catalog.version()

    with pytest.raises(DomainError):
        await apply(plan, database, by="E0018", now=NOW)

    async with database.reading() as tx:
        assert await tx.catalog.part("17801-21050") is None
        assert await tx.catalog.version() == before
        (lot,) = await tx.stock.lots(["04465-0K240"])
        assert lot.on_hand == 44


async def test_an_account_that_was_bound_since_the_dry_run_stops_the_import(database: SqlDatabase) -> None:
    await _imported(database, shop())
    plan = await dry_run(
        book(人员与角色=[PEOPLE[0], ["E0009", "销售C", "销售代表", None, "late", None]]), "x.xlsx", database
    )
    async with database.transaction() as tx:
        await tx.people.bind("E0001", PlatformName.WECOM, "late")

    with pytest.raises(DomainError):
        await apply(plan, database, by="E0018", now=NOW)

    async with database.reading() as tx:
        assert [p.id for p in (await read_masters(tx)).people] == ["E0001", "E0008"]
