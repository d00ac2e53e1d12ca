"""What approvers and directors see and tap (script 5, script 10)."""

from __future__ import annotations

from cards import wording
from cards.card import Button, Card, Choice, Option, Style
from cards.keys import Keys, Verb
from core import reasons
from core.approvals import STEP_LABEL, ApprovalRequest, RequestState, Verdict
from core.findings import Severity
from core.notices import CardKind
from core.views import OrderView


def approval_card(view: OrderView, keys: Keys, *, page: str = "") -> Card:
    """通过 / 驳回 while the question is open; afterwards who decided, when and where, without live buttons."""
    return _approval(view, keys, CardKind.APPROVAL, page)


def escalated_approval_card(view: OrderView, keys: Keys, *, page: str = "") -> Card:
    """The director's copy: the same question, with who let it lie and for how long."""
    return _approval(view, keys, CardKind.ESCALATION, page)


def reject_reason_card(view: OrderView, keys: Keys, *, page: str = "") -> Card:
    """驳回原因: one of the dictionary, then it is rejected."""
    request = _request(view)
    closed = _closed(view)
    choice = Choice(
        key="reason", title="驳回原因", options=tuple(Option(id=r.code, text=r.text) for r in reasons.REJECT)
    )
    return Card(
        kind=CardKind.REJECT_REASON,
        ref=str(request.id),
        source="接单 · 驳回原因",
        title=f"驳回 {view.order.number}?",
        subtitle="请选一个原因,选完即驳回" if not closed else _outcome(view),
        choices=(choice,) if not closed else (),
        numbered_reply=True,
        submit=Button(
            text="确认驳回",
            style=Style.NEGATIVE,
            key=keys.make(Verb.REJECT_REASON, str(request.id), revision=view.order.revision),
        ),
        link=page,
        closed_text=closed,
        alert=f"驳回 {view.order.number}:请选原因",
    )


def _approval(view: OrderView, keys: Keys, kind: CardKind, page: str) -> Card:
    order, request = view.order, _request(view)
    closed = _closed(view)
    ref = str(request.id)
    facts = [("客户", f"{order.customer_name} {order.customer_code}".strip()), ("交期", wording.due(order.due_at))]
    flagged = {f.line for f in order.open_findings(Severity.SUPERVISOR)}
    facts += [
        (f"{x.position}行", f"{x.part_number} {x.part_name} ×{x.quantity}" + (" 🟡" if x.position in flagged else ""))
        for x in wording.flagged_first(order)
    ]
    body = [f"🟡 {f.line}行 {wording.finding(f)}" for f in order.open_findings(Severity.SUPERVISOR) if f.line]
    if order.requirements:
        body.append("📎 " + ";".join(order.requirements))
    if order.expedite_level:
        body.append(f"{wording.LEVEL_MARK[order.expedite_level]} 最晚 {wording.clock(order.latest_ship_at, view.now)}")
    if closed:
        body.insert(0, _outcome(view))
    else:
        if request.escalated_at is not None:
            body.append(
                f"⏰ 超时未处理,已升级至 {'、'.join(view.escalated_to)} {wording.clock(request.escalated_at, view.now)}"
            )
        if view.provisional:
            body.append(wording.PROVISIONAL)
        body.append(f"截止 {wording.clock(request.due_at, view.now)} · 也可回复“同意 {order.number}”")
    owner = view.owner.name if view.owner else ""
    late = kind is CardKind.ESCALATION and not closed
    size = f"共 {len(order.lines)} 行 {sum(x.quantity or 0 for x in order.lines)} 件"
    silent = [name for name in view.deciders if name not in view.escalated_to]
    return Card(
        kind=kind,
        ref=ref,
        source="接单 · 超时升级" if kind is CardKind.ESCALATION else "接单 · 待审批",
        title=f"{STEP_LABEL[request.step]} {order.number}",
        subtitle=(
            f"🔴 超时未处理:{'、'.join(silent[:3])} · {size}"
            if late
            else " · ".join(
                x for x in ("" if closed else wording.left(request.due_at, view.now), size, f"{owner} 提交") if x
            )
        ),
        facts=tuple(facts),
        body="\n".join(body),
        buttons=(
            Button(text="通过", style=Style.PRIMARY, key=keys.make(Verb.APPROVE, ref, revision=request.revision)),
            Button(text="驳回", style=Style.NEGATIVE, key=keys.make(Verb.REJECT, ref, revision=request.revision)),
        )
        if not closed
        else (),
        link=page,
        closed_text=closed,
        alert=f"{STEP_LABEL[request.step]} {order.number}",
    )


def _request(view: OrderView) -> ApprovalRequest:
    assert view.request is not None
    return view.request


def _closed(view: OrderView) -> str:
    """≤ 10 characters for the greyed button; empty while the question is open."""
    request = _request(view)
    if view.decision is not None:
        verb = "已通过" if view.decision.verdict is Verdict.APPROVED else "已驳回"
        return f"{view.decision.by_name[:7]}{verb}"
    return "已撤回" if request.state is RequestState.WITHDRAWN else ""


def _outcome(view: OrderView) -> str:
    if view.decision is None:
        return "↩️ 单据已改或已作废,无需处理"
    d = view.decision
    at = wording.clock(d.at, view.now)
    where = wording.PLATFORM.get(d.platform, "")
    if d.verdict is Verdict.APPROVED:
        return f"✅ 已由 {d.by_name} 于 {at} 在{where}通过,无需处理"
    return f"❌ 已由 {d.by_name} 于 {at} 在{where}驳回:{reasons.BY_CODE[d.reason_code].text}"
