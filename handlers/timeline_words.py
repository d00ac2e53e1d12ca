"""The trace in words: one line per kind of event (F013, F110)."""

from __future__ import annotations

from typing import Any

from cards import wording
from core.approvals import STEP_LABEL, Step
from core.reasons import BY_CODE
from core.timeline import TimelineEntry

SOURCES = {"text": "文字", "image": "图片", "file": "文件", "voice": "语音"}


def words(entry: TimelineEntry) -> str:
    """What happened, for people; an event nobody gave words shows its own name."""
    d: dict[str, Any] = entry.details
    match entry.action:
        case "order.drafted":
            kind = str(d.get("kind", ""))
            return f"创建草稿 {d.get('lines')} 行({SOURCES.get(kind, kind)})"
        case "order.corrected":
            return f"{d.get('field')} {d.get('old') or '空'}→{d.get('new')}"
        case "order.submitted":
            return f"提交 v{d.get('revision')}"
        case "order.reopened":
            return f"改单重提 v{d.get('revision')}"
        case "order.cancelled":
            return f"作废({d.get('text')})"
        case "approval.asked":
            return f"请{STEP_LABEL[Step(d['step'])]}"
        case "approval.decided":
            reason = BY_CODE[d["reason"]].text if d.get("reason") else ""
            return f"{STEP_LABEL[Step(d['step'])]} {'通过' if d.get('verdict') == 'approved' else '驳回 ' + reason}"
        case "approval.noted":
            return f"驳回说明:{d.get('note')}"
        case "approval.escalated":
            return f"{STEP_LABEL[Step(d['step'])]}超时升级"
        case "order.unsubmitted":
            return "超时未提交,已通知区域经理"
        case "order.released":
            return f"波次 {d.get('wave')} · {d.get('carrier')}余{d.get('left')}"
        case "order.left_out":
            return f"本波次未排:{wording.left_out(str(d.get('reason', '')))}"
        case "pick.claimed":
            return f"领取 {d.get('pick_list')}"
        case "pick.picked":
            return f"拣 {d.get('part')} ×{d.get('quantity')} {d.get('bin')}"
        case "pick.short":
            return f"少拣 {d.get('part')} 缺{d.get('missing')}({BY_CODE[d['reason']].text})"
        case "pick.scanned_out":
            return f"扫码出库 {d.get('part')} {d.get('lot')} ×{d.get('quantity')}"
        case "order.shipped":
            return f"出库 运单 {d.get('waybill')}"
        case "order.sent_back":
            return "全部缺货,退回待波次"
        case "order.backordered":
            return f"补发单,来自 {d.get('origin')}"
        case "order.rest_open":
            return f"缺货部分转 {d.get('backorder')}"
        case "expedite.lit":
            return f"加急 {wording.LEVEL_MARK.get(str(d.get('level')), '')} {BY_CODE[d['reason']].text}"
        case "expedite.escalated":
            return "临近最晚发货未出库,已通知运营总监"
        case "expedite.coordinated":
            return "接手协调加急"
        case "expedite.pickup":
            return f"已安排取货 {d.get('plate', '')}".strip()
        case "expedite.urged":
            return "催仓库"
        case "person.bound":
            return f"绑定账号 {wording.PLATFORM.get(str(d.get('platform', '')), '')} {d.get('account', '')}".rstrip()
        case "notice.unreachable":
            return "没有账号,通知未送达"
        case "timer.rearmed":
            return "系统自检:时限缺失,已补上"
        case "parked.resent":
            return "搁置的消息已重发"
        case "parked.dropped":
            return "搁置的消息已放弃"
        case "page.refused":
            return "管理页链接被拒"
        case "press.refused":
            return f"按钮被拒({d.get('why')})"
        case "message.refused":
            return f"外部企业的消息被拒({d.get('company')})"
        case _:
            return entry.action
