"""One frame → stored durably → ack; nothing else before the ack (wire/dingtalk, decisions 3 and 4)."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from bot.dingtalk.frames import (
    ACK_UNKNOWN_TOPIC,
    ACK_UNREADABLE,
    CARD_TOPIC,
    ROBOT_TOPIC,
    Ack,
    BadFrame,
    Frame,
    ack_event,
    ack_response,
)
from bot.dingtalk.parse import message_keys, message_kind, press_keys
from bot.dingtalk.words import moment, text_of
from bot.plain_json import bounded_key
from core.clock import Clock
from core.errors import IngestUnavailable
from core.inbound import MessageKind, RawInbound
from core.people import PlatformName

log = logging.getLogger(__name__)

Ingest = Callable[[RawInbound], Awaitable[int | None]]
"""Returns when the row is committed: its id, None for a duplicate. Raises when it could not be stored."""
AnswerPress = Callable[[int | None, RawInbound], Awaitable[dict[str, Any]]]
"""The card answer for a press; with None (a duplicate) the card as it stands now."""
Meter = Callable[[Literal["api", "stream"]], None]
"""Counts one metered call of the month (wire/dingtalk 7.3)."""

ADDRESS_BOOK = frozenset(
    {
        "user_add_org",
        "user_modify_org",
        "user_leave_org",
        "user_active_org",
        "label_user_change",
        "label_conf_modify",
    }
)
"""Events worth a row: who works here and with which role. They are not metered."""


def unmetered(kind: Literal["api", "stream"]) -> None:
    """The ledger of an organisation that counts nothing."""


class Receiver:
    """What each frame leads to. Bad input raises nothing: an unreadable frame is refused and logged."""

    def __init__(
        self,
        *,
        ingest: Ingest,
        answer_press: AnswerPress,
        clock: Clock,
        press_limit: float,
        meter: Meter = unmetered,
    ) -> None:
        self._ingest = ingest
        self._answer_press = answer_press
        self._clock = clock
        self._press_limit = press_limit
        self._meter = meter
        self._late: set[asyncio.Future[dict[str, Any]]] = set()

    async def handle(self, frame: Frame) -> Ack | None:
        """The ack for an EVENT or CALLBACK frame, None when it stays unanswered so that it comes again."""
        arrived = asyncio.get_running_loop().time()
        try:
            if frame.type == "EVENT":
                return await self._event(frame)
            if frame.topic == ROBOT_TOPIC:
                return await self._message(frame)
            if frame.topic == CARD_TOPIC:
                return await self._press(frame, arrived)
        except BadFrame as error:
            log.warning("stream frame %s on %s refused: %s", frame.message_id, frame.topic, error)
            return ACK_UNREADABLE
        log.warning("stream frame %s on unknown topic %s", frame.message_id, frame.topic)
        return ACK_UNKNOWN_TOPIC

    def count(self, frame: Frame) -> None:
        """After the ack: robot messages and most events are metered, presses and the address book not."""
        event = frame.type == "EVENT" and text_of(frame.headers.get("eventType")) not in ADDRESS_BOOK
        if event or frame.topic == ROBOT_TOPIC:
            self._meter("stream")

    async def drain(self, seconds: float) -> None:
        """Wait for presses that were acked before their work was done."""
        if self._late:
            await asyncio.wait(set(self._late), timeout=seconds)

    async def _message(self, frame: Frame) -> Ack | None:
        data = frame.content()
        dedupe_key, conv_key = message_keys(data)
        raw = self._raw(frame, message_kind(data), dedupe_key, conv_key, data, data.get("createAt"))
        stored, inbox_id = await self._store(raw)
        if not stored:
            return None
        log.info("stream message %s stored as %s", dedupe_key, inbox_id or "a duplicate")
        return ack_response(None)

    async def _press(self, frame: Frame, arrived: float) -> Ack | None:
        data = frame.content()
        dedupe_key, conv_key = press_keys(data, frame.message_id)
        raw = self._raw(frame, MessageKind.PRESS, dedupe_key, conv_key, data, frame.time_ms)
        stored, inbox_id = await self._store(raw)
        if not stored:
            return None
        left = self._press_limit - (asyncio.get_running_loop().time() - arrived)
        # Not cancelled when late: a database call in flight must end, and the outbox repaints the card.
        work = asyncio.ensure_future(self._answer_press(inbox_id, raw))
        done, _ = await asyncio.wait({work}, timeout=max(0.0, left))
        if not done:
            self._late.add(work)
            work.add_done_callback(self._late_done)
            log.warning("press %s answered late: acked without a card", inbox_id)
            return ack_response({})
        return ack_response(self._answer_of(work, inbox_id))

    def _answer_of(self, work: asyncio.Future[dict[str, Any]], inbox_id: int | None) -> dict[str, Any]:
        error = work.exception()
        if error is None:
            return work.result()
        log.error("press %s failed, it stays in the inbox", inbox_id, exc_info=error)
        return {}

    def _late_done(self, work: asyncio.Future[dict[str, Any]]) -> None:
        self._late.discard(work)
        if not work.cancelled() and work.exception() is not None:
            log.error("a late press failed, it stays in the inbox", exc_info=work.exception())

    async def _event(self, frame: Frame) -> Ack:
        kind = text_of(frame.headers.get("eventType"))
        if kind not in ADDRESS_BOOK:
            return ack_event(stored=True)
        names = ("eventType", "eventId", "eventCorpId", "eventBornTime")
        payload = {"data": frame.content(), **{name: frame.headers.get(name) for name in names}}
        event_id = text_of(frame.headers.get("eventId")) or frame.message_id
        conv_key = f"dingtalk:org:{text_of(frame.headers.get('eventCorpId'))}"
        born = frame.headers.get("eventBornTime")
        raw = self._raw(frame, MessageKind.SYSTEM, event_id, conv_key, payload, born)
        stored, _ = await self._store(raw)
        return ack_event(stored=stored)

    def _raw(
        self,
        frame: Frame,
        kind: MessageKind,
        dedupe_key: str,
        conv_key: str,
        payload: dict[str, Any],
        at: Any,
    ) -> RawInbound:
        return RawInbound(
            platform=PlatformName.DINGTALK,
            dedupe_key=bounded_key(dedupe_key),
            conv_key=bounded_key(conv_key),
            kind=kind.value,
            payload=payload,
            platform_at=moment(at, moment(frame.time_ms, self._clock.now())),
            raw_sha256=hashlib.sha256(frame.data.encode()).hexdigest(),
        )

    async def _store(self, raw: RawInbound) -> tuple[bool, int | None]:
        try:
            return True, await self._ingest(raw)
        except IngestUnavailable as error:
            log.warning("stream inbound %s could not be stored: %s", raw.dedupe_key, error)
            return False, None
        except Exception:
            # Without an ack the platform brings a message again; without a row an ack would lose it.
            log.exception("stream inbound %s could not be stored, it must come again", raw.dedupe_key)
            return False, None
