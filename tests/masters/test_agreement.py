"""Rows must agree with each other and with what is on file."""

from __future__ import annotations

from datetime import date, time

from bot.masters import MasterSet, OnFile, read_workbook
from core.catalog import Carrier, Customer, Part, Warehouse
from core.people import ChatAccount, Person, PlatformName, Role
from core.stock import Lot
from core.warehouse.lots import QcState
from tests.masters.books import BINS, CARRIERS, LOTS, PARTS, PEOPLE, WAREHOUSE, book, told

ON_FILE = OnFile.of(
    MasterSet(
        warehouses=(Warehouse(code="KS", name="昆山中心仓"),),
        customers=(Customer(code="0031", name="申通汽配", region="沪"),),
        parts=(Part(number="04465-33471", normal="0446533471", name="前刹车片", family="制动"),),
        people=(
            Person(
                id="E0002",
                name="销售B",
                roles=[Role.SALES],
                accounts=[ChatAccount(platform=PlatformName.WECOM, account="xiaoshou_b", person_id="E0002")],
            ),
        ),
        carriers=(Carrier(code="SF", name="顺丰", warehouse="KS", cutoff=time(15, 30), capacity=200),),
        lots=(
            Lot(
                lot_no="B251103-07",
                part_number="04465-33471",
                warehouse="KS",
                bin="A-01-01-1-01",
                on_hand=40,
                allocated=30,
                qc=QcState.PASSED,
                received_on=date(2025, 11, 3),
            ),
        ),
    )
)


def test_a_row_that_comes_twice_is_taken_once() -> None:
    plan = read_workbook(book(物料=[*PARTS, ["04465-0K240", "后刹车片", "套", 1, 9]]), "x.xlsx")

    assert [r.number for r in plan.rows["parts"]] == [2, 3]
    assert told(plan) == [("物料", 4, "物料号", "04465-0K240", "与第 2 行重复", "两行留一行")]


def test_a_reference_may_point_into_the_file_or_to_what_is_on_file() -> None:
    lots = [LOTS[0], ["KS", "隔离区", "04465-33471", "B260101-01", 5, "待检", "2026-01-01"]]

    plan = read_workbook(book(库位=BINS, 批次库存=lots), "x.xlsx", ON_FILE)

    assert told(plan) == []


def test_a_reference_to_nothing_names_the_nearest_code() -> None:
    lots = [LOTS[0], ["KS", "A-03-12-4-02", "04465-33477", "B260101-01", 5, "待检", "2026-01-01"]]

    plan = read_workbook(book(库位=BINS, 批次库存=lots), "x.xlsx", ON_FILE)

    assert told(plan) == [
        (
            "批次库存",
            2,
            "物料号",
            "04465-33477",
            "没有这个物料号:已有资料和本文件的可用行里都找不到",
            "是不是 04465-33471?",
        )
    ]


def test_what_refers_to_a_faulty_row_falls_out_with_it() -> None:
    parts = [PARTS[0], [4465, "前刹车片", "套", 1, 1]]
    lots = [LOTS[0], ["KS", "A-03-12-4-02", "4465", "B260101-01", 5, "待检", "2026-01-01"]]

    plan = read_workbook(book(仓库=WAREHOUSE, 物料=parts, 库位=BINS, 批次库存=lots), "x.xlsx")

    assert plan.rows["parts"] == ()
    assert plan.rows["lots"] == ()
    assert plan.faulty == 2


def test_a_chain_of_replacements_that_hangs_in_the_air_falls_out_whole() -> None:
    parts = [
        ["物料号", "名称", "替代件"],
        ["P-1", "水泵", "P-2"],
        ["P-2", "水泵", "P-3"],
        ["P-3", "水泵", "P-9"],
        ["P-4", "水泵", None],
    ]

    plan = read_workbook(book(物料=parts), "x.xlsx")

    assert [r.key for r in plan.rows["parts"]] == [("P-4",)]
    assert plan.faulty == 3


def test_a_leading_zero_that_is_on_file_is_missed() -> None:
    data = "客户编码,名称,区域\n31,申通汽配,沪\n".encode("gbk")

    plan = read_workbook(data, "客户.csv", ON_FILE)

    assert told(plan) == [("客户.csv", 2, "客户编码", "31", "开头的 0 可能丢了,已有编码 0031", "0031")]


def test_accounts_part_numbers_and_carrier_codes_name_one_only() -> None:
    people = [
        PEOPLE[0],
        ["E0003", "销售C", "销售代表", None, "xiaoshou_b", None],
        ["E0004", "销售D", "销售代表", None, "d", None],
        ["E0005", "销售E", "销售代表", None, "d", None],
    ]
    parts = [PARTS[0], ["04465 33471", "刹车片", "套", 1, 1]]
    carriers = [CARRIERS[0], ["SF", "顺丰", "HF", "15:30", 10, "皖"]]
    houses = [WAREHOUSE[0], ["HF", "合肥仓", None, None, "皖"]]

    plan = read_workbook(book(仓库=houses, 物料=parts, 人员与角色=people, 物流商=carriers), "x.xlsx", ON_FILE)

    assert {(p.sheet, p.row, p.reason) for p in plan.problems} == {
        ("人员与角色", 2, "企微账号已是 E0002 的"),
        ("人员与角色", 4, "企微账号已是 E0004 的"),
        ("物料", 2, "去掉横线、空格后与物料 04465-33471 相同"),
        ("物流商", 2, "编码已用于 SF/KS,每个仓要有自己的编码"),
    }


def test_values_that_do_not_fit_each_other_are_told() -> None:
    people = [
        PEOPLE[0],
        ["E0009", "仓管C", "仓管员", None, None, "cg_c"],
        ["E0010", "销售Z", "销售", None, "XiaoShou_Z", None],
    ]
    lots = [
        [*LOTS[0], "有效期", "破损"],
        ["KS", "隔离区", "04465-33471", "B260101-01", 5, "合格", "2026-01-01", "2025-12-31", 6],
    ]
    places = [WAREHOUSE[0], ["JN", "济南前置仓", 117.12, None, "山东"]]

    plan = read_workbook(book(仓库=places, 库位=BINS, 批次库存=lots, 人员与角色=people), "x.xlsx", ON_FILE)

    assert {(p.row, p.column, p.reason, p.suggestion) for p in plan.problems} == {
        (2, "仓库", "仓管员没有仓库,领不到拣货单", "填仓库编码"),
        (3, "角色", "“销售”不在可选值里", "销售代表"),
        (2, "服务省份", "“山东”不是省份简称", "鲁"),
        (2, "破损", "破损 6 比在库 5 还多", ""),
        (2, "有效期", "有效期早于入库日期", ""),
    }


def test_a_count_below_what_orders_hold_is_refused_in_the_dry_run() -> None:
    bins = [BINS[0], ["KS", "A-01-01-1-01", 1, 1]]
    lots = [LOTS[0], ["KS", "A-01-01-1-01", "04465-33471", "B251103-07", 29, "合格", "2025-11-03"]]

    plan = read_workbook(book(库位=bins, 批次库存=lots), "x.xlsx", ON_FILE)

    assert told(plan) == [("批次库存", 2, "在库", "29", "在库 29 少于订单已占用的 30", "先释放占用,再改在库")]
