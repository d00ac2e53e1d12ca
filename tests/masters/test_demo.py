"""The demo's company: always the same, and enough for every script."""

from __future__ import annotations

from collections import Counter
from datetime import time

import pytest

from bot.masters import DEMO_START, DemoRefused, demo_set, load_demo, read_masters
from bot.masters.sheets import SHEET_ORDER
from core.catalog import AliasKind, Warehouse
from core.intake.master import MasterIndex
from core.intake.matches import MatchKind
from core.people import PlatformName, Role
from core.warehouse.layout import build_layout
from core.warehouse.lots import QcState
from simulator import personas
from storage.database import SqlDatabase

MASTERS = demo_set()
INDEX = MasterIndex.build(MASTERS.customers, MASTERS.parts)


def test_the_set_is_the_same_every_time() -> None:
    assert demo_set() == MASTERS
    assert demo_set(seed=7) != MASTERS


def test_a_scale_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="huge"):
        demo_set(scale="huge")


def test_the_sizes_are_those_of_the_domain_page() -> None:
    roles = Counter(person.roles[0] for person in MASTERS.people)

    assert (len(MASTERS.people), len(MASTERS.customers), len(MASTERS.parts)) == (60, 600, 1200)
    assert (len(MASTERS.warehouses), len(MASTERS.bins), len(MASTERS.lots), len(MASTERS.carriers)) == (3, 2400, 3000, 11)
    assert len({part.family for part in MASTERS.parts}) == 14
    assert sum(len(part.aliases) for part in MASTERS.parts) == 2880
    assert len({c.store for c in MASTERS.customers}) == 47
    assert sum(c.tier == 1 for c in MASTERS.customers) == 40
    assert (roles[Role.SALES], roles[Role.REGIONAL], roles[Role.TECH], roles[Role.PLANNER]) == (18, 6, 4, 2)
    assert (roles[Role.PICKER] + roles[Role.WAREHOUSE_LEAD], roles[Role.LOGISTICS], roles[Role.FINANCE]) == (9, 2, 4)


def test_four_percent_of_the_lots_are_held_and_one_percent_is_expired() -> None:
    today = DEMO_START.date()

    assert sum(not lot.qc.released for lot in MASTERS.lots) == 120
    assert sum(lot.expires_on is not None and lot.expires_on < today for lot in MASTERS.lots) == 30
    assert all(lot.received_on < today for lot in MASTERS.lots)


@pytest.mark.parametrize("table", SHEET_ORDER, ids=lambda table: table.key)
def test_natural_keys_are_unique(table: object) -> None:
    for sheet in SHEET_ORDER:
        if sheet is table:
            keys = [sheet.row_key(sheet.values_of(entity)) for entity in sheet.rows_of(MASTERS)]
            assert len(keys) == len(set(keys))


def test_the_scripts_find_their_stock() -> None:
    lots = {lot.lot_no: lot for lot in MASTERS.lots if lot.part_number == "04465-0K240"}

    assert {no: (x.warehouse, x.bin, x.available) for no, x in lots.items()} == {
        "B251103-07": ("KS", "A-03-12-4-02", 44),
        "B260110-03": ("KS", "B-01-03-2-01", 20),
        "B250918-02": ("KS", "隔离区", 0),
    }
    assert (lots["B250918-02"].qc, lots["B250918-02"].on_hand) == (QcState.RECHECK, 16)
    parts = {part.number: part for part in MASTERS.parts}
    assert (parts["90915-YZZD4"].pack, parts["17801-21050"].safety_stock) == (10, 40)
    for number, pieces in (
        ("90915-YZZD4", 1000),
        ("17801-21050", 90),
        ("04465-33471", 20),
        ("04466-33160", 20),
        ("W 75/3", 20),
    ):
        assert sum(x.available for x in MASTERS.lots if x.part_number == number and x.warehouse == "KS") >= pieces


@pytest.mark.parametrize("lot_no", ["B251103-07", "B260110-03", "B250918-02"])
def test_a_scripted_lot_number_is_one_lot_and_its_bin_holds_nothing_else(lot_no: str) -> None:
    (lot,) = [x for x in MASTERS.lots if x.lot_no == lot_no]

    beside = [x for x in MASTERS.lots if (x.warehouse, x.bin) == (lot.warehouse, lot.bin)]
    assert beside == [lot] or lot.bin == "隔离区"


