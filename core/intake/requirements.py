"""What a customer demands beside the goods: one canonical wording each, unknown demands kept as 其他要求 (F010)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.intake.quantity import amounts_in

OTHER = "其他要求"
"""Prefix of a demand nobody knows; a person confirms it before the order is submitted."""

INSPECTION = "需提供原厂质检报告"

_ASK = r"(?:需要|需|要求|要|附上|附带|附|带上|带|提供|随货附|随附|随货|请附|必须|和|有|个|加|要有|务必|一份|、){0,6}"
REQUIREMENTS: tuple[tuple[str, str], ...] = (
    (r"(?:提供)?(?:原厂|厂家|厂方)?的?(?:质检|检测|检验|质量检[验测])(?:报告[书单]?|单)?(?:一份)?", INSPECTION),
    (r"inspection report", INSPECTION),
    (r"质保书|质量保证书", "随货附质保书"),
    (r"(?:产品)?合格证(?:书)?", "随货附合格证"),
    (r"(?:开具|开)?(?:增值税)?专(?:用发)?票", "开增值税专用发票"),
    (r"(?:开具|开)?(?:普通)?发票", "开发票"),
    (r"原厂包装|原包装|原装包装", "原厂包装"),
    (r"(?:不要|不能|不可|别|勿)拆开?(?:包装|箱|封)", "不拆包装"),
    (r"同一?批(?:次|号)?(?:的)?(?:货)?", "同一批次"),
    (r"送货单|出库单|随货单", "随货附送货单"),
    (r"(?:走|发|用|寄)顺丰|顺丰(?:发货|快递|到付)", "指定顺丰"),
    (r"(?:走|发|用|寄)德邦|德邦(?:发货|物流)", "指定德邦"),
    (r"送货上门|送到门店|上门送货", "送货上门"),
    (r"自提|上门提货|自己来拿|自取", "客户自提"),
    (r"(?:不要|不能|不可|不)分批|一次(?:性)?(?:发齐|到齐|发完)|齐套发货", "一次发齐"),
    (r"分批(?:发货|发|交货|到货)|分[0-9两二三四]批(?:发货|发|交货|到货)?", "可分批发货"),
    (r"尽快|越快越好|加急|着急|很急|急用|asap", "尽快发货"),
)
"""How people say it, and what every card then says."""

_KNOWN = re.compile(
    rf"{_ASK}\s?(?:" + "|".join(f"(?P<r{n}>{words})" for n, (words, _) in enumerate(REQUIREMENTS)) + ")", re.IGNORECASE
)
_REFUSED = re.compile(r"(?:不用|不需要|不需|无需|不必|不要求|不要|不|别|勿|免|没有|无)\s*$")
_UNKNOWN = re.compile(
    r"(?:(?:特殊|特别|其他)?要求|备注|(?:另外)?注意|requirement|note)\s*[:=]?\s*(?P<demand>[^,\n;。\x00]{2,120})",
    re.IGNORECASE,
)


def requirements_in(text: str) -> Iterator[tuple[int, int, str]]:
    """Every known demand in a text with its place; “不要质检报告” is none: its wording is empty."""
    for found in _KNOWN.finditer(text):
        canonical = REQUIREMENTS[int((found.lastgroup or "r0")[1:])][1]
        refused = _REFUSED.search(text, max(0, found.start() - 6), found.start())
        yield (refused.start() if refused else found.start()), found.end(), ("" if refused else canonical)


def other_demand_in(text: str) -> tuple[int, int, str] | None:
    """A demand introduced as one (“要求…”, “备注：…”) that the dictionary does not know."""
    found = _UNKNOWN.search(text)
    if found is None or not (demand := found["demand"].strip(" 、:")) or any(amounts_in(demand)):
        return None
    return found.start(), found.end(), f"{OTHER}:{demand}"


def requirements_of(text: str) -> tuple[str, ...]:
    """The canonical wordings of a field that holds demands; what is unknown is kept as 其他要求."""
    known = [(a, b, wording) for a, b, wording in requirements_in(text)]
    wordings = dict.fromkeys(wording for _, _, wording in known if wording)
    left = list(text)
    for start, end, _ in known:
        left[start:end] = "\x00" * (end - start)
    rest = re.sub(r"[\x00\s,，、;；。.:：!！]+", " ", "".join(left)).strip()
    rest = re.sub(r"^(?:特殊要求|要求|备注|需要|需|要|请)\s*", "", rest).strip()
    if len(rest) >= 2 and rest not in ("没有", "无要求", "正常"):
        wordings[f"{OTHER}:{rest[:120]}"] = None
    return tuple(wordings)
