"""Cards: what the calls refuse, what the phones show, and clicks with their 2 s limit."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from simulator.dingtalk import Template
from simulator.world import FaultKind, Press
from tests.simulator.dingtalk_desk import CARD_TOPIC, GROUP, OWN, PUBLIC, Desk, card_body, desk, until

SEND = "/v1.0/card/instances/createAndDeliver"
APPROVE = Press(user="boss", card_id="ord-1-v1", key="approve")


def done(text: str) -> dict[str, Any]:
    """A click answer that keeps the title, sets the text and takes the buttons away."""
    values = {"markdown": text, "sys_full_json_obj": json.dumps({"msgButtons": []})}
    return {
        "cardUpdateOptions": {"updateCardDataByKey": True, "updatePrivateDataByKey": True},
        "cardData": {"cardParamMap": values},
    }


async def send(d: Desk, **changes: Any) -> dict[str, Any]:
    status, content = await d.post(SEND, card_body(**changes))
    assert status == 200, content
    return content


async def test_a_card_appears_with_its_text_and_buttons() -> None:
    async with desk() as d:
        content = await send(d)

        (shown,) = d.platform.chat("boss")
        assert (shown.kind, shown.title, shown.markdown) == ("card", "订单 1 待审批", "**4 件**")
        assert [(b.key, b.style, b.url) for b in shown.buttons] == [
            ("approve", "primary", ""),
            ("reject", "neutral", ""),
            ("明细", "neutral", "https://example.com/o/1"),
        ]
        (result,) = content["result"]["deliverResults"]
        assert (result["success"], result["carrierId"]) == (True, shown.id)
        assert d.platform.chat("tech1") == []


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"cardTemplateId": ""}, "param.cardTemplateIdEmpty"),
    ({"cardTemplateId": "nobody.schema"}, "param.templateNotExist"),
    ({"outTrackId": ""}, "param.outTrackIdEmpty"),
    ({"openSpaceId": "IM_ROBOT.boss"}, "param.openSpaceIdInvalid"),
    ({"openSpaceId": "dtv1.card//IM_ROBOT.boss;dtv1.card//IM_ROBOT.tech1"}, "param.openSpaceIdInvalid"),
    ({"imRobotOpenDeliverModel": None}, "param.openDeliverModelEmpty"),
    ({"imRobotOpenSpaceModel": {}}, "param.openSpaceModelInvalid"),
    ({"imRobotOpenSpaceModel": None}, "param.openSpaceModelInvalid"),
    ({"cardData": None}, "param.cardPublicDataEmpty"),
    ({"cardData": {"cardParamMap": {"n": 2}}}, "param.invalid"),
    ({"cardData": {"cardParamMap": {"n": "字" * 342}}}, "param.invalid"),
    ({"cardData": {"cardParamMap": {"k" * 101: "v"}}}, "param.invalid"),
    ({"privateData": {"nobody": {"cardParamMap": {}}}}, "param.userIdNotExist"),
    ({"callbackType": "stream"}, "param.invalid"),
    ({"callbackType": "HTTP"}, "param.callbackRouteKeyEmpty"),
]


@pytest.mark.parametrize(("changes", "code"), REFUSED)
async def test_a_card_against_the_rules_is_refused_and_nobody_sees_it(changes: dict[str, Any], code: str) -> None:
    async with desk() as d:
        status, content = await d.post(SEND, {**card_body(), **changes})
        assert (status, content["code"]) == (400, code)
        assert d.platform.chat("boss") == []


async def test_1024_bytes_of_chinese_still_fit() -> None:
    async with desk() as d:
        await send(d, cardData={"cardParamMap": {"markdown": "字" * 341 + "a"}})


async def test_unsafe_words_and_unpublished_templates_are_refused() -> None:
    async with desk() as d:
        d.platform.site.unsafe_words.add("违禁")
        body = card_body(cardData={"cardParamMap": {"markdown": "违禁品"}})
        assert (await d.post(SEND, body))[1]["code"] == "param.contentUnsafe"
    async with desk(templates=(Template(id=PUBLIC, published=False),)) as d:
        assert (await d.post(SEND, card_body()))[1]["code"] == "param.templateUnpublished"


async def test_a_second_create_with_the_same_id_is_refused_or_ignored_and_never_shows_twice() -> None:
    async with desk() as d:
        await send(d)
        assert (await d.post(SEND, card_body()))[1]["code"] == "param.cardAlreadyExist"
        assert len(d.platform.chat("boss")) == 1
    async with desk(duplicate_card="ignored") as d:
        await send(d)
        await send(d, cardData={"cardParamMap": {"title": "other"}})
        assert [m.title for m in d.platform.chat("boss")] == ["订单 1 待审批"]


async def test_one_card_reaches_a_person_and_a_group_at_once() -> None:
    async with desk() as d:
        content = await send(
            d,
            openSpaceId=f"dtv1.card//IM_ROBOT.boss;IM_GROUP.{GROUP};IM_ROBOT.nobody;IM_GROUP.cidNONE",
            imGroupOpenSpaceModel={"supportForward": False},
            imGroupOpenDeliverModel={
                "robotCode": "ding-app",
                "atUserIds": {"boss": "王经理"},
                "recipients": ["boss"],
            },
        )
        results = content["result"]["deliverResults"]
        assert [r["success"] for r in results] == [True, True, False, False]
        assert [m.text for m in d.platform.chat("boss")] == [
            "请在 2 小时内处理",
            "@王经理\n请在 2 小时内处理",
        ]
        assert d.platform.chat("tech1") == []


async def test_a_delivery_can_fail_inside_a_200_and_be_made_up_for() -> None:
    async with desk() as d:
        d.faults.arm(FaultKind.DELIVER_FALSE)
        content = await send(d)
        assert content["result"]["deliverResults"][0]["success"] is False
        assert d.platform.chat("boss") == []

        body = {key: card_body()[key] for key in ("outTrackId", "openSpaceId", "imRobotOpenDeliverModel")}
        status, content = await d.post("/v1.0/card/instances/deliver", body)

        assert (status, content["result"][0]["success"]) == (200, True)
        assert len(d.platform.chat("boss")) == 1


async def test_an_update_without_the_by_key_option_wipes_the_other_values() -> None:
    async with desk() as d:
        await send(d)
        path, body = "/v1.0/card/instances", {"outTrackId": "ord-1-v1"}
        one = {**body, "cardData": {"cardParamMap": {"tips": "已升级"}}}

        await d.call("PUT", path, {**one, "cardUpdateOptions": {"updateCardDataByKey": True}})
        kept = d.platform.chat("boss")[0]
        await d.call("PUT", path, one)
        wiped = d.platform.chat("boss")[0]

        assert (kept.title, kept.text, kept.version) == ("订单 1 待审批", "已升级", 2)
        assert (wiped.title, wiped.text, wiped.buttons) == ("", "已升级", [])


async def test_an_update_needs_data_and_an_existing_card() -> None:
    async with desk() as d:
        await send(d)
        path = "/v1.0/card/instances"
        _, nothing = await d.call("PUT", path, {"outTrackId": "ord-1-v1"})
        _, unknown = await d.call("PUT", path, {"outTrackId": "x", "cardData": {"cardParamMap": {}}})
        assert nothing["code"] == "param.cardDataAndPrivateDataBothEmpty"
        assert unknown["code"] == "param.cardNotExist"


async def test_private_values_are_seen_by_their_owner_only() -> None:
    async with desk() as d:
        await send(
            d,
            cardTemplateId=OWN,
            cardData={"cardParamMap": {"title": "订单 1", "statusText": "待审批"}},
            privateData={"boss": {"cardParamMap": {"canAct": "true"}}},
            openSpaceId=f"dtv1.card//IM_GROUP.{GROUP}",
            imGroupOpenSpaceModel={"supportForward": False},
            imGroupOpenDeliverModel={"robotCode": "ding-app"},
        )
        assert [b.key for b in d.platform.chat("boss")[0].buttons] == ["approve", "reject"]
        assert d.platform.chat("tech1")[0].buttons == []
        assert d.platform.chat("tech1")[0].facts == [("状态", "待审批")]


async def test_a_click_is_answered_with_the_new_card() -> None:
    async with desk() as d:
        bot = await d.connect(answer=lambda _: done("王经理 已通过 14:02"))
        await send(d)

        await d.platform.press(APPROVE)

        (frame,) = bot.of(CARD_TOPIC)
        click = json.loads(frame["data"])
        assert (click["outTrackId"], click["userId"], click["spaceType"]) == ("ord-1-v1", "boss", "IM_ROBOT")
        assert json.loads(click["content"]) == {
            "cardPrivateData": {"actionIds": ["approve"], "params": {"a": "approve"}}
        }
        (shown,) = d.platform.chat("boss")
        assert (shown.markdown, shown.buttons, shown.toast, shown.version) == (
            "王经理 已通过 14:02",
            [],
            "",
            2,
        )
        assert d.wire.violations == []
        with pytest.raises(LookupError):
            await d.platform.press(APPROVE)


async def test_a_click_answer_may_change_the_clickers_own_part_only() -> None:
    async with desk() as d:
        answer = {"userPrivateData": {"cardParamMap": {"tip": "你已处理"}}}
        await d.connect(answer=lambda _: answer)
        await send(
            d,
            cardTemplateId=OWN,
            cardData={"cardParamMap": {"canAct": "true"}},
            openSpaceId=f"dtv1.card//IM_GROUP.{GROUP}",
            imGroupOpenSpaceModel={"supportForward": False},
            imGroupOpenDeliverModel={"robotCode": "ding-app"},
        )
        await d.platform.press(APPROVE)
        assert d.platform.chat("boss")[0].facts == [("提示", "你已处理")]
        assert d.platform.chat("tech1")[0].facts == []


@pytest.mark.parametrize(
    "press",
    [
        Press(user="boss", card_id="ord-1-v1", key="delete"),
        Press(user="tech1", card_id="ord-1-v1", key="approve"),
        Press(user="boss", card_id="ord-2", key="approve"),
        Press(user="nobody", card_id="ord-1-v1", key="approve"),
    ],
)
async def test_nobody_can_tap_a_button_that_is_not_there(press: Press) -> None:
    async with desk() as d:
        bot = await d.connect()
        await send(d)
        with pytest.raises(LookupError):
            await d.platform.press(press)
        assert bot.frames == []


async def test_a_link_button_calls_nobody() -> None:
    async with desk() as d:
        bot = await d.connect()
        await send(d)
        await d.platform.press(Press(user="boss", card_id="ord-1-v1", key="明细"))
        assert bot.frames == []


async def test_a_forged_click_needs_no_button() -> None:
    async with desk() as d:
        bot = await d.connect()
        ack = await d.platform.press_raw("tech1", "ord-9", "approve", {"order": "9"}, corp_id="evil")
        assert ack is not None
        assert json.loads(bot.of(CARD_TOPIC)[0]["data"])["corpId"] == "evil"


async def test_an_unanswered_click_shows_a_failure_and_is_not_sent_again() -> None:
    async with desk() as d:
        bot = await d.connect(acks=False)
        await send(d)
        pressing = asyncio.create_task(d.platform.press(APPROVE))
        await until(lambda: d.pace.sleeping(2))
        d.pace.move(2)
        await pressing

        assert d.platform.chat("boss")[0].toast == "操作失败，请稍后重试"
        await bot.ack(bot.of(CARD_TOPIC)[0], data=json.dumps({"response": done("太晚")}))
        d.clock.move(600)
        await until(lambda: any(e.label.startswith("ack") for e in d.wire.entries))
        assert d.platform.chat("boss")[0].markdown == "**4 件**"
        assert len(bot.of(CARD_TOPIC)) == 1
        assert d.wire.violations == []


async def test_a_click_without_any_connection_fails_on_the_phone() -> None:
    async with desk() as d:
        await send(d)
        await d.platform.press(APPROVE)
        assert d.platform.chat("boss")[0].toast


@pytest.mark.parametrize(
    ("response", "sentence"),
    [
        ({"cardData": {"cardParamMap": {"n": 1}}}, "breaks a rule"),
        ({"cardData": {"cardParamMap": {"markdown": "字" * 400}}}, "breaks a rule"),
        ({"privateData": {}}, "unknown keys"),
        ([], "not an object"),
    ],
)
async def test_a_click_answer_out_of_form_changes_nothing_and_is_a_violation(response: Any, sentence: str) -> None:
    async with desk() as d:
        await d.connect(answer=lambda _: response)
        await send(d)
        await d.platform.press(APPROVE)
        assert sentence in d.wire.violations[0]
        assert d.platform.chat("boss")[0].markdown == "**4 件**"
        assert d.platform.chat("boss")[0].toast


async def test_an_unwrapped_click_answer_is_a_violation() -> None:
    async with desk() as d:
        bot = await d.connect(acks=False)
        await send(d)
        pressing = asyncio.create_task(d.platform.press(APPROVE))
        await until(lambda: bot.of(CARD_TOPIC))
        await bot.ack(bot.of(CARD_TOPIC)[0], data=json.dumps(done("x")))
        await pressing
        assert "no response" in d.wire.violations[0]


async def test_updating_a_card_inside_its_own_callback_is_a_violation() -> None:
    async with desk() as d:
        bot = await d.connect(acks=False)
        await send(d)
        pressing = asyncio.create_task(d.platform.press(APPROVE))
        await until(lambda: bot.of(CARD_TOPIC))
        body = {"outTrackId": "ord-1-v1", "cardData": {"cardParamMap": {"tips": "x"}}}
        updating = asyncio.create_task(d.call("PUT", "/v1.0/card/instances", body))
        await until(lambda: d.pace.sleeping(2) and any(e.label == "card update" for e in d.wire.entries))
        d.pace.move(2)
        await pressing
        await updating
        assert "inside its own callback" in d.wire.violations[0]


async def test_an_update_that_merely_meets_a_click_waits_for_it() -> None:
    async with desk() as d:
        bot = await d.connect(acks=False)
        await send(d)
        pressing = asyncio.create_task(d.platform.press(APPROVE))
        await until(lambda: bot.of(CARD_TOPIC))
        body = {"outTrackId": "ord-1-v1", "cardData": {"cardParamMap": {"title": "已取消"}}}
        updating = asyncio.create_task(d.call("PUT", "/v1.0/card/instances", body))
        await until(lambda: any(e.label == "card update" for e in d.wire.entries))
        await bot.ack(bot.of(CARD_TOPIC)[0])
        await pressing
        assert (await updating)[0] == 200
        assert d.wire.violations == []


async def test_a_button_list_cut_in_the_middle_is_a_violation() -> None:
    async with desk() as d:
        await send(d, cardData={"cardParamMap": {"sys_full_json_obj": '{"msgButtons":[{"te'}})
        assert "not JSON" in d.wire.violations[0]