def test_the_scripts_find_their_parts_and_customers() -> None:
    assert INDEX.match_part("w75/3").part is INDEX.part("W 75/3")
    assert INDEX.match_part("前刹车片").part is INDEX.part("04465-0K240")
    misread = INDEX.match_part("0446S-33471")
    assert (misread.kind, [p.number for p in misread.candidates]) == (MatchKind.SKELETON, ["04465-33471"])
    assert [c.code for c in INDEX.match_customer("K0O31").candidates] == ["K0031"]
    names = {c.code: (c.name, c.frozen) for c in MASTERS.customers if c.code in ("K0231", "K0031", "K0107")}
    assert names == {"K0231": ("华锐汽修", False), "K0031": ("申通汽配", False), "K0107": ("宏达汽车服务", True)}


def test_every_number_names_one_part_and_every_name_one_customer() -> None:
    for part in MASTERS.parts:
        numbers = [part.number, *(a.text for a in part.aliases if a.kind is not AliasKind.ALIAS)]
        assert [INDEX.match_part(number).part for number in numbers] == [part] * len(numbers)
    for customer in MASTERS.customers:
        assert INDEX.match_customer(customer.name).customer is customer


def test_some_short_names_are_asked_about_and_some_parts_have_a_successor() -> None:
    shared = Counter(a.normal for part in MASTERS.parts for a in part.aliases if a.kind is AliasKind.ALIAS)
    old = [part for part in MASTERS.parts if part.superseded_by]

    assert sum(count > 1 for count in shared.values()) > 5
    assert len(old) > 10
    assert all(INDEX.successor(part) is not None for part in old)


def test_every_province_has_two_carriers_in_each_warehouse_that_serves_it() -> None:
    for house in MASTERS.warehouses:
        for region in house.regions:
            runs = [c for c in MASTERS.carriers if c.warehouse == house.code and region in c.regions]
            assert len(runs) >= 2, (house.code, region)
    assert all(time(11, 30) <= c.cutoff <= time(18, 30) for c in MASTERS.carriers)
    assert {("顺丰", time(15, 30)), ("德邦", time(17))} <= {(c.name, c.cutoff) for c in MASTERS.carriers}
    assert len({c.code for c in MASTERS.carriers}) == 11


def test_customers_are_served_first_from_the_house_that_is_nearest() -> None:
    for region, nearest in {"沪": "KS", "苏": "KS", "浙": "KS", "皖": "HF", "赣": "HF", "鲁": "JN"}.items():
        serving = [w for w in MASTERS.warehouses if region in w.regions]
        assert min(serving, key=lambda w: w.regions.index(region)).code == nearest


def test_every_floor_can_be_walked_and_every_lot_lies_in_a_bin() -> None:
    for house in MASTERS.warehouses:
        layout = build_layout(house.code, MASTERS.bins)
        surveyed = [b for b in MASTERS.bins if b.warehouse == house.code and b.x is not None]
        assert len(layout.spots) == len(surveyed)
    places = {(b.warehouse, b.label) for b in MASTERS.bins}
    assert all((lot.warehouse, lot.bin) in places for lot in MASTERS.lots)


def test_everybody_with_a_phone_in_the_simulator_is_in_the_company() -> None:
    accounts = {(a.platform.value, a.account): p.name for p in MASTERS.people for a in p.accounts}
    phones = {(p.platform, p.user): p.name for p in (*personas.PERSONAS, *personas.OTHER_ACCOUNTS)}
    assert phones.items() <= accounts.items()
    assert {(p.platform, p.name) for p in personas.PERSONAS} <= {(p.home.value, p.name) for p in MASTERS.people}
    assert not {(p.platform, p.user) for p in personas.STRANGERS} & accounts.keys()


async def test_the_demo_fills_an_empty_store_once(database: SqlDatabase) -> None:
    assert await load_demo(database, DEMO_START)
    assert not await load_demo(database, DEMO_START)

    async with database.reading() as tx:
        stored = await read_masters(tx)
        sales = await tx.people.by_account(PlatformName.WECOM, "xiaoshou_a")
    assert sales is not None
    assert sales.name == "销售A"
    for table in SHEET_ORDER:
        as_stored = {table.row_key(v): v for e in table.rows_of(stored) for v in [table.values_of(e)]}
        as_made = {table.row_key(v): v for e in table.rows_of(MASTERS) for v in [table.values_of(e)]}
        assert as_stored == as_made


async def test_the_demo_is_never_mixed_into_real_data(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        await tx.catalog.upsert([Warehouse(code="SZ", name="苏州仓")])

    with pytest.raises(DemoRefused):
        await load_demo(database, DEMO_START)

    async with database.reading() as tx:
        assert [w.code for w in await tx.catalog.warehouses()] == ["SZ"]
