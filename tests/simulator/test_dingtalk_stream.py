"""The stream half: tickets, frames, acks, redelivery, faults of the socket."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from typing import Any

import pytest

from simulator.world import FaultKind
from tests.simulator.dingtalk_desk import GROUP, ROBOT_TOPIC, desk, until


async def test_a_wrong_secret_opens_no_stream() -> None:
    async with desk() as d, await d.open(secret="wrong") as answer:
        assert answer.status == 401
        assert (await answer.json())["code"] == "authFailed"


async def test_without_accept_json_the_answer_is_xml() -> None:
    async with desk() as d, await d.open(accept="*/*") as answer:
        assert answer.content_type == "application/xml"
        assert (await answer.text()).startswith("<?xml")


async def test_events_can_only_be_subscribed_as_a_whole() -> None:
    async with desk() as d:
        body = {
            "clientId": "ding-app",
            "clientSecret": "s3cret",
            "subscriptions": [{"type": "EVENT", "topic": "user_leave_org"}],
        }
        status, content = await d.post("/v1.0/gateway/connections/open", body)
        assert (status, content["code"]) == (400, "param.invalid")


async def test_a_ticket_opens_one_socket_and_only_for_90_seconds() -> None:
    async with desk() as d:
        async with await d.open() as answer:
            used = await answer.json()
        async with await d.open() as answer:
            late = await answer.json()
        socket = await d.http.ws_connect(used["endpoint"], params={"ticket": used["ticket"]})

        async with d.http.get(used["endpoint"].replace("ws:", "http:"), params={"ticket": used["ticket"]}) as again:
            assert again.status == 401
        d.clock.move(90)
        async with d.http.get(late["endpoint"].replace("ws:", "http:"), params={"ticket": late["ticket"]}) as old:
            assert old.status == 401
        await socket.close()


async def test_a_text_arrives_with_sender_chat_and_reply_address() -> None:
    async with desk() as d:
        bot = await d.connect()

        message_id = await d.platform.say("tech1", "下单 BP-1001 x4")

        (message,) = bot.messages()
        assert message["msgId"] == message_id
        assert message["text"] == {"content": "下单 BP-1001 x4"}
        assert (message["senderStaffId"], message["conversationType"]) == ("tech1", "1")
        assert message["sessionWebhookExpiredTime"] == message["createAt"] + 5_400_000
        assert d.wire.violations == []
        assert [m.text for m in d.platform.chat("tech1")] == ["下单 BP-1001 x4"]


async def test_every_kind_of_message_has_its_shape() -> None:
    async with desk() as d:
        bot = await d.connect()
        quoted = await d.platform.say("tech1", "第一条", group=GROUP)
        await d.platform.say("tech1", "这条", group=GROUP, quote=quoted)
        await d.platform.send_image("tech1", b"\x89PNG1")
        await d.platform.send_image("tech1", b"\x89PNG2", group=GROUP)
        await d.platform.send_rich_text("tech1", ["加急 ", b"\x89PNG3"])
        await d.platform.send_voice("tech1", "四片刹车片加急")
        await d.platform.send_video("tech1", b"mp4")
        await d.platform.send_file("tech1", b"PK", filename="订单.xlsx")
        await d.platform.send_unknown("tech1")

        got = bot.messages()

        assert [m["msgtype"] for m in got] == [
            "text", "text", "picture", "richText", "richText", "audio", "video", "file", "unknownMsgType",
        ]  # fmt: skip
        assert got[0]["text"]["content"] == " 第一条"
        assert got[0]["isInAtList"] is True
        assert got[1]["text"]["repliedMsg"]["msgId"] == quoted
        assert got[2]["content"]["downloadCode"]
        assert got[3]["content"]["richText"][0]["type"] == "picture"
        assert got[4]["content"]["richText"][0] == {"text": "加急 "}
        assert got[5]["content"]["recognition"] == "四片刹车片加急"
        assert got[6]["content"]["videoType"] == "mp4"
        assert got[7]["content"]["fileName"] == "订单.xlsx"


async def test_someone_outside_the_organisation_has_no_staff_id() -> None:
    async with desk() as d:
        bot = await d.connect()
        await d.platform.say("guest", "下单")
        assert "senderStaffId" not in bot.messages()[0]


async def test_an_unacked_message_comes_again_with_a_new_frame_and_the_same_msg_id() -> None:
    async with desk(ack_patience=1) as d:
        bot = await d.connect(acks=False)
        saying = d.platform.say("tech1", "下单")
        said = asyncio.create_task(saying)
        await until(lambda: d.pace.sleeping(1))
        d.pace.move(1)
        message_id = await said
        await until(lambda: d.clock.sleeping(60))

        d.clock.move(60)
        await until(lambda: len(bot.messages()) == 2)

        assert {m["msgId"] for m in bot.messages()} == {message_id}
        first, second = (frame["headers"]["messageId"] for frame in bot.of(ROBOT_TOPIC))
        assert first != second
        await bot.ack(bot.of(ROBOT_TOPIC)[1])
        await until(lambda: any(e.status == "ack 200" for e in d.wire.entries))
        d.pace.move(1)
        d.clock.move(600)
        await until(lambda: not d.platform.inbound._tasks)
        assert len(bot.messages()) == 2


async def test_a_message_sent_while_nobody_is_connected_is_tried_again() -> None:
    async with desk() as d:
        await d.platform.say("tech1", "下单")
        bot = await d.connect()
        assert bot.messages() == []

        await until(lambda: d.clock.sleeping(60))
        d.clock.move(60)

        await until(lambda: len(bot.messages()) == 1)


async def test_or_it_is_lost_for_good() -> None:
    async with desk(lose_when_offline=True) as d:
        await d.platform.say("tech1", "下单")
        assert not d.platform.inbound._tasks


async def test_pushes_spread_over_the_connections() -> None:
    async with desk(seed=4) as d:
        bots = [await d.connect(), await d.connect()]

        for number in range(12):
            await d.platform.say("tech1", f"第{number}条")

        assert sorted(len(bot.messages()) > 0 for bot in bots) == [True, True]
        assert sum(len(bot.messages()) for bot in bots) == 12


async def test_a_ping_is_sent_and_an_echo_keeps_the_socket() -> None:
    async with desk() as d:
        bot = await d.connect()
        await until(lambda: d.pace.sleeping(20))
        d.pace.move(20)
        await until(lambda: len(bot.of("ping")) == 1)
        await until(lambda: d.pace.sleeping(20))
        assert not bot.closed
        assert d.wire.violations == []


@pytest.mark.parametrize("echo", [None, '{"opaque": "something else"}'])
async def test_a_ping_without_its_echo_ends_the_socket(echo: str | None) -> None:
    async with desk() as d:
        bot = await d.connect(acks=False)
        await until(lambda: d.pace.sleeping(20))
        d.pace.move(20)
        await until(lambda: bot.of("ping"))
        if echo is None:
            await until(lambda: d.pace.sleeping(10))
            d.pace.move(10)
        else:
            await bot.ack(bot.of("ping")[0], data=echo)
        await until(lambda: bot.closed)
        assert len(d.wire.violations) == 1
        assert "ping" in d.wire.violations[0]


BAD_ACKS: list[tuple[dict[str, Any], str]] = [
    ({"code": 200, "headers": {"messageId": "nobody"}, "data": "{}"}, "unknown frame"),
    ({"code": 200, "headers": {}, "data": "{}"}, "no messageId"),
    ({"code": 200, "headers": {"messageId": "m"}, "data": {"response": None}}, "must be a JSON string"),
    ({"code": "200", "headers": {"messageId": "m"}, "data": "{}"}, "not a number"),
    ({"code": 200, "headers": {"messageId": "m"}, "data": "{oops"}, "not JSON"),
    ({"code": 200, "data": "{}"}, "no headers"),
]


@pytest.mark.parametrize(("frame", "sentence"), BAD_ACKS)
async def test_an_ack_out_of_form_is_a_violation(frame: dict[str, Any], sentence: str) -> None:
    async with desk() as d:
        bot = await d.connect()
        await bot.send(frame)
        await until(lambda: d.wire.violations)
        assert sentence in d.wire.violations[0]


async def test_a_second_ack_and_one_on_another_socket_are_violations() -> None:
    async with desk(seed=1) as d:
        bots = [await d.connect(), await d.connect()]
        await d.platform.say("tech1", "下单")
        receiver, other = sorted(bots, key=lambda bot: -len(bot.messages()))
        (frame,) = receiver.of(ROBOT_TOPIC)

        await receiver.ack(frame)
        await other.ack(frame)

        await until(lambda: len(d.wire.violations) == 2)
        assert any("second ack" in v for v in d.wire.violations)
        assert any("another socket" in v for v in d.wire.violations)


async def test_after_a_disconnect_frame_nothing_more_comes_and_tcp_closes() -> None:
    async with desk() as d:
        old = await d.connect()
        d.faults.arm(FaultKind.STREAM_DISCONNECT)
        await d.platform.say("tech1", "一")
        await until(lambda: old.of("disconnect"))
        new = await d.connect()

        await d.platform.say("tech1", "二")

        assert old.messages() == []
        assert [m["text"]["content"] for m in new.messages()] == ["二"]
        assert not old.closed
        await until(lambda: d.pace.sleeping(10))
        d.pace.move(10)
        await until(lambda: old.closed)
        assert old.socket.close_code == 1006


async def test_a_half_open_socket_swallows_everything_and_answers_no_ping() -> None:
    async with desk(ack_patience=1) as d:
        bot = await d.connect()
        d.faults.arm(FaultKind.STREAM_MUTE)
        said = asyncio.create_task(d.platform.say("tech1", "下单"))
        await until(lambda: d.pace.sleeping(1))
        d.pace.move(1)
        await said
        await bot.socket.ping(b"anyone?")
        d.pace.move(20)

        await until(lambda: d.clock.sleeping(60))
        assert bot.frames == []
        assert not bot.closed
        await bot.close()
        await until(lambda: not d.platform.gateway.connections)
        healthy = await d.connect()
        d.clock.move(60)
        await until(lambda: len(healthy.messages()) == 1)


async def test_dropped_sockets_break_without_a_word() -> None:
    async with desk() as d:
        bot = await d.connect()
        d.faults.arm(FaultKind.STREAM_DROP)
        await d.platform.say("tech1", "下单")
        await until(lambda: bot.closed)
        assert bot.socket.close_code == 1006
        assert bot.messages() == []


async def test_the_same_message_can_come_three_times_although_it_was_acked() -> None:
    async with desk() as d:
        bot = await d.connect()
        d.faults.arm(FaultKind.DUPLICATE_CALLBACK)
        message_id = await d.platform.say("tech1", "下单")
        assert [m["msgId"] for m in bot.messages()] == [message_id] * 3
        assert len({f["headers"]["messageId"] for f in bot.of(ROBOT_TOPIC)}) == 3


async def test_an_ack_the_platform_ignored_brings_the_message_back() -> None:
    async with desk() as d:
        bot = await d.connect()
        d.faults.arm(FaultKind.CALLBACK_TIMEOUT)
        await d.platform.say("tech1", "下单")
        await until(lambda: d.clock.sleeping(60))
        d.clock.move(60)
        await until(lambda: len(bot.messages()) == 2)


async def test_two_messages_of_one_person_can_swap() -> None:
    async with desk() as d:
        bot = await d.connect()
        d.faults.arm(FaultKind.REORDER)
        await d.platform.say("tech1", "一")
        await d.platform.say("boss", "别人")
        await d.platform.say("tech1", "二")
        assert [m["text"]["content"] for m in bot.messages()] == ["别人", "二", "一"]


async def test_a_held_message_comes_alone_when_nothing_follows() -> None:
    async with desk() as d:
        bot = await d.connect()
        d.faults.arm(FaultKind.REORDER)
        await d.platform.say("tech1", "一")
        await until(lambda: d.clock.sleeping(60))
        d.clock.move(60)
        await until(lambda: len(bot.messages()) == 1)


async def test_over_quota_a_message_has_an_error_and_no_text() -> None:
    async with desk(monthly_stream=1) as d:
        bot = await d.connect()
        await d.platform.say("tech1", "一")
        await d.platform.say("tech1", "二")
        d.clock.move(30 * 86400)
        await d.platform.say("tech1", "三")
        first, second, third = bot.messages()
        assert "errCode" not in first
        assert second["errCode"] == 20001
        assert "text" not in second
        assert third["text"]["content"] == "三"


async def test_an_event_answered_later_comes_again() -> None:
    async with desk() as d:
        bot = await d.connect(acks=False)

        def events() -> list[dict[str, Any]]:
            return [frame for frame in bot.frames if frame["type"] == "EVENT"]

        pushed = asyncio.create_task(d.platform.push_event("user_leave_org", {"userId": ["tech1"]}))
        await until(lambda: len(events()) == 1)
        await bot.ack(events()[0], data=json.dumps({"status": "LATER"}))
        await pushed
        await until(lambda: d.clock.sleeping(60))
        d.clock.move(60)
        await until(lambda: len(events()) == 2)
        await bot.ack(events()[1])
        await until(lambda: not d.platform.inbound._tasks)
        ids = [frame["headers"]["eventId"] for frame in events()]
        assert all(a == b for a, b in pairwise(ids))
        assert events()[0]["headers"]["eventType"] == "user_leave_org"
