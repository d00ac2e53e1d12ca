"""What lies on every member's phone, and the one-shot codes that may repaint it."""

from __future__ import annotations

import itertools
import secrets
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from simulator.wecom.errors import ApiError, defect
from simulator.world import Clock, PhoneMessage

CODE_LIFE = timedelta(hours=72)


@dataclass(kw_only=True)
class Bubble:
    """One message in one member's chat with an app. A card is this member's own copy: it repaints alone."""

    id: str
    user: str
    agentid: int
    at: datetime
    plain: PhoneMessage | None = None
    """Everything that is not a card."""
    card: dict[str, Any] = field(default_factory=dict)
    task_id: str = ""
    grey: str = ""
    """The text on the greyed button; empty while the buttons live."""
    version: int = 1
    toast: str = ""
    recalled: bool = False

    def repaint(self, card: dict[str, Any]) -> None:
        """Another card takes this one's place; its task stays."""
        self.card = card
        self.grey = str(card.get("replace_text") or "")
        self.version += 1
        self.toast = ""

    def grey_out(self, text: str) -> None:
        self.grey = text
        self.version += 1
        self.toast = ""


@dataclass(kw_only=True)
class ResponseCode:
    """Permission to repaint one task once, for 72 hours [94888]."""

    value: str
    agentid: int
    task_id: str
    expires: datetime
    spent: bool = False


@dataclass(frozen=True, kw_only=True)
class SentMessage:
    msgid: str
    agentid: int
    at: datetime


class Phones:
    """All chats, the tasks ever used, and the codes handed out."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._numbers = itertools.count(1)
        self._chats: dict[str, list[Bubble]] = defaultdict(list)
        self._sent: dict[str, SentMessage] = {}
        self._tasks: set[tuple[int, str]] = set()
        self._codes: dict[str, ResponseCode] = {}
        self._copies: dict[tuple[int, str], list[Bubble]] = defaultdict(list)
        """The copies of each task, so that a repaint does not look through every chat."""
        self.watchers: list[Callable[[str], None]] = []
        """Called with the userid whose phone shows something new."""

    def next_id(self) -> str:
        """A 64-bit message id as decimal text, never repeated."""
        return str(7_000_000_000_000_000_000 + next(self._numbers))

    def record_sent(self, agentid: int) -> str:
        msgid = f"msg{self.next_id()}"
        self._sent[msgid] = SentMessage(msgid=msgid, agentid=agentid, at=self._clock.now())
        return msgid

    def add(self, bubble: Bubble) -> None:
        self._chats[bubble.user.casefold()].append(bubble)
        if bubble.task_id:
            self._copies[bubble.agentid, bubble.task_id].append(bubble)
        self.changed(bubble)

    def changed(self, bubble: Bubble) -> None:
        """Tell who watches that this member has something new to look at."""
        for watcher in self.watchers:
            watcher(bubble.user)

    def chat(self, user: str) -> list[Bubble]:
        return self._chats[user.casefold()]

    def copy(self, user: str, task_id: str, agentid: int | None = None) -> Bubble:
        """That member's copy of a card. Raises LookupError when they have none."""
        for bubble in reversed(self.chat(user)):
            same_app = agentid is None or bubble.agentid == agentid
            if bubble.task_id == task_id and same_app and not bubble.recalled:
                return bubble
        raise LookupError(f"{user!r} has no card {task_id!r}")

    def copies(self, agentid: int, task_id: str) -> dict[str, Bubble]:
        """Everyone's copy of a task, by folded userid."""
        return {bubble.user.casefold(): bubble for bubble in self._copies[agentid, task_id] if not bubble.recalled}

    def claim_task(self, agentid: int, task_id: str) -> None:
        """Raises ApiError 42014 when this app has used the task_id before, however long ago."""
        if (agentid, task_id) in self._tasks:
            raise ApiError(42014, f"task_id {task_id!r} was used before")
        self._tasks.add((agentid, task_id))

    def knows_task(self, agentid: int, task_id: str) -> bool:
        return (agentid, task_id) in self._tasks

    def grant(self, agentid: int, task_id: str) -> str:
        """A new one-shot code for a task: one at the send, one more at each press."""
        code = ResponseCode(
            value=f"RC{secrets.token_urlsafe(24)}",
            agentid=agentid,
            task_id=task_id,
            expires=self._clock.now() + CODE_LIFE,
        )
        self._codes[code.value] = code
        return code.value

    def code(self, value: str, agentid: int) -> ResponseCode:
        """A code that may still be used by this app.

        Raises:
            ApiError: 60140 unknown, spent or older than 72 h; 42015 it belongs to another app.
        """
        code = self._codes.get(value)
        if code is None or code.spent or code.expires <= self._clock.now():
            raise ApiError(60140)
        if code.agentid != agentid:
            raise defect(42015, f"app {code.agentid}, not {agentid}")
        return code

    def spend(self, value: str) -> None:
        if value in self._codes:
            self._codes[value].spent = True

    def recall(self, msgid: str, agentid: int) -> None:
        """Take a message back from every phone.

        Raises:
            ApiError: 40058 unknown, of another app, or older than 24 hours [94867].
        """
        sent = self._sent.get(msgid)
        if sent is None or sent.agentid != agentid:
            raise ApiError(40058, f"msgid {msgid!r} is not of this app")
        if sent.at + timedelta(hours=24) <= self._clock.now():
            raise ApiError(40058, "older than 24 hours")
        for chat in self._chats.values():
            for bubble in chat:
                if bubble.id == msgid:
                    bubble.recalled = True
