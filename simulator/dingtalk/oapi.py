"""The old API: tokens, media, contacts, work notices [wire 5.3, 5.5, 7.1, 8.1]."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from aiohttp import BodyPartReader, web

from simulator.dingtalk.errors import ApiError, OapiError
from simulator.dingtalk.files import StoredFile
from simulator.dingtalk.limits import (
    CHINA,
    MEDIA_TYPES,
    WORK_NOTICE_BYTES,
    WORK_NOTICE_PER_DAY,
    WORK_NOTICE_USERS,
)
from simulator.dingtalk.people import single_chat
from simulator.dingtalk.phones import Bubble
from simulator.dingtalk.site import Site

NOTICE_TYPES = {"text", "image", "voice", "file", "link", "oa", "markdown", "action_card"}


class Oapi:
    """oapi.dingtalk.com, and the new token call beside the old one."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._notices: set[tuple[str, str, str]] = set()
        self._per_day: Counter[tuple[str, str]] = Counter()
        self._task_ids = 0

    async def access_token(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        """POST /v1.0/oauth2/accessToken. Raises ApiError 400 ``invalidClientIdOrSecret``."""
        if (body.get("appKey"), body.get("appSecret")) != (self._site.client_id, self._site.client_secret):
            raise ApiError(400, "invalidClientIdOrSecret", "无效的clientId或者clientSecret")
        token, seconds = self._site.tokens.issue()
        return {"accessToken": token, "expireIn": seconds}

    async def gettoken(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        """GET /gettoken. Raises OapiError 40035 without parameters, 40096 for wrong ones."""
        key, secret = request.query.get("appkey"), request.query.get("appsecret")
        if not key or not secret:
            raise OapiError(40035, "缺少参数 corpid or appkey")
        if (key, secret) != (self._site.client_id, self._site.client_secret):
            raise OapiError(40096, "不合法的appKey或appSecret")
        token, seconds = self._site.tokens.issue()
        return {"errcode": 0, "errmsg": "ok", "access_token": token, "expires_in": seconds}

    async def upload(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        """POST /media/upload: multipart field ``media``, kinds and sizes of [wire 5.3].

        Raises OapiError 40004 unknown type, 40005 file kind not taken, 40006 too big, 40035 no media.
        """
        kind = request.query.get("type", "")
        filename, data, content_type = "", b"", ""
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                continue
            if part.name == "media":
                filename = part.filename or ""
                content_type = part.headers.get("Content-Type", "application/octet-stream")
                data = bytes(await part.read(decode=False))
            elif part.name == "type":
                kind = kind or bytes(await part.read(decode=False)).decode()
        if kind not in MEDIA_TYPES:
            raise OapiError(40004, "不合法的媒体文件类型")
        if not data:
            raise OapiError(40035, "缺少参数 media")
        most, endings = MEDIA_TYPES[kind]
        if filename.rpartition(".")[2].lower() not in endings:
            raise OapiError(40005, f"不合法的文件类型：{filename}")
        if len(data) > most:
            raise OapiError(40006, "不合法的文件大小")
        stored = StoredFile(data=data, filename=filename, content_type=content_type)
        media_id = self._site.files.keep_media(stored)
        return {
            "errcode": 0,
            "errmsg": "ok",
            "type": kind,
            "media_id": media_id,
            "created_at": self._site.now_ms(),
        }

    async def user_get(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        """POST /topapi/v2/user/get. Raises OapiError 60121 for a userid the organisation does not know."""
        user = str(body.get("userid", ""))
        if not self._site.people.staff(user):
            raise OapiError(60121, "找不到该用户", sub_code="60121", sub_msg="找不到该用户")
        member = self._site.people.members[user]
        result = {
            "userid": member.user_id,
            "unionid": member.union_id,
            "name": member.name,
            "mobile": member.mobile,
            "title": member.title,
            "dept_id_list": list(member.department_ids),
            "leader_in_dept": [{"dept_id": number, "leader": False} for number in member.department_ids],
            "manager_userid": member.manager_user_id,
            "role_list": [{"id": number, "name": name, "group_name": "岗位"} for number, name in member.roles],
            "admin": member.admin,
            "boss": False,
            "active": True,
        }
        return {"errcode": 0, "errmsg": "ok", "result": result, "request_id": self._site.new_id("r")}

    async def work_notice(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        """POST asyncsend_v2: identical content reaches the same person once a day, then silently not.

        Raises OapiError 40035 for missing or oversized parts, 400002 for more than 100 people.
        """
        users = [user for user in str(body.get("userid_list", "")).split(",") if user]
        message = body.get("msg")
        if not body.get("agent_id") or not users or not isinstance(message, dict):
            raise OapiError(40035, "缺少参数 agent_id、userid_list 或 msg")
        if len(users) > WORK_NOTICE_USERS:
            raise OapiError(400002, f"userid_list 最多 {WORK_NOTICE_USERS} 个")
        if message.get("msgtype") not in NOTICE_TYPES:
            raise OapiError(40035, "不合法的 msgtype")
        text = json.dumps(message, ensure_ascii=False, sort_keys=True)
        if len(text.encode()) > WORK_NOTICE_BYTES:
            raise OapiError(40035, f"msg 超过 {WORK_NOTICE_BYTES} 字节")
        for user in users:
            self._notice(user, text, message)
        self._task_ids += 1
        return {"errcode": 0, "errmsg": "ok", "task_id": self._task_ids, "request_id": self._site.new_id("r")}

    def _notice(self, user: str, text: str, message: dict[str, Any]) -> None:
        site = self._site
        day = site.clock.now().astimezone(CHINA).date().isoformat()
        if not site.people.staff(user) or (user, day, text) in self._notices:
            return
        if self._per_day[user, day] >= WORK_NOTICE_PER_DAY:
            return
        self._notices.add((user, day, text))
        self._per_day[user, day] += 1
        content = message.get(message["msgtype"])
        content = content if isinstance(content, dict) else {}
        site.phones.add(
            Bubble(
                id=site.new_id("work"),
                at=site.clock.now().astimezone(CHINA),
                conversation_id=single_chat(user),
                viewers=frozenset({user}),
                kind="notice",
                title=str(content.get("title") or "工作通知"),
                text=str(content.get("content") or ""),
                markdown=str(content.get("text") or content.get("markdown") or ""),
            )
        )
