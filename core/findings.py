"""What a check found wrong or doubtful on an order, in the rule's own terms (F031–F033)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding holds an order up."""

    RED = "red"  # 必须改: the order cannot be submitted
    YELLOW = "yellow"  # 必须认: the first responsible person acknowledges it
    SUPERVISOR = "supervisor"  # 需主管确认: only a supervisor may waive it
    INFO = "info"  # shown, holds nothing up


class FindingCode(StrEnum):
    CUSTOMER_MISSING = "customer_missing"  # no customer named and none known for the sender
    CUSTOMER_UNKNOWN = "customer_unknown"  # 客户编码不存在
    CUSTOMER_AMBIGUOUS = "customer_ambiguous"  # several customers fit
    CUSTOMER_FROZEN = "customer_frozen"  # 客户已冻结
    PART_UNKNOWN = "part_unknown"  # 物料号不存在
    PART_AMBIGUOUS = "part_ambiguous"  # several parts fit
    PART_SUGGESTED = "part_suggested"  # one part looks alike (O/0, I/1, one character off): offered, never taken
    PART_SUPERSEDED = "part_superseded"  # 已停产,有替代
    QUANTITY_MISSING = "quantity_missing"  # 没写数量: asked once, never inferred
    QUANTITY_UNCLEAR = "quantity_unclear"  # two readings are possible
    QUANTITY_ABSURD = "quantity_absurd"  # zero, negative or beyond any order
    OVER_SAFETY_STOCK = "over_safety_stock"  # 超安全库存200%
    NO_SAFETY_STOCK = "no_safety_stock"  # 未设安全库存
    PACK_MULTIPLE = "pack_multiple"  # 非整箱
    DUE_UNCLEAR = "due_unclear"  # a date was written that cannot be read
    DUE_PAST = "due_past"  # 交期已过
    DUE_TOO_SOON = "due_too_soon"  # no carrier can make it
    DUE_ASSUMED = "due_assumed"  # no date given: the customer's lead time was taken
    DUPLICATE = "duplicate"  # 疑似重复
    STOCK_SHORT = "stock_short"  # available stock does not cover the line
    LOW_CONFIDENCE = "low_confidence"  # the recogniser was not sure
    SHEET_SUM = "sheet_sum"  # the sheet's own totals contradict the line
    REQUIREMENT_UNCLEAR = "requirement_unclear"  # a demand nobody knows: kept as 其他要求
    RULE_ERROR = "rule_error"  # 规则异常: the check itself failed, the order is not lost


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One flag. ``line`` is the position on the order (1…n), None for the order's head.

    ``args`` feed the rule's sentence in the catalogue (``texts.finding``); ``candidates`` are values that
    would resolve it (part numbers, customer codes, quantities as text), best first.
    """

    code: FindingCode
    severity: Severity
    line: int | None = None
    field: str = ""
    """customer, part, quantity, due, requirement."""
    args: tuple[tuple[str, str], ...] = ()
    candidates: tuple[str, ...] = ()
    resolved_by: str = ""
    """Person id of who acknowledged or waived it."""
    resolution: str = ""
    """What they did: acknowledged, waived, suggestion accepted."""

    @property
    def open(self) -> bool:
        return not self.resolved_by

    def arg(self, name: str) -> str:
        return dict(self.args).get(name, "")
