"""Every message and event of wire section 2, as XML in and as the shared words out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.wecom.parse import clean, parse, store_form
from bot.wecom.wire import WireError, parse_xml
from core.inbound import CardPress, Inbound, MediaRef, MessageKind
from core.people import PlatformName

HEAD = "<ToUserName>ww1</ToUserName><FromUserName>LiSi</FromUserName><CreateTime>1700000001</CreateTime>"
TAIL = "<AgentID>1000002</AgentID>"


def inbound(fields: str, *, msgid: str = "<MsgId>7</MsgId>") -> Inbound:
    tree = parse_xml(f"<xml>{HEAD}{fields}{msgid}{TAIL}</xml>".encode())
    raw = store_form(tree, 1000002, b"body")
    stored = replace(raw, payload=json.loads(json.dumps(raw.payload, ensure_ascii=False)))
    parsed = parse(stored, inbox_id=12)
    assert (parsed.dedupe_key, parsed.conv_key, parsed.kind.value) == (raw.dedupe_key, raw.conv_key, raw.kind)
    assert parsed.id == 12
    return parsed


def event(name: str, fields: str = "") -> Inbound:
    return inbound(f"<MsgType>event</MsgType><Event>{name}</Event>{fields}", msgid="")


def test_a_text_is_kept_under_its_message_id_in_the_senders_conversation() -> None:
    got = inbound("<MsgType>text</MsgType><Content><![CDATA[K0231 04465-0K240 20个]]></Content>")

    assert got.platform is PlatformName.WECOM
    assert got.kind is MessageKind.TEXT
    assert got.text == "K0231 04465-0K240 20个"
    assert got.dedupe_key == "m:7"
    assert got.conv_key == "wecom:1000002:lisi"
    assert got.account == "lisi"
    assert got.platform_at == datetime.fromtimestamp(1700000001, UTC)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("  同意 SO1 ", "同意 SO1"),
        ("@接单 同意 SO1", "同意 SO1"),
        ("@接单\u2005同意", "同意"),
        ("04465\u200b-0K240\ufeff 20个", "04465-0K240 20个"),
        ("@2 个", "@2 个"),
        ("单价@20", "单价@20"),
        ("@接单", "@接单"),
        ("", ""),
    ],
)
def test_what_phones_add_to_a_text_is_taken_away(typed: str, read: str) -> None:
    assert clean(typed) == read


MEDIA = {
    "<MsgType>image</MsgType><PicUrl>u</PicUrl><MediaId>M1</MediaId>": (
        MessageKind.IMAGE,
        MediaRef(handle="M1", kind="image"),
    ),
    "<MsgType>voice</MsgType><MediaId>M2</MediaId><Format>speex</Format>": (
        MessageKind.VOICE,
        MediaRef(handle="M2", kind="voice", filename="voice.speex"),
    ),
    "<MsgType>video</MsgType><MediaId>M3</MediaId><ThumbMediaId>T3</ThumbMediaId>": (
        MessageKind.VIDEO,
        MediaRef(handle="M3", kind="video"),
    ),
    "<MsgType>file</MsgType><MediaId>M4</MediaId><FileName>订单.xlsx</FileName>": (
        MessageKind.FILE,
        MediaRef(handle="M4", kind="file", filename="订单.xlsx"),
    ),
}


@pytest.mark.parametrize("fields", MEDIA)
def test_media_is_referred_to_by_its_media_id(fields: str) -> None:
    kind, ref = MEDIA[fields]

    got = inbound(fields)

    assert got.kind is kind
    assert got.media == (ref,)


def test_a_picture_without_media_id_has_no_media() -> None:
    assert inbound("<MsgType>image</MsgType>").media == ()


def test_a_location_has_its_latitude_in_x() -> None:
    got = inbound(
        "<MsgType>location</MsgType><Location_X>31.2</Location_X><Location_Y>121.4</Location_Y>"
        "<Scale>15</Scale><Label>上海</Label>"
    )

    assert (got.kind, got.text) == (MessageKind.LOCATION, "上海")
    assert (got.extra["Location_X"], got.extra["Location_Y"]) == ("31.2", "121.4")


def test_a_link_is_its_title_and_address() -> None:
    got = inbound("<MsgType>link</MsgType><Title>清单</Title><Url>https://x.example</Url>")

    assert (got.kind, got.text, got.extra["Url"]) == (MessageKind.LINK, "清单", "https://x.example")


PRESS = (
    "<EventKey>approve|SO1|mac</EventKey><TaskId>SO1@r1</TaskId><CardType>button_interaction</CardType>"
    "<ResponseCode>RC1</ResponseCode>"
)


@pytest.mark.parametrize("name", ["template_card_event", "template_card_menu_event"])
def test_a_press_lives_in_the_cards_conversation_and_brings_its_code(name: str) -> None:
    got = event(name, PRESS)

    assert got.kind is MessageKind.PRESS
    assert got.press == CardPress(card_id="SO1@r1", key="approve|SO1|mac", response_code="RC1")
    assert got.conv_key == "wecom:card:SO1@r1"
    joined = "LiSi|1700000001|1000002|" + name + "|approve|SO1|mac|SO1@r1|RC1"
    assert got.dedupe_key == "e:" + hashlib.sha256(joined.encode()).hexdigest()


def item(question: str, *options: str) -> str:
    ids = "".join(f"<OptionId>{option}</OptionId>" for option in options)
    return f"<SelectedItem><QuestionKey>{question}</QuestionKey><OptionIds>{ids}</OptionIds></SelectedItem>"


@pytest.mark.parametrize(
    ("items", "selected"),
    [
        ("", ()),
        ("<SelectedItems/>", ()),
        (f"<SelectedItems>{item('reason')}</SelectedItems>", (("reason", ()),)),
        (f"<SelectedItems>{item('reason', 'price')}</SelectedItems>", (("reason", ("price",)),)),
        (
            f"<SelectedItems>{item('level', 'red')}{item('why', 'a', 'b')}</SelectedItems>",
            (("level", ("red",)), ("why", ("a", "b"))),
        ),
    ],
)
def test_selected_items_read_the_same_for_none_one_and_several(
    items: str, selected: tuple[tuple[str, tuple[str, ...]], ...]
) -> None:
    press = event("template_card_event", PRESS + items).press

    assert press is not None
    assert press.selected == selected


def test_two_presses_in_one_second_are_two() -> None:
    first = event("template_card_event", PRESS)
    second = event("template_card_event", PRESS.replace("RC1", "RC2"))

    assert first.dedupe_key != second.dedupe_key


@pytest.mark.parametrize(
    ("scanned", "content"),
    [
        ("EAN_13,6901234567892", "6901234567892"),
        ("CODE_128,SO260221-0137", "SO260221-0137"),
        ("QR_CODE,PL-1", "PL-1"),
        ("6901234567892", "6901234567892"),
        ("SO,1,2", "SO,1,2"),
    ],
)
def test_a_scan_is_its_content_with_or_without_symbology(scanned: str, content: str) -> None:
    info = f"<ScanCodeInfo><ScanType>barcode</ScanType><ScanResult>{scanned}</ScanResult></ScanCodeInfo>"

    for name in ("scancode_waitmsg", "scancode_push"):
        got = event(name, f"<EventKey>scan_out</EventKey>{info}")
        assert (got.kind, got.text) == (MessageKind.SCAN, content)
        assert got.extra["menu_key"] == "scan_out"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("click", MessageKind.MENU),
        ("enter_agent", MessageKind.ENTER),
        ("subscribe", MessageKind.ENTER),
        ("unsubscribe", MessageKind.SYSTEM),
        ("change_contact", MessageKind.SYSTEM),
        ("batch_job_result", MessageKind.SYSTEM),
        ("open_approval_change", MessageKind.SYSTEM),
        ("share_agent_change", MessageKind.SYSTEM),
        ("inactive_alert", MessageKind.SYSTEM),
        ("view", MessageKind.OTHER),
        ("view_miniprogram", MessageKind.OTHER),
        ("LOCATION", MessageKind.OTHER),
        ("pic_sysphoto", MessageKind.OTHER),
        ("pic_photo_or_album", MessageKind.OTHER),
        ("pic_weixin", MessageKind.OTHER),
        ("location_select", MessageKind.LOCATION),
        ("invented_tomorrow", MessageKind.OTHER),
    ],
)
def test_every_event_has_its_kind(name: str, kind: MessageKind) -> None:
    got = event(name, "<EventKey>k</EventKey>")

    assert got.kind is kind
    assert got.extra["type"] == name
    assert got.dedupe_key.startswith("e:")


def test_a_menu_tap_is_its_key() -> None:
    assert event("click", "<EventKey>mine</EventKey>").text == "mine"


def test_unknown_kinds_without_an_id_are_told_apart_by_their_content() -> None:
    one = inbound("<MsgType>hologram</MsgType><Beam>1</Beam>", msgid="")
    two = inbound("<MsgType>hologram</MsgType><Beam>2</Beam>", msgid="")
    again = inbound("<MsgType>hologram</MsgType><Beam>1</Beam>", msgid="")

    assert one.kind is MessageKind.OTHER
    assert one.dedupe_key != two.dedupe_key
    assert one.dedupe_key == again.dedupe_key


@pytest.mark.parametrize(
    "inner",
    [
        "<MsgType>text</MsgType><CreateTime>1</CreateTime>",
        "<FromUserName>a</FromUserName><CreateTime>1</CreateTime>",
        "<FromUserName>a</FromUserName><MsgType>text</MsgType>",
        "<FromUserName>a</FromUserName><MsgType>text</MsgType><CreateTime>soon</CreateTime>",
        "<FromUserName>a</FromUserName><MsgType>text</MsgType><CreateTime>-1</CreateTime>",
        "<FromUserName>a</FromUserName><MsgType>text</MsgType><CreateTime>999999999999999</CreateTime>",
        "<FromUserName><b/></FromUserName><MsgType><c>x</c></MsgType><CreateTime>1</CreateTime>",
    ],
)
def test_a_message_without_sender_kind_or_time_is_refused(inner: str) -> None:
    with pytest.raises(WireError) as refused:
        store_form(parse_xml(f"<xml>{inner}</xml>".encode()), 1, b"")

    assert (refused.value.status, refused.value.reason) == (400, "message")
