"""Callbacks as the bot meets them: kinds, retries, duplicates, order, passive replies, the URL check."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web

from simulator.wecom import Breakage
from simulator.world import FaultKind, Press
from tests.simulator.wecom_stand import CORP, DEPOT, JPG, SALES, Stand, approval_card, notice_card

NOW = 1771665240


@pytest.fixture
async def wecom() -> AsyncIterator[Stand]:
    async with Stand(callback_timeout=0.2).running() as stand:
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


async def test_a_text_arrives_sealed_with_every_common_field(wecom: Stand) -> None:
    msgid = await wecom.platform.say("XiaoA", "K0231 04465-0K240 20个 ]]> 后天要")

    assert wecom.inner() == (
        f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><FromUserName><![CDATA[XiaoA]]></FromUserName>"
        f"<CreateTime>{NOW}</CreateTime><MsgType><![CDATA[text]]></MsgType>"
        "<Content><![CDATA[K0231 04465-0K240 20个 ]]]]><![CDATA[> 后天要]]></Content>"
        f"<MsgId><![CDATA[{msgid}]]></MsgId><AgentID>{SALES}</AgentID></xml>"
    )
    [entry] = wecom.wire.entries
    assert (entry.direction, entry.status) == ("to_bot", "200 OK")
    assert "K0231" in entry.plain
    assert "K0231" not in entry.encrypted
    assert [(m.from_me, m.text) for m in wecom.platform.chat("xiaoa")] == [(True, "K0231 04465-0K240 20个 ]]> 后天要")]


async def test_every_message_kind_carries_its_own_fields(wecom: Stand) -> None:
    say = wecom.platform
    await say.send_image("XiaoA", JPG)
    assert "<PicUrl>" in wecom.inner()
    await say.send_voice("XiaoA", b"#!AMR\n1234")
    assert "<Format><![CDATA[amr]]>" in wecom.inner()
    await say.send_video("XiaoA", b"12345678", thumb=JPG)
    assert "<ThumbMediaId>" in wecom.inner()
    await say.send_location("XiaoA", 23.1, 113.3, "广州")
    assert "<Location_X>23.1</Location_X><Location_Y>113.3</Location_Y>" in wecom.inner()
    await say.send_link("XiaoA", "标题", "https://e.com")
    assert "<Url><![CDATA[https://e.com]]></Url>" in wecom.inner()
    await say.send_file("XiaoA", b"xlsx-bytes", filename="订单.xlsx")
    assert "<FileName><![CDATA[订单.xlsx]]></FileName>" in wecom.inner()
    await say.send_unknown("XiaoA", "hologram", Depth=3)
    assert "<MsgType><![CDATA[hologram]]></MsgType><Depth>3</Depth>" in wecom.inner()

    kinds = [message.kind for message in wecom.platform.chat("XiaoA")]
    assert kinds == ["image", "voice", "video", "text", "text", "file", "text"]


async def test_events_have_no_msgid(wecom: Stand) -> None:
    await wecom.platform.event("XiaoA", "subscribe")
    assert "<Event><![CDATA[subscribe]]></Event>" in wecom.inner()
    assert "MsgId" not in wecom.inner()

    await wecom.platform.report_location("XiaoA", 23.1, 113.3)
    assert "<Latitude>23.1</Latitude>" in wecom.inner()

    await wecom.platform.event("sys", "change_contact", ChangeType="delete_user", UserID="XiaoA", agentid=SALES)
    assert "<ChangeType><![CDATA[delete_user]]></ChangeType>" in wecom.inner()


async def test_a_group_message_never_reaches_the_app(wecom: Stand) -> None:
    with pytest.raises(ValueError, match="group"):
        await wecom.platform.say("XiaoA", "@接单 20个", group="g1")

    assert wecom.bot.got == []


async def test_somebody_outside_the_corp_cannot_write(wecom: Stand) -> None:
    with pytest.raises(LookupError):
        await wecom.platform.say("nobody", "hi")


async def test_a_refused_callback_comes_again_three_times_with_the_same_msgid(wecom: Stand) -> None:
    wecom.bot.script.extend(web.Response(status=503) for _ in range(4))

    msgid = await wecom.platform.say("XiaoA", "20个")

    assert [f"<![CDATA[{msgid}]]></MsgId>" in wecom.inner(i) for i in range(4)] == [True] * 4
    assert len({query["nonce"] for query, _ in wecom.bot.got}) == 4
    assert [inner["MsgId"] for inner in wecom.platform.given_up] == [msgid]
    assert [entry.note for entry in wecom.wire.entries] == ["", "retry 1", "retry 2", "retry 3"]


async def test_retries_stop_at_the_first_200(wecom: Stand) -> None:
    wecom.bot.script.append(web.Response(status=500))

    await wecom.platform.say("XiaoA", "20个")

    assert len(wecom.bot.got) == 2
    assert wecom.platform.given_up == []


async def test_an_answer_after_the_time_limit_counts_as_none(wecom: Stand) -> None:
    wecom.bot.silent = 1

    await wecom.platform.say("XiaoA", "20个")

    assert len(wecom.bot.got) == 2
    assert wecom.wire.entries[0].status == "no answer no answer within 0.2 s"


async def test_the_timeout_fault_sends_again_although_the_bot_answered(wecom: Stand) -> None:
    wecom.faults.arm(FaultKind.CALLBACK_TIMEOUT)

    await wecom.platform.say("XiaoA", "20个")

    assert wecom.inner(0) == wecom.inner(1)


async def test_the_duplicate_fault_sends_an_answered_message_three_times(wecom: Stand) -> None:
    wecom.faults.arm(FaultKind.DUPLICATE_CALLBACK)

    await wecom.platform.say("XiaoA", "20个")

    assert len({wecom.inner(i) for i in range(3)}) == 1
    assert len(wecom.bot.got) == 3


async def test_the_reorder_fault_swaps_two_messages_of_one_person(wecom: Stand) -> None:
    wecom.faults.arm(FaultKind.REORDER)

    await wecom.platform.say("XiaoA", "first")
    await wecom.platform.say("boss1", "of another person")
    await wecom.platform.say("XiaoA", "second")

    texts = [wecom.inner(i).split("<Content><![CDATA[")[1].split("]]>")[0] for i in range(3)]
    assert texts == ["of another person", "second", "first"]


async def test_a_held_message_goes_out_alone_when_nothing_follows(wecom: Stand) -> None:
    wecom.faults.arm(FaultKind.REORDER)
    await wecom.platform.say("XiaoA", "first")
    assert wecom.bot.got == []
    await wecom.clock.slept_on.wait()

    wecom.clock.move(seconds=6)

    await asyncio.wait_for(wecom.bot.arrived.wait(), 5)
    assert "first" in wecom.inner()


async def test_broken_envelopes_are_posted_once_and_their_answer_is_returned(wecom: Stand) -> None:
    wecom.bot.script.append(web.Response(status=403, body=b"no"))

    answer = await wecom.platform.send_callback({"MsgType": "text"}, mutate=Breakage.BAD_SIGNATURE)

    assert (answer.status, answer.body, answer.ok) == (403, b"no", False)
    assert len(wecom.bot.got) == 1
    assert wecom.wire.entries[0].note == "broken: bad_signature"


async def test_an_envelope_can_be_changed_by_hand(wecom: Stand) -> None:
    await wecom.platform.send_callback("<xml/>", mutate=lambda sealed: replace(sealed, raw_body=b"junk"))

    assert wecom.bot.got[0][1] == b"junk"


async def test_the_url_check_wants_the_bare_echo(wecom: Stand) -> None:
    def echo(request: web.Request, body: bytes) -> web.Response:
        assert "+" in request.query["echostr"]
        return web.Response(body=wecom.platform.cipher(SALES).decrypt(request.query["echostr"]))

    wecom.bot.script.extend([echo, web.Response(text='"1234"')])

    assert await wecom.platform.verify_url(SALES) is True
    assert wecom.wire.violations == []
    assert await wecom.platform.verify_url(SALES) is False
    assert len(wecom.wire.violations) == 1


async def test_a_refused_forged_url_check_is_no_violation(wecom: Stand) -> None:
    wecom.bot.script.append(web.Response(status=403))

    assert await wecom.platform.verify_url(SALES, mutate=Breakage.BAD_SIGNATURE) is False

    assert wecom.wire.violations == []


async def test_an_app_without_url_gets_nothing(wecom: Stand) -> None:
    with pytest.raises(LookupError):
        await wecom.platform.say("kuguan", "x", agentid=DEPOT)


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


async def test_a_press_that_nobody_answers_shows_a_toast(wecom: Stand) -> None:
    await wecom.send_card("boss1", approval_card())
    wecom.bot.script.extend(web.Response(status=500) for _ in range(4))

    await wecom.platform.press(Press(user="boss1", card_id="ap-SO260221-0137-v1", key="approve"))

    assert wecom.platform.chat("boss1")[0].toast != ""


async def test_pressing_before_the_start_is_an_error() -> None:
    stand = Stand()
    stand.platform.set_callback_url(SALES, "http://127.0.0.1:9/x")

    with pytest.raises(RuntimeError):
        await stand.platform.say("XiaoA", "x")
