"""Orders: what a salesperson sent, how far it has come, and which step may follow which (F012, F034–F038)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from core.errors import DomainError
from core.findings import Finding, Severity
from core.people import PlatformName


class OrderStatus(StrEnum):
    """Where an order stands. Every state has an owner, a next step and a deadline (rule 4 of the features)."""

    DRAFT = "draft"  # 草稿: the first responsible person checks and submits
    PENDING = "pending"  # 待审批: a supervisor or the tech department decides
    REJECTED = "rejected"  # 已驳回: the first responsible person revises or cancels
    APPROVED = "approved"  # 待波次: waits for the next wave tick (stock, carrier)
    RELEASED = "released"  # 已下波次: stock allocated, on a pick list
    PICKING = "picking"  # 拣货中: a picker has claimed the list
    SHIPPED = "shipped"  # 已出库
    CANCELLED = "cancelled"  # 已作废


TRANSITIONS: dict[OrderStatus, tuple[OrderStatus, ...]] = {
    OrderStatus.DRAFT: (OrderStatus.PENDING, OrderStatus.CANCELLED),
    OrderStatus.PENDING: (OrderStatus.APPROVED, OrderStatus.REJECTED, OrderStatus.DRAFT, OrderStatus.CANCELLED),
    OrderStatus.REJECTED: (OrderStatus.DRAFT, OrderStatus.CANCELLED),
    OrderStatus.APPROVED: (OrderStatus.RELEASED, OrderStatus.DRAFT, OrderStatus.CANCELLED),
    OrderStatus.RELEASED: (OrderStatus.PICKING, OrderStatus.APPROVED),
    OrderStatus.PICKING: (OrderStatus.SHIPPED, OrderStatus.APPROVED, OrderStatus.RELEASED),
    OrderStatus.SHIPPED: (),
    OrderStatus.CANCELLED: (),
}

CLOSED: frozenset[OrderStatus] = frozenset({OrderStatus.SHIPPED, OrderStatus.CANCELLED})


@dataclass(kw_only=True)
class OrderLine:
    """One position. ``part_number`` is empty while the part is unknown; ``quantity`` None while unclear."""

    position: int
    raw: str
    """What the person wrote or the picture showed."""
    part_number: str = ""
    part_name: str = ""
    unit: str = "个"
    matched_by: str = ""
    """编码, OE, 品牌号, 别名: shown as “按OE匹配”."""
    quantity: int | None = None
    picked: int = 0
    short: int = 0
    id: int | None = None
    order_id: int | None = None


@dataclass(kw_only=True)
class Order:
    """An order from draft to shipment.

    ``version`` counts every change (optimistic lock); ``revision`` counts what the approvers see: it rises
    when a submitted order is opened again, and older cards then say that they are out of date (law 5).
    The owner fields are written once (F036); a database trigger refuses to change them.
    """

    number: str
    status: OrderStatus
    owner_id: str
    owner_platform: PlatformName
    owner_account: str
    owner_at: datetime
    source_key: str
    """``{platform}:{dedupe_key}[:group]``, unique: one message never makes two orders."""
    source_kind: str
    """text, image, file, voice."""
    source_text: str = ""
    attachment_sha256: str = ""
    customer_code: str = ""
    customer_name: str = ""
    customer_matched_by: str = ""
    region: str = ""
    warehouse: str = ""
    due_at: datetime | None = None
    promised_at: datetime | None = None
    """When it will leave at the latest, as promised to the customer."""
    requirements: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    lines: list[OrderLine] = field(default_factory=list)
    fingerprint: str = ""
    """Customer + parts + quantities, for the question “疑似重复下单?” (F035)."""
    expedite_level: str = ""
    """red, orange, yellow or empty; copied from the live Expedite so that lists sort without a join."""
    latest_ship_at: datetime | None = None
    left_out: str = ""
    """Why the last wave tick left it out, as ``CODE|arg|…``; empty when it is in a wave."""
    reject_reason: str = ""
    reject_note: str = ""
    submitted_at: datetime | None = None
    approved_at: datetime | None = None
    shipped_at: datetime | None = None
    waybill: str = ""
    created_at: datetime
    version: int = 1
    revision: int = 1
    id: int | None = None

    def move(self, to: OrderStatus) -> None:
        """Change the status along TRANSITIONS; raises DomainError for any other step."""
        if to not in TRANSITIONS[self.status]:
            raise DomainError("order_wrong_state", number=self.number, status=self.status.value)
        self.status = to

    def line(self, position: int) -> OrderLine:
        """The line at ``position`` (1…n); raises DomainError when there is none."""
        found = next((x for x in self.lines if x.position == position), None)
        if found is None:
            raise DomainError("no_such_line", number=self.number, position=position, lines=len(self.lines))
        return found

    def open_findings(self, *severities: Severity) -> list[Finding]:
        return [f for f in self.findings if f.open and (not severities or f.severity in severities)]


@dataclass(kw_only=True)
class OrderRevision:
    """One correction: old → new, by whom, when (F034, F038). Append-only."""

    order_number: str
    revision: int
    field: str
    """``2行 数量``, ``交期``, ``客户``."""
    old: str
    new: str
    by: str
    """Person id."""
    how: str
    """text, button, suggestion."""
    at: datetime
    id: int | None = None
