"""Callbacks as the bot meets them: kinds, retries, duplicates, order, passive replies, the URL check."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web

from simulator.wecom import Breakage
from simulator.world import FaultKind, Press
from tests.simulator.wecom_stand import CORP, DEPOT, JPG, SALES, Stand, approval_card

NOW = 1771665240


@pytest.fixture
async def wecom() -> AsyncIterator[Stand]:
    async with Stand(callback_timeout=0.2).running() as stand:
        yield stand


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


async def test_two_presses_in_one_second_differ_by_their_code_alone(wecom: Stand) -> None:
    await wecom.send_card("boss1|boss2", approval_card())

    await asyncio.gather(
        *(
            wecom.platform.press(Press(user=user, card_id="ap-SO260221-0137-v1", key="approve"))
            for user in ("boss1", "boss2")
        )
    )

    assert len({wecom.inner(i) for i in range(2)}) == 2
    assert all(f"<CreateTime>{NOW}</CreateTime>" in wecom.inner(i) for i in range(2))


async def test_a_message_still_held_when_the_platform_stops_counts_as_given_up() -> None:
    async with Stand().running() as wecom:
        wecom.faults.arm(FaultKind.REORDER)
        msgid = await wecom.platform.say("XiaoA", "held")

    assert [inner["MsgId"] for inner in wecom.platform.given_up] == [msgid]
    assert wecom.bot.got == []
