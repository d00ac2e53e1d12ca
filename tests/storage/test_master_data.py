"""People and master data."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time

import pytest

from core.catalog import AliasKind, Bin, Carrier, Customer, Part, PartAlias, Warehouse
from core.people import ChatAccount, PlatformName, Role
from storage.database import SqlDatabase
from tests.storage.samples import a_person


async def test_a_person_is_found_by_account_role_and_name(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        await tx.people.save(a_person("E0001", "张三", Role.SALES, Role.SUPERVISOR))
        await tx.people.save(a_person("E0002", "李工", Role.TECH, region="苏"))
        await tx.people.save(a_person("E0003", "王五", Role.TECH, region="沪"))
        await tx.people.save(a_person("E0004", "离职", Role.TECH, active=False))
        await tx.people.bind("E0002", PlatformName.DINGTALK, "Manager42")

    async with database.reading() as tx:
        by_account = await tx.people.by_account(PlatformName.WECOM, "e0001-WX")
        on_dingtalk = await tx.people.by_account(PlatformName.DINGTALK, "Manager42")
        assert by_account is not None
        assert by_account.roles == [Role.SALES, Role.SUPERVISOR]
        assert on_dingtalk is not None
        assert on_dingtalk.id == "E0002"
        assert len(on_dingtalk.accounts) == 2
        assert await tx.people.by_account(PlatformName.DINGTALK, "manager42") is None
        assert await tx.people.by_account(PlatformName.WECOM, "E0004-wx") is None
        assert [p.id for p in await tx.people.with_role(Role.TECH)] == ["E0002", "E0003"]
        assert [p.id for p in await tx.people.with_role(Role.TECH, region="苏")] == ["E0002"]
        assert [p.id for p in await tx.people.with_role(Role.TECH, region="粤")] == ["E0002", "E0003"]
        found = await tx.people.find_by_name("王五")
        assert found is not None
        assert found.id == "E0003"


async def test_an_account_moves_with_its_person_and_is_never_taken_from_another(database: SqlDatabase) -> None:
    async with database.transaction() as tx:
        await tx.people.save(a_person("E0001"))
        await tx.people.save(a_person("E0002", "李工"))
        person = await tx.people.get("E0001")
        assert person is not None
        person.accounts = [ChatAccount(platform=PlatformName.WECOM, account="NewPhone", person_id="E0001")]
        person.name = "张三丰"
        await tx.people.save(person)

        with pytest.raises(ValueError, match="another person"):
            await tx.people.bind("E0001", PlatformName.WECOM, "E0002-wx")

    async with database.reading() as tx:
        moved = await tx.people.by_account(PlatformName.WECOM, "newphone")
        assert moved is not None
        assert (moved.id, moved.name) == ("E0001", "张三丰")
        assert await tx.people.by_account(PlatformName.WECOM, "E0001-wx") is None


async def test_master_data_is_replaced_by_its_keys_and_its_version_rises(database: SqlDatabase) -> None:
    part = Part(
        number="04465-0K240",
        normal="044650K240",
        name="前刹车片",
        family="制动",
        aliases=[PartAlias(text="前片", normal="前片", kind=AliasKind.NAME, part_number="04465-0K240")],
    )
    house = Warehouse(code="SH1", name="上海一仓", longitude=121.47, latitude=31.23, regions=["沪", "苏"])
    run = Carrier(code="SF", name="顺丰", warehouse="SH1", cutoff=time(17, 30), capacity=80, regions=["沪"])
    async with database.transaction() as tx:
        assert await tx.catalog.version() == 0
        await tx.catalog.upsert([Customer(code="K0231", name="浦东汽修", region="沪"), part, house, run])
    renamed = replace(part, name="前制动片", aliases=[])

    async with database.transaction() as tx:
        await tx.catalog.parts()
        await tx.catalog.upsert([renamed, Bin(warehouse="SH1", label="A-03-12-4-02", x=1.5, y=2.0), part, renamed])
        assert await tx.catalog.parts() == [renamed]
        await tx.catalog.set_capacity("SF", date(2026, 2, 20), 60, "E0005")
        await tx.catalog.set_capacity("SF", date(2026, 2, 20), 40, "E0005")

    async with database.reading() as tx:
        assert await tx.catalog.version() == 2
        assert await tx.catalog.part("04465-0K240") == renamed
        assert await tx.catalog.warehouse("SH1") == house
        assert await tx.catalog.carriers("SH1") == [run]
        assert await tx.catalog.capacity_override("SF", date(2026, 2, 20)) == 40
        assert await tx.catalog.capacity_override("SF", date(2026, 2, 21)) is None
        assert [b.label for b in await tx.catalog.bins("SH1")] == ["A-03-12-4-02"]
        customer = await tx.catalog.customer("K0231")
        assert customer is not None
        assert (customer.tier, customer.frozen) == (3, False)
