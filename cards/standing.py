"""Every state names its owner, the next step and its deadline (rule 4 of the features, F005)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cards import wording
from core.approvals import STEP_LABEL
from core.orders import OrderStatus
from core.views import OrderView


@dataclass(frozen=True, kw_only=True)
class Standing:
    label: str
    owner: str
    next_step: str
    deadline: datetime | None


def standing(view: OrderView) -> Standing:
    """Where the order stands, who has it, what comes next and until when."""
    order = view.order
    label = wording.STATUS[order.status]
    owner = view.owner.name if view.owner else order.owner_id
    due = order.latest_ship_at or order.promised_at
    match order.status:
        case OrderStatus.DRAFT:
            return Standing(label=label, owner=owner, next_step="核对后确认提交", deadline=due)
        case OrderStatus.PENDING:
            step = STEP_LABEL[view.request.step] if view.request else "审批"
            names = "、".join([*view.deciders[:3], *[n for n in view.escalated_to if n not in view.deciders[:3]]])
            return Standing(
                label=label,
                owner=names or "值班管理员",
                next_step=step,
                deadline=view.request.due_at if view.request else due,
            )
        case OrderStatus.REJECTED:
            return Standing(label=label, owner=owner, next_step="改单重提或作废", deadline=due)
        case OrderStatus.APPROVED:
            why = wording.left_out(order.left_out) if order.left_out else "等下一波次(每15分钟)"
            return Standing(label=label, owner="仓储组长", next_step=why, deadline=due)
        case OrderStatus.RELEASED:
            where = view.pick_list.number if view.pick_list else "波次"
            return Standing(label=label, owner="仓管员(待领)", next_step=f"领取 {where}", deadline=_cutoff(view) or due)
        case OrderStatus.PICKING:
            where = view.pick_list.number if view.pick_list else "波次"
            return Standing(
                label=label, owner=view.picker or "仓管员", next_step=f"拣货出库 {where}", deadline=_cutoff(view) or due
            )
        case OrderStatus.SHIPPED:
            return Standing(label=label, owner="物流", next_step=f"运单 {order.waybill}", deadline=order.promised_at)
        case OrderStatus.CANCELLED:
            return Standing(label=label, owner=owner, next_step="已结束", deadline=None)


def _cutoff(view: OrderView) -> datetime | None:
    return view.pick_list.cutoff_at if view.pick_list else None
