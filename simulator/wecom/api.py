"""The HTTP routes of the API half: tokens, faults, JSON and errcodes around the desks."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, hdrs, web

from simulator.wecom.accounts import AppConfig, Directory, open_userid
from simulator.wecom.errors import ApiError, defect
from simulator.wecom.media import RANGE_LARGEST, MediaStore
from simulator.wecom.menu import MenuEntry, read_menu
from simulator.wecom.sending import MessageDesk
from simulator.wecom.tokens import TokenDesk
from simulator.world import Clock, FaultKind, Faults, WireLog

ESCAPED = re.compile(rb"(?<!\\)(?:\\\\)*\\u[0-9a-fA-F]{4}")
REFUSALS = {FaultKind.UNTRUSTED_IP: 60020, FaultKind.RATE_LIMITED: 45009, FaultKind.BUSY: -1}
ABORTABLE = {"message/send", "message/update_template_card"}
UPLOAD_LARGEST = 64 * 1024 * 1024
CALLBACK_IPS = ["127.0.0.1", "101.226.103.*", "2402:4e00::*"]


@dataclass(kw_only=True)
class Call:
    """One API call being served."""

    request: web.Request
    app: AppConfig
    plain: Any = None
    notes: list[str] = field(default_factory=list)

    async def json(self) -> dict[str, Any]:
        """The JSON body.

        Raises:
            ApiError: 40033 ``\\uXXXX`` escapes instead of raw UTF-8; 40035 no JSON object.
        """
        raw = await self.request.read()
        if ESCAPED.search(raw):
            raise defect(40033, "\\uXXXX escapes, send raw UTF-8")
        try:
            body = json.loads(raw)
        except ValueError as error:
            raise defect(40035, "the body is no JSON") from error
        if not isinstance(body, dict):
            raise defect(40035, "the body is no JSON object")
        self.plain = body
        return body


Serve = Callable[[Call], Awaitable[dict[str, Any] | web.Response]]


class Api:
    """Everything under /cgi-bin. ``fail_next`` answers upcoming calls with chosen errcodes."""

    def __init__(
        self,
        clock: Clock,
        wire: WireLog,
        faults: Faults,
        directory: Directory,
        tokens: TokenDesk,
        media: MediaStore,
        desk: MessageDesk,
        *,
        slow_seconds: float,
    ) -> None:
        self._clock = clock
        self._wire = wire
        self._faults = faults
        self._directory = directory
        self._tokens = tokens
        self._media = media
        self._desk = desk
        self._slow_seconds = slow_seconds
        self._forced: list[tuple[str, int]] = []
        self.menus: dict[int, list[MenuEntry]] = {}
        self._raw_menus: dict[int, Any] = {}

    def fail_next(self, path: str, errcode: int) -> None:
        """The next call of ``path`` (``message/send``) is refused with ``errcode``, for instance 45033."""
        self._forced.append((path, errcode))

    def routes(self) -> list[web.RouteDef]:
        posts: dict[str, Serve] = {
            "message/send": self._send,
            "message/update_template_card": self._update,
            "message/recall": self._recall,
            "media/upload": self._upload,
            "media/uploadimg": self._uploadimg,
            "menu/create": self._menu_create,
            "batch/openuserid_to_userid": self._open_userids,
        }
        gets: dict[str, Serve] = {
            "media/get": self._media_get,
            "menu/get": self._menu_get,
            "menu/delete": self._menu_delete,
            "user/get": self._user_get,
            "getcallbackip": self._callback_ip,
        }
        return [
            web.get("/cgi-bin/gettoken", self._gettoken),
            web.get("/cgi-bin/wework_pic/{name}", self._picture),
            *(web.post(f"/cgi-bin/{path}", self._guarded(path, serve)) for path, serve in posts.items()),
            *(web.get(f"/cgi-bin/{path}", self._guarded(path, serve)) for path, serve in gets.items()),
        ]

    def _guarded(self, path: str, serve: Serve) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Faults, token, errcodes and the wire log around one call."""

        async def handle(request: web.Request) -> web.Response:
            notes: list[str] = []
            call: Call | None = None
            try:
                broken = await self._gateway_fault(notes)
                if broken is not None:
                    self._log(path, None, f"HTTP {broken.status}", notes)
                    return broken
                call = Call(request=request, app=self._authorised(request, path, notes), notes=notes)
                answer = await serve(call)
            except ApiError as error:
                if error.defect:
                    self._wire.violation("wecom", f"{path}: {error}")
                answer = error.answer()
            if isinstance(answer, web.Response):
                self._log(path, call and call.plain, f"HTTP {answer.status}", notes)
                return answer
            status = f"errcode {answer['errcode']} {answer['errmsg']}"
            carried_out = call is not None and path in ABORTABLE and answer["errcode"] == 0
            if carried_out and self._faults.take(FaultKind.ACCEPT_THEN_ABORT, "wecom"):
                notes.append("fault: carried out, connection aborted before the answer")
                self._log(path, call and call.plain, status, notes)
                if request.transport is not None:
                    request.transport.abort()
                return web.Response()
            plain = {"request": call.plain if call else None, "answer": answer}
            self._log(path, plain, status, notes)
            return web.json_response(answer)

        return handle

    async def _gateway_fault(self, notes: list[str]) -> web.Response | None:
        if self._faults.take(FaultKind.SLOW, "wecom"):
            notes.append(f"fault: slow, {self._slow_seconds:g} s")
            await self._clock.sleep(self._slow_seconds)
        if self._faults.take(FaultKind.SERVER_ERROR, "wecom"):
            notes.append("fault: server error, nothing carried out")
            return web.Response(status=503, text="upstream unavailable")
        if self._faults.take(FaultKind.HTML_INSTEAD_OF_JSON, "wecom"):
            notes.append("fault: a gateway page instead of JSON, nothing carried out")
            return web.Response(text="<html><body>502 Bad Gateway</body></html>", content_type="text/html")
        return None

    def _authorised(self, request: web.Request, path: str, notes: list[str]) -> AppConfig:
        self._refuse_forced(path)
        token = request.query.get("access_token", "")
        if self._faults.take(FaultKind.TOKEN_EXPIRED, "wecom"):
            self._tokens.revoke(token)
            notes.append("fault: token revoked before its time")
            raise ApiError(42001)
        app = self._tokens.app(token)
        for fault, code in REFUSALS.items():
            if self._faults.take(fault, "wecom"):
                notes.append(f"fault: {fault}")
                raise ApiError(code)
        return app

    def _refuse_forced(self, path: str) -> None:
        for entry in self._forced:
            if entry[0] == path:
                self._forced.remove(entry)
                raise ApiError(entry[1])

    def _log(self, path: str, plain: Any, status: str, notes: list[str]) -> None:
        self._wire.record("wecom", "from_bot", path, plain=plain, status=status, note=" · ".join(notes))

    async def _gettoken(self, request: web.Request) -> web.Response:
        try:
            self._refuse_forced("gettoken")
            answer = self._tokens.issue(
                request.query.get("corpid", ""), request.query.get("corpsecret", ""), request.remote or ""
            )
        except ApiError as error:
            answer = error.answer()
        self._log("gettoken", None, f"errcode {answer['errcode']} {answer['errmsg']}", [])
        return web.json_response(answer)

    async def _send(self, call: Call) -> dict[str, Any]:
        return self._desk.send(call.app, await call.json(), call.notes)

    async def _update(self, call: Call) -> dict[str, Any]:
        return self._desk.update(call.app, await call.json(), call.notes)

    async def _recall(self, call: Call) -> dict[str, Any]:
        return self._desk.recall(call.app, await call.json(), call.notes)

    async def _upload(self, call: Call) -> dict[str, Any]:
        filename, data, disposition = await _file_part(call.request)
        kind = call.request.query.get("type", "")
        call.plain = {"type": kind, "filename": filename, "bytes": len(data)}
        file = self._media.upload(kind, filename, data, disposition)
        created = str(int(file.created.timestamp()))
        return {
            "errcode": 0,
            "errmsg": "ok",
            "type": kind,
            "media_id": file.media_id,
            "created_at": created,
        }

    async def _uploadimg(self, call: Call) -> dict[str, Any]:
        filename, data, _ = await _file_part(call.request)
        call.plain = {"filename": filename, "bytes": len(data)}
        name = self._media.keep_picture(data)
        url = f"{call.request.url.origin()}/cgi-bin/wework_pic/{name}"
        return {"errcode": 0, "errmsg": "ok", "url": url}

    async def _media_get(self, call: Call) -> web.Response:
        media_id = call.request.query.get("media_id", "")
        call.plain = {"media_id": media_id}
        file = self._media.get(media_id)
        try:
            span = call.request.http_range
        except ValueError as error:
            raise defect(40035, f"Range {call.request.headers[hdrs.RANGE]!r}") from error
        wanted = file.data[span]
        if len(wanted) > RANGE_LARGEST:
            raise ApiError(830002, f"{len(wanted)} bytes")
        name = file.filename.replace('"', "").replace("\r", "").replace("\n", "")
        headers = {hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}"'}
        if hdrs.RANGE not in call.request.headers:
            return web.Response(body=wanted, content_type=file.content_type, headers=headers)
        start = span.indices(len(file.data))[0]
        last = start + len(wanted) - 1
        headers[hdrs.CONTENT_RANGE] = f"bytes {start}-{last}/{len(file.data)}"
        return web.Response(status=206, body=wanted, content_type=file.content_type, headers=headers)

    async def _menu_create(self, call: Call) -> dict[str, Any]:
        _own_agent(call)
        body = await call.json()
        self.menus[call.app.agentid] = read_menu(body, call.app.agentid)
        self._raw_menus[call.app.agentid] = body
        return {"errcode": 0, "errmsg": "ok"}

    async def _menu_get(self, call: Call) -> dict[str, Any]:
        _own_agent(call)
        return {"errcode": 0, "errmsg": "ok", **self._raw_menus.get(call.app.agentid, {"button": []})}

    async def _menu_delete(self, call: Call) -> dict[str, Any]:
        _own_agent(call)
        self.menus.pop(call.app.agentid, None)
        self._raw_menus.pop(call.app.agentid, None)
        return {"errcode": 0, "errmsg": "ok"}

    async def _user_get(self, call: Call) -> dict[str, Any]:
        userid = call.request.query.get("userid", "")
        call.plain = {"userid": userid}
        return {"errcode": 0, "errmsg": "ok", **self._directory.record(userid, call.app)}

    async def _open_userids(self, call: Call) -> dict[str, Any]:
        """Plain ids come back as invalid [101521]."""
        asked = (await call.json()).get("open_userid_list")
        if not isinstance(asked, list) or not 1 <= len(asked) <= 1000:
            raise defect(40035, "open_userid_list of 1 to 1000")
        known = {open_userid(member.userid): member.userid for member in self._directory.members()}
        rows = [{"open_userid": one, "userid": known[one]} for one in asked if one in known]
        invalid = [one for one in asked if one not in known]
        return {"errcode": 0, "errmsg": "ok", "userid_list": rows, "invalid_open_userid_list": invalid}

    async def _callback_ip(self, call: Call) -> dict[str, Any]:
        return {"errcode": 0, "errmsg": "ok", "ip_list": CALLBACK_IPS}

    async def _picture(self, request: web.Request) -> web.Response:
        data = self._media.picture(request.match_info["name"])
        if data is None:
            raise web.HTTPNotFound
        kind = "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
        return web.Response(body=data, content_type=kind)


def _own_agent(call: Call) -> None:
    if call.request.query.get("agentid") != str(call.app.agentid):
        raise defect(301002, f"agentid {call.request.query.get('agentid')!r}")


async def _file_part(request: web.Request) -> tuple[str, bytes, str]:
    """The ``media`` part of an upload: filename, bytes, and its raw Content-Disposition."""
    if not request.content_type.startswith("multipart/"):
        raise defect(44001, "no multipart body")
    async for part in await request.multipart():
        if isinstance(part, BodyPartReader) and part.name == "media":
            data = bytearray()
            while chunk := await part.read_chunk(1 << 16):
                data += chunk
                if len(data) > UPLOAD_LARGEST:
                    raise defect(45001, f"more than {UPLOAD_LARGEST} bytes")
            return part.filename or "", bytes(data), part.headers.get(hdrs.CONTENT_DISPOSITION, "")
    raise defect(44001, "no part named media")
