"""Stream frames of any shape: the client lives, stores only what carries a message, and keeps nothing without bound."""

from __future__ import annotations

import contextlib
import json
import logging
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.dingtalk.frames import CARD_TOPIC, ROBOT_TOPIC, BadFrame, read_frame
from bot.dingtalk.parse import parse
from bot.dingtalk.receive import Receiver
from bot.plain_json import LONGEST_KEY, bounded_key, fit_text, read_json
from bot.wecom.aibot.frames import BadFrame as BadAibotFrame
from bot.wecom.aibot.frames import read_frame as read_aibot_frame
from bot.wecom.aibot.parse import parse as parse_aibot
from bot.wecom.aibot.parse import store_form
from core.clock import MovableClock
from core.inbound import RawInbound
from tests.dingtalk.stand import START, Store, stand, until

BOUNDED = settings(max_examples=300, deadline=None)

any_text = st.text(st.characters(exclude_categories=()), max_size=30)  # half surrogates and NUL included
scalars = st.none() | st.booleans() | st.integers() | st.floats() | any_text
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4))
fields = st.sampled_from(
    ["msgId", "msgtype", "text", "content", "richText", "senderStaffId", "conversationId", "conversationType",
     "createAt", "outTrackId", "userId", "corpId", "value", "errCode", "robotCode", "chatbotCorpId", "senderCorpId"]
)  # fmt: skip
payloads = st.dictionaries(
    fields | any_text, values | st.sampled_from(["text", "picture", "richText", "2"]), max_size=8
)
frames = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["EVENT", "CALLBACK", "SYSTEM"]) | values,
        "headers": st.fixed_dictionaries(
            {"messageId": any_text | values, "topic": st.sampled_from([ROBOT_TOPIC, CARD_TOPIC, "*"]) | values},
            optional={"time": values, "eventType": st.sampled_from(["user_add_org"]) | values, "eventId": values},
        )
        | values,
        "data": payloads.map(json.dumps) | values,
    }
)


async def _handled(text: str) -> list[RawInbound]:
    """What is stored of a frame; nothing but BadFrame may be raised, and the ack can be sent."""
    store = Store()
    receiver = Receiver(
        ingest=store.ingest, answer_press=store.answer_press, clock=MovableClock(START, speed=0.0), press_limit=1.0
    )
    try:
        frame = read_frame(text)
    except BadFrame:
        return []
    ack = await receiver.handle(frame)
    receiver.count(frame)
    if ack is not None:
        ack.text(frame).encode()
    return store.rows


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


@BOUNDED
@given(frames)
@example({"type": "CALLBACK", "headers": {"messageId": "\ud800", "topic": ROBOT_TOPIC}, "data": '{"msgId":"\\ud83d"}'})
@example({"type": "CALLBACK", "headers": {"messageId": "m\0", "topic": CARD_TOPIC}, "data": '{"outTrackId":"\\u0000"}'})
@example(
    {"type": "CALLBACK", "headers": {"messageId": "m", "topic": CARD_TOPIC}, "data": '{"userId":"' + "x" * 9000 + '"}'}
)
@example(
    {
        "type": "CALLBACK",
        "headers": {"messageId": "m", "topic": ROBOT_TOPIC},
        "data": '{"a":' + "[" * 900 + "]" * 900 + "}",
    }
)
async def test_a_frame_of_any_shape_is_stored_so_that_a_database_takes_it_or_refused(frame: dict[str, Any]) -> None:
    for raw in await _handled(json.dumps(frame)):
        kept = json.dumps(raw.payload, ensure_ascii=False)
        assert "\0" not in raw.dedupe_key + raw.conv_key
        assert len(raw.dedupe_key) <= LONGEST_KEY
        assert len(raw.conv_key) <= LONGEST_KEY
        (kept + raw.dedupe_key + raw.conv_key).encode()
        assert parse(raw, corp_id="dingcorp").dedupe_key == raw.dedupe_key


@BOUNDED
@given(
    st.text(st.characters(exclude_categories=()), max_size=200)
    | st.binary(max_size=200).map(lambda b: b.decode("latin-1"))
)
@example("[" * 100_000)
@example('{"headers":' * 50_000)
@example("1" * 5000)
@example('{"headers":{"messageId":"a"},"data":{"x":NaN}}')
async def test_no_text_raises_anything_but_a_refusal(text: str) -> None:
    await _handled(text)
    with contextlib.suppress(BadAibotFrame):
        read_aibot_frame(text)


