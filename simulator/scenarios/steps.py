"""Steps that several scenarios take: order, submit, approve, pick."""

from __future__ import annotations

import re
from datetime import timedelta
from math import ceil

from simulator.scenarios.phone import NotOnPhone, Phone
from simulator.scenarios.stage import Stage
from simulator.scenarios.words import live_buttons, words
from simulator.world import PhoneMessage

NUMBER = re.compile(r"SO\d{6}-\d{4,6}")
OUT = re.compile(r"^(\S+) ×(\d+)")
BETWEEN_BOXES = timedelta(seconds=8)
PACK = 10
"""Oil filters per box."""


def number_on(message: PhoneMessage) -> str:
    """The order number that can be read on a message. Raises LookupError without one."""
    found = NUMBER.search(words(message))
    if found is None:
        raise LookupError(f"no order number on\n{words(message)}")
    return found.group()


def order_text(stage: Stage, *, customer: str = "K0231") -> str:
    """A small order, so that the demo's stock lasts; each repetition asks for others and is no duplicate."""
    return f"{customer} 04465-0K240 {1 + stage.turn % 4}个, 90915-YZZD4 {PACK * (1 + stage.turn % 3)}, 后天要"


def odd_order_text(stage: Stage) -> tuple[str, str]:
    """An order with a broken box, and the button that fills it."""
    if stage.turn == 0:
        return "K0231 04465-0K240 20个, 90915-YZZD4 48, 后天要, 要质检报告", "2行改50"
    filters = 8 + PACK * (stage.turn % 4)
    text = f"K0231 04465-0K240 {2 + stage.turn % 5}个, 90915-YZZD4 {filters}, 后天要, 要质检报告"
    return text, f"2行改{ceil(filters / PACK) * PACK}"


async def submitted(stage: Stage, who: Phone, text: str) -> str:
    """``who`` types an order and submits the draft; returns its number."""
    stage.mark_read()
    await who.say(text)
    return await submit_draft(stage, who)


async def submit_draft(stage: Stage, who: Phone) -> str:
    """The draft on the phone is submitted; returns its number."""
    number = number_on(await who.wait_button("确认提交"))
    await who.press("确认提交", on=number)
    await who.wait_card(lambda m: number in words(m) and "已提交" in words(m))
    return number


async def asked(stage: Stage, number: str) -> None:
    """The tech department has the card; a supervisor waives a flag first where the order has one."""
    boss, tech = stage.phone("主管A"), stage.phone("技术甲")

    def question(phone: Phone) -> PhoneMessage | None:
        return phone.find(lambda m: number in words(m) and any(b.text == "通过" for b in live_buttons(m)))

    try:
        await stage.until(lambda: question(boss) or question(tech))
    except TimeoutError:
        shown = "\n".join(f"{phone.persona.name}\n{phone.picture()}" for phone in (boss, tech))
        raise NotOnPhone(f"nobody was asked about {number}\n{shown}") from None
    if question(tech) is None:
        stage.step("主管A 复核标黄的数量，点【通过】")
        await boss.press("通过", on=number)
    await tech.wait_button("通过", on=number)


async def approved(stage: Stage, who: Phone, number: str) -> None:
    """技术甲 says yes, and the salesperson hears of it."""
    await asked(stage, number)
    await stage.phone("技术甲").press("通过", on=number)
    await who.wait_text(lambda m: number in words(m) and "通过" in words(m) and m.kind != "card")


async def claimed(stage: Stage, picker: Phone, number: str) -> None:
    """The wave with that order comes, and the picker takes it."""

    def offer(message: PhoneMessage) -> bool:
        return number in words(message) and any(b.text == "领取波次" for b in live_buttons(message))

    offer.__name__ = f"a pick list with {number}"
    await stage.pass_time_until(picker.persona.name, offer, most=timedelta(hours=2))
    await picker.press("领取波次", on=number)
    await picker.wait_button("已拣")


async def picked(stage: Stage, picker: Phone) -> None:
    """Every stop of the walk is tapped off."""
    while (card := await picker.wait_text(_at_stop_or_done)) and "已拣完" not in words(card):
        await picker.press("已拣", on=card.title)
        await _repainted(stage, picker, card)


async def scanned_out(stage: Stage, picker: Phone) -> None:
    """Every box on the last card is scanned until the list is done."""
    while (card := await picker.wait_card(_to_scan_or_done)) and "已完成" not in card.title:
        rows = [found for _, value in card.facts if (found := OUT.match(value))]
        if not rows:
            raise LookupError(f"no lot to scan on\n{words(card)}")
        # A press of a menu entry has no id: two scans of one code in one second are one scan to the bot.
        stage.clock.advance(BETWEEN_BOXES)
        await picker.scan(rows[0].group(1))
        await _repainted(stage, picker, card)


def _at_stop_or_done(message: PhoneMessage) -> bool:
    return "已拣完" in message.title or any(b.text.startswith("已拣") for b in live_buttons(message))


def _to_scan_or_done(message: PhoneMessage) -> bool:
    return "已拣完" in message.title or "已完成" in message.title


async def _repainted(stage: Stage, phone: Phone, card: PhoneMessage) -> None:
    """That card shows something newer, or a fresh copy came because the old one can no longer be repainted.

    Raises NotOnPhone.
    """

    def newer(message: PhoneMessage) -> bool:
        if message.id == card.id:
            return message.version > card.version
        return message.kind == "card" and message.at >= card.at and message.card_id not in known

    known = {m.card_id for m in phone.messages() if m.kind == "card"}
    try:
        await stage.until(lambda: any(newer(m) for m in phone.messages()))
    except TimeoutError:
        raise NotOnPhone(f"the card “{card.title}” did not change; on the phone is\n{phone.picture()}") from None
