"""The only table of what goes where: inbound → the one handler that answers it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cards.keys import Action, Verb
from cards.wecom import PLACEHOLDER
from core import ordering
from core.acting import trace
from core.desk import Act
from core.inbound import MessageKind
from core.intake.correction import parse_corrections
from core.intake.text_order import is_order_like
from core.notices import Expectation
from core.people import Role
from core.telling import Address
from handlers import approve, ask, change_draft, expedite, office, pick, submit_order
from handlers.context import Context
from handlers.grammar import Command, Intent, clean, command

Handler = Callable[[Context], Awaitable[None]]
TextHandler = Callable[[Context, Command], Awaitable[None]]
PressHandler = Callable[[Context, Action], Awaitable[None]]
ReplyHandler = Callable[[Context, Act, Expectation, str], Awaitable[None]]


async def _todo(ctx: Context) -> None:
    """“待办”: the warehouse's list for pickers, open approvals for everybody else."""
    warehouse = ctx.actor.person.has(Role.PICKER, Role.WAREHOUSE_LEAD)
    await (pick.todo(ctx) if warehouse else approve.pending(ctx))


def _plain(handler: Handler) -> TextHandler:
    async def run(ctx: Context, _: Command) -> None:
        await handler(ctx)

    return run


TEXTS: dict[Intent, TextHandler] = {
    Intent.HELP: _plain(office.help_),
    Intent.MINE: _plain(ask.mine),
    Intent.STATUS: ask.status,
    Intent.HISTORY: ask.history,
    Intent.TRACE: ask.trace,
    Intent.APPROVE: approve.approve,
    Intent.REJECT: approve.reject,
    Intent.EXPEDITE: expedite.by_text,
    Intent.STOCK: ask.stock,
    Intent.BIN: ask.bin_content,
    Intent.LOT: ask.lot_content,
    Intent.TODO: _plain(_todo),
    Intent.CLAIM: pick.claim,
    Intent.PICKED: _plain(pick.picked),
    Intent.SHORT: pick.short,
    Intent.SCAN: pick.scan,
    Intent.CONFIRM: change_draft.confirm,
    Intent.CANCEL: change_draft.cancel,
    Intent.TAKE: change_draft.take,
    Intent.REVISE: change_draft.revise,
    Intent.CAPACITY: ask.capacity,
    Intent.NUDGE: change_draft.nudge,
    Intent.COORDINATE: expedite.coordinate,
    Intent.PICKUP: expedite.pickup,
    Intent.BIND: office.bind,
    Intent.BIND_FOR: office.bind_for,
    Intent.PARKED: _plain(office.parked),
    Intent.RESEND: office.resend,
    Intent.DROP: office.drop,
}

PRESSES: dict[Verb, PressHandler] = {
    **dict.fromkeys(
        (Verb.SUBMIT, Verb.TAKE, Verb.SET_QUANTITY, Verb.SET_PART, Verb.SET_CUSTOMER, Verb.CANCEL, Verb.REOPEN),
        change_draft.by_press,
    ),
    **dict.fromkeys((Verb.STATUS, Verb.TRACE), ask.by_press),
    **dict.fromkeys((Verb.APPROVE, Verb.REJECT, Verb.REJECT_REASON), approve.by_press),
    **dict.fromkeys((Verb.CLAIM, Verb.PICKED, Verb.SHORT, Verb.SHORT_REASON, Verb.SHIP), pick.by_press),
    **dict.fromkeys(
        (Verb.EXPEDITE, Verb.EXPEDITE_REASON, Verb.EXPEDITE_TERMS, Verb.PICKUP, Verb.COORDINATE, Verb.URGE),
        expedite.by_press,
    ),
}

REPLIES: dict[str, ReplyHandler] = {
    "reject_reason": approve.reason_by_reply,
    "reject_note": approve.note_by_reply,
    "short_reason": pick.short_by_reply,
    "expedite_reason": expedite.reason_by_reply,
}

SPOKEN = frozenset(
    {
        Intent.HELP,
        Intent.MINE,
        Intent.STATUS,
        Intent.HISTORY,
        Intent.TRACE,
        Intent.STOCK,
        Intent.BIN,
        Intent.LOT,
        Intent.TODO,
    }
)
"""Commands that only ask."""
SPOKEN_ENDS = "。.!?,; "
"""What speech recognition puts behind a sentence."""

MENU: dict[str, str] = {
    "mine": "我的单",
    "todo": "待办",
    "help": "帮助",
    "stock": "库存",
}
"""Keys of the app menu that stand for a typed command."""


async def handle(ctx: Context) -> None:
    """Choose and run the handler. Strangers are told how to register; nothing else is done for them."""
    message = ctx.message
    if message.kind is MessageKind.QUOTA:
        await _quota(ctx)
        return
    if message.kind in (MessageKind.SYSTEM, MessageKind.OTHER) or not message.account:
        await _nobody(ctx)
        return
    if not ctx.known:
        await _stranger(ctx)
        return
    await KINDS[message.kind](ctx)


async def _text(ctx: Context) -> None:
    """Command, answer to a question, correction, order: in this order; an order is never taken for an answer."""
    await _words(ctx, clean(ctx.message.text))


async def _words(ctx: Context, text: str) -> None:
    found = command(text)
    if found is not None:
        await TEXTS[found.intent](ctx, found)
        return
    async with ctx.look() as act:
        reply = await _is_reply(ctx, act, text)
        correction = not reply and await _is_correction(ctx, act, text)
    if reply:
        async with ctx.act() as act:
            expectation = await act.tx.expectations.take(ctx.actor.id, act.now)
            if expectation is not None:
                await REPLIES[expectation.question](ctx, act, expectation, text)
    elif correction:
        await change_draft.by_text(ctx, text)
    else:
        await submit_order.from_text(ctx)


