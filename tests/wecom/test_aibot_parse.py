"""What comes over the long connection → what is stored of it and what the desk reads (wire 7.1, reliability 3)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.wecom.aibot.frames import BadFrame, read_frame
from bot.wecom.aibot.media import handle_of
from bot.wecom.aibot.parse import is_aibot, parse, store_form
from bot.wiring import PARSERS
from core.inbound import Inbound, MessageKind
from core.people import PlatformName

NOW = datetime(2026, 2, 21, 1, 12, tzinfo=UTC)
URL = "https://ww-aibot-img-1258476243.cos.ap-guangzhou.myqcloud.com/a/1?sign=x"


def body(msgtype: str, content: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "msgid": "CAIQ1",
        "aibotid": "aib-1",
        "chattype": "single",
        "from": {"userid": "XiaoA"},
        "response_url": "https://qyapi.example/secret",
        "msgtype": msgtype,
        msgtype: content,
        **more,
    }


def group(msgtype: str, content: dict[str, Any], **more: Any) -> dict[str, Any]:
    return body(msgtype, content, chattype="group", chatid="wrG", **more)


def read(message: dict[str, Any]) -> Inbound:
    return parse(store_form(message, NOW))


IMAGE = {"url": URL, "aeskey": "KEY"}
PICTURE = {"msgtype": "image", "image": IMAGE}


def words(text: str) -> dict[str, Any]:
    return {"msgtype": "text", "text": {"content": text}}


def test_a_text_is_stored_under_its_msgid_in_the_lane_of_its_sender_without_the_credential() -> None:
    raw = store_form(body("text", {"content": " 查 0137 "}), NOW)

    assert (raw.platform, raw.dedupe_key, raw.conv_key) == (PlatformName.WECOM, "m:CAIQ1", "wecom:aibot:xiaoa")
    assert (raw.kind, raw.platform_at) == ("text", NOW)
    assert is_aibot(raw)
    assert "secret" not in str(raw.payload)
    inbound = parse(raw, inbox_id=7)
    assert (inbound.kind, inbound.account, inbound.text, inbound.group, inbound.id) == (
        MessageKind.TEXT,
        "xiaoa",
        "查 0137",
        "",
        7,
    )


def test_a_group_has_a_lane_per_member_and_the_name_of_the_bot_is_gone() -> None:
    raw = store_form(group("text", {"content": "\u200b@接单机器人\u2005K0231 04465-0K240 20个"}), NOW)

    assert raw.conv_key == "wecom:aibot:wrG:xiaoa"
    assert (parse(raw).group, parse(raw).text) == ("wrG", "K0231 04465-0K240 20个")


def test_speech_comes_as_its_words() -> None:
    inbound = read(body("voice", {"content": "查库存。"}))

    assert (inbound.kind, inbound.text, inbound.media) == (MessageKind.VOICE, "查库存。", ())


@pytest.mark.parametrize(("msgtype", "kind"), [("image", "image"), ("file", "file"), ("video", "video")])
def test_pictures_and_files_keep_address_and_key(msgtype: str, kind: str) -> None:
    inbound = read(body(msgtype, IMAGE))

    assert inbound.kind.value == kind
    assert [(m.handle, m.kind) for m in inbound.media] == [(handle_of(URL, "KEY"), kind)]


def test_words_and_pictures_in_one_message_stay_together() -> None:
    inbound = read(group("mixed", {"msg_item": [words("@接单机器人 客户 K0231"), PICTURE, words("后天要"), PICTURE]}))

    assert (inbound.kind, inbound.text, len(inbound.media)) == (MessageKind.IMAGE, "客户 K0231\n后天要", 2)


def test_mixed_without_a_picture_is_a_text() -> None:
    inbound = read(body("mixed", {"msg_item": [words("一"), words("二")]}))

    assert (inbound.kind, inbound.text) == (MessageKind.TEXT, "一\n二")


def test_the_bot_under_a_quoted_photo_is_a_photo_order_but_a_command_stays_one() -> None:
    order = read(group("text", {"content": "@接单机器人 下单"}, quote=PICTURE))
    command = read(group("text", {"content": "@接单机器人 查 0137"}, quote=PICTURE))
    sheet = read(body("text", {"content": "下单"}, quote={"msgtype": "file", "file": IMAGE}))

    assert (order.kind, order.text, len(order.media)) == (MessageKind.IMAGE, "下单", 1)
    assert (command.kind, command.media) == (MessageKind.TEXT, ())
    assert (sheet.kind, sheet.media[0].kind) == (MessageKind.FILE, "file")


def test_quoted_words_are_kept_beside_the_message() -> None:
    inbound = read(body("text", {"content": "同上"}, quote=words("K0231 04465-0K240 20个")))

    assert (inbound.kind, inbound.text, inbound.quoted) == (MessageKind.TEXT, "同上", "K0231 04465-0K240 20个")


@pytest.mark.parametrize("name", ["enter_chat", "feedback_event", "template_card_event", "something_new"])
def test_events_are_evidence_and_their_time_is_their_own(name: str) -> None:
    event = body("event", {"eventtype": name, name: {}}, create_time=1771636320)

    raw = store_form(event, NOW)

    assert raw.platform_at == datetime.fromtimestamp(1771636320, UTC)
    assert parse(raw).kind is MessageKind.OTHER


@pytest.mark.parametrize("sender", [None, {}, {"userid": ""}, {"userid": 7}, "XiaoA"])
def test_without_a_sender_nothing_is_stored(sender: Any) -> None:
    with pytest.raises(BadFrame):
        store_form({**body("text", {"content": "x"}), "from": sender}, NOW)


@pytest.mark.parametrize(
    "odd",
    [
        {"msgtype": "text", "text": "no object"},
        {"msgtype": "mixed", "mixed": {"msg_item": "no list"}},
        {"msgtype": "mixed", "mixed": {"msg_item": [7, {"msgtype": "image"}, {"msgtype": []}]}},
        {"msgtype": "image", "image": {"url": 7}},
        {"msgtype": 7},
        {"msgtype": "text", "text": {"content": "x"}, "quote": ["no", "object"]},
        {"msgtype": "text", "text": {"content": "x"}, "create_time": "soon"},
        {"msgtype": "text", "text": {"content": "x"}, "create_time": True},
        {},
    ],
)
def test_odd_messages_are_stored_and_never_an_error(odd: dict[str, Any]) -> None:
    raw = store_form({"from": {"userid": "XiaoA"}, **odd}, NOW)

    assert raw.dedupe_key.startswith("h:")
    assert parse(raw).account == "xiaoa"


def test_two_messages_without_an_id_differ_by_what_they_say() -> None:
    keys = {store_form({"from": {"userid": "a"}, **words(text)}, NOW).dedupe_key for text in ("一", "二", "一")}

    assert len(keys) == 2


@pytest.mark.parametrize("text", ["", "7", "[]", "{", '{"headers": {}}', '{"headers": {"req_id": 7}}', "[" * 100_000])
def test_a_frame_without_an_id_is_no_frame(text: str) -> None:
    with pytest.raises(BadFrame):
        read_frame(text)


def test_the_inbox_finds_the_right_reader() -> None:
    class Row:
        id, payload = 3, store_form(body("text", {"content": "查 0137"}), NOW).payload
        dedupe_key, conv_key, platform_at = "m:CAIQ1", "wecom:aibot:xiaoa", NOW

    assert PARSERS[PlatformName.WECOM](Row()).extra["via"] == "aibot"  # type: ignore[arg-type]
