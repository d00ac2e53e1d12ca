"""The administrator's page of what was given up: what, whose, when, why; send again or give up for good (F021, R12).

The link carries a signed key of one administrator that opens for twelve hours; whether they still are one is looked
up each time. There are no cookies, so that no other site can make a browser press these buttons; the key is in the
form. Each press leaves a link in the trace with the administrator's name.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import structlog
from aiohttp import web

from bot.metrics import Metrics
from bot.web.masking import masked, masked_tree, words_in
from bot.web.showing import fenced, shown
from cards import wording
from cards.keys import Keys
from core.clock import Clock
from core.parked import resolve
from core.people import Person, PlatformName, Role
from core.ports import Coordinator, Database, DeadLetter, DeadLetters, Transaction
from handlers import texts

log = structlog.get_logger()

OPENS_FOR = timedelta(hours=12)
MOST = 100
REFUSALS_EVERY = timedelta(minutes=1)
"""Refused keys are counted and logged each; the trace gets one a minute, so that nobody can flood it."""

SOURCES = {"inbox": "收到的消息", "outbox": "要发的消息", "deadline": "到点的时限"}
KINDS = {
    "text": "文字",
    "image": "图片",
    "mixed": "图文",
    "voice": "语音",
    "file": "文件",
    "press": "按钮",
    "menu": "菜单",
    "card": "卡片",
}
RESULTS = {
    "resent": "{letter} 号已重新处理,结果会发给当事人。仍失败会再回到这里。",
    "dropped": "{letter} 号已放弃,记录保留。",
    "gone": "{letter} 号已被处理过,没有重复操作。",
}


def link(keys: Keys, public_url: str, person_id: str, now: datetime) -> str:
    """The address for one administrator; empty when phones can't reach this bot."""
    if not public_url:
        return ""
    return f"{public_url.rstrip('/')}/admin/parked?k={keys.admin(person_id, now + OPENS_FOR)}"


class ParkedPage:
    """``/admin/parked``: GET lists, POST sends again or drops."""

    def __init__(
        self,
        *,
        database: Database,
        keys: Keys,
        clock: Clock,
        dead_letters: DeadLetters,
        coordinator: Coordinator,
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._dead_letters = dead_letters
        self._coordinator = coordinator
        self._metrics = metrics
        self._refused_at: datetime | None = None

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/admin/parked", self.show), web.post("/admin/parked", self.press)]

    async def show(self, request: web.Request) -> web.Response:
        key = request.query.get("k", "")
        admin = await self._admin(request, key)
        if admin is None:
            return shown("refused.html", {}, status=403)
        letters = await self._dead_letters.list(limit=MOST)
        async with self._database.reading() as tx:
            rows = [await self._row(tx, letter) for letter in letters]
        what, _, letter = request.query.get("done", "").partition(".")
        result = RESULTS[what].format(letter=letter) if what in RESULTS and letter.isdecimal() else ""
        return shown("parked.html", {"key": key, "admin": admin.name, "rows": rows, "result": result, "most": MOST})

    async def press(self, request: web.Request) -> web.Response:
        form = await request.post()
        key, letter, wish = (str(form.get(name, "")) for name in ("k", "letter", "do"))
        admin = await self._admin(request, key)
        if admin is None:
            return shown("refused.html", {}, status=403)
        if not (letter.isascii() and letter.isdecimal() and len(letter) < 10) or wish not in ("resend", "drop"):
            raise web.HTTPBadRequest(text="请回到列表重新操作。", headers=fenced())
        done = await self._resolve(admin, int(letter), again=wish == "resend")
        result = ("resent" if wish == "resend" else "dropped") if done else "gone"
        raise web.HTTPSeeOther(f"/admin/parked?k={key}&done={result}.{letter}", headers=fenced())

    async def _resolve(self, admin: Person, letter: int, *, again: bool) -> bool:
        async with self._database.transaction() as tx:
            done = await resolve(
                tx,
                letter,
                again=again,
                by=admin.id,
                name=admin.name,
                channel="page",
                now=self._clock.now(),
                evidence="A",
            )
        if not done:
            return False
        for channel in ("inbox", "outbox", "deadlines"):
            self._coordinator.wake(channel)
        log.info("parked resolved", letter=letter, again=again, by=admin.id)
        return True

    async def _admin(self, request: web.Request, key: str) -> Person | None:
        """The administrator whose key it is; None is recorded."""
        person_id = self._keys.admin_of(key, self._clock.now())
        if person_id is not None:
            async with self._database.reading() as tx:
                person = await tx.people.get(person_id)
            if person is not None and person.active and person.has(Role.ADMIN):
                return person
        await self._refused(person_id or "", request.remote or "")
        return None

    async def _refused(self, person_id: str, remote: str) -> None:
        self._metrics.refused_pages.inc()
        log.warning("administrator's page refused", person=person_id, remote=remote)
        now = self._clock.now()
        if self._refused_at is not None and now - self._refused_at < REFUSALS_EVERY:
            return
        self._refused_at = now
        async with self._database.transaction() as tx:
            await tx.timeline.append(
                "page:admin",
                "page.refused",
                actor=person_id,
                actor_name="",
                channel="page",
                details={"remote": remote},
                at=now,
            )

    async def _row(self, tx: Transaction, letter: DeadLetter) -> dict[str, Any]:
        payload = letter.payload
        platform, kind = str(payload.get("platform", "")), str(payload.get("kind", ""))
        return {
            "id": letter.id,
            "source": SOURCES.get(letter.source, letter.source),
            "kind": KINDS.get(kind, kind),
            "platform": wording.PLATFORM.get(platform, platform),
            "who": await self._who(tx, letter, platform),
            "at": wording.clock(letter.last_at, self._clock.now()),
            "attempts": letter.attempts,
            "why": masked(letter.reason),
            "words": masked(_words(letter)),
            "raw": json.dumps(masked_tree(payload), ensure_ascii=False, indent=2),
        }

    async def _who(self, tx: Transaction, letter: DeadLetter, platform: str) -> str:
        accounts = letter.payload.get("recipients") or [str(letter.payload.get("conv_key", "")).rpartition(":")[2]]
        names = []
        for account in accounts[:5]:
            person = None
            if platform in set(PlatformName):
                person = await tx.people.by_account(PlatformName(platform), account)
            names.append(person.name if person else account)
        return "、".join(n for n in names if n)


def _words(letter: DeadLetter) -> str:
    """What it says, in a line or two."""
    payload = letter.payload
    body = payload.get("body")
    if isinstance(body, dict):
        if "sentence" in body:
            try:
                return texts.render(str(body["sentence"]), body.get("args", {}))
            except (KeyError, TypeError, ValueError):
                return str(body["sentence"])
        return " ".join(str(body[k]) for k in ("kind", "ref", "source") if body.get(k))
    return words_in(payload.get("content")) or " ".join(str(payload[k]) for k in ("ref", "step") if payload.get(k))
