"""Small pieces of wording that cards and sentences share: times, remaining time, states, findings."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.clock import local
from core.expedite import Level
from core.findings import Finding, FindingCode, Severity
from core.orders import Order, OrderLine, OrderStatus

STATUS: dict[OrderStatus, str] = {
    OrderStatus.DRAFT: "草稿",
    OrderStatus.PENDING: "待审批",
    OrderStatus.REJECTED: "已驳回",
    OrderStatus.APPROVED: "待波次",
    OrderStatus.RELEASED: "待拣货",
    OrderStatus.PICKING: "拣货中",
    OrderStatus.SHIPPED: "已出库",
    OrderStatus.CANCELLED: "已作废",
}

LEVEL_MARK: dict[str, str] = {
    Level.RED.value: "⚡🔴红",
    Level.ORANGE.value: "⚡🟠橙",
    Level.YELLOW.value: "⚡🟡黄",
}
PLATFORM = {"wecom": "企微", "dingtalk": "钉钉"}
MARK: dict[Severity, str] = {Severity.RED: "🔴", Severity.YELLOW: "🟡", Severity.SUPERVISOR: "🟡", Severity.INFO: "ℹ️"}
ROWS_SEEN = 4
"""Lines that WeCom shows as rows beside customer and date."""
WEEKDAYS = "一二三四五六日"


def clock(at: datetime | None, now: datetime) -> str:
    """``13:15`` today, else ``02-23 13:15`` (chat.md section 7)."""
    if at is None:
        return "未定"
    here, today = local(at), local(now)
    return f"{here:%H:%M}" if here.date() == today.date() else f"{here:%m-%d %H:%M}"


def due(at: datetime | None) -> str:
    """``02-23(周一) 18:00 前``."""
    if at is None:
        return "未定"
    here = local(at)
    return f"{here:%m-%d}(周{WEEKDAYS[here.weekday()]}) {here:%H:%M} 前"


PROVISIONAL = "📅 节假日安排未公布,日期暂定"
"""Beside dates in a year whose holidays nobody has published yet."""


def left(until: datetime | None, now: datetime) -> str:
    """``剩 3:58`` or ``已超 12 分``."""
    if until is None:
        return ""
    gap = until - now
    if gap < timedelta():
        minutes = int(-gap.total_seconds() // 60)
        return f"已超 {minutes} 分" if minutes < 120 else f"已超 {minutes // 60} 小时"
    minutes = int(gap.total_seconds() // 60)
    if minutes >= 48 * 60:
        return f"剩 {minutes // 1440} 天"
    return f"剩 {minutes // 60}:{minutes % 60:02d}"


def finding(flag: Finding) -> str:
    """The rule's sentence for one flag: what is wrong, with the figures, and what would resolve it."""
    a = dict(flag.args)
    first = flag.candidates[0] if flag.candidates else ""
    match flag.code:
        case FindingCode.CUSTOMER_MISSING:
            return "没写客户,请回复“客户 编码或名称”"
        case FindingCode.CUSTOMER_UNKNOWN:
            return f"客户“{a.get('text', '')}”不存在" + (f",是 {first} 吗?" if first else "")
        case FindingCode.CUSTOMER_AMBIGUOUS:
            return f"“{a.get('text', '')}”对应多个客户,请选一个"
        case FindingCode.CUSTOMER_FROZEN:
            return "客户已冻结,不能下单,请联系财务"
        case FindingCode.PART_UNKNOWN:
            if a.get("reason") == "no_lines":
                return "没识别到物料行,请回复“加 物料号 数量”"
            return f"物料号 {a.get('text', '')} 不存在" + (f" → {first}?" if first else "")
        case FindingCode.PART_AMBIGUOUS:
            return f"{a.get('text', '')} 对应多个物料,请选一个"
        case FindingCode.PART_SUGGESTED:
            return f"物料号 {a.get('text', '')} 不存在 → {first}?"
        case FindingCode.PART_SUPERSEDED:
            return f"{a.get('text', a.get('part', ''))} 已停产" + (f",替代件 {first}" if first else ",没有替代件")
        case FindingCode.QUANTITY_MISSING:
            return f"没写数量,请回复“{flag.line}行 20”" if flag.line else "没写数量,要几个?"
        case FindingCode.QUANTITY_UNCLEAR:
            if len(flag.candidates) < 2:
                return f"数量“{a.get('text', '')}”不明确" + (f",是 {first} 吗?" if first else ",要几个?")
            return f"数量有两种读法:{' 或 '.join(flag.candidates)}"
        case FindingCode.QUANTITY_ABSURD:
            return f"数量 {a.get('quantity', '')} 不合理,请改"
        case FindingCode.OVER_SAFETY_STOCK:
            return f"订{a.get('quantity', '')}=安全库存{a.get('safety', '')}的{a.get('percent', '')}%"
        case FindingCode.NO_SAFETY_STOCK:
            return "未设安全库存"
        case FindingCode.PACK_MULTIPLE:
            return f"非整箱({a.get('pack', '')}/箱)→{first}?"
        case FindingCode.DUE_UNCLEAR:
            if flag.candidates:
                return f"交期“{a.get('text', '')}”有几种读法,请回复“交期 3/8”"
            return f"交期“{a.get('text', '')}”看不懂,请回复“交期 3/8”"
        case FindingCode.DUE_PAST:
            return "交期已过,请回复“交期 3/8”"
        case FindingCode.DUE_TOO_SOON:
            return "交期太近,今天已无可行截单" + (f",最早 {_moment(a['earliest'])}" if a.get("earliest") else "")
        case FindingCode.DUE_ASSUMED:
            return "没写交期,按客户约定算"
        case FindingCode.DUPLICATE:
            return f"疑似与 {a.get('number', '')} 重复,请确认是新单"
        case FindingCode.STOCK_SHORT:
            return f"可用 {a.get('available', '0')},不够 {a.get('quantity', '')}"
        case FindingCode.LOW_CONFIDENCE:
            if a.get("reason") == "name":
                return f"品名“{a.get('text', '')}”与物料不符,请核对"
            return f"识别不清:{a.get('text', '')},请核对"
        case FindingCode.SHEET_SUM:
            return f"与单据合计不符({a.get('text', '')})"
        case FindingCode.REQUIREMENT_UNCLEAR:
            return f"其他要求“{a.get('text', '')}”,请确认"
        case FindingCode.RULE_ERROR:
            return f"规则异常({a.get('rule', '')}),请人工核对"


