"""Questions: where an order stands, what is in stock, who did what (F005, F061, F110)."""

from __future__ import annotations

from cards.keys import Action, Verb
from cards.standing import standing
from core.desk import Act
from core.errors import DomainError
from core.notices import CardKind, Priority
from core.orders import OrderStatus
from core.people import Role
from core.stock import Lot
from core.views import order_view, stock_view, trace_view
from core.warehouse.lots import QC_LABELS
from handlers.context import Context
from handlers.finding_orders import named
from handlers.grammar import Command
from handlers.timeline_words import words

OTHER_STATES = (
    OrderStatus.DRAFT,
    OrderStatus.PENDING,
    OrderStatus.REJECTED,
    OrderStatus.APPROVED,
    OrderStatus.RELEASED,
    OrderStatus.PICKING,
    OrderStatus.SHIPPED,
)


async def status(ctx: Context, command: Command) -> None:
    """“查 SO…”, a bare number, the last four digits, a customer's phone or code: state, owner, next step, deadline."""
    async with ctx.act() as act:
        wanted = command.get("order")
        found = act.desk.index.match_customer(wanted) if not wanted.upper().startswith("SO") else None
        if found is not None and found.customer is not None and not (wanted.isdigit() and len(wanted) == 4):
            await _list(ctx, act, [o.number for o in await act.tx.orders.of_customer(found.customer.code)])
            return
        order = await named(act, wanted)
        await act.tell.fresh(CardKind.ORDER, order.number, ctx.actor.address, priority=Priority.RECEIPT)


async def mine(ctx: Context) -> None:
    """“我的单”: the newest orders of the asker, so that a lost message shows as a gap."""
    async with ctx.act() as act:
        orders = await act.tx.orders.of_owner(ctx.actor.id, *OTHER_STATES, limit=10)
        await _list(ctx, act, [o.number for o in orders])


async def by_press(ctx: Context, action: Action) -> None:
    """查进度 and 溯源 on a card."""
    async with ctx.act() as act:
        if action.verb is Verb.TRACE:
            await _trace(ctx, act, action.ref)
        else:
            await act.tell.fresh(CardKind.ORDER, action.ref, ctx.actor.address, priority=Priority.RECEIPT)


async def trace(ctx: Context, command: Command) -> None:
    """“溯源 SO…”: every event in order, with actor and channel, and whether the chain holds."""
    async with ctx.act() as act:
        ref = command.get("ref")
        if ref.upper().startswith("SO") or ref.isdigit():
            ref = (await named(act, ref)).number
        await _trace(ctx, act, ref)


async def history(ctx: Context, command: Command) -> None:
    """“历史 SO…”: old → new, who, when (F038)."""
    async with ctx.act() as act:
        order = await named(act, command.get("order"))
        rows = []
        for r in await act.tx.orders.revisions(order.number):
            person = await act.tx.people.get(r.by)
            rows.append([r.at.isoformat(), person.name if person else r.by, r.field, r.old, r.new])
        await act.tell.say(ctx.actor.address, "history", number=order.number, rows=rows[-12:])


async def stock(ctx: Context, command: Command) -> None:
    """“库存 04465-0K240 [昆山]”: per lot inbound date, QC state, bin and what is free, first expiry first, no cost."""
    async with ctx.act() as act:
        match = act.desk.index.match_part(command.get("part"))
        if match.part is None:
            raise DomainError("part_unknown", text=command.get("part"), near=[p.number for p in match.candidates[:5]])
        place = command.get("place").removesuffix("仓")
        house = next((w.code for w in await act.tx.catalog.warehouses() if place and place in w.name), "")
        view = await stock_view(act, match.part, house)
        lots = sorted(view.lots, key=Lot.fefo)
        await act.tell.say(
            ctx.actor.address,
            "stock",
            part=view.part.number,
            name=view.part.name,
            available=sum(x.available for x in lots),
            on_hand=sum(x.on_hand for x in lots),
            held=sum(x.allocated for x in lots),
            frozen=sum(_frozen(x) for x in lots),
            as_of=act.now.isoformat(),
            lots=[
                [
                    x.lot_no,
                    x.received_on.isoformat(),
                    QC_LABELS[x.qc],
                    view.warehouses.get(x.warehouse, x.warehouse),
                    x.bin,
                    x.available,
                ]
                for x in lots[:12]
            ],
        )


async def bin_content(ctx: Context, command: Command) -> None:
    """“库位 A-03-12-4-02”: what lies there, in the asker's warehouse first."""
    async with ctx.act() as act:
        label = command.get("bin").upper()
        house = ctx.actor.person.warehouse
        houses = [house] if house else [w.code for w in await act.tx.catalog.warehouses()]
        lots = [x for h in houses for x in await act.tx.stock.in_bin(h, label)]
        rows = [[x.part_number, x.lot_no, x.on_hand, x.available] for x in lots]
        await act.tell.say(ctx.actor.address, "bin_content", bin=label, rows=rows, as_of=act.now.isoformat())


async def lot_content(ctx: Context, command: Command) -> None:
    """“批次 B251103-07”."""
    async with ctx.act() as act:
        names = {w.code: w.name for w in await act.tx.catalog.warehouses()}
        rows = [
            [
                x.part_number,
                names.get(x.warehouse, x.warehouse),
                x.bin,
                x.received_on.isoformat(),
                QC_LABELS[x.qc],
                x.on_hand,
                x.available,
            ]
            for x in await act.tx.stock.by_lot_no(command.get("lot"))
        ]
        await act.tell.say(
            ctx.actor.address, "lot_content", lot=command.get("lot"), rows=rows, as_of=act.now.isoformat()
        )


async def capacity(ctx: Context, command: Command) -> None:
    """“运力 顺丰 200”: what the carrier takes today, from the next wave on (F053)."""
    async with ctx.act() as act:
        ctx.actor.require(Role.LOGISTICS, Role.WAREHOUSE_LEAD)
        carriers = await act.tx.catalog.carriers()
        word = command.get("carrier")
        found = [c for c in carriers if word.upper() == c.code.upper() or word in c.name]
        if not found:
            raise DomainError("carrier_unknown", text=word, names=sorted({c.name for c in carriers}))
        parcels = int(command.get("parcels"))
        for carrier in found:
            await act.tx.catalog.set_capacity(carrier.code, act.today, parcels, ctx.actor.id)
        await act.tell.say(ctx.actor.address, "capacity_set", carrier=found[0].name, parcels=parcels)


async def _trace(ctx: Context, act: Act, ref: str) -> None:
    view = await trace_view(act, ref)
    if not view.entries:
        raise DomainError("nothing_found", text=ref)
    channels = {"wecom": "企微", "dingtalk": "钉钉"}
    rows = [[e.at.isoformat(), words(e), e.actor_name, channels.get(e.channel, "")] for e in view.entries[-30:]]
    await act.tell.say(
        ctx.actor.address,
        "trace_text",
        ref=ref,
        verified=view.broken is None,
        broken=view.broken.seq if view.broken else 0,
        rows=rows,
    )


async def _list(ctx: Context, act: Act, numbers: list[str]) -> None:
    rows = []
    for number in numbers:
        view = await order_view(act, number)
        if view is not None:
            now = standing(view)
            rows.append([number, view.order.customer_name, now.label, f"{now.next_step}({now.owner})"])
    await act.tell.say(ctx.actor.address, "my_orders", rows=rows)


def _frozen(lot: Lot) -> int:
    return 0 if lot.qc.released else lot.on_hand - lot.allocated
