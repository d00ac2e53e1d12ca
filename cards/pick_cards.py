"""What the warehouse holds in the hand: the offer, one stop at a time, the short-pick reasons (script 7)."""

from __future__ import annotations

from cards import wording
from cards.card import Button, Card, Choice, Option, Style
from cards.keys import Keys, Verb
from core import reasons
from core.notices import CardKind
from core.views import PickView
from core.warehouse.bins import BinAddressError, parse_bin
from core.waves import PickListState, PickTask, TaskState


def pick_list_card(view: PickView, keys: Keys, *, page: str = "") -> Card:
    """The offer to every picker of the warehouse; once claimed it says by whom."""
    x = view.pick_list
    open_ = x.state is PickListState.OPEN
    pieces = sum(t.quantity for t in x.tasks)
    name = view.warehouse.name if view.warehouse else x.warehouse
    claimed = f"{view.holder[:7]}已领" if view.holder else "已领"
    closed = {
        PickListState.OPEN: "",
        PickListState.CLAIMED: claimed,
        PickListState.DONE: "已完成",
        PickListState.RECALLED: "已收回",
    }[x.state]
    state = {
        PickListState.CLAIMED: f"{view.holder} 已领 {wording.clock(x.claimed_at, view.now)}",
        PickListState.DONE: "✅ 全部出库",
        PickListState.RECALLED: "已收回",
    }.get(x.state, "")
    return Card(
        kind=CardKind.PICK_LIST,
        ref=x.number,
        source="接单 · 拣货波次",
        title=("⚡🔴 " if x.urgent else "") + f"波次 {x.number} · {name}",
        subtitle=state
        or f"{view.carrier} {wording.clock(x.cutoff_at, view.now)} 截单 · {wording.left(x.cutoff_at, view.now)}",
        facts=(
            ("订单", f"{len(x.orders)} 单 / {len(x.tasks)} 行 / {pieces} 件"),
            ("路程", f"约 {x.route_m:.0f} 米"),
            ("首站", _address(min(x.tasks, key=lambda t: t.stop).bin)),
            ("必发", f"今日必发 {view.must_ship} 单"),
        ),
        body="、".join(x.orders[:8]) + (" 等" if len(x.orders) > 8 else ""),
        buttons=(Button(text="领取波次", style=Style.PRIMARY, key=keys.make(Verb.CLAIM, x.number)),) if open_ else (),
        link=page,
        closed_text=closed,
        alert=f"新波次 {x.number}",
    )


def pick_stop_card(view: PickView, keys: Keys, *, page: str = "") -> Card:
    """One stop per card, big and unambiguous: bin, part, pieces, lot."""
    x = view.pick_list
    stops = len({t.stop for t in x.tasks})
    task = next((t for t in sorted(x.tasks, key=lambda t: (t.stop, t.id or 0)) if t.state is TaskState.OPEN), None)
    out = [t for t in x.tasks if t.state is TaskState.PICKED]
    if x.state is PickListState.DONE:
        shipped = sum(t.quantity for t in x.tasks if t.state is TaskState.SHIPPED)
        return Card(
            kind=CardKind.PICK_STOP,
            ref=x.number,
            source="接单 · 拣货",
            title=f"{x.number} 已完成",
            subtitle=f"✅ {len(x.orders)} 单 {shipped} 件已出库",
            closed_text="已完成",
            link=page,
            alert=f"{x.number} 已完成",
        )
    if task is None:
        return Card(
            kind=CardKind.PICK_STOP,
            ref=x.number,
            source="接单 · 出库复核",
            title=f"{x.number} 已拣完,请扫码出库",
            subtitle=f"待出库 {len(out)} 行 · 扫箱上【批次码】",
            facts=tuple(_out_fact(t) for t in out[:6]),
            body="菜单点“扫码出库”,或拍条码照片,或回复:出 批次号 数量\n" + "\n".join(_typed(t) for t in out[:6]),
            buttons=(Button(text="怎么扫码", key=keys.make(Verb.SHIP, x.number)),),
            link=page,
            alert=f"{x.number} 待扫码出库",
        )
    return Card(
        kind=CardKind.PICK_STOP,
        ref=x.number,
        source="接单 · 拣货",
        title=f"第 {task.stop}/{stops} 站  {_address(task.bin)}",
        subtitle=f"{task.part_number} {task.part_name} ×{task.quantity}",
        facts=(
            ("批次", task.lot_no),
            ("数量", str(task.quantity)),
            ("订单", task.order_number),
            ("波次", x.number),
            ("截单", f"{wording.clock(x.cutoff_at, view.now)} {wording.left(x.cutoff_at, view.now)}"),
        ),
        body=f"也可直接扫码出库:出 {task.lot_no} {task.quantity}",
        buttons=(
            Button(
                text=f"已拣{task.quantity}", style=Style.PRIMARY, key=keys.make(Verb.PICKED, x.number, arg=str(task.id))
            ),
            Button(text="少拣", style=Style.NEGATIVE, key=keys.make(Verb.SHORT, x.number, arg=str(task.id))),
        ),
        link=page,
        alert=f"第 {task.stop} 站 {task.bin}",
    )


def short_reason_card(view: PickView, keys: Keys, task: PickTask, *, page: str = "") -> Card:
    """少拣原因: six of the dictionary."""
    x = view.pick_list
    done = task.state is not TaskState.OPEN
    return Card(
        kind=CardKind.SHORT_REASON,
        ref=x.number,
        source="接单 · 少拣原因",
        title=f"少拣 {task.part_number}?",
        subtitle=f"{_address(task.bin)} · 要 {task.quantity}" if not done else "✅ 已登记",
        body="" if done else "只找到一部分,请回复:少拣 实际数量 原因,例如“少拣 3 破损”",
        choices=(
            Choice(
                key="reason",
                title="少拣原因",
                options=tuple(Option(id=r.code, text=r.text) for r in reasons.SHORT_PICK),
            ),
        )
        if not done
        else (),
        submit=Button(
            text="确认少拣", style=Style.NEGATIVE, key=keys.make(Verb.SHORT_REASON, x.number, arg=str(task.id))
        ),
        link=page,
        closed_text="已登记" if done else "",
        alert="少拣:请选原因",
    )


def _address(label: str) -> str:
    try:
        return parse_bin(label).label
    except BinAddressError:
        return label


def _out_fact(task: PickTask) -> tuple[str, str]:
    return (task.part_number[:5], f"{task.lot_no} ×{task.quantity} {task.order_number}")


def _typed(task: PickTask) -> str:
    return f"出 {task.lot_no} {task.quantity}"
