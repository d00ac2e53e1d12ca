"""Rows that tests start from."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from core.approvals import ApprovalRequest, Decision, RequestState, Step, Verdict
from core.inbound import RawInbound
from core.notices import Delivery, DeliveryKind, Priority
from core.orders import Order, OrderLine, OrderStatus
from core.people import ChatAccount, Person, PlatformName, Role
from core.stock import Lot
from core.warehouse.lots import QcState
from tests.storage.conftest import START


def an_order(number: str = "SO260220-0001", **changed: Any) -> Order:
    values: dict[str, Any] = {
        "number": number,
        "status": OrderStatus.DRAFT,
        "owner_id": "E0001",
        "owner_platform": PlatformName.WECOM,
        "owner_account": "zhangsan",
        "owner_at": START,
        "source_key": f"wecom:m:{number}",
        "source_kind": "text",
        "created_at": START,
        "lines": [
            OrderLine(position=1, raw="04465-0K240 20个", part_number="04465-0K240", quantity=20),
            OrderLine(position=2, raw="90915-YZZD4 48", part_number="90915-YZZD4", quantity=48),
        ],
    }
    return Order(**{**values, **changed})


def a_person(person_id: str = "E0001", name: str = "张三", *roles: Role, **changed: Any) -> Person:
    values: dict[str, Any] = {
        "id": person_id,
        "name": name,
        "roles": list(roles or (Role.SALES,)),
        "region": "沪",
        "accounts": [ChatAccount(platform=PlatformName.WECOM, account=f"{person_id}-wx", person_id=person_id)],
    }
    return Person(**{**values, **changed})


def a_lot(lot_no: str = "L2601", **changed: Any) -> Lot:
    values: dict[str, Any] = {
        "lot_no": lot_no,
        "part_number": "04465-0K240",
        "warehouse": "SH1",
        "bin": "A-03-12-4-02",
        "on_hand": 100,
        "qc": QcState.PASSED,
        "received_on": date(2026, 1, 5),
    }
    return Lot(**{**values, **changed})


def a_request(order_number: str = "SO260220-0001", **changed: Any) -> ApprovalRequest:
    values: dict[str, Any] = {
        "order_number": order_number,
        "revision": 1,
        "step": Step.TECH,
        "state": RequestState.OPEN,
        "audience": ["E0002"],
        "opened_at": START,
        "due_at": START,
    }
    return ApprovalRequest(**{**values, **changed})


def a_decision(request_id: int, by: str = "E0002") -> Decision:
    return Decision(
        request_id=request_id,
        order_number="SO260220-0001",
        step=Step.TECH,
        verdict=Verdict.APPROVED,
        by=by,
        by_name="李工",
        platform=PlatformName.DINGTALK,
        at=START,
    )


def raw(key: str, conversation: str = "u:zhangsan", at: datetime = START) -> RawInbound:
    return RawInbound(
        platform=PlatformName.WECOM,
        dedupe_key=key,
        conv_key=conversation,
        kind="text",
        payload={"Content": f"K0231 04465-0K240 20个 {key}"},
        platform_at=at,
        raw_sha256="0" * 64,
    )


def a_delivery(key: str, lane: str = "to:wecom:zhangsan", **changed: Any) -> Delivery:
    values: dict[str, Any] = {
        "idem_key": key,
        "kind": DeliveryKind.TEXT,
        "platform": PlatformName.WECOM,
        "recipients": ["zhangsan"],
        "lane_key": lane,
        "priority": Priority.RECEIPT,
        "body": {"sentence": "received", "args": {"number": "SO1"}},
        "available_at": START,
        "created_at": START,
    }
    return Delivery(**{**values, **changed})
