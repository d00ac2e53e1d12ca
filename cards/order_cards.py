"""The salesperson's cards: the draft with its flags, and the order with its state (scripts 1, 2, 4)."""

from __future__ import annotations

from cards import wording
from cards.card import Button, Card, Choice, Option, Style
from cards.keys import Keys, Verb
from cards.standing import standing
from cards.text_limits import cut_chars
from core import reasons
from core.findings import Finding, FindingCode, Severity
from core.intake.applying import from_suggestion
from core.notices import CardKind
from core.orders import CLOSED, Order, OrderLine, OrderStatus
from core.views import OrderView

CANDIDATE_CODES = (
    FindingCode.PART_UNKNOWN,
    FindingCode.PART_AMBIGUOUS,
    FindingCode.PART_SUGGESTED,
    FindingCode.PART_SUPERSEDED,
)
CUSTOMER_CODES = (FindingCode.CUSTOMER_UNKNOWN, FindingCode.CUSTOMER_AMBIGUOUS, FindingCode.CUSTOMER_MISSING)
EXPEDITABLE = (OrderStatus.PENDING, OrderStatus.APPROVED, OrderStatus.RELEASED, OrderStatus.PICKING)


def draft_card(view: OrderView, keys: Keys, *, page: str = "") -> Card:
    """What was read, what is wrong, and one tap to mend or submit; after that the same card shows the state."""
    order = view.order
    if order.status is not OrderStatus.DRAFT:
        return _state_card(view, keys, CardKind.DRAFT, page)
    reds = order.open_findings(Severity.RED)
    marked = len({(f.line, f.field) for f in order.open_findings(Severity.RED, Severity.YELLOW, Severity.SUPERVISOR)})
    source = {"image": "图片", "file": "文件", "voice": "语音"}.get(order.source_kind, "")
    title = f"{source}订单草稿 {order.number}" + (f" v{order.revision}" if order.revision > 1 else "")
    facts = [("客户", _customer(order)), ("交期", wording.due(order.due_at) + _flags(order, None, "due"))]
    if order.requirements:
        facts.append(("要求", "📎 " + ";".join(order.requirements)))
    facts += [(f"{x.position}行", _line(order, x, view)) for x in wording.flagged_first(order)]
    others = [
        wording.MARK[f.severity] + wording.finding(f)
        for f in order.open_findings()
        if f.line is None and f.field not in ("customer", "due")
    ]
    if view.provisional:
        others.append(wording.PROVISIONAL)
    footer = (
        f"首责 {view.owner.name if view.owner else ''}·{wording.PLATFORM.get(order.owner_platform, '')}·"
        f"{wording.clock(order.owner_at, view.now)}"
    )
    buttons = [
        Button(text="确认提交", style=Style.PRIMARY, key=keys.make(Verb.SUBMIT, order.number, revision=order.revision))
    ]
    if reds:
        buttons = []
    if _suggestions(order):
        buttons.append(
            Button(
                text="采用建议",
                style=Style.PRIMARY if reds else Style.NEUTRAL,
                key=keys.make(Verb.TAKE, order.number, revision=order.revision),
            )
        )
    buttons += _quantity_buttons(order, keys)[: 3 - len(buttons)]
    choice, choose = _choice(order, keys, view)
    return Card(
        kind=CardKind.DRAFT,
        ref=order.number,
        source="接单 · 订单草稿",
        title=title,
        subtitle=f"识别 {len(order.lines)} 行" + (f",{marked} 处待确认" if marked else ",全部无误") + f" · {footer}",
        facts=tuple(facts),
        body="\n".join(others),
        choices=(choice,) if choice else (),
        buttons=((choose,) if choose else ()) + tuple(buttons),
        more=(
            Button(
                text="作废", style=Style.NEGATIVE, key=keys.make(Verb.CANCEL, order.number, revision=order.revision)
            ),
        ),
        link=page,
        alert=f"草稿 {order.number} 待提交",
    )


def order_card(view: OrderView, keys: Keys, *, page: str = "") -> Card:
    """Answer to 查 SO…: state, owner, next step, deadline."""
    return _state_card(view, keys, CardKind.ORDER, page)


