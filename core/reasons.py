"""The reason dictionary: code + text, so that reasons can be counted, translated and listed (domain §1)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Reason:
    code: str
    text: str
    level: str = ""
    """Expedite only: the usual level (yellow, orange, red)."""
    also: tuple[str, ...] = ()
    """What people type for it."""


EXPEDITE: tuple[Reason, ...] = (
    Reason(code="X01", text="客户高层施压", level="orange"),
    Reason(code="X02", text="竞品抢单", level="orange"),
    Reason(code="X03", text="车辆停驶待件(VOR)", level="red"),
    Reason(code="X04", text="维修厂工位占用", level="orange"),
    Reason(code="X05", text="事故车保险时限", level="orange"),
    Reason(code="X06", text="我方发错/漏发补发", level="red"),
    Reason(code="X07", text="质量投诉换件", level="red"),
    Reason(code="X08", text="合同违约金将触发", level="red"),
    Reason(code="X09", text="客户改期提前", level="yellow"),
    Reason(code="X10", text="门店断货影响营业", level="yellow"),
    Reason(code="X11", text="营运/应急车辆保障", level="red"),
    Reason(code="X12", text="截单/节假日前赶发", level="yellow"),
)

REJECT: tuple[Reason, ...] = (
    Reason(code="R01", text="车型不适配", also=("车型不符", "不适配")),
    Reason(code="R02", text="VIN缺失或无效"),
    Reason(code="R03", text="物料停产需替代"),
    Reason(code="R04", text="数量异常"),
    Reason(code="R05", text="交期不可行"),
    Reason(code="R06", text="缺技术协议"),
    Reason(code="R07", text="缺质检要求说明"),
    Reason(code="R08", text="客户资质问题"),
    Reason(code="R09", text="重复订单"),
    Reason(code="R10", text="其他"),
)

SHORT_PICK: tuple[Reason, ...] = (
    Reason(code="S01", text="空架"),
    Reason(code="S02", text="破损"),
    Reason(code="S03", text="批次不符"),
    Reason(code="S04", text="找不到"),
    Reason(code="S05", text="质检冻结"),
    Reason(code="S06", text="数量不符"),
)

CANCEL: tuple[Reason, ...] = (
    Reason(code="C01", text="客户取消"),
    Reason(code="C02", text="录入有误"),
    Reason(code="C03", text="重复订单"),
    Reason(code="C04", text="缺货不等"),
    Reason(code="C05", text="其他"),
)

BY_CODE: dict[str, Reason] = {r.code: r for group in (EXPEDITE, REJECT, SHORT_PICK, CANCEL) for r in group}


def match(text: str, among: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Reasons a typed word can mean: by code, exactly, by number 1–n, else by containment both ways."""
    word = text.strip()
    if not word:
        return ()
    if word.isdigit() and 1 <= int(word) <= len(among):
        return (among[int(word) - 1],)
    exact = tuple(r for r in among if word.upper() == r.code or word == r.text or word in r.also)
    if exact:
        return exact
    return tuple(r for r in among if word in r.text or r.text in word or _stem(r.text) in word)


def _stem(text: str) -> str:
    return text.split("(")[0].split("/")[0].removesuffix("异常").removesuffix("问题") if len(text) > 4 else text
