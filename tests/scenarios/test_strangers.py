"""Whoever has no business here gets none done: other companies, unknown accounts, forged and borrowed buttons."""

from __future__ import annotations

import random
import string
from typing import Any

import demo
from core.approvals import RequestState
from core.orders import OrderStatus
from handlers import texts
from simulator.scenarios import Stage, steps

FOREIGN = "dingSOMEBODYELSE"


async def _trace(running: demo.World, ref: str) -> list[dict[str, Any]]:
    async with running.bot.database.reading() as tx:
        return [entry.details for entry in await tx.timeline.of(ref) if entry.action == "press.refused"]


async def _pending(running: demo.World, number: str) -> bool:
    async with running.bot.database.reading() as tx:
        order = await tx.orders.get(number)
        requests = await tx.approvals.of_order(number)
    assert order is not None
    return order.status is OrderStatus.PENDING and [r.state for r in requests] == [RequestState.OPEN]


async def _ignore(stage: Stage) -> None:
    """The copies of those who are asked alike."""
    await stage.settle()
    for name in ("销售A", "技术甲", "技术乙", "主管A", "主管B", "技术总监"):
        stage.phone(name).ignore(lambda message: message.kind == "card")


async def test_a_press_from_another_company_decides_nothing_shows_nothing_and_is_recorded(
    running: demo.World, stage: Stage
) -> None:
    sales, tech = stage.phone("销售A"), stage.phone("技术乙")
    number = await steps.submitted(stage, sales, steps.order_text(stage))
    card = await tech.wait_button("通过", on=number)

    ack = await running.simulator.dingtalk.press_raw("jishu_yi", card.card_id, card.buttons[0].key, {}, corp_id=FOREIGN)
    await stage.settle()

    assert ack is not None
    assert "cardParamMap" not in ack.data
    assert await _pending(running, number)
    assert await _trace(running, f"card:{card.card_id}") == [
        {"why": "foreign company", "company": FOREIGN, "account": "jishu_yi"}
    ]
    await _ignore(stage)


async def test_an_unknown_account_that_presses_is_told_how_to_register_and_recorded(
    running: demo.World, stage: Stage
) -> None:
    sales, tech = stage.phone("销售A"), stage.phone("技术乙")
    number = await steps.submitted(stage, sales, steps.order_text(stage))
    card = await tech.wait_button("通过", on=number)

    await running.simulator.dingtalk.press_raw("nobody-knows-me", card.card_id, card.buttons[0].key, {})
    await stage.settle()

    assert await _pending(running, number)
    assert await _trace(running, f"card:{card.card_id}") == [{"why": "unknown account", "account": "nobody-knows-me"}]
    # The hint went to an account that this platform does not have either: parked for the administrator, who lets it go.
    (letter,) = await running.bot.dead_letters.list()
    assert "unknown_person" in repr(letter.payload)
    async with running.bot.database.transaction() as tx:
        assert await tx.letters.drop(letter.id, "test", running.clock.now())
    await _ignore(stage)


def _forgeries(key: str, rng: random.Random) -> list[str]:
    """Keys made from a genuine one by somebody without the secret."""
    head, _, mac = key.rpartition("|")
    verb, ref, revision, arg = head.split("|")
    built = [
        f"{verb}|{int(ref) + 1}|{revision}|{arg}|{mac}",
        f"rj|{ref}|{revision}|{arg}|{mac}",
        f"{verb}|{ref}|r{int(revision[1:]) + 1}|{arg}|{mac}",
        f"{verb}|{ref}|{revision}|x|{mac}",
        f"{verb}|{ref}|{revision}|{arg}|{mac.upper()}",
        head,
        f"{head}|",
        f"{head}|{mac}0",
        "||||",
        "x",
        "通过|🙂|r1||" + "0" * 10,
    ]
    for _ in range(25):
        at = rng.randrange(len(key))
        built.append(key[:at] + rng.choice(string.digits + string.ascii_lowercase + "|;'\"") + key[at + 1 :])
    return [forged for forged in dict.fromkeys(built) if forged not in (key, "")]


async def test_every_forged_key_is_refused_answered_and_recorded(running: demo.World, stage: Stage) -> None:
    sales, tech = stage.phone("销售A"), stage.phone("技术乙")
    number = await steps.submitted(stage, sales, steps.order_text(stage))
    card = await tech.wait_button("通过", on=number)
    forgeries = _forgeries(card.buttons[0].key, random.Random(11))

    for forged in forgeries:
        await running.simulator.dingtalk.press_raw("jishu_yi", card.card_id, forged, {})
    await stage.settle()

    assert len(forgeries) > 30
    assert await _pending(running, number)
    refused = await _trace(running, f"card:{card.card_id}")
    assert [details["why"] for details in refused] == ["forged"] * len(forgeries)
    # Answers that piled up come folded into one message.
    said = sum(message.text.count(texts.card_forged()) for message in tech.messages())
    assert said == len(forgeries)
    tech.ignore(lambda message: texts.card_forged() in message.text)
    await _ignore(stage)


async def test_a_genuine_key_pressed_on_another_card_or_by_a_colleague_without_the_role_decides_nothing(
    running: demo.World, stage: Stage
) -> None:
    """The key is right, the person is not: who may decide is asked at the press, never read from the button."""
    sales, tech = stage.phone("销售A"), stage.phone("技术乙")
    number = await steps.submitted(stage, sales, steps.order_text(stage))
    card = await tech.wait_button("通过", on=number)

    await running.simulator.wecom.press_raw(sales.persona.user, card.card_id, card.buttons[0].key, response_code="RC")
    await stage.settle()

    assert await _pending(running, number)
    async with running.bot.database.reading() as tx:
        refs = [ref for ref in await tx.timeline.refs() if ref.startswith("card:")]
        recorded = [e.action for ref in refs for e in await tx.timeline.of(ref)]
    assert "press.refused" in recorded
    sales.ignore(lambda message: True)
    await _ignore(stage)
