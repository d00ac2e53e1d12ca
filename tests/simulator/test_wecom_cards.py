"""Template cards: every hard rule and its code, the phone's view, presses and updates."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from simulator.world import FaultKind, PhoneButton, Press
from tests.simulator.wecom_stand import (
    DEPOT,
    PNG,
    SALES,
    Stand,
    approval_card,
    multiple_card,
    news_card,
    notice_card,
    vote_card,
)

TASK = "ap-SO260221-0137-v1"


@pytest.fixture
async def wecom() -> AsyncIterator[Stand]:
    async with Stand().running() as stand:
        yield stand


async def test_a_task_id_is_used_up_for_ever_but_per_app(wecom: Stand) -> None:
    assert (await wecom.send_card("boss1", approval_card()))["errcode"] == 0
    wecom.clock.move(days=400)
    wecom.tokens.clear()

    assert (await wecom.send_card("boss2", approval_card()))["errcode"] == 42014
    wecom.platform.set_callback_url(DEPOT, wecom.callback_url)
    other = {"touser": "kuguan", "msgtype": "template_card", "agentid": DEPOT, "template_card": approval_card()}
    assert (await wecom.post("message/send", other, agentid=DEPOT))["errcode"] == 0


async def test_a_refused_send_does_not_use_the_task_id_up(wecom: Stand) -> None:
    assert (await wecom.send_card("nobody", approval_card()))["errcode"] == 81013

    assert (await wecom.send_card("boss1", approval_card()))["errcode"] == 0


async def test_an_app_without_callback_url_may_send_notices_only(wecom: Stand) -> None:
    wecom.platform.set_callback_url(SALES, None)

    assert (await wecom.send_card("boss1", approval_card()))["errcode"] == 43012
    assert (await wecom.send_card("boss1", notice_card()))["errcode"] == 0


async def test_advised_lengths_are_cut_on_the_phone_and_noted(wecom: Stand) -> None:
    await wecom.send_card("boss1", approval_card(main_title={"title": "长" * 37}, source={"desc": "订" * 20}))

    assert wecom.platform.chat("boss1")[0].title == "长" * 35 + "…"
    assert wecom.wire.entries[-1].note == "main_title.title: 37 characters, cut at 36"


async def test_fields_that_the_platform_ignores_are_noted(wecom: Stand) -> None:
    card = approval_card(jump_list=[], colour="red", source={"description": "x"}, replace_text="已通过")
    await wecom.send_card("boss1", card)

    note = wecom.wire.entries[-1].note
    assert "jump_list: not part of button_interaction, ignored" in note
    assert "colour: not part of button_interaction, ignored" in note
    assert "source.description: unknown field, ignored" in note
    assert [b.text for b in wecom.platform.chat("boss1")[0].buttons] == ["通过", "驳回", "转交"]


async def test_the_phone_shows_the_card(wecom: Stand) -> None:
    await wecom.send_card("boss1", approval_card(card_action={"type": 1, "url": "https://e.com/o/7"}))

    [shown] = wecom.platform.chat("BOSS1")
    assert (shown.kind, shown.title, shown.card_id) == ("card", "待审批 SO260221-0137", TASK)
    assert shown.text == "订单审批\n张三 · 城东店"
    assert shown.facts == [("数量", "20 个")]
    assert shown.link == "https://e.com/o/7"
    assert shown.buttons == [
        PhoneButton(key="approve", text="通过", style="primary"),
        PhoneButton(key="reject", text="驳回", style="negative"),
        PhoneButton(key="forward", text="转交", menu=True),
    ]
    [choice] = shown.choices
    assert (choice.options, choice.selected) == ([("none", "无"), ("price", "价格异常")], ["none"])


async def test_choice_cards_show_their_choices_and_one_submit_button(wecom: Stand) -> None:
    await wecom.send_card("boss1", vote_card())
    await wecom.send_card("boss1", multiple_card())

    vote, multiple = wecom.platform.chat("boss1")
    assert vote.submit == PhoneButton(key="expedite", text="确认", style="primary")
    assert [(c.selected, c.multi) for c in vote.choices] == [(["rival"], True)]
    assert multiple.submit is not None
    assert multiple.submit.text == "提交"
    assert [(c.title, c.selected) for c in multiple.choices] == [("级别", ["red"])]


async def test_a_press_carries_what_is_selected_and_a_fresh_code(wecom: Stand) -> None:
    sent = await wecom.send_card("boss1", approval_card())

    await wecom.platform.press(Press(user="boss1", card_id=TASK, key="reject", selected={"reason": ["price"]}))
    await wecom.platform.press(Press(user="boss1", card_id=TASK, key="approve"))

    first, second = wecom.inner(0), wecom.inner(1)
    assert "<Event><![CDATA[template_card_event]]></Event><EventKey><![CDATA[reject]]></EventKey>" in first
    assert f"<TaskId><![CDATA[{TASK}]]></TaskId><CardType><![CDATA[button_interaction]]></CardType>" in first
    assert (
        "<SelectedItems><SelectedItem><QuestionKey><![CDATA[reason]]></QuestionKey>"
        "<OptionIds><OptionId><![CDATA[price]]></OptionId></OptionIds></SelectedItem></SelectedItems>"
    ) in first
    assert "<OptionId><![CDATA[none]]></OptionId>" in second
    codes = {text.split("<ResponseCode><![CDATA[")[1].split("]]>")[0] for text in (first, second)}
    assert len(codes | {sent["response_code"]}) == 3
    assert "MsgId" not in first


async def test_several_ticks_repeat_the_option_id(wecom: Stand) -> None:
    await wecom.send_card("boss1", vote_card())

    await wecom.platform.press(
        Press(user="boss1", card_id="vote-1", key="expedite", selected={"why": ["rival", "down"]})
    )

    assert (
        "<OptionIds><OptionId><![CDATA[rival]]></OptionId><OptionId><![CDATA[down]]></OptionId></OptionIds>"
    ) in wecom.inner()


async def test_a_menu_action_is_an_event_of_its_own_without_selections(wecom: Stand) -> None:
    await wecom.send_card("boss1", approval_card())

    await wecom.platform.press(Press(user="boss1", card_id=TASK, key="forward"))

    assert "<![CDATA[template_card_menu_event]]></Event><EventKey><![CDATA[forward]]>" in wecom.inner()
    assert "SelectedItems" not in wecom.inner()


@pytest.mark.parametrize(
    "press",
    [
        Press(user="boss1", card_id=TASK, key="absent"),
        Press(user="boss1", card_id=TASK, key=""),
        Press(user="boss2", card_id=TASK, key="approve"),
        Press(user="boss1", card_id="other", key="approve"),
        Press(user="boss1", card_id=TASK, key="approve", selected={"reason": ["weather"]}),
        Press(user="boss1", card_id=TASK, key="approve", selected={"reason": ["none", "price"]}),
        Press(user="boss1", card_id=TASK, key="approve", selected={"mood": ["good"]}),
    ],
)
async def test_what_the_phone_does_not_offer_cannot_be_pressed(wecom: Stand, press: Press) -> None:
    await wecom.send_card("boss1", approval_card())

    with pytest.raises(LookupError):
        await wecom.platform.press(press)

    assert wecom.bot.got == []


async def test_a_press_can_be_forged(wecom: Stand) -> None:
    answer = await wecom.platform.press_raw(
        "stranger", "no-such-task", "approve", {"a": ["b"], "c": []}, response_code="stolen"
    )

    assert answer.ok
    assert "<FromUserName><![CDATA[stranger]]>" in wecom.inner()
    assert "<ResponseCode><![CDATA[stolen]]>" in wecom.inner()


async def test_an_update_greys_everyones_copy_once(wecom: Stand) -> None:
    sent = await wecom.send_card("boss1|boss2", approval_card())

    answer = await wecom.update(sent["response_code"], atall=1, button={"replace_name": "已通过"})
    again = await wecom.update(sent["response_code"], atall=1, button={"replace_name": "已驳回"})

    assert (answer["errcode"], answer["invaliduser"]) == (0, [])
    assert again["errcode"] == 60140
    for user in ("boss1", "boss2"):
        [shown] = wecom.platform.chat(user)
        assert shown.version == 2
        assert shown.buttons[0] == PhoneButton(key="", text="已通过", disabled=True)
        with pytest.raises(LookupError):
            await wecom.platform.press(Press(user=user, card_id=TASK, key="approve"))
    assert wecom.wire.violations == []


async def test_an_update_may_pick_people_and_names_the_others_in_an_array(wecom: Stand) -> None:
    sent = await wecom.send_card("boss1|boss2", approval_card())

    answer = await wecom.update(sent["response_code"], userids=["BOSS1", "XiaoA"], button={"replace_name": "已转交"})

    assert answer["invaliduser"] == ["XiaoA"]
    assert [wecom.platform.chat(user)[0].version for user in ("boss1", "boss2")] == [2, 1]


async def test_an_update_may_replace_the_card_by_another_kind(wecom: Stand) -> None:
    sent = await wecom.send_card("boss1", approval_card())
    card = {k: v for k, v in vote_card().items() if k != "task_id"}
    card["checkbox"]["disable"] = True

    answer = await wecom.update(sent["response_code"], atall=1, template_card={**card, "replace_text": "已结束"})

    [shown] = wecom.platform.chat("boss1")
    assert answer["errcode"] == 0
    assert (shown.title, shown.card_id, shown.buttons) == ("加急原因", TASK, [])
    assert shown.submit == PhoneButton(key="", text="已结束", style="primary", disabled=True)
    assert shown.choices[0].disabled


async def test_the_code_of_a_press_repaints_too_and_all_die_after_72_hours(wecom: Stand) -> None:
    sent = await wecom.send_card("boss1", approval_card())
    await wecom.platform.press(Press(user="boss1", card_id=TASK, key="approve"))
    pressed = wecom.inner().split("<ResponseCode><![CDATA[")[1].split("]]>")[0]
    grey = {"atall": 1, "button": {"replace_name": "已通过"}}

    assert (await wecom.update(pressed, **grey))["errcode"] == 0
    wecom.clock.move(hours=72)
    wecom.tokens.clear()
    assert (await wecom.update(sent["response_code"], **grey))["errcode"] == 60140
    assert (await wecom.update("made-up", **grey))["errcode"] == 60140
    assert wecom.wire.violations == []


async def test_the_spent_code_fault_uses_the_code_up(wecom: Stand) -> None:
    sent = await wecom.send_card("boss1", approval_card())
    wecom.faults.arm(FaultKind.CODE_SPENT)

    assert (await wecom.update(sent["response_code"], atall=1, button={"replace_name": "x"}))["errcode"] == 60140
    assert (await wecom.update(sent["response_code"], atall=1, button={"replace_name": "x"}))["errcode"] == 60140


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"template_card": notice_card(card_action=None)}, 42045),
        ({"template_card": approval_card(main_title=None)}, 42033),
        ({"button": {}}, 42018),
        ({}, 40063),
        ({"atall": 0, "button": {"replace_name": "x"}}, 81012),
        ({"atall": 0, "userids": "boss1", "button": {"replace_name": "x"}}, 40058),
        ({"response_code": "", "button": {"replace_name": "x"}}, 40063),
        ({"agentid": DEPOT, "button": {"replace_name": "x"}}, 301002),
    ],
)
async def test_a_wrong_update_is_refused_and_leaves_card_and_code(
    wecom: Stand, change: dict[str, Any], code: int
) -> None:
    sent = await wecom.send_card("boss1", approval_card())
    body = {"agentid": SALES, "response_code": sent["response_code"], "atall": 1, **change}

    assert (await wecom.post("message/update_template_card", body))["errcode"] == code
    assert wecom.platform.chat("boss1")[0].version == 1
    good = await wecom.update(sent["response_code"], atall=1, button={"replace_name": "已通过"})
    assert good["errcode"] == 0


async def test_codes_belong_to_their_app_and_task(wecom: Stand) -> None:
    sent = await wecom.send_card("boss1", approval_card())
    foreign = {"agentid": DEPOT, "response_code": sent["response_code"], "atall": 1, "button": {"replace_name": "x"}}
    grant = wecom.platform.phones.grant(SALES, "never-sent")

    assert (await wecom.post("message/update_template_card", foreign, agentid=DEPOT))["errcode"] == 42015
    assert (await wecom.update(grant, atall=1, button={"replace_name": "x"}))["errcode"] == 42016


async def test_a_notice_cannot_be_greyed(wecom: Stand) -> None:
    menu = {"desc": "更多", "action_list": [{"text": "稍后", "key": "later"}]}
    sent = await wecom.send_card("boss1", notice_card(task_id="n1", action_menu=menu))

    assert (await wecom.update(sent["response_code"], atall=1, button={"replace_name": "x"}))["errcode"] == 42017


async def test_a_link_button_opens_a_page_and_calls_nobody(wecom: Stand) -> None:
    buttons = [{"text": "看单", "type": 1, "url": "https://e.com/o/7"}, {"text": "通过", "key": "approve"}]
    await wecom.send_card("boss1", approval_card(button_list=buttons))

    assert wecom.platform.chat("boss1")[0].buttons[0].url == "https://e.com/o/7"
    with pytest.raises(LookupError):
        await wecom.platform.press(Press(user="boss1", card_id=TASK, key=""))


async def test_a_picture_of_uploadimg_is_shown_on_the_card(wecom: Stand) -> None:
    name = wecom.platform.media.keep_picture(PNG)
    await wecom.send_card("boss1", news_card(card_image={"url": f"{wecom.api_url}wework_pic/{name}"}))

    assert wecom.platform.chat("boss1")[0].image == PNG
