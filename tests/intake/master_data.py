"""A small shop for the intake tests: customers and parts with the traps of the trade."""

from __future__ import annotations

from datetime import datetime

from core.catalog import AliasKind, Customer, Part, PartAlias
from core.clock import CHINA
from core.intake.master import MasterIndex
from core.part_number import normal

NOW = datetime(2026, 2, 21, 9, 14, tzinfo=CHINA)
"""The demo day, a Saturday that the demo's calendar works on."""


def customer(
    code: str, name: str, *, phone: str = "", frozen: bool = False, active: bool = True, lead_days: int = 2
) -> Customer:
    return Customer(code=code, name=name, region="苏", phone=phone, frozen=frozen, active=active, lead_days=lead_days)


def part(
    number: str,
    name: str,
    *,
    pack: int = 1,
    safety: int | None = 100,
    unit: str = "个",
    oe: tuple[str, ...] = (),
    brand: tuple[str, ...] = (),
    alias: tuple[str, ...] = (),
    successor: str = "",
    active: bool = True,
) -> Part:
    aliases = [
        PartAlias(text=text, normal=normal(text), kind=kind, part_number=number)
        for kind, texts in ((AliasKind.OE, oe), (AliasKind.BRAND, brand), (AliasKind.ALIAS, alias))
        for text in texts
    ]
    return Part(
        number=number,
        normal=normal(number),
        name=name,
        family="制动",
        unit=unit,
        pack=pack,
        safety_stock=safety,
        superseded_by=successor,
        active=active,
        aliases=aliases,
    )


CUSTOMERS = (
    customer("K0231", "华锐汽修", phone="138-0000-0231"),
    customer("K0031", "申通汽配", phone="139-0000-0031"),
    customer("K0107", "宏达汽车服务", frozen=True),
    customer("K0450", "安顺汽修一店"),
    customer("K0451", "安顺汽修二店"),
    customer("K0999", "旧城车行", active=False),
)

PARTS = (
    part("04465-0K240", "前刹车片"),
    part("90915-YZZD4", "机油滤", pack=10, safety=500),
    part("04465-33471", "凯美瑞前刹车片", safety=60),
    part("04466-33160", "凯美瑞后刹车片", safety=60),
    part("17801-21050", "空气滤", safety=40),
    part("W 75/3", "机滤芯", brand=("W75/3",), safety=80),
    part("HT-1001", "火花塞", oe=("04E 115 561 C",), brand=("0 986 452 041",), pack=4, alias=("FR7",), safety=200),
    part("HT-2001", "电瓶", unit="只", safety=None),
    part("HT-3001", "雨刮", unit="只", pack=12, safety=100),
    part("13627525015", "机油压力传感器", safety=30),
    part("HT-8001", "灯泡"),
    part("HT-B001", "灯座"),
    part("HT-4001", "旧款水泵", successor="HT-4002"),
    part("HT-4002", "水泵"),
    part("HT-5001", "停产皮带", active=False),
    part("HT-6001", "左前轮速传感器", alias=("轮速传感器",)),
    part("HT-6002", "右前轮速传感器", alias=("轮速传感器",)),
)


def build_index() -> MasterIndex:
    return MasterIndex.build(CUSTOMERS, PARTS)
