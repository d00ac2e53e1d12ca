"""What people write to the robot: payloads, at-least-once delivery, and its faults [wire 1.4, 3]."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulator.dingtalk.frames import EVENT_TOPIC, ROBOT_TOPIC, over_quota
from simulator.dingtalk.gateway import Gateway, Sent
from simulator.dingtalk.limits import WEBHOOK_LIFE
from simulator.dingtalk.people import single_chat
from simulator.dingtalk.phones import Bubble
from simulator.dingtalk.site import Site, within
from simulator.dingtalk.webhook import Sessions
from simulator.world import FaultKind


@dataclass(kw_only=True, eq=False)
class Parcel:
    """Something that must reach the bot at least once."""

    kind: str
    topic: str
    label: str
    data: str
    extra: dict[str, str] | None = None
    settled: bool = False
    """Acked through any of its frames, early or late."""
    message_id: str = ""
    ignore_acks: bool = False
    """The platform gave up waiting although the bot answered (fault ``callback_timeout``)."""


class Inbound:
    """Robot messages and events on their way to the bot."""

    def __init__(self, site: Site, gateway: Gateway, sessions: Sessions) -> None:
        self._site = site
        self._gateway = gateway
        self._sessions = sessions
        self._held: dict[str, tuple[Parcel, asyncio.Event]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.given_up: list[dict[str, Any]] = []
        """Data of the messages and events that no frame brought to the bot."""
        self.answered_at: dict[str, datetime] = {}
        """msgId → when a frame of it was acked for the first time."""
        self.answer_seconds: deque[float] = deque(maxlen=100_000)
        """Real seconds from every frame to its ack, the newest ones."""

    async def write(
        self, user: str, content: dict[str, Any], bubble: Bubble, *, group: str | None = None
    ) -> dict[str, Any]:
        """Put the message on the phones and send it to the bot; returns the payload."""
        self._site.phones.add(bubble)
        payload = self.payload(user, content, bubble.id, group=group)
        await self.send(user, payload)
        return payload

    def payload(self, user: str, content: dict[str, Any], message_id: str, *, group: str | None) -> dict[str, Any]:
        """The ``data`` of a robot frame."""
        site = self._site
        member = site.people.member(user)
        chat = site.people.group(group) if group else None
        if chat is not None and (user not in chat.member_ids or not chat.has_robot):
            raise LookupError(f"{user} cannot reach the robot in {chat.title}")
        conversation_id = chat.conversation_id if chat else single_chat(user)
        now = site.now_ms()
        expires = now + WEBHOOK_LIFE * 1000
        bot_id = f"$:LWCP_v1:$bot-{site.robot_code}"
        message: dict[str, Any] = {
            "conversationId": conversation_id,
            "chatbotCorpId": site.corp_id,
            "chatbotUserId": bot_id,
            "msgId": message_id,
            "senderNick": member.name,
            "isAdmin": member.admin,
            "senderId": member.sender_id,
            "sessionWebhookExpiredTime": expires,
            "sessionWebhook": self._sessions.open(conversation_id, expires_ms=expires),
            "createAt": now,
            "conversationType": "2" if chat else "1",
            "robotCode": site.robot_code,
            "senderPlatform": "Android",
            "openThreadId": conversation_id,
            **content,
        }
        if not member.outsider:
            message |= {"senderCorpId": site.corp_id, "senderStaffId": user}
        if chat is not None:
            message |= {
                "conversationTitle": chat.title,
                "isInAtList": True,
                "atUsers": [{"dingtalkId": bot_id}],
            }
        return message

    async def send(self, user: str, payload: dict[str, Any]) -> None:
        """Deliver one robot message, with the month's quota and the armed faults."""
        site = self._site
        if site.take(FaultKind.QUOTA_EXHAUSTED) or not site.quota.take_stream():
            payload = over_quota(payload)
        parcel = Parcel(
            kind="CALLBACK",
            topic=ROBOT_TOPIC,
            label=f"stream CALLBACK robot {payload['msgtype']}",
            data=json.dumps(payload, ensure_ascii=False),
            message_id=str(payload["msgId"]),
            ignore_acks=site.take(FaultKind.CALLBACK_TIMEOUT),
        )
        if user not in self._held and site.take(FaultKind.REORDER):
            self._hold(user, parcel)
            return
        await self._deliver(parcel)
        if user in self._held:
            held, overtaken = self._held.pop(user)
            overtaken.set()
            await self._deliver(held)

    async def event(self, event_type: str, data: dict[str, Any]) -> None:
        """An org event; redelivered when not acked or answered LATER [wire 1.3, 1.4]."""
        site = self._site
        extra = {
            "eventType": event_type,
            "eventId": site.new_id("e"),
            "eventCorpId": site.corp_id,
            "eventBornTime": str(site.now_ms()),
            "eventUnifiedAppId": site.client_id,
        }
        text = json.dumps(data, ensure_ascii=False)
        label = f"stream EVENT {event_type}"
        await self._deliver(Parcel(kind="EVENT", topic=EVENT_TOPIC, label=label, data=text, extra=extra))

    def _hold(self, user: str, parcel: Parcel) -> None:
        """Keep a message back until the same person's next one has overtaken it, or the wait is over."""
        overtaken = asyncio.Event()
        self._held[user] = (parcel, overtaken)
        self._site.wire.record("dingtalk", "to_bot", parcel.label, status="held back", note="fault: reorder")

        async def release() -> None:
            waiter = asyncio.ensure_future(overtaken.wait())
            await within(self._site.clock, self._site.terms.redelivery_after, waiter)
            waiter.cancel()
            if user in self._held and self._held[user][0] is parcel:
                del self._held[user]
                await self._deliver(parcel)

        self._spawn(release())

    async def _deliver(self, parcel: Parcel) -> None:
        self._break_streams(parcel)
        copies = 3 if self._site.take(FaultKind.DUPLICATE_CALLBACK) else 1
        note = "fault: sent three times" if copies > 1 else ""
        reached = await asyncio.gather(*(self._attempt(parcel, note=note) for _ in range(copies)))
        if not parcel.settled and (any(reached) or not self._site.terms.lose_when_offline):
            self._spawn(self._redeliver(parcel))
        elif not parcel.settled:
            self._lost(parcel, "no connection")

    def _break_streams(self, parcel: Parcel) -> None:
        gateway, site = self._gateway, self._site
        if site.take(FaultKind.STREAM_DROP):
            for connection in list(gateway.connections):
                gateway.drop(connection)
        if site.take(FaultKind.STREAM_DISCONNECT) and (leaving := gateway.pick(parcel.kind, parcel.topic)):
            leaving.state = "leaving"
            self._spawn(gateway.disconnect(leaving))
        if site.take(FaultKind.STREAM_MUTE):
            for connection in gateway.connections:
                gateway.mute(connection)

    async def _attempt(self, parcel: Parcel, *, note: str = "") -> bool:
        """One frame; waits a moment for its ack. False when there was no connection to send it on."""
        site = self._site
        sent = await self._gateway.push(
            kind=parcel.kind,
            topic=parcel.topic,
            data=parcel.data,
            label=parcel.label,
            extra=parcel.extra,
            note=note,
        )
        if sent is None:
            return False
        started = time.perf_counter()
        sent.ack.add_done_callback(lambda _: self._settle(parcel, sent, started))
        waiter = asyncio.ensure_future(asyncio.shield(sent.ack))
        await within(site.pace, site.terms.ack_patience, waiter)
        if not waiter.done():
            waiter.cancel()
        return True

    def _settle(self, parcel: Parcel, sent: Sent, started: float) -> None:
        ack = None if sent.ack.cancelled() else sent.ack.result()
        if ack is None:
            return
        self.answer_seconds.append(time.perf_counter() - started)
        if parcel.ignore_acks:
            parcel.ignore_acks = False
            sent.entry.note = "fault: the platform gave up waiting for the ack"
            return
        if parcel.kind == "EVENT":
            status = ack.data.get("status") if isinstance(ack.data, dict) else None
            if status not in {"SUCCESS", "LATER"}:
                sent.entry.note = "the ack of an event should say SUCCESS or LATER"
            parcel.settled = parcel.settled or status != "LATER"
        else:
            parcel.settled = True
            self.answered_at.setdefault(parcel.message_id, self._site.clock.now())

    async def _redeliver(self, parcel: Parcel) -> None:
        terms = self._site.terms
        for number in range(1, terms.redelivery_tries + 1):
            await self._site.clock.sleep(terms.redelivery_after)
            if not parcel.settled:
                await self._attempt(parcel, note=f"redelivery {number}: no ack yet")
            if parcel.settled:
                return
        self._lost(parcel, "given up: never acked")

    def _lost(self, parcel: Parcel, why: str) -> None:
        self.given_up.append(json.loads(parcel.data))
        self._site.wire.record("dingtalk", "to_bot", parcel.label, status="lost", note=why)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
