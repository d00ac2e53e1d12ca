"""The expedite fuse: reason, terms, what it set off, logistics' pickup, the director's alarm (script 6)."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

from cards import wording
from cards.card import Button, Card, Choice, Option, Style
from cards.keys import Keys, Verb
from cards.standing import standing
from core import reasons
from core.clock import local
from core.expedite import LEVEL_LABEL, ExpediteState, Level
from core.notices import CardKind
from core.orders import CLOSED, OrderStatus
from core.views import OrderView

LEVELS = (
    (Level.YELLOW, "🟡黄 24小时内"),
    (Level.ORANGE, "🟠橙 当日"),
    (Level.RED, "🔴红 本班次"),
)


def expedite_reason_card(view: OrderView, keys: Keys, *, page: str = "") -> Card:
    """加急 1/2 · 为什么急? Twelve reasons, one choice."""
    order = view.order
    closed = _lit(view)
    return Card(
        kind=CardKind.EXPEDITE_REASON,
        ref=order.number,
        source="接单 · 加急 1/2",
        title="加急 1/2 · 为什么急?",
        subtitle=f"{order.number} {order.customer_name}",
        numbered_reply=True,
        choices=(
            Choice(
                key="reason", title="加急原因", options=tuple(Option(id=r.code, text=r.text) for r in reasons.EXPEDITE)
            ),
        )
        if not closed
        else (),
        submit=Button(text="下一步", style=Style.PRIMARY, key=keys.make(Verb.EXPEDITE_REASON, order.number)),
        link=page,
        closed_text=closed,
        alert=f"加急 {order.number}",
    )


def expedite_terms_card(view: OrderView, keys: Keys, reason_code: str, *, compact: bool, page: str = "") -> Card:
    """加急 2/2: level and latest ship time. ``compact`` = one choice of ready pairs, where a card has no selectors."""
    order = view.order
    reason = reasons.BY_CODE[reason_code]
    closed = _lit(view)
    slots = _slots(view)
    if compact:
        pairs = [(level, slot) for slot in slots[:2] for level in _preferred(reason.level)][:6]
        choices: tuple[Choice, ...] = (
            Choice(
                key="terms",
                title="等级和最晚发货",
                options=tuple(
                    Option(id=f"{level.value}@{at}", text=f"{LEVEL_LABEL[level]} {at}") for level, (at, _) in pairs
                ),
            ),
        )
    else:
        choices = (
            Choice(
                key="level",
                title="等级",
                options=tuple(Option(id=x.value, text=text) for x, text in LEVELS),
                selected=reason.level,
            ),
            Choice(key="time", title="最晚发货", options=tuple(Option(id=at, text=text) for at, text in slots[:10])),
        )
    return Card(
        kind=CardKind.EXPEDITE_TERMS,
        ref=f"{order.number}:{reason_code}",
        source="接单 · 加急 2/2",
        title=f"加急 2/2 · {reason.text}",
        subtitle=f"{order.number} {order.customer_name}",
        body="也可回复:加急 单号 红 15:30 原因",
        choices=choices if not closed else (),
        submit=Button(
            text="启动熔断", style=Style.NEGATIVE, key=keys.make(Verb.EXPEDITE_TERMS, order.number, arg=reason_code)
        ),
        link=page,
        closed_text=closed,
        alert=f"加急 {order.number}:等级和时间",
    )


def expedite_card(view: OrderView, keys: Keys, *, page: str = "") -> Card:
    """What the fuse has set off, until the goods are out."""
    order, x = view.order, view.expedite
    done = _over(view)
    latest = order.latest_ship_at
    marks = wording.LEVEL_MARK.get(order.expedite_level, "⚡")
    alarm = latest - timedelta(hours=2) if latest else None
    director = "已通知运营总监" if x and x.escalated_at else f"{wording.clock(alarm, view.now)} 未出库→运营总监"
    body = (
        ""
        if done
        else "\n".join(
            [
                "① 已置顶仓库待办",
                f"② 已通知物流主管{'(' + x.pickup_by + ' 已安排)' if x and x.pickup_by else ''}",
                f"③ {director}",
            ]
        )
    )
    return Card(
        kind=CardKind.EXPEDITE,
        ref=order.number,
        source="接单 · 加急",
        title=f"{marks} {order.number}",
        subtitle=done or f"最晚 {wording.clock(latest, view.now)} · {wording.left(latest, view.now)}",
        facts=(
            ("客户", order.customer_name),
            ("原因", reasons.BY_CODE[x.reason_code].text if x else ""),
            ("进度", standing(view).label),
        )
        if x
        else (("客户", order.customer_name), ("进度", standing(view).label)),
        body=body,
        buttons=(Button(text="催仓库", key=keys.make(Verb.URGE, order.number)),) if not done else (),
        link=page,
        passing=not done,
        closed_text=_short_close(view) if done else "",
        alert=f"加急 {order.number}",
    )


def pickup_card(view: OrderView, keys: Keys, *, page: str = "") -> Card:
    """取货提醒: dock, address, map link, parcels, latest time (F075)."""
    order, x, house = view.order, view.expedite, view.warehouse
    done = _over(view)
    place = f"{house.name} {house.dock}".strip() if house else "待波次确定仓库"
    pieces = sum(line.quantity or 0 for line in order.lines)
    arranged = x.pickup_by if x else ""
    return Card(
        kind=CardKind.PICKUP,
        ref=order.number,
        source="接单 · 取货提醒",
        title=f"⚡取货提醒 {order.number}",
        subtitle=done
        or f"最晚 {wording.clock(order.latest_ship_at, view.now)} · {wording.left(order.latest_ship_at, view.now)}",
        facts=(
            ("取货点", place),
            *((("地址", house.address),) if house and house.address else ()),
            ("件数", f"{pieces} 件"),
            ("客户", order.customer_name),
            *((("安排", arranged or "未安排"),) if not done or arranged else ()),
        ),
        body="" if done else (f"地图 {map_link(view)}" if map_link(view) else "没有仓库坐标,请按地址取货"),
        buttons=(Button(text="已安排", style=Style.PRIMARY, key=keys.make(Verb.PICKUP, order.number)),)
        if not done and not arranged
        else (),
        more=(Button(text="打开地图", url=map_link(view)),) if map_link(view) and not done else (),
        link=map_link(view) or page,
        closed_text=_short_close(view) if done else "",
        alert=f"取货提醒 {order.number}",
    )


def expedite_alarm_card(view: OrderView, keys: Keys, *, page: str = "") -> Card:
    """Operations director: less than two hours and not out; where it is stuck and since when (F076)."""
    order, x = view.order, view.expedite
    done = _over(view)
    now = standing(view)
    holder = (
        f"{view.picker} {wording.clock(view.pick_list.claimed_at, view.now)} 起"
        if view.picker and view.pick_list
        else now.owner
    )
    coordinated = x.coordinated_by if x else ""
    return Card(
        kind=CardKind.ESCALATION,
        ref=order.number,
        source="接单 · 加急升级",
        title=f"加急 {order.number}"
        if done
        else f"🔴 {order.number} 距最晚发货 {wording.left(order.latest_ship_at, view.now)}",
        subtitle=done or f"未出库 · 卡在【{now.label}】{holder}",
        facts=(
            ("客户", order.customer_name),
            *((("原因", reasons.BY_CODE[x.reason_code].text),) if x else ()),
            ("下一步", now.next_step),
            ("最晚", wording.clock(order.latest_ship_at, view.now)),
            *((("协调", coordinated or "未接手"),) if not done or coordinated else ()),
        ),
        body="" if done else "放宽时限须客户同意",
        buttons=tuple(
            b
            for b in (
                None
                if coordinated
                else Button(text="我来协调", style=Style.PRIMARY, key=keys.make(Verb.COORDINATE, order.number)),
                Button(text="催仓库", key=keys.make(Verb.URGE, order.number)),
            )
            if b
        )
        if not done
        else (),
        link=page,
        closed_text=_short_close(view) if done else "",
        alert=f"加急告警 {order.number}",
    )


def map_link(view: OrderView) -> str:
    """Amap marker of the dock: ``position=longitude,latitude`` in GCJ-02 (F075). Empty without coordinates."""
    house = view.warehouse
    if house is None or house.longitude is None or house.latitude is None:
        return ""
    return f"https://uri.amap.com/marker?position={house.longitude},{house.latitude}&name={quote(house.name)}&coordinate=gaode"


def _slots(view: OrderView) -> list[tuple[str, str]]:
    """Today's cut-offs ahead as (``15:30``, ``15:30 顺丰``); with none left, an hour from now, still today."""
    slots = [(text.split(" ")[0], text) for text in view.cutoffs]
    if not slots:
        now = local(view.now)
        at = min(now + timedelta(hours=1), now.replace(hour=23, minute=59))
        slots = [(f"{at:%H:%M}", f"{at:%H:%M} 自提")]
    return slots


def _preferred(level: str) -> list[Level]:
    first = Level(level) if level else Level.ORANGE
    return [first, *(x for x in (Level.RED, Level.ORANGE, Level.YELLOW) if x is not first)]


def _lit(view: OrderView) -> str:
    if view.order.status in CLOSED:
        return "已结束"
    return "已启动" if view.expedite is not None else ""


def _over(view: OrderView) -> str:
    """The closing line once the goods are out or the order is gone; empty while the fuse burns."""
    order = view.order
    if order.status is OrderStatus.SHIPPED and order.shipped_at is not None:
        if order.latest_ship_at is None:
            return f"✅ {wording.clock(order.shipped_at, view.now)} 已出库"
        minutes = int((order.latest_ship_at - order.shipped_at).total_seconds() // 60)
        how = f"提前 {minutes} 分" if minutes >= 0 else f"晚 {-minutes} 分"
        return f"✅ {wording.clock(order.shipped_at, view.now)} 已出库,{how}"
    if order.status is OrderStatus.CANCELLED or (view.expedite and view.expedite.state is not ExpediteState.LIVE):
        return "已取消"
    return ""


def _short_close(view: OrderView) -> str:
    return "已出库" if view.order.status is OrderStatus.SHIPPED else "已取消"
