"""Whoever has no business here gets none done: other companies, unknown accounts, forged and borrowed buttons."""

from __future__ import annotations

from typing import Any

import demo
from core.approvals import RequestState
from core.orders import OrderStatus
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
    await _ignore(stage)
