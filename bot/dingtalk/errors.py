"""DingTalk's codes → what must be done about them (wire/dingtalk 7.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.platform_errors import (
    CardGone,
    MediaGone,
    NotReachable,
    PlatformBusy,
    PlatformDown,
    PlatformError,
    QuotaExhausted,
    RateLimited,
    Refused,
    TokenRejected,
)


class StaleToken(PlatformError):
    """The access token is no longer accepted: refresh it once, replay once. Never leaves the adapter."""


class CardExists(Refused):
    """This outTrackId was created before: success on a retry, a defect on a first attempt."""


class WebhookExpired(Refused):
    """300001: the reply address of a message has died (about 90 min); send by the API instead."""


NEW_API: Mapping[str, type[PlatformError]] = {
    "InvalidAuthentication": StaleToken,
    "authFailed": TokenRejected,
    "Forbidden.AccessDenied.AccessTokenPermissionDenied": Refused,
    "Forbidden.AccessDenied.QpsLimit": RateLimited,
    "Forbidden.AccessDenied.QpmLimit": RateLimited,
    "Forbidden.AccessDenied.ApiCountLimitForOrg": QuotaExhausted,
    "send.too.fast": RateLimited,
    "send.byToken.tooFast": RateLimited,
    "system.busy": PlatformBusy,
    "param.cardNotExist": CardGone,
    "param.cardAlreadyExist": CardExists,
    "param.userIdNotExist": NotReachable,
}
"""By code, or by the longest head of it that stands here (QpsLimitForAppkeyAndApi, QpsLimitForApi, …)."""

OAPI: Mapping[int, type[PlatformError]] = {
    40001: StaleToken,
    40014: StaleToken,
    42001: StaleToken,
    33001: StaleToken,
    88: Refused,
    90018: RateLimited,
    90002: RateLimited,
    90020: QuotaExhausted,
    15: PlatformBusy,
    -1: PlatformBusy,
    40007: MediaGone,
    300001: WebhookExpired,
    130101: RateLimited,
}

PAUSES: Mapping[str, float] = {
    "Forbidden.AccessDenied.QpsLimit": 1.0,
    "Forbidden.AccessDenied.QpmLimit": 60.0,
    "send.": 2.0,
    "90018": 1.0,
    "90002": 60.0,
    "130101": 600.0,
    "1111": 300.0,
}
"""Seconds to leave an API alone, by the head of the code. 1111 is the ban of an address: five minutes; 130101 that of
a group's robot: ten (wire/dingtalk 5.4)."""


def from_api(status: int, body: Any) -> PlatformError | None:
    """What an answer of ``api.dingtalk.com`` means; None for success."""
    if isinstance(body, Mapping) and body.get("status") == 1111:
        return RateLimited("1111", "address limit", retry_after=PAUSES["1111"])
    if status < 400:
        return None if isinstance(body, Mapping) else PlatformDown("not-json", f"HTTP {status}")
    if not isinstance(body, Mapping) or not isinstance(body.get("code"), str):
        return _by_status(status, f"http-{status}", "")
    code = str(body["code"])
    detail = str(body.get("message", ""))
    denied = body.get("accessdenieddetail")
    if isinstance(denied, Mapping) and denied.get("requiredScopes"):
        detail = f"{detail} (needs {denied['requiredScopes']})"
    head = max((known for known in NEW_API if code.startswith(known)), key=len, default="")
    if not head:
        return _by_status(status, code, detail)
    return NEW_API[head](code, detail, retry_after=pause_for(code))


def from_oapi(status: int, body: Any) -> PlatformError | None:
    """What an answer of ``oapi.dingtalk.com`` or a sessionWebhook means: HTTP 200 also on failure."""
    if isinstance(body, Mapping) and body.get("status") == 1111:
        return RateLimited("1111", "address limit", retry_after=PAUSES["1111"])
    if status >= 400:
        return _by_status(status, f"http-{status}", "")
    if not isinstance(body, Mapping) or "errcode" not in body:
        return PlatformDown("not-json", f"HTTP {status}")
    errcode = _number(body["errcode"])
    if errcode == 0:
        return None
    sub = _number(body.get("sub_code"))
    known = OAPI.get(sub) if errcode == 88 and sub in OAPI else OAPI.get(errcode, Refused)
    detail = f"{body.get('errmsg', '')} {body.get('sub_msg', '')}".strip()
    return (known or Refused)(str(errcode), detail, retry_after=pause_for(str(errcode)))


def pause_for(code: str) -> float | None:
    """Seconds that ``code`` asks to wait, None when it is no limit."""
    return next((seconds for head, seconds in PAUSES.items() if code.startswith(head)), None)


def _by_status(status: int, code: str, detail: str) -> PlatformError:
    if status >= 500:
        return PlatformDown(code, detail)
    if status == 429:
        return RateLimited(code, detail, retry_after=1.0)
    if status == 401:
        return StaleToken(code, detail)
    return Refused(code, detail)


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return -2
