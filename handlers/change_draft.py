"""One tap or one short line changes a draft, submits it or cancels it (F034–F037)."""

from __future__ import annotations

from cards.keys import Action, Verb
from core import ordering
from core.desk import Act
from core.errors import DomainError
from core.intake.correction import Correction, SetCustomer, SetPart, SetQuantity, parse_corrections
from core.orders import Order
from handlers.context import Context
from handlers.finding_orders import named
from handlers.grammar import Command


async def by_text(ctx: Context, text: str) -> None:
    """“2行 20”: a correction of the sticky draft; with several drafts the person is asked which."""
    async with ctx.act() as act:
        order = await _sticky(ctx, act)
        await _correct(ctx, act, order, text)


async def revise(ctx: Context, command: Command) -> None:
    """“修订 SO… 2行 数量 30”: names the order, and opens it again when it was submitted already."""
    async with ctx.act() as act:
        await _correct(ctx, act, await named(act, command.get("order")), command.get("text"))


async def confirm(ctx: Context, command: Command) -> None:
    """“确认 [SO…]”."""
    async with ctx.act() as act:
        order = await _meant(ctx, act, command)
        await ordering.submit(act, order.number, ctx.actor)


async def cancel(ctx: Context, command: Command) -> None:
    """“作废 [SO…]”."""
    async with ctx.act() as act:
        order = await _meant(ctx, act, command)
        await ordering.cancel(act, order.number, ctx.actor)


async def take(ctx: Context, command: Command) -> None:
    """“采用建议 [SO…]”."""
    async with ctx.act() as act:
        order = await _meant(ctx, act, command)
        await ordering.accept_suggestions(act, order.number, ctx.actor)


async def by_press(ctx: Context, action: Action) -> None:
    """Buttons of the draft card."""
    press = ctx.message.press
    assert press is not None
    async with ctx.act() as act:
        await _current(act, action)
        match action.verb:
            case Verb.SUBMIT:
                await ordering.submit(act, action.ref, ctx.actor, revision=action.revision)
            case Verb.TAKE:
                await ordering.accept_suggestions(act, action.ref, ctx.actor)
            case Verb.CANCEL:
                await ordering.cancel(act, action.ref, ctx.actor)
            case Verb.REOPEN:
                await ordering.reopen(act, action.ref, ctx.actor)
            case Verb.SET_QUANTITY:
                line, _, value = action.arg.partition("=")
                await _apply(ctx, act, action.ref, SetQuantity.of(int(line), int(value)))
            case Verb.SET_PART:
                await _apply(ctx, act, action.ref, SetPart(line=int(action.arg), text=press.choice("part")))
            case Verb.SET_CUSTOMER:
                await _apply(ctx, act, action.ref, SetCustomer(text=press.choice("customer")))
            case _:
                raise AssertionError(action.verb)


async def nudge(ctx: Context, command: Command) -> None:
    """“催 SO…”: whoever has to act next is told, by name of who asks."""
    async with ctx.act() as act:
        order = await named(act, command.get("order"))
        request = await act.tx.approvals.current(order.number)
        people = [p for i in (request.audience if request else [order.owner_id]) if (p := await act.tx.people.get(i))]
        for person in people:
            await act.tell.say(person, "nudged", number=order.number, by=ctx.actor.person.name)
        await act.tell.say(ctx.actor.address, "nudge_ok", number=order.number, names="、".join(p.name for p in people))


async def _apply(ctx: Context, act: Act, number: str, correction: Correction) -> None:
    await ordering.correct(act, number, ctx.actor, [correction], how="button")


async def _correct(ctx: Context, act: Act, order: Order, text: str) -> None:
    corrections = parse_corrections(text, act.desk.index, now=act.now)
    if not corrections:
        raise DomainError("correction_unclear", text=text[:40])
    await ordering.correct(act, order.number, ctx.actor, list(corrections), how="text")


async def _sticky(ctx: Context, act: Act) -> Order:
    drafts = await ordering.sticky_draft(act, ctx.actor)
    if not drafts:
        raise DomainError("no_draft")
    if len(drafts) > 1:
        raise DomainError("which_draft", numbers=[o.number for o in drafts[:5]])
    return drafts[0]


async def _meant(ctx: Context, act: Act, command: Command) -> Order:
    number = command.get("order")
    return await named(act, number) if number else await _sticky(ctx, act)


async def _current(act: Act, action: Action) -> None:
    """Law 5: a card of an older revision changes nothing; the standing card is painted anew."""
    order = await act.tx.orders.get(action.ref)
    if order is not None and action.revision and action.revision != order.revision:
        raise DomainError("card_outdated", number=order.number, revision=order.revision)
