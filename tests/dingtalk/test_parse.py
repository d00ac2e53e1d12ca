"""Every kind of payload of wire/dingtalk 3 and 6.4, and what nobody promised the types of."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.dingtalk.parse import message_keys, message_kind, parse, press_keys
from bot.dingtalk.words import moment
from core.inbound import CardPress, Inbound, MediaRef, MessageKind, RawInbound
from core.people import PlatformName

AT = datetime(2026, 2, 21, 2, 0, tzinfo=UTC)
SINGLE = {
    "msgId": "msg1",
    "conversationType": "1",
    "conversationId": "cid1",
    "senderStaffId": "tech1",
    "senderId": "$:LWCP_v1:$x",
    "senderNick": "陈技术",
    "robotCode": "ding-app",
}
IN_GROUP = {**SINGLE, "conversationType": "2", "conversationId": "cidG", "conversationTitle": "前线群"}


def read(data: dict[str, Any]) -> Inbound:
    dedupe_key, conv_key = message_keys(data)
    raw = RawInbound(
        platform=PlatformName.DINGTALK,
        dedupe_key=dedupe_key,
        conv_key=conv_key,
        kind=message_kind(data).value,
        payload=data,
        platform_at=AT,
    )
    return parse(raw, inbox_id=7)


def press(content: Any, **changes: Any) -> Inbound:
    data = {"outTrackId": "ap-17", "userId": "boss", "spaceType": "IM_ROBOT", "content": content, **changes}
    dedupe_key, conv_key = press_keys(data, "m9")
    raw = RawInbound(
        platform=PlatformName.DINGTALK,
        dedupe_key=dedupe_key,
        conv_key=conv_key,
        kind=MessageKind.PRESS.value,
        payload=data,
        platform_at=AT,
    )
    return parse(raw)


def clicked(action_ids: list[str], params: dict[str, Any] | None = None) -> str:
    return json.dumps({"cardPrivateData": {"actionIds": action_ids, "params": params or {}}})


def image(code: str) -> MediaRef:
    return MediaRef(handle=code, kind="image", robot_code="ding-app")


def test_a_text_in_the_single_chat() -> None:
    inbound = read({**SINGLE, "msgtype": "text", "text": {"content": " 04465-0K240 20个\u200b "}})

    assert inbound == Inbound(
        platform=PlatformName.DINGTALK,
        dedupe_key="m:msg1",
        conv_key="dingtalk:tech1",
        kind=MessageKind.TEXT,
        account="tech1",
        platform_at=AT,
        text="04465-0K240 20个",
        nick="陈技术",
        extra={
            "msg_id": "msg1",
            "msgtype": "text",
            "conversation_id": "cid1",
            "session_webhook": "",
            "session_webhook_until": None,
        },
        id=7,
    )


def test_a_text_in_a_group_belongs_to_its_sender_in_that_group() -> None:
    inbound = read({**IN_GROUP, "msgtype": "text", "text": {"content": "@接单\u2005 加急 SO260221-0137"}})

    assert inbound.conv_key == "dingtalk:cidG:tech1"
    assert inbound.group == "cidG"
    assert inbound.group_title == "前线群"
    assert inbound.text == "加急 SO260221-0137"


def test_an_at_sign_somebody_typed_in_the_single_chat_stays() -> None:
    assert read({**SINGLE, "msgtype": "text", "text": {"content": "@王经理 看一下"}}).text == "@王经理 看一下"


@pytest.mark.parametrize(
    "content",
    [
        {"text": "04465-0K240 4个"},
        '{"text": "04465-0K240 4个"}',
        "04465-0K240 4个",
        {"richText": [{"text": "04465-0K240 "}, {"text": "4个"}]},
    ],
)
def test_the_text_of_a_quoted_message(content: Any) -> None:
    text = {"content": "改成 5", "isReplyMsg": True, "repliedMsg": {"msgType": "text", "content": content}}

    inbound = read({**SINGLE, "msgtype": "text", "text": text})

    assert inbound.text == "改成 5"
    assert inbound.quoted == "04465-0K240 4个"


def test_a_picture() -> None:
    inbound = read({**SINGLE, "msgtype": "picture", "content": {"downloadCode": "d1"}})

    assert inbound.kind is MessageKind.IMAGE
    assert inbound.media == (image("d1"),)


def test_a_picture_whose_content_is_json_text_and_has_only_the_picture_code() -> None:
    content = json.dumps({"pictureDownloadCode": "p1"})

    assert read({**SINGLE, "msgtype": "picture", "content": content}).media == (image("p1"),)


def test_a_picture_with_the_at_in_a_group_arrives_as_rich_text() -> None:
    parts = [
        {"text": "@接单 "},
        {"text": "加急 "},
        {"type": "picture", "downloadCode": "d1"},
        {"type": "picture", "downloadCode": "d2"},
        {"text": "后天要"},
    ]

    inbound = read({**IN_GROUP, "msgtype": "richText", "content": {"richText": parts}})

    assert inbound.kind is MessageKind.IMAGE
    assert inbound.text == "加急 后天要"
    assert inbound.media == (image("d1"), image("d2"))


def test_rich_text_without_a_picture_is_a_text() -> None:
    inbound = read({**SINGLE, "msgtype": "richText", "content": {"richText": [{"text": "查 SO1"}]}})

    assert inbound.kind is MessageKind.TEXT
    assert inbound.text == "查 SO1"


def test_a_voice_message_brings_its_recognised_text() -> None:
    content = {"downloadCode": "d1", "recognition": "四片刹车片加急", "duration": 3200}

    inbound = read({**SINGLE, "msgtype": "audio", "content": content})

    assert inbound.kind is MessageKind.VOICE
    assert inbound.text == "四片刹车片加急"
    assert inbound.media == (MediaRef(handle="d1", kind="voice", robot_code="ding-app"),)


def test_a_video_and_a_file() -> None:
    video = read({**SINGLE, "msgtype": "video", "content": {"downloadCode": "d1", "videoType": "mp4"}})
    file = read({**SINGLE, "msgtype": "file", "content": {"downloadCode": "d2", "fileName": "订单.xlsx"}})

    assert (video.kind, video.media[0].kind) == (MessageKind.VIDEO, "video")
    assert file.kind is MessageKind.FILE
    assert file.media == (MediaRef(handle="d2", kind="file", filename="订单.xlsx", robot_code="ding-app"),)


@pytest.mark.parametrize("msgtype", ["unknownMsgType", "interactiveCard", "", None])
def test_a_kind_nobody_needs_is_other(msgtype: Any) -> None:
    inbound = read({**SINGLE, "msgtype": msgtype, "content": {"unknownMsgType": "x"}})

    assert inbound.kind is MessageKind.OTHER
    assert inbound.account == "tech1"


@pytest.mark.parametrize("code", [20001, "20001"])
def test_a_message_withheld_by_the_quota_has_no_text(code: Any) -> None:
    inbound = read({**SINGLE, "msgtype": "text", "errCode": code, "errMsg": "over quota"})

    assert inbound.kind is MessageKind.QUOTA
    assert inbound.text == ""


def test_somebody_outside_the_organisation_has_no_account() -> None:
    data = {key: value for key, value in SINGLE.items() if key != "senderStaffId"}

    inbound = read({**data, "msgtype": "text", "text": {"content": "你好"}})

    assert inbound.account == ""
    assert inbound.extra["outsider"] is True
    assert inbound.conv_key == "dingtalk:$:LWCP_v1:$x"


def test_without_a_message_id_the_content_is_the_key() -> None:
    first, _ = message_keys({"msgtype": "text", "text": {"content": "a"}})
    same, _ = message_keys({"text": {"content": "a"}, "msgtype": "text"})
    other, _ = message_keys({"msgtype": "text", "text": {"content": "b"}})

    assert first == same != other
    assert first.startswith("h:")


def test_a_press_by_its_button_id() -> None:
    inbound = press(clicked(["ap|17|r3||aaaa"]))

    assert inbound.kind is MessageKind.PRESS
    assert inbound.account == "boss"
    assert inbound.dedupe_key == "c:ap-17:boss:ap|17|r3||aaaa:m9"
    assert inbound.conv_key == "dingtalk:card:ap-17"
    assert inbound.press == CardPress(card_id="ap-17", key="ap|17|r3||aaaa")


def test_the_params_go_before_the_button_id() -> None:
    pressed = press(clicked(["button1"], {"action": "rj|17|r3||bbbb"})).press

    assert pressed is not None
    assert pressed.key == "rj|17|r3||bbbb"


def test_choices_made_with_a_button_come_back_under_their_questions() -> None:
    pressed = press(clicked(["xpt|SO1|r3||cc~level=red~time=15:30 顺丰"])).press

    assert pressed is not None
    assert pressed.key == "xpt|SO1|r3||cc"
    assert pressed.choice("level") == "red"
    assert pressed.choice("time") == "15:30 顺丰"


def test_a_form_of_the_own_template() -> None:
    form = {"reason": "vin", "items": ["a", "b"], "day": {"value": "3/5"}}
    pressed = press(clicked(["rj"], {"form": form})).press

    assert pressed is not None
    assert pressed.selected == (("reason", ("vin",)), ("items", ("a", "b")), ("day", ("3/5",)))


def test_older_cards_bring_their_content_as_value() -> None:
    pressed = press("", value=clicked(["ok"])).press

    assert pressed is not None
    assert pressed.key == "ok"


def test_a_huge_forged_action_does_not_become_a_huge_key() -> None:
    assert len(press(clicked(["x" * 50_000])).dedupe_key) < 120


def test_an_absurd_time_falls_back() -> None:
    assert moment("1771639200000", AT) == datetime(2026, 2, 21, 2, 0, tzinfo=UTC)
    for absurd in (None, "soon", 10**30, -(10**30), {}):
        assert moment(absurd, AT) == AT


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ["msgId", "msgtype", "text", "content", "senderStaffId", "conversationType", "errCode", "value"]


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(FIELDS), anything),
    st.sampled_from(["text", "picture", "richText", "audio", "video", "file", "zzz"]),
)
def test_no_payload_makes_the_parser_raise(data: dict[str, Any], msgtype: str) -> None:
    read(data)
    read({**data, "msgtype": msgtype})
    press(data.get("content"), value=data.get("value"), outTrackId=data.get("msgId"))
