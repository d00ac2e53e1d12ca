"""Deny by default on (platform, company, user): a person of another company is nobody here, whatever their user id."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.dingtalk.parse import message_keys, message_kind, parse, press_keys
from core.inbound import Inbound, MessageKind, RawInbound
from core.people import PlatformName

OURS, OTHERS = "dingOURS", "dingOTHERS"
AT = datetime(2026, 2, 21, 2, 0, tzinfo=UTC)
MESSAGE = {
    "msgId": "msg1",
    "conversationType": "1",
    "senderStaffId": "manager01",
    "chatbotCorpId": OURS,
    "senderCorpId": OURS,
    "msgtype": "text",
    "text": {"content": "我的单"},
}
PRESS = {
    "outTrackId": "ap-17",
    "corpId": OURS,
    "userId": "manager01",
    "content": '{"cardPrivateData":{"actionIds":["ap|17|r3||aaaa"],"params":{}}}',
}


def message(corp_id: str = OURS, **changes: Any) -> Inbound:
    data = {key: value for key, value in {**MESSAGE, **changes}.items() if value is not None}
    return _read(data, message_kind(data), message_keys(data), corp_id)


def press(corp_id: str = OURS, **changes: Any) -> Inbound:
    data = {key: value for key, value in {**PRESS, **changes}.items() if value is not None}
    return _read(data, MessageKind.PRESS, press_keys(data, "f1"), corp_id)


def _read(data: dict[str, Any], kind: MessageKind, keys: tuple[str, str], corp_id: str) -> Inbound:
    raw = RawInbound(
        platform=PlatformName.DINGTALK,
        dedupe_key=keys[0],
        conv_key=keys[1],
        kind=kind.value,
        payload=data,
        platform_at=AT,
    )
    return parse(raw, corp_id=corp_id)


def test_our_own_people_are_themselves() -> None:
    assert message().account == "manager01"
    assert message(corp_id="").account == "manager01"
    assert message(senderCorpId=None, chatbotCorpId=None).account == "manager01"
    assert press().account == "manager01"
    assert press(corp_id="").account == "manager01"


@pytest.mark.parametrize(
    ("corp_id", "changes"),
    [
        (OURS, {"senderCorpId": OTHERS}),
        (OURS, {"chatbotCorpId": OTHERS}),
        (OURS, {"chatbotCorpId": OTHERS, "senderCorpId": OTHERS}),
        ("", {"senderCorpId": OTHERS}),
    ],
)
def test_a_message_of_another_company_is_from_nobody_and_says_of_whom(corp_id: str, changes: dict[str, str]) -> None:
    got = message(corp_id, **changes)

    assert got.account == ""
    assert (got.extra["foreign"], got.extra["claimed"]) == (OTHERS, "manager01")


def test_a_press_in_another_company_is_from_nobody_although_the_user_id_is_ours() -> None:
    got = press(corpId=OTHERS)

    assert got.account == ""
    assert got.extra["foreign"] == OTHERS
    assert got.press is not None
    assert got.press.card_id == "ap-17"


def test_a_name_that_is_no_text_is_no_company() -> None:
    assert message(senderCorpId={"a": 1}).account == "manager01"
