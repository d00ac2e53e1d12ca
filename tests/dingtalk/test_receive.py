"""What happens between a frame and its ack, frame by frame."""

from __future__ import annotations

import json
from typing import Any

from bot.dingtalk.frames import CARD_TOPIC, Ack, Frame, read_frame
from bot.dingtalk.receive import Receiver
from core.clock import MovableClock
from tests.dingtalk.stand import START, Store


def receiver(store: Store, **changes: Any) -> Receiver:
    return Receiver(
        ingest=store.ingest,
        answer_press=store.answer_press,
        clock=MovableClock(START, speed=0.0),
        press_limit=1.0,
        **changes,
    )


def frame(topic: str, data: Any, *, kind: str = "CALLBACK", message_id: str = "m1", **headers: str) -> Frame:
    held = {"messageId": message_id, "topic": topic, "time": "1771639200000", **headers}
    return read_frame(json.dumps({"type": kind, "headers": held, "data": json.dumps(data)}))


PRESS = {"outTrackId": "ap-17", "userId": "boss", "content": '{"cardPrivateData":{"actionIds":["ok"]}}'}


async def test_the_same_press_frame_again_is_answered_from_the_state_as_it_is_now() -> None:
    store = Store()
    store.answer = lambda inbox_id, raw: {"cardData": {"cardParamMap": {"title": str(inbox_id)}}}
    desk = receiver(store)

    first = await desk.handle(frame(CARD_TOPIC, PRESS))
    again = await desk.handle(frame(CARD_TOPIC, PRESS))

    assert first == Ack(data='{"response": {"cardData": {"cardParamMap": {"title": "1"}}}}')
    assert again == Ack(data='{"response": {"cardData": {"cardParamMap": {"title": "None"}}}}')
    assert [inbox_id for inbox_id, _ in store.answered] == [1, None]


async def test_an_event_keeps_the_id_the_platform_gave_it() -> None:
    store = Store()
    event = frame(
        "*",
        {"userId": ["u1"]},
        kind="EVENT",
        eventType="user_leave_org",
        eventId="e1",
        eventCorpId="dingcorp",
        eventBornTime="1771639200000",
    )

    ack = await receiver(store).handle(event)

    assert ack is not None
    assert json.loads(ack.data)["status"] == "SUCCESS"
    (row,) = store.rows
    assert (row.dedupe_key, row.conv_key, row.kind) == ("e1", "dingtalk:org:dingcorp", "system")
    assert row.payload["data"] == {"userId": ["u1"]}
    assert row.platform_at == START


def test_an_event_that_spells_its_headers_in_the_singular_is_read() -> None:
    text = json.dumps({"type": "EVENT", "header": {"messageId": "m1", "topic": "*"}, "data": {"a": 1}})

    event = read_frame(text)

    assert event.message_id == "m1"
    assert event.content() == {"a": 1}


def test_an_ack_carries_its_data_as_text() -> None:
    ping = frame("ping", {"opaque": "中"}, kind="SYSTEM")

    up = json.loads(Ack(data=ping.data).text(ping))

    assert up == {
        "code": 200,
        "headers": {"messageId": "m1", "contentType": "application/json"},
        "message": "OK",
        "data": ping.data,
    }
