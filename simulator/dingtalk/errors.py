"""How the platform says no: new API (HTTP 4xx/5xx with code) and old oapi (HTTP 200 with errcode)."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A refusal of the /v1.0 API [wire 7.2]."""

    def __init__(self, status: int, code: str, message: str = "", **details: Any) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.message = message or code
        self.details = details


class BrokenFrameError(Exception):
    """The bot broke the form of the stream; the sentence says how. Becomes a recorded violation."""


class OapiError(Exception):
    """A refusal of oapi or of a sessionWebhook: HTTP 200 and an errcode [wire 7.2]."""

    def __init__(self, errcode: int, errmsg: str, **details: Any) -> None:
        super().__init__(f"{errcode} {errmsg}")
        self.errcode = errcode
        self.errmsg = errmsg
        self.details = details


def param(code: str, message: str = "") -> ApiError:
    """A bug or bad data in the call: 400 ``param.<code>`` [wire 6.2]."""
    return ApiError(400, f"param.{code}", message)


def bad_robot() -> ApiError:
    return ApiError(400, "resource.not.found", "robot 不存在")


def bad_argument(what: str, message: str) -> ApiError:
    """A robot API's word for an argument it does not take (the exact code is not published)."""
    return ApiError(400, f"invalidParameter.{what}", message)


QPS = "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"
QUOTA = "Forbidden.AccessDenied.ApiCountLimitForOrg"
SCOPE = "Forbidden.AccessDenied.AccessTokenPermissionDenied"