def _moment(iso: str) -> str:
    try:
        return f"{local(datetime.fromisoformat(iso)):%m-%d %H:%M}"
    except ValueError:
        return iso


def flagged_first(order: Order) -> list[OrderLine]:
    """Lines in their order; when not all can be seen at once, those that wait for an answer come first (F031)."""
    if len(order.lines) <= ROWS_SEEN:
        return order.lines
    held = {f.line for f in order.open_findings(Severity.RED, Severity.YELLOW, Severity.SUPERVISOR)}
    return sorted(order.lines, key=lambda x: (x.position not in held, x.position))


def left_out(code: str) -> str:
    """Why the last wave did not take an order, in words (``order.left_out``)."""
    reason, _, detail = code.partition("|")
    words = {
        "NO_STOCK": "缺货",
        "QC_PENDING": "库存待检",
        "BATCH": "批次不符合要求",
        "EXPIRED": "库存已过期",
        "NO_CARRIER": "没有可到的物流",
        "CUT_OFF_PASSED": "今天截单已过",
        "NO_CAPACITY": "物流运力装不下",
        "STOCK_HELD": "库存被更急的单占用",
        "RUN_FULL": "今天运力已满",
        "SHORT_PICKED": "拣货时缺货",
    }
    text = words.get(reason, reason)
    if reason in ("NO_STOCK", "QC_PENDING", "BATCH", "EXPIRED") and detail:
        text += ":" + "、".join(f"{p.split(':')[0]} 缺 {p.split(':')[1]}" for p in detail.split(",") if ":" in p)
    elif reason in ("STOCK_HELD", "RUN_FULL") and detail:
        text += f"({detail.replace(',', '、')})"
    return text
