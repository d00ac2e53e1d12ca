"""The robot's calls: send to people, to a group, recall, read status, download, DING [wire 4, 5.2, 8.3]."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from simulator.dingtalk.errors import SCOPE, ApiError, bad_argument, bad_robot
from simulator.dingtalk.limits import (
    BATCH_USERS,
    CHINA,
    DING_APP_USERS,
    DING_PHONE_USERS,
    MSG_PARAM_BYTES,
    RECALL_LIFE,
)
from simulator.dingtalk.people import single_chat
from simulator.dingtalk.phones import Bubble
from simulator.dingtalk.robot_view import MEDIA_FIELDS, REQUIRED, bubble_parts
from simulator.dingtalk.site import Site


class Robot:
    """Everything under /v1.0/robot."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._sends: dict[str, datetime] = {}

    async def batch_send(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        """POST oToMessages/batchSend: at most 20 people; 200 does not mean that everyone got it.

        Raises ApiError 400 for an unknown robot, too many people, or a message it cannot read.
        """
        site = self._site
        self._check_robot(body)
        users = _users(body.get("userIds"), "userIds", BATCH_USERS)
        key, values = self._message(body)
        invalid = [u for u in users if not site.people.staff(u) or u in site.invalid_staff]
        flow = [u for u in users if u in site.flow_controlled and u not in invalid]
        filtered = [u for u in users if u in site.filtered_staff and u not in invalid and u not in flow]
        process_key = self._new_send()
        for user in users:
            if user not in {*invalid, *flow, *filtered}:
                self._show(process_key, single_chat(user), (user,), key, values)
        return {
            "processQueryKey": process_key,
            "invalidStaffIdList": invalid,
            "flowControlledStaffIdList": flow,
            "filteredStaffIdList": filtered,
        }

    async def group_send(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        """POST groupMessages/send: internal groups in which the robot is a member."""
        self._check_robot(body)
        conversation_id = body.get("openConversationId")
        group = self._site.people.groups.get(conversation_id) if isinstance(conversation_id, str) else None
        if group is None:
            raise bad_argument("openConversationId", "群不存在")
        if not group.has_robot:
            raise bad_argument("openConversationId", "机器人不在群内")
        key, values = self._message(body)
        process_key = self._new_send()
        self._show(process_key, group.conversation_id, group.member_ids, key, values)
        return {"processQueryKey": process_key}

    async def batch_recall(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        """POST otoMessages/batchRecall (sic): takes single-chat messages off the phones within 24 h."""
        return self._recall(body, in_groups=False)

    async def group_recall(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        """POST groupMessages/recall."""
        return self._recall(body, in_groups=True)

    async def read_status(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        """GET oToMessages/readStatus for 24 h after the send."""
        if request.query.get("robotCode") != self._site.robot_code:
            raise bad_robot()
        key = request.query.get("processQueryKey", "")
        if not self._recent(key):
            raise bad_argument("processQueryKey", "processQueryKey 不存在或已过期")
        infos = [
            {
                "name": self._site.people.members[user].name,
                "userId": user,
                "readStatus": "READ" if user in bubble.read_by else "UNREAD",
                "readTimestamp": self._site.now_ms() if user in bubble.read_by else 0,
            }
            for bubble in self._site.phones.sent_by(key)
            for user in sorted(bubble.viewers)
        ]
        return {"sendStatus": "SUCCESS", "messageReadInfoList": infos}

    async def download(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        """POST messageFiles/download: the address of a file for its download code [wire 4]."""
        self._check_robot(body)
        try:
            key = self._site.files.link(str(body.get("downloadCode", "")))
        except LookupError as error:
            raise bad_argument("downloadCode", "downloadCode 有误或已过期") from error
        return {"downloadUrl": f"{self._site.base_url}/dingtalk-files/{key}"}

    async def file(self, request: web.Request) -> web.Response:
        """GET of a download address: plain bytes, no token; 403 when expired, as object stores do."""
        stored = self._site.files.follow(request.match_info["key"])
        status = 403 if stored is None else 200
        self._site.wire.record("dingtalk", "from_bot", "GET file", status=str(status))
        if stored is None:
            return web.Response(status=403, text="<Error><Code>AccessDenied</Code></Error>", content_type="text/xml")
        return web.Response(body=stored.data, content_type=stored.content_type)

    async def ding(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        """POST robot/ding/send: ≤200 people by app, ≤20 by SMS or phone; paid editions only [wire 8.3]."""
        site = self._site
        if not site.terms.ding_edition:
            raise ApiError(
                403,
                SCOPE,
                "应用尚未开通所需的权限",
                accessdenieddetail={"requiredScopes": ["Premium.Ding.Write"]},
            )
        self._check_robot(body)
        kind = body.get("remindType")
        if kind not in {1, 2, 3} or not body.get("content"):
            raise bad_argument("remindType", "remindType 或 content 有误")
        most = DING_APP_USERS if kind == 1 else DING_PHONE_USERS
        users = _users(body.get("receiverUserIdList"), "receiverUserIdList", most)
        ding_id = self._new_send()
        failed = {user: "user not exist" for user in users if not site.people.staff(user)}
        for user in users:
            if user not in failed:
                word = {1: "DING", 2: "短信 DING", 3: "电话 DING"}[kind]
                self._add(ding_id, single_chat(user), (user,), kind="notice", title=word, text=str(body["content"]))
        return {"openDingId": ding_id, "failedList": failed}

    def _check_robot(self, body: dict[str, Any]) -> None:
        if body.get("robotCode") != self._site.robot_code:
            raise bad_robot()

    def _message(self, body: dict[str, Any]) -> tuple[str, dict[str, str]]:
        """msgKey and the parsed msgParam, which must be a JSON *string* of string values."""
        key, text = body.get("msgKey"), body.get("msgParam")
        if key not in REQUIRED:
            raise bad_argument("msgKey.invalid", f"msgKey {key!r} 无效")
        if not isinstance(text, str):
            raise bad_argument("msgParam.invalid", "msgParam 应为 JSON 字符串")
        if len(text.encode()) > MSG_PARAM_BYTES:
            raise bad_argument("msgParam.tooLong", f"msgParam 超过 {MSG_PARAM_BYTES} 字节")
        try:
            values = json.loads(text)
        except ValueError as error:
            raise bad_argument("msgParam.invalid", "msgParam 不是 JSON") from error
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise bad_argument("msgParam.invalid", "msgParam 应为字符串值的 JSON 对象")
        missing = [name for name in REQUIRED[key] if not values.get(name)]
        if missing:
            raise bad_argument("msgParam.invalid", f"{key} 缺少 {missing[0]}")
        for name in MEDIA_FIELDS.get(key, ()):
            media_id = values[name]
            public_url = name == "photoURL" and not media_id.startswith("@")
            if not public_url and self._site.files.media(media_id) is None:
                raise bad_argument("mediaId", f"mediaId 不存在：{media_id}")
        return key, values

    def _new_send(self) -> str:
        key = self._site.new_id("pqk")
        self._sends[key] = self._site.clock.now()
        return key

    def _recent(self, key: str) -> bool:
        at = self._sends.get(key)
        return at is not None and self._site.clock.now() - at < timedelta(seconds=RECALL_LIFE)

    def _recall(self, body: dict[str, Any], *, in_groups: bool) -> dict[str, Any]:
        self._check_robot(body)
        keys = body.get("processQueryKeys")
        if not isinstance(keys, list) or not keys:
            raise bad_argument("processQueryKeys", "processQueryKeys 为空")
        done, failed = [], {}
        for key in keys:
            found = [
                bubble
                for bubble in self._site.phones.sent_by(key)
                if (bubble.conversation_id in self._site.people.groups) is in_groups
                and body.get("openConversationId", bubble.conversation_id) == bubble.conversation_id
            ]
            if self._recent(key) and found:
                self._site.phones.remove(found)
                done.append(key)
            else:
                failed[key] = "message not exist or too old"
        return {"successResult": done, "failedResult": failed}

    def _show(
        self,
        process_key: str,
        conversation_id: str,
        viewers: tuple[str, ...],
        key: str,
        values: dict[str, str],
    ) -> None:
        self._add(process_key, conversation_id, viewers, **bubble_parts(key, values, self._site.files))

    def _add(self, process_key: str, conversation_id: str, viewers: tuple[str, ...], **parts: Any) -> None:
        self._site.phones.add(
            Bubble(
                id=self._site.new_id("msg"),
                at=self._site.clock.now().astimezone(CHINA),
                conversation_id=conversation_id,
                viewers=frozenset(viewers),
                process_key=process_key,
                **parts,
            )
        )


def _users(listed: Any, name: str, most: int) -> list[str]:
    if not isinstance(listed, list) or not listed or not all(isinstance(user, str) for user in listed):
        raise bad_argument(f"{name}.empty", f"{name} 应为非空的字符串列表")
    if len(listed) > most:
        raise bad_argument(f"{name}.tooMany", f"{name} 最多 {most} 个")
    return listed
