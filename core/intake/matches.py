"""What a look-up in the master data found, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.catalog import Customer, Part


class MatchKind(StrEnum):
    """How a text relates to the master data."""

    EXACT = "exact"  # the company's own code, or the customer's full name
    ALIAS = "alias"  # OE, brand number or another alias that names exactly one part
    NAME = "name"  # trade name, part of a customer's name, or phone, that fits exactly one
    SKELETON = "skeleton"  # one fits when look-alike characters are one (0/O, 1/I …): offered
    NEAR = "near"  # something is one character off, or the words fit only in part: offered
    AMBIGUOUS = "ambiguous"  # several fit: asked
    UNKNOWN = "unknown"  # nothing fits


TAKEN = frozenset({MatchKind.EXACT, MatchKind.ALIAS, MatchKind.NAME})
"""Only these are used without asking; everything else is offered."""

MOST_CANDIDATES = 9
"""A choice on a card holds ten options, one of them “none of these” (F030)."""

BY_CODE, BY_OE, BY_BRAND, BY_ALIAS, BY_NAME = "编码", "OE", "品牌号", "别名", "品名"
BY_CUSTOMER_NAME, BY_PHONE = "名称", "电话"


@dataclass(frozen=True, kw_only=True)
class PartMatch:
    """A text and the part it names. ``part`` is set only when it may be used as it is; otherwise it is empty
    and ``candidates`` (best first, nine at the most) are offered."""

    text: str
    kind: MatchKind
    part: Part | None = None
    matched_by: str = ""
    """编码, OE, 品牌号, 别名, 品名: shown as “按OE匹配” (F030)."""
    candidates: tuple[Part, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CustomerMatch:
    """A text and the customer it names; the same rules as for parts."""

    text: str
    kind: MatchKind
    customer: Customer | None = None
    matched_by: str = ""
    """编码, 名称, 电话."""
    candidates: tuple[Customer, ...] = ()
