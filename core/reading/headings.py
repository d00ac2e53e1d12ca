"""What a column heading or a printed key means."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import cache


class Column(StrEnum):
    """What stands in a column."""

    NO = "no"  # running number of the line
    PART = "part"  # the customer's or our part number
    SPEC = "spec"  # model or specification; the part number where no other column holds one
    NAME = "name"  # part name
    QUANTITY = "quantity"  # pieces, boxes or sets ordered
    UNIT = "unit"  # what the quantity counts
    PRICE = "price"  # CNY per unit
    AMOUNT = "amount"  # CNY per line
    REMARK = "remark"  # requirement of the line
    CUSTOMER = "customer"  # customer of the line, where one sheet holds several orders
    DUE = "due"  # due date of the line
    OTHER = "other"  # known not to be any of these


class Key(StrEnum):
    """What a printed `key: value` says."""

    CUSTOMER_CODE = "customer_code"  # the customer's code with us
    CUSTOMER = "customer"  # the customer's name
    DUE = "due"  # when it must arrive
    NUMBER = "number"  # the customer's own order number
    REMARK = "remark"  # requirements for the whole order
    OTHER = "other"  # ends the value before it; not used


def _spoken(words: str) -> tuple[str, ...]:
    return tuple(words.split())


HEADINGS: dict[Column, tuple[str, ...]] = {
    Column.PART: _spoken(
        "物料号 物料编码 物料编号 物料代码 物料 零件号 零件编号 零件编码 零件图号 配件编码 "
        "配件编号 配件号 OE号 OE编号 OE码 OE OEM OEM号 料号 编码 编号 产品编码 产品编号 商品编码 "
        "商品编号 商品代码 货号 图号 订货号 存货编码 原厂编号 原厂号 PARTNO PARTNUMBER PART SKU"
    ),
    Column.SPEC: _spoken("型号 规格型号 规格 产品型号 商品型号 品牌号"),
    Column.NAME: _spoken(
        "名称 品名 物料名称 零件名称 配件名称 商品名称 产品名称 货品名称 存货名称 品名规格 描述 "
        "物料描述 DESCRIPTION NAME"
    ),
    Column.QUANTITY: _spoken(
        "数量 订货数 订货数量 订购数量 订购数 采购数量 采购数 订单数量 需求数量 需求数 要货数量 "
        "要货数 件数 个数 下单数量 QTY QUANTITY"
    ),
    Column.UNIT: _spoken("单位 计量单位 UNIT"),
    Column.PRICE: _spoken("单价 含税单价 未税单价 价格 单价(元) PRICE"),
    Column.AMOUNT: _spoken("金额 含税金额 总价 小计 价税合计 总金额 合计金额 AMOUNT"),
    Column.REMARK: _spoken("备注 说明 要求 备注说明 REMARK"),
    Column.NO: _spoken("序号 行号 项次 项目 序 NO NO. 行"),
    Column.CUSTOMER: _spoken("客户 客户名称 客户编码 客户代码 门店 收货门店 购货单位"),
    Column.DUE: _spoken("交期 交货日期 交货期 要货日期 到货日期 需求日期 到货时间"),
    Column.OTHER: _spoken(
        "品牌 车型 适用车型 产地 库位 仓库 税率 税额 包装 等级 级别 位置 厂家 折扣 颜色 重量 库存 "
        "条码 图片 包装数 装箱数 已发数量 未发数量 起订量"
    ),
}
"""Printed headings per column, as customers' forms and ERP exports have them."""

KEYS: dict[Key, tuple[str, ...]] = {
    Key.CUSTOMER_CODE: _spoken("客户编码 客户代码 客户编号 客户号"),
    Key.CUSTOMER: _spoken(
        "客户名称 客户 购货单位 购货方 购买方 需方 采购单位 采购方 订货单位 订货方 收货单位 买方 下单门店 门店"
    ),
    Key.DUE: _spoken(
        "交期 交货日期 交货期 交货时间 要货日期 要货时间 到货日期 到货时间 需求日期 送货日期 要求到货 要求交期 最晚到货"
    ),
    Key.NUMBER: _spoken("单号 订单号 订单编号 采购单号 采购订单号 合同号 合同编号 编号"),
    Key.REMARK: _spoken("备注 要求 说明 特殊要求 技术要求 质量要求 其他要求 备注说明 注"),
    Key.OTHER: _spoken(
        "电话 联系人 联系电话 手机 地址 收货地址 收货人 制单 制单人 审核 审核人 日期 下单日期 "
        "订单日期 制单日期 供应商 供货单位 供方 卖方 传真 经手人 签字 签收 业务员 采购员 付款方式 "
        "税号 币种 仓库 页码 第"
    ),
}
"""Printed keys of the fields around the table."""