async def _is_reply(ctx: Context, act: Act, text: str) -> bool:
    expectation = await act.tx.expectations.take(ctx.actor.id, act.now)
    if expectation is None or is_order_like(text, act.desk.index, now=act.now):
        return False
    return expectation.question == "reject_note" or not parse_corrections(text, act.desk.index, now=act.now)


async def _is_correction(ctx: Context, act: Act, text: str) -> bool:
    """“加 … 5个” reads as an order too: it corrects while there is a draft to correct."""
    if not parse_corrections(text, act.desk.index, now=act.now):
        return False
    return bool(await ordering.sticky_draft(act, ctx.actor)) or not is_order_like(text, act.desk.index, now=act.now)


async def _press(ctx: Context) -> None:
    """A press: the key must be ours (MAC) and the card known; a forged one is refused, answered and recorded."""
    press = ctx.message.press
    assert press is not None
    if press.key.startswith(PLACEHOLDER):
        async with ctx.act() as act:
            await act.tell.say(ctx.actor.address, "nothing_to_do")
        return
    action = ctx.keys.read(press.key)
    if action is None:
        async with ctx.act() as act:
            await trace(act.tx, f"card:{press.card_id}", "press.refused", ctx.actor, now=act.now, why="forged")
            await act.tell.say(ctx.actor.address, "card_forged")
        return
    await PRESSES[action.verb](ctx, action)


async def _menu(ctx: Context) -> None:
    typed = MENU.get(ctx.message.text)
    if typed == "库存":
        async with ctx.act() as act:
            await act.tell.say(ctx.actor.address, "stock_how")
        return
    found = command(typed) if typed else None
    if found is None:
        await office.help_(ctx)
        return
    await TEXTS[found.intent](ctx, found)


async def _scan(ctx: Context) -> None:
    await pick.scan_code(ctx, ctx.message.text)


async def _voice(ctx: Context) -> None:
    """Recognised speech asks, corrects a draft or becomes one (F021), but decides nothing: it may be misheard.

    Without recognised words the person is asked to type.
    """
    text = clean(ctx.message.text).rstrip(SPOKEN_ENDS)
    found = command(text) if text else None
    if text and (found is None or found.intent in SPOKEN):
        await _words(ctx, text)
        return
    async with ctx.act() as act:
        if found is None:
            await act.tell.say(ctx.actor.address, "voice_not_supported")
        else:
            await act.tell.say(ctx.actor.address, "voice_decides_nothing", text=text)


async def _enter(ctx: Context) -> None:
    await office.welcome(ctx)


async def _unsupported(ctx: Context) -> None:
    async with ctx.act() as act:
        if not ctx.message.group:
            await act.tell.say(ctx.actor.address, "kind_not_supported", kind=ctx.message.kind.value)


async def _stranger(ctx: Context) -> None:
    """An account nobody has registered: 绑定 goes to the administrators, anything else gets the hint once an hour."""
    message = ctx.message
    found = command(clean(message.text)) if message.kind is MessageKind.TEXT else None
    if found is not None and found.intent is Intent.BIND:
        await office.bind(ctx, found)
        return
    async with ctx.act() as act:
        if message.press is not None:
            await trace(
                act.tx,
                f"card:{message.press.card_id}",
                "press.refused",
                None,
                now=act.now,
                why="unknown account",
                account=message.account,
            )
        await act.tell.once(
            Address(platform=message.platform, account=message.account),
            "unknown_person",
            key=f"{act.now:%Y%m%d%H}",
            account=message.account,
        )


async def _nobody(ctx: Context) -> None:
    """Address-book events, unknown frames, people outside the company: stored as evidence, nothing to do.

    What came from another company leaves a link in the trace: somebody should ask how it got here.
    """
    message = ctx.message
    async with ctx.act() as act:
        if message.extra.get("foreign"):
            press = message.press
            await trace(
                act.tx,
                f"card:{press.card_id}" if press is not None else f"foreign:{message.platform}",
                "press.refused" if press is not None else "message.refused",
                None,
                now=act.now,
                why="foreign company",
                company=str(message.extra["foreign"])[:80],
                account=str(message.extra.get("claimed", ""))[:80],
            )


async def _quota(ctx: Context) -> None:
    """DingTalk withheld the content: an administrator is alarmed once a day, nobody hears of an “empty order”."""
    async with ctx.act() as act:
        for admin in await act.tx.people.with_role(Role.ADMIN):
            address = admin.accounts[0] if admin.accounts else None
            if address is not None:
                await act.tell.once(
                    Address(platform=address.platform, account=address.account),
                    "quota_exhausted",
                    key=act.today.isoformat(),
                )


KINDS: dict[MessageKind, Handler] = {
    MessageKind.TEXT: _text,
    MessageKind.IMAGE: submit_order.from_pictures,
    MessageKind.FILE: submit_order.from_pictures,
    MessageKind.VOICE: _voice,
    MessageKind.VIDEO: _unsupported,
    MessageKind.LOCATION: _unsupported,
    MessageKind.LINK: _unsupported,
    MessageKind.PRESS: _press,
    MessageKind.MENU: _menu,
    MessageKind.SCAN: _scan,
    MessageKind.ENTER: _enter,
}
