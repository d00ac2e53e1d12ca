"""Orders through WeCom's intelligent bot: typed, spoken, photographed, as a file, and from a group."""

from __future__ import annotations

import demo
from simulator import samples
from simulator.scenarios import Stage, steps
from simulator.scenarios.words import words

WHERE = "由“接单”应用发给你"


async def test_a_typed_order_becomes_a_draft_in_the_app_and_the_person_is_told_once_where_to_look(
    stage: Stage,
) -> None:
    sales, tech = stage.phone("销售A"), stage.phone("技术甲")

    await sales.aibot.say("K0231 04465-0K240 20个, 后天要")

    await sales.wait_text(WHERE)
    draft = await sales.wait_card("订单草稿")
    assert dict(draft.facts)["客户"] == "华锐汽修 K0231(按编码)"
    await sales.press("确认提交")
    await sales.wait_card("已提交")
    await tech.wait_button("通过")
    stage.phone("技术乙").ignore("通过")

    stage.mark_read()
    await sales.aibot.say("我的单")
    await sales.wait_text(lambda m: m.text.startswith("我的单"))
    assert sales.find(WHERE) is None
