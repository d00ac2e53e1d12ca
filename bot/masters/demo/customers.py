"""Six hundred customers with made-up names; those of the scripts among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from bot.masters.demo.places import STORES_OF, store_codes
from core.catalog import Customer

SCRIPTED: tuple[Customer, ...] = (
    Customer(
        code="K0231",
        name="华锐汽修",
        region="沪",
        store="SH01",
        phone="138-0000-0231",
        tier=2,
        address="上海市嘉定区示例路 231 号",
    ),
    Customer(
        code="K0031",
        name="申通汽配",
        region="沪",
        store="SH01",
        phone="139-0000-0031",
        tier=3,
        address="上海市闵行区示例路 31 号",
    ),
    Customer(
        code="K0107",
        name="宏达汽车服务",
        region="沪",
        store="SH02",
        phone="137-0000-0107",
        frozen=True,
        address="上海市松江区示例路 107 号",
    ),
)

CITIES: dict[str, tuple[str, ...]] = {
    "沪": ("上海市嘉定区", "上海市闵行区", "上海市松江区"),
    "苏": ("江苏省苏州市", "江苏省无锡市", "江苏省南京市"),
    "浙": ("浙江省杭州市", "浙江省宁波市", "浙江省嘉兴市"),
    "皖": ("安徽省合肥市", "安徽省芜湖市"),
    "赣": ("江西省南昌市", "江西省九江市"),
    "鲁": ("山东省济南市", "山东省青岛市", "山东省临沂市"),
}
_FIRST = "安博昌驰达德鼎东丰福冠广海航恒弘骏凯康朗利隆茂铭诺鹏启睿盛顺泰通万祥信兴扬永誉源"
_SECOND = "宝诚川飞发方峰光豪和辉佳杰景聚力麟陆曼明能平强荣瑞三生适顺腾途威伟翔鑫迅益宇运展正志众卓"
_GARAGES = ("汽修", "汽配", "汽车服务", "汽车维修", "车行", "修理厂")
_FLEETS = ("客运车队", "物流车队", "公交维修", "租赁车队", "网约车队")
BUSINESS = 40
"""B-end customers: fleets, tier 1."""
KEY = 120
"""Tier 2."""


def demo_customers(random: Random, count: int) -> tuple[Customer, ...]:
    """``K0001`` … with a store in their province; every two-character name is used once, so that it finds one."""
    scripted = {customer.code: customer for customer in SCRIPTED}
    names = _names(random, taken={customer.name[:2] for customer in SCRIPTED})
    stores = [(region, store) for region in STORES_OF for store in store_codes(region)]
    ordinary = [number for number in range(1, count + 1) if f"K{number:04}" not in scripted]
    ranked = random.sample(ordinary, BUSINESS + KEY)
    business, key = set(ranked[:BUSINESS]), set(ranked[BUSINESS:])
    customers: list[Customer] = []
    for number in range(1, count + 1):
        code = f"K{number:04}"
        if code in scripted:
            customers.append(replace(scripted[code]))
            continue
        region, store = stores[number % len(stores)]
        customers.append(
            Customer(
                code=code,
                name=next(names) + random.choice(_FLEETS if number in business else _GARAGES),
                region=region,
                store=store,
                phone=f"{random.choice((135, 136, 137, 138, 139, 158, 186))}-0000-{number:04}",
                address=f"{random.choice(CITIES[region])}示例路 {number} 号",
                tier=1 if number in business else 2 if number in key else 3,
                lead_days=random.choice((1, 2, 2, 2, 3)),
                frozen=number % 97 == 0,
            )
        )
    return tuple(customers)


def _names(random: Random, taken: set[str]) -> Iterator[str]:
    pairs = [a + b for a in _FIRST for b in _SECOND if a != b and a + b not in taken]
    random.shuffle(pairs)
    return iter(pairs)
