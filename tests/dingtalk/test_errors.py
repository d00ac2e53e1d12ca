"""The code tables: what each answer of the platform means for the sender."""

from __future__ import annotations

from typing import Any

import pytest

from bot.dingtalk.downloads import check_address
from bot.dingtalk.errors import CardExists, StaleToken, WebhookExpired, from_api, from_oapi
from bot.dingtalk.settings import DingTalkSettings
from bot.platform_errors import (
    CardGone,
    NotReachable,
    PlatformBusy,
    PlatformDown,
    QuotaExhausted,
    RateLimited,
    Refused,
    TokenRejected,
)

DENIED = "Forbidden.AccessDenied."


@pytest.mark.parametrize(
    ("status", "code", "error", "pause"),
    [
        (400, "InvalidAuthentication", StaleToken, None),
        (401, "authFailed", TokenRejected, None),
        (401, "somethingElse", StaleToken, None),
        (403, DENIED + "AccessTokenPermissionDenied", Refused, None),
        (403, DENIED + "QpsLimitForAppkeyAndApi", RateLimited, 1.0),
        (403, DENIED + "QpsLimitForApi", RateLimited, 1.0),
        (403, DENIED + "QpmLimitForAppkeyAndApi", RateLimited, 60.0),
        (403, DENIED + "ApiCountLimitForOrg", QuotaExhausted, None),
        (400, "send.too.fast", RateLimited, 2.0),
        (400, "send.byToken.tooFast", RateLimited, 2.0),
        (429, "whatever", RateLimited, 1.0),
        (500, "system.busy", PlatformBusy, None),
        (503, "ServiceUnavailable", PlatformDown, None),
        (400, "param.cardNotExist", CardGone, None),
        (400, "param.cardAlreadyExist", CardExists, None),
        (400, "param.userIdNotExist", NotReachable, None),
        (400, "param.templateNotExist", Refused, None),
        (400, "invalidParameter.userIds", Refused, None),
    ],
)
def test_codes_of_the_new_api(status: int, code: str, error: type, pause: float | None) -> None:
    found = from_api(status, {"code": code, "message": "x", "requestid": "r"})

    assert type(found) is error
    assert found is not None
    assert found.code == code
    assert found.retry_after == pause


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"errcode": 0, "errmsg": "ok"}, None),
        ({"errcode": "0"}, None),
        ({"errcode": 40014}, StaleToken),
        ({"errcode": 42001}, StaleToken),
        ({"errcode": 33001}, StaleToken),
        ({"errcode": 40001}, StaleToken),
        ({"errcode": 88, "sub_code": "40014"}, StaleToken),
        ({"errcode": 88, "sub_code": "60011", "sub_msg": "no scope"}, Refused),
        ({"errcode": 90018}, RateLimited),
        ({"errcode": 90002}, RateLimited),
        ({"errcode": 90020}, QuotaExhausted),
        ({"errcode": 15}, PlatformBusy),
        ({"errcode": -1}, PlatformBusy),
        ({"errcode": 300001}, WebhookExpired),
        ({"errcode": 130101}, RateLimited),
        ({"errcode": 40035}, Refused),
        ({"errcode": None}, Refused),
        ({"status": 1111, "wait": 5}, RateLimited),
        ({}, PlatformDown),
        (None, PlatformDown),
        ([], PlatformDown),
    ],
)
def test_codes_of_the_old_api(body: Any, error: type | None) -> None:
    found = from_oapi(200, body)

    assert found is None if error is None else type(found) is error


def test_a_page_instead_of_json_is_an_unknown_outcome() -> None:
    assert type(from_api(200, None)) is PlatformDown
    assert type(from_api(502, None)) is PlatformDown
    assert type(from_oapi(504, None)) is PlatformDown
    assert type(from_api(200, {"status": 1111, "wait": 5})) is RateLimited
    assert from_api(200, {"success": True}) is None


def test_a_missing_scope_is_named_for_the_log() -> None:
    body = {
        "code": DENIED + "AccessTokenPermissionDenied",
        "message": "no",
        "accessdenieddetail": {"requiredScopes": ["Card.Instance.Write"]},
    }

    found = from_api(403, body)

    assert found is not None
    assert "Card.Instance.Write" in found.detail


REAL = DingTalkSettings(client_id="a", client_secret="b")
LOCAL = DingTalkSettings(client_id="a", client_secret="b", api_base="http://127.0.0.1:8900")


@pytest.mark.parametrize(
    "url",
    [
        "http://files.example.com/a",
        "ftp://files.example.com/a",
        "https://127.0.0.1/a",
        "https://localhost/a",
        "https://10.0.0.8/a",
        "https://192.168.1.1/a",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/a",
        "https://[fd00::1]/a",
        "https://user@files.example.com/a",
        "https:///a",
        "file:///etc/passwd",
        "",
    ],
)
def test_addresses_that_are_not_fetched_from(url: str) -> None:
    with pytest.raises(Refused):
        check_address(url, REAL)


def test_addresses_that_are() -> None:
    check_address("https://files.example.com/a?b=c", REAL)
    check_address("http://127.0.0.1:8900/dingtalk-files/x", LOCAL)
    with pytest.raises(Refused):
        check_address("http://10.0.0.8/x", LOCAL)