def _state_card(view: OrderView, keys: Keys, kind: CardKind, page: str) -> Card:
    order = view.order
    now = standing(view)
    pieces = sum(x.quantity or 0 for x in order.lines)
    facts = [
        ("状态", _state_words(view)),
        ("客户", order.customer_name or order.customer_code),
        ("下一步", now.next_step),
        ("责任人", now.owner),
    ]
    if now.deadline is not None and order.status is not OrderStatus.SHIPPED:
        facts.append(("截止", f"{wording.clock(now.deadline, view.now)} {wording.left(now.deadline, view.now)}"))
    if order.expedite_level:
        facts.append(
            ("加急", f"{wording.LEVEL_MARK[order.expedite_level]} 最晚 {wording.clock(order.latest_ship_at, view.now)}")
        )
    lines = [
        f"{x.position}行 {x.part_number or x.raw} {x.part_name} ×{x.quantity}" + (f"(缺{x.short})" if x.short else "")
        for x in order.lines[:10]
    ]
    if view.provisional:
        lines.append(wording.PROVISIONAL)
    buttons: list[Button] = []
    if order.status is OrderStatus.REJECTED:
        buttons = [
            Button(
                text="改单重提", style=Style.PRIMARY, key=keys.make(Verb.REOPEN, order.number, revision=order.revision)
            ),
            Button(
                text="作废", style=Style.NEGATIVE, key=keys.make(Verb.CANCEL, order.number, revision=order.revision)
            ),
        ]
    elif order.status in EXPEDITABLE:
        buttons = [
            Button(text="查进度", key=keys.make(Verb.STATUS, order.number)),
            Button(text="⚡加急", style=Style.NEGATIVE, key=keys.make(Verb.EXPEDITE, order.number)),
        ]
    elif order.status is OrderStatus.DRAFT:
        buttons = [
            Button(
                text="确认提交", style=Style.PRIMARY, key=keys.make(Verb.SUBMIT, order.number, revision=order.revision)
            )
        ]
    if order.status is OrderStatus.REJECTED:
        lines.insert(
            0,
            "❌ " + reasons.BY_CODE[order.reject_reason].text + (f":{order.reject_note}" if order.reject_note else ""),
        )
    return Card(
        kind=kind,
        ref=order.number,
        source="接单 · 订单",
        title=f"{order.number} {now.label}",
        subtitle=f"共 {len(order.lines)} 行 {pieces} 件",
        facts=tuple(facts),
        body="\n".join(lines),
        buttons=tuple(buttons),
        link=page,
        passing=order.status not in (*CLOSED, OrderStatus.DRAFT, OrderStatus.REJECTED),
        closed_text=now.label if order.status in CLOSED else "",
        alert=f"{order.number} {now.label}",
    )


def _state_words(view: OrderView) -> str:
    order = view.order
    match order.status:
        case OrderStatus.PENDING:
            return f"✅ 已提交 {wording.clock(order.submitted_at, view.now)}"
        case OrderStatus.APPROVED:
            return f"✅ 已通过 {wording.clock(order.approved_at, view.now)}"
        case OrderStatus.SHIPPED:
            return f"✅ 已出库 {wording.clock(order.shipped_at, view.now)}"
        case OrderStatus.REJECTED:
            by = view.decision.by_name if view.decision else ""
            return f"❌ 已驳回 {by}"
        case _:
            return wording.STATUS[order.status]


def _customer(order: Order) -> str:
    name = " ".join(x for x in (order.customer_name, order.customer_code) if x)
    how = f"(按{order.customer_matched_by})" if order.customer_matched_by else ""
    return (name + how + _flags(order, None, "customer")).strip() or "未识别"


def _line(order: Order, line: OrderLine, view: OrderView) -> str:
    part = line.part_number or line.raw
    how = f"(按{line.matched_by})" if line.matched_by and line.matched_by != "编码" else ""
    quantity = "?" if line.quantity is None else str(line.quantity)
    flags = _flags(order, line.position, "")
    stock = f" 可用{view.available[line.part_number]}" if line.part_number in view.available else ""
    return f"{part}{how} {line.part_name} ×{quantity}{flags or ' ✅' + stock}"


def _flags(order: Order, line: int | None, field: str) -> str:
    found = [
        f
        for f in order.findings
        if f.line == line and f.severity is not Severity.INFO and (line is not None or f.field == field)
    ]
    return "".join(f" {wording.MARK[f.severity] if f.open else '☑️'}{wording.finding(f)}" for f in found)


def _suggestions(order: Order) -> list[Finding]:
    """What 采用建议 would take: the same question as ``ordering.accept_suggestions`` asks."""
    return [f for f in order.open_findings() if from_suggestion(f) is not None]


def _quantity_buttons(order: Order, keys: Keys) -> list[Button]:
    """“2行改50”: one tap for a quantity that the rules suggest or that was read two ways."""
    asked = (FindingCode.PACK_MULTIPLE, FindingCode.QUANTITY_UNCLEAR, FindingCode.QUANTITY_MISSING)
    ways = [
        (f.line, value)
        for f in order.open_findings()
        if f.line is not None and f.code in asked
        for value in f.candidates[:2]
        if value.isdigit()
    ]
    return [
        Button(
            text=f"{line}行改{value}",
            key=keys.make(Verb.SET_QUANTITY, order.number, revision=order.revision, arg=f"{line}={value}"),
        )
        for line, value in ways
    ]


def _choice(order: Order, keys: Keys, view: OrderView) -> tuple[Choice | None, Button | None]:
    """The first thing with candidates that 采用建议 does not take, red before yellow, with a button of its own."""
    waiting = [f for f in order.open_findings() if f.candidates and from_suggestion(f) is None]
    for f in sorted(waiting, key=lambda f: f.severity is not Severity.RED):
        options = tuple(
            Option(id=c, text=cut_chars(f"{c} {view.names.get(c, '')}".strip(), 16)) for c in f.candidates[:9]
        )
        if f.line is not None and f.code in CANDIDATE_CODES:
            return (
                Choice(key="part", title=f"{f.line}行选物料", options=options),
                Button(
                    text=f"{f.line}行用所选",
                    style=Style.PRIMARY,
                    key=keys.make(Verb.SET_PART, order.number, revision=order.revision, arg=str(f.line)),
                ),
            )
        if f.code in CUSTOMER_CODES:
            return (
                Choice(key="customer", title="选客户", options=options),
                Button(
                    text="用所选客户",
                    style=Style.PRIMARY,
                    key=keys.make(Verb.SET_CUSTOMER, order.number, revision=order.revision),
                ),
            )
    return None, None
