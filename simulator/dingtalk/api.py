"""The front of both HTTP APIs: token, rate, quota, faults, the wire log and the shape of errors [wire 7]."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal
from xml.sax.saxutils import escape

from aiohttp import web

from simulator.dingtalk.errors import QPS, QUOTA, ApiError, OapiError
from simulator.dingtalk.meter import Rate
from simulator.dingtalk.site import Site
from simulator.world import FaultKind, WireEntry

Handler = Callable[[web.Request, dict[str, Any]], Awaitable[dict[str, Any]]]
TOKEN_HEADER = "x-acs-dingtalk-access-token"  # noqa: S105 - the header's name
GATEWAY_PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One route of the REST half."""

    label: str
    handler: Handler
    style: Literal["api", "oapi"] = "api"
    token: bool = True
    metered: bool = True
    """Counts against the month's API calls; token, login and contact calls do not [wire 7.3]."""
    sends: bool = False
    """People see something: such a call can be carried out and yet go unanswered."""
    faults: bool = True
    needs_accept: bool = False
    """Without ``Accept: application/json`` the answer comes as XML [wire 1.1]."""
    topapi: bool = False
    """oapi under /topapi: a bad token is errcode 88 with sub_code 40014."""


class Front:
    """Wraps handlers into aiohttp handlers."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._rate = Rate(site.clock, limit=site.terms.api_qps, seconds=1)

    def serve(self, call: Call) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            return await self._answer(call, request)

        return answer

    async def _answer(self, call: Call, request: web.Request) -> web.StreamResponse:
        site = self._site
        is_json = request.method in {"POST", "PUT"} and not request.content_type.startswith("multipart/")
        text = await request.text() if is_json else ""
        entry = site.wire.record("dingtalk", "from_bot", call.label, plain=_shown(text, request))
        try:
            if call.faults:
                broken = self._broken(entry)
                if broken is not None:
                    return broken
                self._refuse_by_fault(call)
            self._check_token(call, request)
            self._check_limits(call)
            result = await call.handler(request, _body(text, call) if is_json else {})
        except ApiError as error:
            return self._api_error(call, request, entry, error)
        except OapiError as error:
            content = {"errcode": error.errcode, "errmsg": error.errmsg, **error.details}
            return self._finish(call, request, entry, 200, {**content, "request_id": site.new_id("r")})
        if call.sends and site.take(FaultKind.ACCEPT_THEN_ABORT):
            return self._abandon(request, entry)
        if call.faults and site.take(FaultKind.SLOW):
            entry.note = "fault: slow answer"
            await site.pace.sleep(site.terms.slow_seconds)
        return self._finish(call, request, entry, 200, result)

    def _broken(self, entry: WireEntry) -> web.Response | None:
        """A gateway's own failure before anything is carried out."""
        if self._site.take(FaultKind.SERVER_ERROR):
            self._close(entry, "503", "fault: server error")
            return web.json_response(
                {"code": "ServiceUnavailable", "message": "The request has failed.", "requestid": str(entry.id)},
                status=503,
            )
        if self._site.take(FaultKind.HTML_INSTEAD_OF_JSON):
            self._close(entry, "502 html", "fault: html")
            return web.Response(status=502, text=GATEWAY_PAGE, content_type="text/html")
        return None

    def _refuse_by_fault(self, call: Call) -> None:
        site = self._site
        old = call.style == "oapi"
        if site.take(FaultKind.BUSY):
            raise OapiError(-1, "系统繁忙") if old else ApiError(500, "system.busy", "系统繁忙")
        if site.take(FaultKind.RATE_LIMITED):
            raise OapiError(90018, "请求过于频繁") if old else ApiError(403, QPS, "请求过于频繁")
        if call.metered and site.take(FaultKind.QUOTA_EXHAUSTED):
            raise self._no_quota(call)
        if call.token and site.take(FaultKind.TOKEN_EXPIRED):
            site.tokens.revoke()

    def _check_token(self, call: Call, request: web.Request) -> None:
        if not call.token:
            return
        if call.style == "api":
            token = request.headers.get(TOKEN_HEADER)
            if not token:
                raise ApiError(400, "AuthenticationFailed.MissingParameter", f"缺少参数：{TOKEN_HEADER}")
            if not self._site.tokens.valid(token):
                raise ApiError(400, "InvalidAuthentication", "不合法的access_token")
            return
        token = request.query.get("access_token", "")
        if self._site.tokens.valid(token):
            return
        sub, message = ("40014", "不合法的access_token") if token else ("40000", "access_token is blank")
        if call.topapi:
            full = f"ding talk error[subcode={sub},submsg={message}]"
            raise OapiError(88, full, sub_code=sub, sub_msg=message)
        raise OapiError(int(sub), message)

    def _check_limits(self, call: Call) -> None:
        if not call.metered:
            return
        if not self._rate.take(call.label):
            raise (OapiError(90018, "请求过于频繁") if call.style == "oapi" else ApiError(403, QPS, "请求过于频繁"))
        if not self._site.quota.take_call():
            raise self._no_quota(call)

    def _no_quota(self, call: Call) -> ApiError | OapiError:
        if call.style == "oapi":
            return OapiError(90020, "企业当月调用次数已用完")
        return ApiError(403, QUOTA, "企业当月调用次数已用完")

    def _abandon(self, request: web.Request, entry: WireEntry) -> web.Response:
        """The send was carried out, and the caller does not learn it."""
        if self._site.terms.accept_then == "abort" and request.transport is not None:
            request.transport.abort()
        self._close(
            entry,
            "504" if self._site.terms.accept_then == "504" else "aborted",
            "fault: accepted, unanswered",
        )
        return web.Response(
            status=504,
            text=GATEWAY_PAGE.replace("502 Bad Gateway", "504 Gateway Time-out"),
            content_type="text/html",
        )

    def _api_error(self, call: Call, request: web.Request, entry: WireEntry, error: ApiError) -> web.Response:
        content = {
            "code": error.code,
            "message": error.message,
            "requestid": self._site.new_id("R"),
            **error.details,
        }
        return self._finish(call, request, entry, error.status, content)

    def _finish(
        self, call: Call, request: web.Request, entry: WireEntry, status: int, content: dict[str, Any]
    ) -> web.Response:
        code = content.get("code") or content.get("errcode")
        word = f" {code}" if code else " ok"
        self._close(entry, f"{status}{word}", entry.note)
        entry.plain = {"request": entry.plain, "response": content}
        self._site.wire.changed(entry)
        if call.needs_accept and "application/json" not in request.headers.get("Accept", ""):
            entry.note = "no Accept: application/json, so the answer is XML"
            return web.Response(status=status, text=_xml(content), content_type="application/xml")
        return web.json_response(content, status=status)

    def _close(self, entry: WireEntry, status: str, note: str) -> None:
        entry.status, entry.note = status, note
        self._site.wire.changed(entry)


def _body(text: str, call: Call) -> dict[str, Any]:
    try:
        body = json.loads(text) if text else None
    except ValueError:
        body = None
    if not isinstance(body, dict):
        if call.style == "oapi":
            raise OapiError(40035, "不合法的参数")
        raise ApiError(400, "Missingbody", "body is mandatory for this action.")
    return body


def _shown(text: str, request: web.Request) -> Any:
    try:
        return json.loads(text) if text else dict(request.query)
    except ValueError:
        return text


def _xml(content: dict[str, Any]) -> str:
    inner = "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in content.items())
    return f'<?xml version="1.0" encoding="UTF-8"?><result>{inner}</result>'
