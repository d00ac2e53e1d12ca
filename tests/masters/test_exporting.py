"""What goes out comes back without a difference, and nothing in it is ever calculated."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import load_workbook

from bot.masters import (
    DEMO_START,
    MasterSet,
    OnFile,
    apply,
    demo_set,
    dry_run,
    export,
    export_csv,
    export_masters,
    load_demo,
    read_workbook,
    write_templates,
)
from bot.masters.cells import RawCell
from bot.masters.sheets import SHEET_ORDER
from core.catalog import Bin, Customer, Warehouse
from core.warehouse.bins import BinAddress
from storage.database import SqlDatabase


async def test_an_export_imports_without_a_difference(database: SqlDatabase) -> None:
    await load_demo(database, DEMO_START)

    plan = await dry_run(await export(database), "导出.xlsx", database)
    summary = await apply(plan, database, by="E0018", now=DEMO_START)

    assert plan.clean
    assert (summary.added, summary.changed, summary.unchanged) == (0, 0, 60 + 600 + 1200 + 3 + 2400 + 3000 + 11)


def test_an_export_fills_another_store_with_the_same_values() -> None:
    masters = demo_set()

    plan = read_workbook(export_masters(masters), "导出.xlsx")

    known = OnFile.of(masters).values
    assert plan.clean
    for table in SHEET_ORDER:
        assert {row.key: dict(row.values) for row in plan.rows[table.key]} == known[table.key]


@pytest.mark.parametrize("name", ['=HYPERLINK("http://x")', "+86汽修", "-汽修", "@汽修", "\t=1+1", "\r=1+1"])
def test_text_that_looks_like_a_formula_stays_text(name: str) -> None:
    data = export_masters(MasterSet(customers=(Customer(code="K0001", name=name, region="沪"),)))

    cell = load_workbook(BytesIO(data))["客户"]["B3"]

    assert (cell.data_type, cell.quotePrefix) == ("s", True)
    assert str(cell.value).strip() == name.strip()


async def test_csv_goes_out_guarded_and_comes_back_whole(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        await tx.catalog.upsert([Customer(code="K0001", name="=1+1 汽修", region="沪", phone="+86-021")])

    data = await export_csv(database, "customers")
    plan = await dry_run(data, "客户.csv", database)

    assert "K0001,'=1+1 汽修,沪,,'+86-021," in data.decode("utf-8-sig")
    assert (await apply(plan, database, by="E0018", now=DEMO_START)).unchanged == 1


def test_codes_leave_as_text() -> None:
    data = export_masters(MasterSet(customers=(Customer(code="00031", name="申通汽配", region="沪"),)))

    cell = load_workbook(BytesIO(data))["客户"]["A3"]

    assert (cell.value, cell.data_type, cell.number_format) == ("00031", "s", "@")


def test_more_rows_than_a_sheet_holds_go_on_in_the_next() -> None:
    labels = [str(BinAddress(zone="A", aisle=n // 100 + 1, bay=n % 100 + 1, level=1)) for n in range(20_000)]
    house = Warehouse(code="KS", name="昆山中心仓")

    data = export_masters(MasterSet(warehouses=(house,), bins=tuple(Bin(warehouse="KS", label=x) for x in labels)))

    plan = read_workbook(data, "x.xlsx")
    assert plan.clean
    assert [row.key[1] for row in plan.rows["bins"]] == labels


def test_the_templates_have_a_sheet_for_each_table_with_hidden_keys_text_columns_and_lists(tmp_path: Path) -> None:
    write_templates(tmp_path / "模板.xlsx")

    workbook = load_workbook(tmp_path / "模板.xlsx")
    assert workbook.sheetnames == [
        "说明",
        "人员与角色",
        "客户",
        "物料",
        "仓库",
        "库位",
        "批次库存",
        "物流商",
        "工作日历",
    ]
    parts = workbook["物料"]
    assert [c.value for c in parts[1]][:3] == ["物料号*", "名称*", "类别"]
    assert [c.value for c in parts[2]][:3] == ["number", "name", "family"]
    assert parts.row_dimensions[2].hidden
    assert parts.column_dimensions["A"].number_format == "@"
    lists = {str(rule.sqref): rule.formula1 for rule in parts.data_validations.dataValidation}
    assert lists["G3:G20000"] == '"原厂件,品牌件,售后件,再制造件,拆车件"'
    guide = [[c.value for c in row] for row in workbook["说明"].iter_rows()]
    assert ["物料", "物料号", "是", "04465-0K240", None] in guide


def test_empty_templates_are_an_empty_plan(tmp_path: Path) -> None:
    write_templates(tmp_path / "模板.xlsx")

    plan = read_workbook((tmp_path / "模板.xlsx").read_bytes(), "模板.xlsx")

    assert (plan.usable, plan.problems) == (0, ())


def test_every_example_of_the_guide_is_a_value_its_column_takes() -> None:
    for table in SHEET_ORDER:
        for column in table.columns:
            assert not column.required or column.example
            if column.example:
                column.kind.read(RawCell(text=column.example))
