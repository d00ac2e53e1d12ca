"""Claim, pick, report short, scan out (script 7)."""

from __future__ import annotations

from cards.keys import Action, Verb
from core import picking, reasons, scanning_out, short_picking
from core.desk import Act
from core.errors import DomainError
from core.notices import Expectation
from core.people import Role
from core.views import todo_lists
from core.waves import PickList, PickListState
from handlers.context import Context
from handlers.grammar import Command


async def by_press(ctx: Context, action: Action) -> None:
    """The buttons of the pick cards."""
    press = ctx.message.press
    assert press is not None
    task = int(action.arg) if action.arg else None
    async with ctx.act() as act:
        match action.verb:
            case Verb.CLAIM:
                await picking.claim(act, action.ref, ctx.actor)
            case Verb.PICKED:
                await picking.picked(act, action.ref, ctx.actor, task_id=task)
            case Verb.SHORT:
                await short_picking.open_short_reasons(act, action.ref, ctx.actor, task_id=task)
            case Verb.SHORT_REASON:
                await _short(ctx, act, action.ref, press.choice("reason"), 0, task)
            case _:
                await act.tell.say(ctx.actor.address, "scan_how", number=action.ref)


async def claim(ctx: Context, command: Command) -> None:
    """“领 W0221-14A”; without a number the first one of the warehouse's list."""
    async with ctx.act() as act:
        number = command.get("list").upper()
        lists = await todo_lists(act, ctx.actor.person)
        open_lists = [x for x in lists if x.state is PickListState.OPEN]
        if not number:
            if not open_lists:
                raise DomainError("no_picks")
            number = open_lists[0].number
        elif number.count("-") == 1:
            number = next((x.number for x in open_lists if x.number.startswith(f"{number}-")), f"{number}-1")
        await picking.claim(act, number, ctx.actor)


async def picked(ctx: Context) -> None:
    """“已拣”: the current stop of the claimed list."""
    async with ctx.act() as act:
        await picking.picked(act, (await _mine(ctx, act)).number, ctx.actor)


async def short(ctx: Context, command: Command) -> None:
    """“少拣 3 破损” (three were there), “少拣 空架”, “缺货”."""
    async with ctx.act() as act:
        pick_list = await _mine(ctx, act)
        word = command.get("reason")
        if not word:
            await short_picking.open_short_reasons(act, pick_list.number, ctx.actor)
            return
        await _short(ctx, act, pick_list.number, _reason(word), int(command.get("found") or 0), None)


async def short_by_reply(ctx: Context, act: Act, expectation: Expectation, text: str) -> None:
    """“2” or “破损” in answer to the list of reasons."""
    code = _reason(text)
    await act.tx.expectations.clear(ctx.actor.id)
    await _short(ctx, act, expectation.ref, code, 0, expectation.args.get("task"))


async def scan(ctx: Context, command: Command) -> None:
    """“出 B251103-07 20”."""
    quantity = command.get("quantity")
    async with ctx.act() as act:
        await _scan(ctx, act, command.get("lot"), int(quantity) if quantity else None)


async def scan_code(ctx: Context, code: str) -> None:
    """A code from the app's scanner or a photo of it."""
    async with ctx.act() as act:
        await _scan(ctx, act, code.strip(), None)


async def todo(ctx: Context) -> None:
    """“待办” of the warehouse: red expedites first, then by cut-off (F074)."""
    async with ctx.act() as act:
        rows = []
        for x in await todo_lists(act, ctx.actor.person):
            state = "待领" if x.state is PickListState.OPEN else "拣货中"
            rows.append([x.number, "⚡🔴" if x.urgent else "", str(len(x.orders)), x.cutoff_at.isoformat(), state])
        await act.tell.say(ctx.actor.address, "todo", rows=rows)


async def _scan(ctx: Context, act: Act, lot: str, quantity: int | None) -> None:
    out = await scanning_out.scan_out(act, ctx.actor, lot, quantity)
    await act.tell.say(
        ctx.actor.address,
        "scanned_out",
        lot=out.tasks[0].lot_no,
        orders=out.orders,
        left=out.left,
        quantity=sum(t.quantity for t in out.tasks),
    )


async def _short(ctx: Context, act: Act, number: str, code: str, found: int, task_id: int | None) -> None:
    result = await short_picking.short(act, number, ctx.actor, reason_code=code, found=found, task_id=task_id)
    await act.tell.say(
        ctx.actor.address, "short_saved", part=result.part_number, missing=result.missing, elsewhere=result.elsewhere
    )


async def _mine(ctx: Context, act: Act) -> PickList:
    ctx.actor.require(Role.PICKER, Role.WAREHOUSE_LEAD)
    lists = await act.tx.waves.open_lists(claimed_by=ctx.actor.id)
    if not lists:
        raise DomainError("no_claimed_list")
    return lists[0]


def _reason(word: str) -> str:
    found = reasons.match("空架" if word == "缺货" else word, reasons.SHORT_PICK)
    if len(found) != 1:
        raise DomainError("reason_unclear", text=word, options=[r.text for r in reasons.SHORT_PICK])
    return found[0].code
