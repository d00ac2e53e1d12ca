"""Every card in every state it can have, with the longest texts the trade knows: customers of 40 characters, orders
of 30 lines, 9 candidates, 12 reasons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from cards import approval_cards, expedite_cards, order_cards, pick_cards
from cards.card import Card
from cards.keys import Keys
from core import reasons
from core.approvals import ApprovalRequest, Decision, RequestState, Step, Verdict
from core.catalog import Warehouse
from core.clock import CHINA
from core.expedite import Expedite, ExpediteState, Level
from core.findings import Finding, FindingCode, Severity
from core.orders import Order, OrderLine, OrderStatus
from core.people import Person, PlatformName, Role
from core.views import OrderView, PickView
from core.waves import PickList, PickListState, PickTask, TaskState

NOW = datetime(2026, 2, 21, 9, 14, tzinfo=CHINA)
KEYS = Keys("a secret of the tests")
PAGE = "https://jiedan.example.com/o/SO260221-0137?k=0123456789"
NUMBER = "SO260221-0137"
LONG_CUSTOMER = "江苏省苏州市昆山经济技术开发区华锐汽车维修服务连锁有限公司前进东路第二分公司一部"
LONG_PART = "前制动片总成(含传感器线束)陶瓷配方加强型"
LONG_NAME = "欧阳诸葛司马慕容上官"
CODES = tuple(f"04465-0K{n}40" for n in range(9))
Build = Callable[..., Card]


def line(position: int, **changed: Any) -> OrderLine:
    values: dict[str, Any] = {
        "position": position,
        "raw": f"04465-0K24{position % 10} 20个",
        "part_number": f"04465-0K24{position % 10}",
        "part_name": "前刹车片",
        "matched_by": "编码",
        "quantity": 20,
        "id": position,
    }
    return OrderLine(**{**values, **changed})


def order(status: OrderStatus = OrderStatus.DRAFT, **changed: Any) -> Order:
    values: dict[str, Any] = {
        "number": NUMBER,
        "status": status,
        "owner_id": "E01",
        "owner_platform": PlatformName.WECOM,
        "owner_account": "e01",
        "owner_at": NOW,
        "source_key": "wecom:m1",
        "source_kind": "text",
        "customer_code": "K0231",
        "customer_name": "华锐汽修",
        "customer_matched_by": "编码",
        "region": "苏",
        "warehouse": "KS",
        "due_at": NOW + timedelta(days=2, hours=8, minutes=46),
        "promised_at": NOW + timedelta(days=2),
        "requirements": ["需提供原厂质检报告"],
        "created_at": NOW,
        "lines": [line(1), line(2, part_number="90915-YZZD4", part_name="机油滤", quantity=48, matched_by="OE")],
        "submitted_at": NOW,
        "approved_at": NOW + timedelta(hours=1),
    }
    return Order(**{**values, **changed})


def long_order(status: OrderStatus = OrderStatus.DRAFT, **changed: Any) -> Order:
    lines = [line(n, part_name=LONG_PART, quantity=9999, matched_by="品牌号") for n in range(1, 31)]
    demands = ["需提供原厂质检报告", "附技术协议TA-2025-03 V2.1", "其他要求:每箱贴客户自有条码并拍照留存"]
    return order(
        status, customer_name=LONG_CUSTOMER, customer_matched_by="名称", lines=lines, requirements=demands, **changed
    )


def flag(code: FindingCode, severity: Severity, **changed: Any) -> Finding:
    return Finding(code=code, severity=severity, **changed)


OWNER = Person(id="E01", name="销售A", roles=[Role.SALES])
LONG_OWNER = Person(id="E01", name=LONG_NAME, roles=[Role.SALES])
HOUSE = Warehouse(
    code="KS",
    name="昆山中心仓",
    address="江苏省苏州市昆山市经济技术开发区物流园区前进东路1888号B栋西侧",
    longitude=120.98,
    latitude=31.38,
    dock="2号月台",
)
REQUEST = ApprovalRequest(
    id=17,
    order_number=NUMBER,
    revision=1,
    step=Step.TECH,
    state=RequestState.OPEN,
    audience=["E06", "E07"],
    opened_at=NOW,
    due_at=NOW + timedelta(hours=4),
)
PASSED = Decision(
    request_id=17,
    order_number=NUMBER,
    step=Step.TECH,
    verdict=Verdict.APPROVED,
    by="E06",
    by_name="技术甲",
    platform=PlatformName.DINGTALK,
    at=NOW + timedelta(minutes=48),
)
TURNED_DOWN = replace(PASSED, verdict=Verdict.REJECTED, reason_code="R01", by_name=LONG_NAME)


def view(of: Order, **changed: Any) -> OrderView:
    values: dict[str, Any] = {
        "order": of,
        "now": NOW + timedelta(minutes=6),
        "owner": OWNER,
        "deciders": ("技术甲", "技术乙"),
        "cutoffs": ("15:30 顺丰", "17:00 德邦", "19:30 京东"),
        "warehouse": HOUSE,
    }
    return OrderView(**{**values, **changed})


def pending(of: Order, **changed: Any) -> OrderView:
    return view(of, **{"request": REQUEST, **changed})


def pick_list(state: PickListState = PickListState.OPEN, **changed: Any) -> PickList:
    values: dict[str, Any] = {
        "number": "W0221-14A-1",
        "wave_id": 1,
        "wave_number": "W0221-14A",
        "warehouse": "KS",
        "state": state,
        "cutoff_at": NOW + timedelta(hours=6),
        "orders": [NUMBER, "SO260221-0138"],
        "route_m": 86.4,
        "created_at": NOW,
        "tasks": [task(1), task(2, bin="B-01-03-5-01", part_number="90915-YZZD4")],
    }
    return PickList(**{**values, **changed})


def task(stop: int, state: TaskState = TaskState.OPEN, **changed: Any) -> PickTask:
    values: dict[str, Any] = {
        "id": 70 + stop,
        "stop": stop,
        "order_number": NUMBER,
        "line_id": 1,
        "allocation_id": stop,
        "state": state,
        "part_number": "04465-0K240",
        "part_name": "前刹车片",
        "lot_no": "B251103-07",
        "bin": "A-03-12-4-02",
        "quantity": 20,
    }
    return PickTask(**{**values, **changed})


def picks(of: PickList, **changed: Any) -> PickView:
    values: dict[str, Any] = {
        "pick_list": of,
        "now": NOW + timedelta(minutes=6),
        "warehouse": HOUSE,
        "carrier": "顺丰",
        "must_ship": 9,
    }
    return PickView(**{**values, **changed})


def claimed(*tasks: PickTask, **changed: Any) -> PickView:
    of = pick_list(PickListState.CLAIMED, claimed_by="E10", claimed_at=NOW, **({"tasks": list(tasks)} if tasks else {}))
    return picks(of, **{"holder": "仓管A", **changed})


LIT: dict[str, Any] = {"expedite_level": "red", "latest_ship_at": NOW + timedelta(hours=6, minutes=16)}
FUSE = Expedite(
    order_number=NUMBER,
    level=Level.RED,
    latest_ship_at=LIT["latest_ship_at"],
    reason_code="X03",
    by="E01",
    by_name="销售A",
    at=NOW,
)
ON_LIST = {"pick_list": pick_list(PickListState.CLAIMED, claimed_by="E10", claimed_at=NOW), "picker": "仓管A"}
OUT: dict[str, Any] = {"shipped_at": NOW + timedelta(hours=5, minutes=27), "waybill": "YD26022100001"}

UNKNOWN = flag(
    FindingCode.PART_UNKNOWN, Severity.RED, line=17, field="part", args=(("text", "0446S-33471"),), candidates=CODES
)
SUGGESTED = flag(
    FindingCode.PART_SUGGESTED,
    Severity.RED,
    line=1,
    field="part",
    args=(("text", "0446S-33471"),),
    candidates=("04465-33471",),
)
MISSING = flag(FindingCode.QUANTITY_MISSING, Severity.RED, line=2, field="quantity")
UNCLEAR = flag(
    FindingCode.QUANTITY_UNCLEAR,
    Severity.RED,
    line=2,
    field="quantity",
    args=(("text", "2箱20"),),
    candidates=("20", "40"),
)
PACK = flag(
    FindingCode.PACK_MULTIPLE,
    Severity.YELLOW,
    line=2,
    field="quantity",
    args=(("quantity", "48"), ("pack", "10")),
    candidates=("50",),
)
OVER = flag(
    FindingCode.OVER_SAFETY_STOCK,
    Severity.SUPERVISOR,
    line=1,
    field="quantity",
    args=(("quantity", "90"), ("safety", "40"), ("percent", "225"), ("limit", "200")),
)
GONE = flag(
    FindingCode.PART_SUPERSEDED,
    Severity.YELLOW,
    line=1,
    field="part",
    candidates=("04465-0K290",),
    args=(("part", "04465-0K240"), ("successor", "04465-0K290"), ("name", LONG_PART)),
)
TWIN = flag(FindingCode.DUPLICATE, Severity.YELLOW, args=(("number", "SO260221-0098"),), candidates=("SO260221-0098",))
WHO = flag(
    FindingCode.CUSTOMER_AMBIGUOUS,
    Severity.RED,
    field="customer",
    args=(("text", "安顺汽修"),),
    candidates=tuple(f"K045{n}" for n in range(9)),
)
NAMES = {
    **dict.fromkeys(CODES, LONG_PART),
    **{f"K045{n}": f"安顺汽修{n}店" for n in range(9)},
    "04465-0K290": LONG_PART,
}

DRAFTS: dict[str, OrderView] = {
    "clean": view(order(), available={"04465-0K241": 64, "90915-YZZD4": 200}),
    "pack": view(order(findings=[PACK], revision=2)),
    "suggestion": view(order(findings=[SUGGESTED, PACK], source_kind="image")),
    "quantity_missing": view(order(findings=[MISSING])),
    "quantity_two_ways": view(order(findings=[UNCLEAR], lines=[line(1), line(2, quantity=None)])),
    "supervisor": view(order(findings=[OVER])),
    "superseded": view(order(findings=[GONE]), names=NAMES),
    "duplicate": view(order(findings=[TWIN])),
    "customer_choice": view(
        order(findings=[WHO], customer_code="", customer_name="", customer_matched_by=""), names=NAMES
    ),
    "acknowledged": view(order(findings=[replace(PACK, resolved_by="E01", resolution="acknowledged")])),
    "long": view(
        long_order(
            findings=[
                UNKNOWN,
                replace(SUGGESTED, line=25),
                replace(UNCLEAR, line=26),
                replace(PACK, line=27),
                replace(OVER, line=28),
                TWIN,
                WHO,
            ],
            revision=12,
            source_kind="image",
        ),
        owner=LONG_OWNER,
        names=NAMES,
    ),
}

ORDERS: dict[str, OrderView] = {
    "draft": view(order()),
    "pending": pending(order(OrderStatus.PENDING)),
    "pending_escalated": pending(
        order(OrderStatus.PENDING),
        escalated_to=("技术总监",),
        deciders=("技术甲", "技术乙", "技术总监"),
        request=replace(REQUEST, escalated_at=NOW + timedelta(hours=4), escalated_to=["E08"]),
        now=NOW + timedelta(hours=5),
    ),
    "rejected": pending(
        order(OrderStatus.REJECTED, reject_reason="R01", reject_note="需补VIN"),
        request=replace(REQUEST, state=RequestState.DECIDED),
        decision=TURNED_DOWN,
        deciders=(),
    ),
    "approved": view(order(OrderStatus.APPROVED)),
    "left_out": view(order(OrderStatus.APPROVED, left_out="STOCK_HELD|SO260221-0001,SO260221-0002,SO260221-0003")),
    "released": view(order(OrderStatus.RELEASED), pick_list=pick_list()),
    "picking": view(order(OrderStatus.PICKING, **LIT), **ON_LIST),
    "shipped": view(order(OrderStatus.SHIPPED, lines=[line(1, short=3)], **OUT)),
    "cancelled": view(order(OrderStatus.CANCELLED)),
    "long_pending": pending(long_order(OrderStatus.PENDING, **LIT), owner=LONG_OWNER, deciders=(LONG_NAME,) * 4),
    "long_rejected": pending(
        long_order(OrderStatus.REJECTED, reject_reason="R07", reject_note="补" * 200),
        request=replace(REQUEST, state=RequestState.DECIDED),
        decision=TURNED_DOWN,
        deciders=(),
        owner=LONG_OWNER,
    ),
}

APPROVALS: dict[str, OrderView] = {
    "open": pending(order(OrderStatus.PENDING, findings=[OVER])),
    "supervisor": pending(order(OrderStatus.PENDING, findings=[OVER]), request=replace(REQUEST, step=Step.SUPERVISOR)),
    "escalated": ORDERS["pending_escalated"],
    "approved": pending(
        order(OrderStatus.APPROVED), request=replace(REQUEST, state=RequestState.DECIDED), decision=PASSED, deciders=()
    ),
    "rejected": ORDERS["rejected"],
    "withdrawn": pending(order(), request=replace(REQUEST, state=RequestState.WITHDRAWN)),
    "long": pending(
        long_order(OrderStatus.PENDING, findings=[replace(OVER, line=n) for n in range(1, 31)], **LIT),
        owner=LONG_OWNER,
        deciders=(LONG_NAME,) * 4,
    ),
    "long_rejected": ORDERS["long_rejected"],
}

FUSES: dict[str, OrderView] = {
    "pending": pending(order(OrderStatus.PENDING, **LIT), expedite=FUSE),
    "picking": view(order(OrderStatus.PICKING, **LIT), expedite=replace(FUSE, escalated_at=NOW), **ON_LIST),
    "arranged": view(
        order(OrderStatus.PICKING, **LIT),
        **ON_LIST,
        expedite=replace(FUSE, pickup_by="物流主管 苏E12345", coordinated_by="运营总监", escalated_at=NOW),
    ),
    "late": view(order(OrderStatus.PICKING, **LIT), expedite=FUSE, now=NOW + timedelta(hours=9), **ON_LIST),
    "shipped": view(order(OrderStatus.SHIPPED, **LIT, **OUT)),
    "shipped_late": view(
        order(OrderStatus.SHIPPED, **LIT, waybill="YD26022100001", shipped_at=NOW + timedelta(days=1))
    ),
    "cancelled": view(order(OrderStatus.CANCELLED, **LIT)),
    "withdrawn": view(order(OrderStatus.APPROVED, **LIT), expedite=replace(FUSE, state=ExpediteState.CANCELLED)),
    "no_house": pending(order(OrderStatus.PENDING, **LIT), expedite=FUSE, warehouse=None),
    "no_coordinates": pending(
        order(OrderStatus.PENDING, **LIT), expedite=FUSE, warehouse=replace(HOUSE, longitude=None, latitude=None)
    ),
    "long": pending(
        long_order(OrderStatus.PENDING, **LIT),
        owner=LONG_OWNER,
        deciders=(LONG_NAME,) * 4,
        expedite=replace(FUSE, coordinated_by=LONG_NAME, pickup_by=f"{LONG_NAME} 苏E12345D"),
    ),
}
CHOOSING: dict[str, OrderView] = {
    "open": pending(order(OrderStatus.PENDING)),
    "lit": FUSES["pending"],
    "shipped": FUSES["shipped"],
    "long": pending(
        long_order(OrderStatus.PENDING),
        owner=LONG_OWNER,
        cutoffs=tuple(f"{h}:30 顺丰速运特快专递{h}(昆山转运中心)" for h in range(10, 20)),
    ),
    "after_the_last_cut_off": pending(order(OrderStatus.PENDING), cutoffs=(), now=NOW.replace(hour=23, minute=30)),
}

PICKED = (task(1, TaskState.PICKED), task(2, TaskState.PICKED, lot_no="B251201-01"))
LISTS: dict[str, PickView] = {
    "open": picks(pick_list()),
    "urgent": picks(pick_list(urgent=True)),
    "claimed": claimed(),
    "claimed_by_a_long_name": claimed(holder=LONG_NAME),
    "done": picks(pick_list(PickListState.DONE, claimed_at=NOW, tasks=[task(1, TaskState.SHIPPED)]), holder="仓管A"),
    "recalled": picks(pick_list(PickListState.RECALLED)),
    "long": picks(
        pick_list(orders=[f"SO260221-{n:04}" for n in range(30)], tasks=[task(n) for n in range(1, 41)], urgent=True),
        warehouse=replace(HOUSE, name=LONG_CUSTOMER),
        carrier="顺丰速运特快专递",
    ),
}
STOPS: dict[str, PickView] = {
    "first": claimed(),
    "second": claimed(task(1, TaskState.PICKED), task(2, bin="2 05 3 12")),
    "all_picked": claimed(*PICKED),
    "many_picked": claimed(*(task(n, TaskState.PICKED, lot_no=f"B2511{n:02}-07") for n in range(1, 31))),
    "done": LISTS["done"],
    "long": claimed(
        *(task(n, part_name=LONG_PART, lot_no="SUPPLIER-LOT-2025-11-03-0007", quantity=9999) for n in range(1, 41))
    ),
}


def _all() -> dict[str, tuple[Card, Card]]:
    """Case → the card as each messenger gets it (they differ where one has no selectors): WeCom, DingTalk."""
    built: dict[str, tuple[Card, Card]] = {}

    def put(name: str, build: Build, of: Any, *, same: bool = True, **named: Any) -> None:
        one = {"page": PAGE, **named}
        built[name] = (
            build(of, KEYS, **one, **({} if same else {"compact": False})),
            build(of, KEYS, **one, **({} if same else {"compact": True})),
        )

    for build, views in (
        (order_cards.draft_card, DRAFTS),
        (order_cards.order_card, ORDERS),
        (approval_cards.approval_card, APPROVALS),
        (approval_cards.escalated_approval_card, APPROVALS),
        (approval_cards.reject_reason_card, APPROVALS),
        (pick_cards.pick_list_card, LISTS),
        (pick_cards.pick_stop_card, STOPS),
        (expedite_cards.expedite_card, FUSES),
        (expedite_cards.pickup_card, FUSES),
        (expedite_cards.expedite_alarm_card, FUSES),
        (expedite_cards.expedite_reason_card, CHOOSING),
    ):
        for name, of in views.items():
            put(f"{build.__name__.removesuffix('_card')}.{name}", build, of)
    for name, of in ORDERS.items():
        if name != "draft":
            put(f"draft.after_{name}", order_cards.draft_card, of)
    for name, of in CHOOSING.items():
        for code in [r.code for r in reasons.EXPEDITE] if name == "open" else ["X03"]:
            put(f"expedite_terms.{name}_{code}", expedite_cards.expedite_terms_card, of, same=False, reason_code=code)
    for name, state in (("open", TaskState.OPEN), ("done", TaskState.SHORT)):
        put(
            f"short_reason.{name}",
            pick_cards.short_reason_card,
            claimed(),
            task=task(1, state, part_name=LONG_PART, quantity=9999),
        )
    return built


CASES = _all()
