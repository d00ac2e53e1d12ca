"""⚡加急 by button or by one line (script 6)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from cards.keys import Action, Verb
from core import expediting, reasons
from core.clock import local
from core.desk import Act
from core.errors import DomainError
from core.expedite import Level
from core.notices import CardKind, Expectation, Priority
from handlers.context import Context
from handlers.finding_orders import named
from handlers.grammar import Command, order_in

LEVEL_WORDS = {
    "红": Level.RED,
    "橙": Level.ORANGE,
    "黄": Level.YELLOW,
    "red": Level.RED,
    "orange": Level.ORANGE,
    "yellow": Level.YELLOW,
}
_TIME = re.compile(r"(?:(\d{1,2})[:点](\d{2})?半?(?:前)?)|(\d{1,2})点半")


async def by_text(ctx: Context, command: Command) -> None:
    """“加急 SO… 红 15:30 竞品抢单”, the words in any order. What is missing is asked with the card."""
    rest = command.get("rest")
    async with ctx.act() as act:
        number = order_in(rest)
        order = await named(act, number)
        rest = rest.replace(number, " ", 1)
        at, rest = _take_time(rest, act.now)
        level, rest = _take_level(rest)
        word, _, note = rest.strip().partition(" ")
        found = reasons.match(word, reasons.EXPEDITE) if word else ()
        if level is None and at is None and not word:
            await _ask_reason(ctx, act, order.number)
            return
        if len(found) != 1:
            raise DomainError("expedite_needs_reason", number=order.number)
        if level is None or at is None:
            await _ask_terms(ctx, act, order.number, found[0].code)
            return
        await expediting.light(
            act, order.number, ctx.actor, level=level, latest_ship_at=at, reason_code=found[0].code, note=note.strip()
        )


async def by_press(ctx: Context, action: Action) -> None:
    """The buttons of the fuse, logistics and the director."""
    press = ctx.message.press
    assert press is not None
    async with ctx.act() as act:
        match action.verb:
            case Verb.EXPEDITE:
                await _ask_reason(ctx, act, action.ref)
            case Verb.EXPEDITE_REASON:
                await _ask_terms(ctx, act, action.ref, press.choice("reason"))
            case Verb.EXPEDITE_TERMS:
                level, _, time = press.choice("terms").partition("@")
                level, time = level or press.choice("level"), time or press.choice("time")
                at = _slot(time, act.now)
                if level not in set(Level) or at is None:
                    raise DomainError("expedite_needs_level", number=action.ref)
                await expediting.light(
                    act, action.ref, ctx.actor, level=Level(level), latest_ship_at=at, reason_code=action.arg
                )
                await act.tell.repaint(f"{action.ref}:{action.arg}", CardKind.EXPEDITE_TERMS)
                await act.tell.repaint(action.ref, CardKind.EXPEDITE_REASON)
            case Verb.PICKUP:
                await expediting.pickup_arranged(act, action.ref, ctx.actor)
            case Verb.COORDINATE:
                await expediting.coordinate(act, action.ref, ctx.actor)
            case _:
                await expediting.urge_warehouse(act, action.ref, ctx.actor)


async def coordinate(ctx: Context, command: Command) -> None:
    async with ctx.act() as act:
        await expediting.coordinate(act, (await named(act, command.get("order"))).number, ctx.actor)


async def pickup(ctx: Context, command: Command) -> None:
    async with ctx.act() as act:
        order = await named(act, command.get("order"))
        await expediting.pickup_arranged(act, order.number, ctx.actor, plate=command.get("plate"))


async def reason_by_reply(ctx: Context, act: Act, expectation: Expectation, text: str) -> None:
    """“2” or “竞品抢单” in answer to the twelve reasons."""
    found = reasons.match(text, reasons.EXPEDITE)
    if len(found) != 1:
        raise DomainError("reason_unclear", text=text, options=[r.text for r in reasons.EXPEDITE])
    await act.tx.expectations.clear(ctx.actor.id)
    await _ask_terms(ctx, act, expectation.ref, found[0].code)


async def _ask_reason(ctx: Context, act: Act, number: str) -> None:
    await act.tell.fresh(CardKind.EXPEDITE_REASON, number, ctx.actor.address, priority=Priority.RECEIPT)
    await act.tx.expectations.expect(
        Expectation(
            person_id=ctx.actor.id,
            question="expedite_reason",
            ref=number,
            expires_at=act.now + act.desk.rules.reply_slot,
        )
    )


async def _ask_terms(ctx: Context, act: Act, number: str, code: str) -> None:
    if code not in {r.code for r in reasons.EXPEDITE}:
        raise DomainError("expedite_needs_reason", number=number)
    await act.tell.fresh(CardKind.EXPEDITE_TERMS, f"{number}:{code}", ctx.actor.address, priority=Priority.RECEIPT)


def _slot(text: str, now: datetime) -> datetime | None:
    """A slot offered by the card: today at exactly this time, in the morning too."""
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text)
    return local(now).replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0) if found else None


def _take_level(text: str) -> tuple[Level | None, str]:
    for word, level in LEVEL_WORDS.items():
        if word in text.lower():
            return level, re.sub(f"{word}色?", " ", text, count=1, flags=re.IGNORECASE)
    return None, text


def _take_time(text: str, now: datetime) -> tuple[datetime | None, str]:
    """``15:30``, ``3点半``, ``17点`` today; with 明天 in the text tomorrow. None when no time is written."""
    found = _TIME.search(text)
    if found is None:
        return None, text
    hour = int(found.group(1) or found.group(3))
    minute = int(found.group(2) or (30 if "半" in found.group() else 0))
    if hour > 23 or minute > 59:
        return None, text
    here = local(now)
    before = text[: found.start()]
    if hour < 8 and ("下午" in before or here.hour >= 8):
        hour += 12
    at = here.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if "明天" in text:
        at += timedelta(days=1)
    left = (before + " " + text[found.end() :]).replace("明天", " ").replace("下午", " ").replace("上午", " ")
    return at, left