@BOUNDED
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "msgid",
                "msgtype",
                "text",
                "image",
                "mixed",
                "voice",
                "file",
                "quote",
                "from",
                "chatid",
                "chattype",
                "create_time",
                "event",
                "aibotid",
            ]
        )
        | any_text,
        values | st.fixed_dictionaries({"userid": any_text, "content": values, "msg_item": values, "url": values}),
    )
)
@example({"from": {"userid": "x" * 5000}, "msgid": "y" * 5000})
def test_an_aibot_callback_of_any_shape_is_kept_or_refused(body: dict[str, Any]) -> None:
    frame = read_aibot_frame(json.dumps({"cmd": "aibot_msg_callback", "headers": {"req_id": "r"}, "body": body}))
    with contextlib.suppress(BadAibotFrame):
        raw = store_form(frame.body, START)
        json.dumps(raw.payload, ensure_ascii=False).encode()
        assert max(len(raw.dedupe_key), len(raw.conv_key)) <= LONGEST_KEY
        assert parse_aibot(raw).platform_at == raw.platform_at


@BOUNDED
@given(values)
def test_what_was_read_can_be_written(value: Any) -> None:
    read = read_json(json.dumps(value))

    json.dumps(read, ensure_ascii=False).encode()
    assert read_json(json.dumps(read)) == read


def test_ordinary_text_is_left_alone_and_half_a_pair_is_shown_as_such() -> None:
    assert fit_text("20个 😀 é") == "20个 😀 é"
    assert fit_text("a\ud83db\0c") == "a\ufffdbc"
    assert fit_text("\ud83d\ude00") == "😀"
    with pytest.raises(ValueError, match="deep"):
        read_json("[" * 40 + "]" * 40)


def test_an_endless_key_is_bounded_and_stays_the_same() -> None:
    assert bounded_key("m:1") == "m:1"
    assert bounded_key("x" * 9000) == bounded_key("x" * 9000)
    assert bounded_key("x" * 9000) != bounded_key("x" * 9001)
    assert len(bounded_key("中" * 9000)) <= LONGEST_KEY


HOSTILE = (
    "", "null", "[]", "{}", '"', "\0", "[" * 200_000, '{"type":1}', '{"headers":[]}',
    '{"type":"SYSTEM","headers":{"messageId":"p","topic":"ping"},"data":"\\ud800"}',
    '{"type":"SYSTEM","headers":{"messageId":"\\ud800","topic":"ping"},"data":{}}',
    '{"type":"SYSTEM","headers":{"messageId":"q","topic":{"a":1}},"data":null}',
    '{"type":"CALLBACK","headers":{"messageId":"r","topic":"' + ROBOT_TOPIC + '"},"data":"not json"}',
    '{"type":"CALLBACK","headers":{"messageId":"s","topic":"' + CARD_TOPIC + '"},"data":"[]"}',
    '{"type":"CALLBACK","headers":{"messageId":"t","topic":"nowhere"},"data":"{}"}',
)  # fmt: skip


async def test_hostile_frames_on_a_live_socket_do_not_end_it() -> None:
    async with stand(clean=False) as held:
        await held.connected()
        before = list(held.platform.gateway.connections)
        for connection in before:
            for text in HOSTILE:
                await connection.socket.send_str(text)
            await connection.socket.send_bytes(b"\x00\xff" * 500)

        await held.platform.say("tech1", "我的单")
        await until(lambda: any("我的单" in json.dumps(row.payload, ensure_ascii=False) for row in held.store.rows))

        assert held.stream.live_sockets == 2
        assert list(held.platform.gateway.connections) == before
        assert len(held.store.rows) == 1


async def test_a_frame_beyond_every_size_costs_its_socket_and_nothing_else() -> None:
    async with stand(clean=False) as held:
        await held.connected()
        connection = next(iter(held.platform.gateway.connections))

        with contextlib.suppress(ConnectionError):  # the client may hang up before it has read all of it
            await connection.socket.send_str('{"x":"' + "a" * (9 * 1024 * 1024) + '"}')

        await until(lambda: connection not in held.platform.gateway.connections)
        await held.stream.wait_live(2)
        await held.platform.say("tech1", "还在")
        await until(lambda: held.store.rows)
