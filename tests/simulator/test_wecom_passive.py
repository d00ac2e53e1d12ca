"""Passive replies: what may come back in the body of a callback's 200, and what it changes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from simulator.world import Press
from tests.simulator.wecom_stand import CORP, SALES, Stand, approval_card, notice_card

NOW = 1771665240


@pytest.fixture
async def wecom() -> AsyncIterator[Stand]:
    async with Stand().running() as stand:
        yield stand


def passive(stand: Stand, inner: str, **changes: str) -> web.Response:
    """A passive reply sealed as the bot would seal it."""
    envelope = stand.platform.cipher(SALES).seal(inner.encode(), timestamp=NOW, nonce="77", agentid=SALES)
    parts = {
        "Encrypt": envelope.encrypt,
        "MsgSignature": envelope.signature,
        "TimeStamp": envelope.timestamp,
        "Nonce": envelope.nonce,
        **changes,
    }
    return web.Response(body="<xml>" + "".join(f"<{k}>{v}</{k}>" for k, v in parts.items()) + "</xml>")


def reply(kind: str, body: str, *, to: str = "boss1", sender: str = CORP) -> str:
    return (
        f"<xml><ToUserName>{to}</ToUserName><FromUserName>{sender}</FromUserName>"
        f"<CreateTime>{NOW}</CreateTime><MsgType>{kind}</MsgType>{body}</xml>"
    )


async def test_a_passive_text_lands_in_the_chat(wecom: Stand) -> None:
    wecom.bot.script.append(passive(wecom, reply("text", "<Content>收到</Content>", to="XiaoA")))

    await wecom.platform.say("XiaoA", "20个")

    assert [(m.from_me, m.text) for m in wecom.platform.chat("XiaoA")] == [(True, "20个"), (False, "收到")]
    assert wecom.wire.violations == []


async def test_a_passive_update_repaints_the_clickers_copy_alone(wecom: Stand) -> None:
    await wecom.send_card("boss1|boss2", approval_card())
    wecom.bot.script.append(
        passive(wecom, reply("update_button", "<Button><ReplaceName>已通过</ReplaceName></Button>"))
    )

    await wecom.platform.press(Press(user="boss1", card_id="ap-SO260221-0137-v1", key="approve"))

    [mine], [other] = wecom.platform.chat("boss1"), wecom.platform.chat("boss2")
    assert [(b.text, b.disabled) for b in mine.buttons if not b.menu] == [("已通过", True)]
    assert [(b.text, b.disabled) for b in other.buttons if not b.menu] == [("通过", False), ("驳回", False)]
    assert wecom.wire.violations == []


async def test_a_passive_card_with_repeated_elements_replaces_the_card(wecom: Stand) -> None:
    await wecom.send_card("boss1", approval_card())
    card = (
        "<TemplateCard><CardType>text_notice</CardType><MainTitle><Title>已通过</Title></MainTitle>"
        "<HorizontalContentList><KeyName>金额</KeyName><Value>1</Value></HorizontalContentList>"
        "<HorizontalContentList><KeyName>数量</KeyName><Value>2</Value></HorizontalContentList>"
        "<CardAction><Type>1</Type><Url>https://e.com</Url></CardAction></TemplateCard>"
    )
    wecom.bot.script.append(passive(wecom, reply("update_template_card", card)))

    await wecom.platform.press(Press(user="boss1", card_id="ap-SO260221-0137-v1", key="forward"))

    [mine] = wecom.platform.chat("boss1")
    assert (mine.title, mine.facts, mine.link, mine.version) == (
        "已通过",
        [("金额", "1"), ("数量", "2")],
        "https://e.com",
        2,
    )
    assert wecom.wire.violations == []


WRAPPED = (
    "<TemplateCard><CardType>text_notice</CardType><MainTitle><Title>t</Title></MainTitle>"
    "<HorizontalContentList><Item><KeyName>a</KeyName></Item></HorizontalContentList>"
    "<CardAction><Type>1</Type><Url>u</Url></CardAction></TemplateCard>"
)
NO_ACTION = "<TemplateCard><CardType>text_notice</CardType><MainTitle><Title>t</Title></MainTitle></TemplateCard>"


@pytest.mark.parametrize(
    ("inner", "changes", "complaint"),
    [
        (reply("text", "<Content>x</Content>"), {"MsgSignature": "00"}, "-40001"),
        (reply("text", "<Content>x</Content>"), {"Nonce": ""}, "Nonce missing"),
        (reply("text", "<Content>x</Content>", to="boss2"), {}, "ToUserName"),
        (reply("text", "<Content>x</Content>", sender="boss1"), {}, "FromUserName"),
        (reply("text", ""), {}, "Content missing"),
        (reply("text", "<Content>x</Content>")[:-6], {}, "not well formed"),
        (reply("update_template_card", WRAPPED), {}, "without a wrapper"),
        (reply("update_template_card", NO_ACTION), {}, "42045"),
        (reply("update_button", "<Button/>"), {}, "ReplaceName missing"),
        (reply("poem", ""), {}, "may not be answered with 'poem'"),
        ("<!DOCTYPE x><xml/>", {}, "document type"),
    ],
)
async def test_a_wrong_passive_reply_is_a_violation_and_changes_nothing(
    wecom: Stand, inner: str, changes: dict[str, str], complaint: str
) -> None:
    await wecom.send_card("boss1", approval_card())
    before = wecom.platform.chat("boss1")
    wecom.bot.script.append(passive(wecom, inner, **changes))

    await wecom.platform.press(Press(user="boss1", card_id="ap-SO260221-0137-v1", key="approve"))

    [violation] = wecom.wire.violations
    assert complaint in violation
    assert wecom.platform.chat("boss1") == before


async def test_events_outside_the_list_must_be_answered_empty(wecom: Stand) -> None:
    wecom.bot.script.append(passive(wecom, reply("text", "<Content>x</Content>", to="XiaoA")))

    await wecom.platform.event("XiaoA", "unsubscribe")

    assert "unsubscribe may not be answered with 'text'" in wecom.wire.violations[0]


async def test_a_card_reply_to_a_plain_message_is_refused(wecom: Stand) -> None:
    wecom.bot.script.append(
        passive(wecom, reply("update_button", "<Button><ReplaceName>x</ReplaceName></Button>", to="XiaoA"))
    )

    await wecom.platform.say("XiaoA", "20个")

    assert "text may not be answered with 'update_button'" in wecom.wire.violations[0]


async def test_an_update_button_on_a_notice_is_refused(wecom: Stand) -> None:
    menu = {"desc": "更多", "action_list": [{"text": "稍后", "key": "later"}]}
    await wecom.send_card("boss1", notice_card(task_id="n1", action_menu=menu))
    wecom.bot.script.append(passive(wecom, reply("update_button", "<Button><ReplaceName>x</ReplaceName></Button>")))

    await wecom.platform.press(Press(user="boss1", card_id="n1", key="later"))

    assert "without buttons to grey" in wecom.wire.violations[0]


async def test_plain_words_instead_of_a_sealed_reply_are_a_violation(wecom: Stand) -> None:
    wecom.bot.script.append(web.Response(text="success"))

    await wecom.platform.say("XiaoA", "20个")

    assert "not well formed" in wecom.wire.violations[0]


@pytest.mark.parametrize(("spends", "code"), [(True, 60140), (False, 0)])
async def test_a_passive_update_uses_the_code_of_its_press_up_unless_told_otherwise(spends: bool, code: int) -> None:
    async with Stand(passive_spends_code=spends).running() as wecom:
        sent = await wecom.send_card("boss1", approval_card())
        button = "<Button><ReplaceName>已通过</ReplaceName></Button>"
        wecom.bot.script.append(passive(wecom, reply("update_button", button)))

        await wecom.platform.press(Press(user="boss1", card_id="ap-SO260221-0137-v1", key="approve"))

        pressed = wecom.inner().split("<ResponseCode><![CDATA[")[1].split("]]>")[0]
        grey = {"atall": 1, "button": {"replace_name": "已通过"}}
        assert (await wecom.update(pressed, **grey))["errcode"] == code
        assert (await wecom.update(sent["response_code"], **grey))["errcode"] == 0
