"""From a member's phone to the app: the bubble on the phone, the common fields, the callback, its answer."""

from __future__ import annotations

from typing import Any

from simulator.wecom.accounts import AppConfig, Directory
from simulator.wecom.callbacks import CallbackWire, Job
from simulator.wecom.inbound import Fields
from simulator.wecom.phones import Bubble, Phones
from simulator.wecom.replies import ReplyDesk
from simulator.world import Clock, PhoneMessage

NOT_ANSWERED = "应用暂时没有响应，请稍后再试"
"""What the client shows after a press that no try delivered. The wording is assumed."""


class Courier:
    """Carries what members do to the app they do it in."""

    def __init__(
        self,
        clock: Clock,
        corpid: str,
        directory: Directory,
        phones: Phones,
        callbacks: CallbackWire,
        replies: ReplyDesk,
    ) -> None:
        self._clock = clock
        self._corpid = corpid
        self._directory = directory
        self._phones = phones
        self._callbacks = callbacks
        self._replies = replies

    async def message(self, user: str, fields: Fields, agentid: int | None, **look: Any) -> str:
        """Send a message and show it on the sender's phone as ``look``; returns its MsgId.

        Raises:
            LookupError: nobody of that userid in the corp, or they see no app.
        """
        self._directory.member(user)
        app = self._directory.app_of(user, agentid)
        msgid = self._phones.next_id()
        now = self._clock.now()
        plain = PhoneMessage(id=msgid, at=now, from_me=True, **look)
        self._phones.add(Bubble(id=msgid, user=user, agentid=app.agentid, at=now, plain=plain))
        await self._deliver(app, user, self.addressed(app, user, {**fields, "MsgId": msgid}), None)
        return msgid

    async def event(self, user: str, fields: Fields, agentid: int | None, *, pressed: Bubble | None = None) -> None:
        """Send an event, which leaves nothing in the chat and has no MsgId."""
        app = self._directory.app_of(user, agentid)
        await self._deliver(app, user, self.addressed(app, user, fields), pressed)

    def addressed(self, app: AppConfig, user: str, fields: Fields) -> Fields:
        return {
            "ToUserName": self._corpid,
            "FromUserName": user,
            "CreateTime": int(self._clock.now().timestamp()),
            **fields,
            "AgentID": app.agentid,
        }

    async def _deliver(self, app: AppConfig, user: str, inner: Fields, pressed: Bubble | None) -> None:
        def answered(body: bytes) -> None:
            self._replies.apply(body, app=app, cipher=self._callbacks.cipher(app), user=user, inner=inner)

        def given_up() -> None:
            if pressed is not None:
                pressed.toast = NOT_ANSWERED

        await self._callbacks.deliver(Job(app=app, user=user, inner=inner, on_answer=answered, on_given_up=given_up))
