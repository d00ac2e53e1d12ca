"""A row of master data as an entity and back, and the faults of a row that no single cell shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from bot.masters.columns import RowFault, Values
from core.catalog import AliasKind, Part, PartAlias
from core.part_number import normal
from core.people import ROLE_LABEL, ChatAccount, Person, PlatformName, Role
from core.warehouse.lots import QC_LABELS

ROLES = {label: role for role, label in ROLE_LABEL.items()}
HOMES = {"企业微信": PlatformName.WECOM, "钉钉": PlatformName.DINGTALK}
TIERS = {"战略": 1, "重点": 2, "普通": 3}
GRADES = {word: word for word in ("原厂件", "品牌件", "售后件", "再制造件", "拆车件")}
QC = {label: state for state, label in QC_LABELS.items()}
ALIAS_COLUMNS = {
    "oe": AliasKind.OE,
    "brand_numbers": AliasKind.BRAND,
    "aliases": AliasKind.ALIAS,
    "trade_names": AliasKind.NAME,
}


def person(values: Values) -> Person:
    plain = {k: v for k, v in values.items() if k not in ("wecom", "dingtalk")}
    accounts = [
        ChatAccount(platform=platform, account=values[platform.value], person_id=values["id"])
        for platform in sorted(PlatformName)
        if values[platform.value]
    ]
    return Person(**plain, accounts=accounts)


def person_values(person: Person) -> dict[str, Any]:
    accounts = {a.platform: a.account for a in person.accounts}
    return {
        **_fields(person, "id", "name", "region", "store", "warehouse", "home", "active"),
        "roles": list(person.roles),
        "wecom": accounts.get(PlatformName.WECOM, ""),
        "dingtalk": accounts.get(PlatformName.DINGTALK, ""),
    }


def person_faults(values: Values) -> Iterator[RowFault]:
    if values["wecom"] != values["wecom"].casefold():
        yield RowFault(column="wecom", reason="企微账号不分大小写,统一用小写", suggestion=values["wecom"].casefold())
    if not values["roles"]:
        yield RowFault(column="roles", reason="没有角色的人什么也做不了", suggestion="至少填一个角色")
    if Role.PICKER in values["roles"] and not values["warehouse"]:
        yield RowFault(column="warehouse", reason="仓管员没有仓库,领不到拣货单", suggestion="填仓库编码")


def part(values: Values) -> Part:
    number = values["number"]
    aliases = [
        PartAlias(text=text, normal=normal(text), kind=kind, part_number=number)
        for column, kind in ALIAS_COLUMNS.items()
        for text in values[column]
    ]
    plain = {k: v for k, v in values.items() if k not in ALIAS_COLUMNS}
    return Part(**plain, normal=normal(number), aliases=aliases)


def part_values(part: Part) -> dict[str, Any]:
    aliases = {column: [a.text for a in part.aliases if a.kind is kind] for column, kind in ALIAS_COLUMNS.items()}
    plain = _fields(
        part,
        "number",
        "name",
        "family",
        "unit",
        "pack",
        "position",
        "grade",
        "safety_stock",
        "weight_g",
        "superseded_by",
        "active",
    )
    return {**plain, **aliases}


def part_faults(values: Values) -> Iterator[RowFault]:
    if not normal(values["number"]):
        yield RowFault(column="number", reason="没有字母或数字,没法按它查找")
    if normal(values["superseded_by"]) == normal(values["number"]):
        yield RowFault(column="superseded_by", reason="替代件是它自己", suggestion="清空这一格")


def place_faults(values: Values) -> Iterator[RowFault]:
    if (values["longitude"] is None) != (values["latitude"] is None):
        missing = "longitude" if values["longitude"] is None else "latitude"
        yield RowFault(column=missing, reason="经度、纬度要么都填,要么都空")


def bin_faults(values: Values) -> Iterator[RowFault]:
    if (values["x"] is None) != (values["y"] is None):
        yield RowFault(column="x" if values["x"] is None else "y", reason="x、y 要么都填,要么都空(无坐标)")


def lot_faults(values: Values) -> Iterator[RowFault]:
    if values["damaged"] > values["on_hand"]:
        yield RowFault(column="damaged", reason=f"破损 {values['damaged']} 比在库 {values['on_hand']} 还多")
    if values["expires_on"] is not None and values["expires_on"] < values["received_on"]:
        yield RowFault(column="expires_on", reason="有效期早于入库日期")


def _fields(entity: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(entity, name) for name in names}


def copied(*names: str) -> Callable[[Any], dict[str, Any]]:
    """Values of an entity whose fields are the columns."""

    def values(entity: Any) -> dict[str, Any]:
        found = _fields(entity, *names)
        return {name: list(value) if isinstance(value, list) else value for name, value in found.items()}

    return values