_EXACT = {spoken: column for column, all_of in HEADINGS.items() for spoken in all_of}
_BY_LENGTH = sorted(_EXACT, key=len, reverse=True)
_KEY_OF = {spoken: key for key, all_of in KEYS.items() for spoken in all_of}
_KEY_PATTERN = re.compile("|".join(re.escape(key) for key in sorted(_KEY_OF, key=len, reverse=True)))
FUZZY_LENGTH = 3
LONGEST_GLUED = 14
UNEXPLAINED = 0.34
TOTALS = ("合计", "总计", "合计数量", "总数", "小计", "共计", "本页合计", "合计:")


@dataclass(frozen=True, kw_only=True)
class Heading:
    """A column heading found in a text, from character `start` to `end` of it, exactly or with a misread."""

    column: Column
    start: int
    end: int
    misread: bool = False


def plain(text: str) -> str:
    """Half-width, upper case, without blanks."""
    return "".join(unicodedata.normalize("NFKC", text).upper().split())


def headings_in(text: str) -> tuple[Heading, ...]:
    """The headings a word consists of: one, or several glued together. None if it says anything else.

    Signs between them do not count, nor does a bracket behind: `数量(个)` is 数量.
    """
    shown = unicodedata.normalize("NFKC", text).upper()
    if len(shown) != len(text):
        shown = text.upper()
    found: list[Heading] = []
    at = 0
    while at < len(shown):
        if shown[at].isspace() or shown[at] in "·|/:.*":
            at += 1
            continue
        if shown[at] in "([【" and found:
            close = max(shown.find(mark, at) for mark in ")]】")
            at = close + 1 if close > 0 else len(shown)
            continue
        match = next((spoken for spoken in _BY_LENGTH if _stands(shown, spoken, at)), None)
        if match is None:
            return ()
        found.append(Heading(column=_EXACT[match], start=at, end=at + len(match)))
        at += len(match)
    return tuple(found)


def _stands(shown: str, spoken: str, at: int) -> bool:
    if not shown.startswith(spoken, at):
        return False
    after = shown[at + len(spoken) : at + len(spoken) + 1]
    return not (spoken[-1].isascii() and spoken[-1].isalpha() and after.isascii() and after.isalnum())


def misread_headings_in(text: str) -> tuple[Heading, ...]:
    """Headings glued together with misread characters between them: `单位谅货数量` is 单位 and 订货数量.

    Only for a row in which another word is plainly a heading. None if more than a third cannot be explained.
    """
    shown = text.upper()
    if len(shown) > LONGEST_GLUED or any(letter.isdigit() for letter in shown):
        return ()
    # best[n]: the cheapest explanation of the first n characters, as (cost, headings).
    best: list[tuple[float, tuple[Heading, ...]]] = [(0.0, ())]
    for end in range(1, len(shown) + 1):
        cost, found = best[end - 1]
        options = [(cost + 1.0, found)]
        for start in range(max(0, end - 6), end):
            column, misread = _closest(shown[start:end])
            if column is not None:
                heading = Heading(column=column, start=start, end=end, misread=misread > 0 and end - start == 2)
                options.append((best[start][0] + misread, (*best[start][1], heading)))
        best.append(min(options, key=lambda option: option[0]))
    cost, found = best[-1]
    return found if cost <= UNEXPLAINED * len(shown) else ()


@cache
def _closest(text: str) -> tuple[Column | None, float]:
    if text in _EXACT:
        return _EXACT[text], 0.0
    if len(text) == 2 and text[1] == "量":
        return Column.QUANTITY, 0.4
    if len(text) < FUZZY_LENGTH or text.isascii():
        return None, 0.0
    for spoken in _BY_LENGTH:
        if len(spoken) == len(text) and sum(a != b for a, b in zip(spoken, text, strict=True)) == 1:
            return _EXACT[spoken], 0.5
    return None, 0.0


@dataclass(frozen=True, kw_only=True)
class KeyAt:
    """A printed key in a text: its meaning, where it stands, and where its value begins."""

    key: Key
    start: int
    value: int
    colon: bool


def keys_in(text: str) -> tuple[KeyAt, ...]:
    """Keys with a colon anywhere in the text, or without one at its very beginning."""
    found = []
    for match in _KEY_PATTERN.finditer(text):
        rest = text[match.end() :]
        colon = re.match(r"\s*(\([^)]*\)|（[^）]*）)?\s*[:：]\s*", rest)
        if colon is not None:
            at = KeyAt(key=_KEY_OF[match.group()], start=match.start(), value=match.end() + colon.end(), colon=True)
            found.append(at)
        elif match.start() == 0 and (not rest or rest[0].isspace() or rest[0].isascii()):
            blank = len(rest) - len(rest.lstrip())
            found.append(KeyAt(key=_KEY_OF[match.group()], start=0, value=match.end() + blank, colon=False))
    return tuple(found)


def is_total(text: str) -> bool:
    """Whether a cell says that the row is a sum."""
    said = plain(text).rstrip(":")
    return said in TOTALS or (said.startswith(("合计", "总计", "共计")) and len(said) <= 12)
