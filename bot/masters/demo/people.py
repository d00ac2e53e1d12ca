"""Sixty people: those whose phones the demo shows, and the rest of the company."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from string import ascii_uppercase

from bot.masters.demo.places import STORES_OF, store_codes
from core.people import ChatAccount, Person, PlatformName, Role

WECOM, DINGTALK = PlatformName.WECOM, PlatformName.DINGTALK


@dataclass(frozen=True, kw_only=True)
class _Post:
    name: str
    role: Role
    region: str = ""
    store: str = ""
    warehouse: str = ""
    wecom: str = ""
    dingtalk: str = ""
    home: PlatformName = WECOM


WITH_PHONES: tuple[_Post, ...] = (
    _Post(name="销售A", role=Role.SALES, region="沪", store="SH01", wecom="xiaoshou_a", dingtalk="xiaoshou_a_dd"),
    _Post(name="销售B", role=Role.SALES, region="沪", store="SH02", wecom="xiaoshou_b"),
    _Post(name="技术甲", role=Role.TECH, dingtalk="jishu_jia", wecom="jishu_jia_wx", home=DINGTALK),
    _Post(name="技术乙", role=Role.TECH, dingtalk="jishu_yi", home=DINGTALK),
    _Post(name="主管A", role=Role.SUPERVISOR, dingtalk="zhuguan_a", wecom="zhuguan_a_wx", home=DINGTALK),
    _Post(name="主管B", role=Role.SUPERVISOR, wecom="zhuguan_b"),
    _Post(name="技术总监", role=Role.TECH_DIRECTOR, wecom="jishu_zongjian"),
    _Post(name="仓管A", role=Role.PICKER, warehouse="KS", wecom="cangguan_a", dingtalk="cangguan_a_dd"),
    _Post(name="仓管B", role=Role.PICKER, warehouse="KS", wecom="cangguan_b"),
    _Post(name="仓储组长", role=Role.WAREHOUSE_LEAD, warehouse="KS", wecom="cangchu_zuzhang"),
    _Post(name="物流主管", role=Role.LOGISTICS, wecom="wuliu"),
    _Post(name="运营总监", role=Role.OPS_DIRECTOR, wecom="yunying_zongjian"),
    _Post(name="区域经理沪", role=Role.REGIONAL, region="沪", wecom="quyu_hu"),
    _Post(name="计划主管", role=Role.PLANNER, dingtalk="jihua", home=DINGTALK),
    _Post(name="财务专员", role=Role.FINANCE, wecom="caiwu"),
    _Post(name="客服", role=Role.SERVICE, dingtalk="kefu", home=DINGTALK),
    _Post(name="销售总监", role=Role.SALES_DIRECTOR, wecom="xiaoshou_zongjian"),
    _Post(name="管理员", role=Role.ADMIN, wecom="guanliyuan"),
)
"""The simulator's address books hold these accounts."""


def demo_people() -> tuple[Person, ...]:
    """Everybody, employee numbers from E0001. The rest of the company is in no address book of the demo: they have
    no account until somebody binds one (绑定 工号)."""
    return tuple(_person(f"E{number:04}", post) for number, post in enumerate([*WITH_PHONES, *_others()], 1))


def _others() -> Iterator[_Post]:
    regions = list(STORES_OF)
    letters = iter(ascii_uppercase[2:])
    for region in regions:
        for nth in range(1 if region == "沪" else 3):
            yield _Post(name=f"销售{next(letters)}", role=Role.SALES, region=region, store=store_codes(region)[nth + 2])
    for region in regions[1:]:
        yield _Post(name=f"区域经理{region}", role=Role.REGIONAL, region=region)
    yield _Post(name="技术丙", role=Role.TECH)
    yield _Post(name="技术丁", role=Role.TECH)
    yield _Post(name="计划员A", role=Role.PLANNER)
    for warehouse, city, pickers in (("HF", "合肥", "CD"), ("JN", "济南", "EF")):
        for letter in pickers:
            yield _Post(name=f"仓管{letter}", role=Role.PICKER, warehouse=warehouse)
        yield _Post(name=f"{city}仓组长", role=Role.WAREHOUSE_LEAD, warehouse=warehouse)
    yield _Post(name="物流专员A", role=Role.LOGISTICS)
    for letter in "BCD":
        yield _Post(name=f"财务{letter}", role=Role.FINANCE)
    for letter in "BCDEF":
        yield _Post(name=f"客服{letter}", role=Role.SERVICE)
    for letter in "ABC":
        yield _Post(name=f"内勤{letter}", role=Role.SERVICE)


def _person(number: str, post: _Post) -> Person:
    accounts = [
        ChatAccount(platform=platform, account=account, person_id=number)
        for platform, account in ((DINGTALK, post.dingtalk), (WECOM, post.wecom))
        if account
    ]
    return Person(
        id=number,
        name=post.name,
        roles=[post.role],
        region=post.region,
        store=post.store,
        warehouse=post.warehouse,
        home=post.home,
        accounts=accounts,
    )
