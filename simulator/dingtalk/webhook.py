"""sessionWebhook: replies in the chat a message came from, without a token [wire 5.1]."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from simulator.dingtalk.errors import OapiError
from simulator.dingtalk.limits import CHINA, WEBHOOK_PER_MINUTE
from simulator.dingtalk.meter import Rate
from simulator.dingtalk.people import single_chat
from simulator.dingtalk.phones import Bubble, Kind
from simulator.dingtalk.site import Site
from simulator.world import PhoneButton

REQUIRED: dict[str, tuple[str, ...]] = {
    "text": ("content",),
    "markdown": ("title", "text"),
    "link": ("title", "text", "messageUrl"),
    "actionCard": ("title", "text"),
    "feedCard": ("links",),
}
"""Message types that are certain over a sessionWebhook, and their fields."""


class Sessions:
    """Reply addresses that have been handed out."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._sessions: dict[str, tuple[str, int]] = {}
        self._rate = Rate(site.clock, limit=WEBHOOK_PER_MINUTE, seconds=60)

    def open(self, conversation_id: str, *, expires_ms: int) -> str:
        """A new reply address for that chat."""
        key = self._site.new_id()
        self._sessions[key] = (conversation_id, expires_ms)
        return f"{self._site.base_url}/robot/sendBySession?session={key}"

    async def reply(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        """POST to a reply address.

        Raises OapiError 300005 unknown session, 300001 expired, 130101 more than 20 a minute, 40035 for a
        message it cannot read, 90020 when the month's stream quota is used up.
        """
        site = self._site
        if request.query.get("session", "") not in self._sessions:
            raise OapiError(300005, "token is not exist")
        conversation_id, expires = self._sessions[request.query["session"]]
        if site.now_ms() >= expires:
            raise OapiError(300001, "session webhook is expired")
        kind = body.get("msgtype")
        content = body.get(kind) if isinstance(kind, str) else None
        if kind not in REQUIRED or not isinstance(content, dict):
            raise OapiError(40035, f"不合法的参数：msgtype {kind!r}")
        missing = [name for name in REQUIRED[kind] if not content.get(name)]
        if missing:
            raise OapiError(40035, f"缺少参数 {kind}.{missing[0]}")
        if not self._rate.take(conversation_id):
            raise OapiError(130101, "send too fast, exceed 20 times per minute")
        if not site.quota.take_stream():
            raise OapiError(90020, "企业消息推送额度已用完")
        site.phones.add(self._bubble(conversation_id, str(kind), content, body.get("at")))
        return {"errcode": 0, "errmsg": "ok"}

    def _bubble(self, conversation_id: str, kind: str, content: dict[str, Any], at: Any) -> Bubble:
        site = self._site
        group = site.people.groups.get(conversation_id)
        viewers = group.member_ids if group else _owner(site, conversation_id)
        text, shown, buttons = _shown(kind, content)
        mention = _mention(site, at)
        markdown = text if shown == "markdown" else ""
        return Bubble(
            id=site.new_id("msg"),
            at=site.clock.now().astimezone(CHINA),
            conversation_id=conversation_id,
            viewers=frozenset(viewers),
            kind=shown,
            text=" ".join(part for part in (mention, "" if markdown else text) if part),
            title=str(content.get("title", "")),
            markdown=markdown,
            link=str(content.get("messageUrl", "")),
            buttons=buttons,
        )


def _owner(site: Site, conversation_id: str) -> tuple[str, ...]:
    return tuple(user for user in site.people.members if single_chat(user) == conversation_id)


def _shown(kind: str, content: dict[str, Any]) -> tuple[str, Kind, list[PhoneButton]]:
    if kind == "text":
        return str(content["content"]), "text", []
    if kind == "feedCard":
        links = [link for link in content["links"] if isinstance(link, dict)]
        buttons = [
            PhoneButton(key=str(n), text=str(link.get("title", "")), url=str(link.get("messageURL", "")))
            for n, link in enumerate(links)
        ]
        return "", "markdown", buttons
    if kind == "actionCard":
        pairs = [(content["singleTitle"], content.get("singleURL", ""))] if content.get("singleTitle") else []
        pairs += [(b.get("title", ""), b.get("actionURL", "")) for b in content.get("btns", [])]
        buttons = [PhoneButton(key=str(n), text=str(t), url=str(u)) for n, (t, u) in enumerate(pairs)]
        return str(content["text"]), "markdown", buttons
    return str(content["text"]), ("markdown" if kind == "markdown" else "text"), []


def _mention(site: Site, at: Any) -> str:
    if not isinstance(at, dict):
        return ""
    names = ["@所有人"] if at.get("isAtAll") else []
    users = [site.people.members[user] for user in at.get("atUserIds", []) if user in site.people.members]
    return " ".join(names + [f"@{member.name}" for member in users])
