"""The stream client on a strict platform: nothing is lost, nothing is acked that was not stored."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
from datetime import timedelta
from typing import Any

import pytest

from bot.dingtalk.parse import parse
from core.inbound import MessageKind
from simulator.world import FaultKind
from tests.dingtalk.stand import QUICK, post_card, stand, until


async def test_a_typed_order_is_stored_and_then_acked() -> None:
    async with stand() as held:
        await held.connected()

        message_id = await held.platform.say("tech1", "04465-0K240 20个")

        (row,) = held.store.rows
        assert row.dedupe_key == f"m:{message_id}"
        assert row.conv_key == "dingtalk:tech1"
        assert parse(row, inbox_id=1).text == "04465-0K240 20个"
        (frame,) = held.calls("stream CALLBACK robot text")
        assert frame.status == "ack 200"
        assert held.metered == ["stream"]


async def test_a_message_that_could_not_be_stored_is_not_acked_and_comes_again_under_the_same_key() -> None:
    async with stand(ack_patience=0.1, redelivery_after=60.0) as held:
        await held.connected()
        held.store.broken = True
        await held.platform.say("tech1", "2行 20")
        assert held.store.rows == []
        held.store.broken = False

        await until(lambda: held.clock.advance(timedelta(seconds=61)) or held.store.rows)

        first, second = held.calls("stream CALLBACK robot text")
        assert first.status == ""
        assert second.status == "ack 200"
        assert first.plain["headers"]["messageId"] != second.plain["headers"]["messageId"]
        assert held.store.calls == 2


async def test_a_message_sent_three_times_is_stored_once_and_acked_each_time() -> None:
    async with stand() as held:
        await held.connected()
        held.faults.arm(FaultKind.DUPLICATE_CALLBACK)

        await held.platform.say("tech1", "90915-YZZD4 48")

        assert len(held.store.rows) == 1
        statuses = [entry.status for entry in held.calls("stream CALLBACK robot text")]
        assert statuses == ["ack 200"] * 3


async def test_two_sockets_are_held_and_both_bring_messages() -> None:
    async with stand(seed=3) as held:
        await held.connected()

        await asyncio.gather(*(held.platform.say("tech1", f"{n}行 20") for n in range(12)))

        ids = {entry.plain["headers"]["connectionId"] for entry in held.calls("stream CALLBACK robot text")}
        assert len(ids) == 2
        assert len(held.store.rows) == 12
        assert {state.connection_id for state in held.stream.sockets} == ids


async def test_told_to_go_a_socket_is_replaced_before_it_is_closed_and_nothing_is_lost() -> None:
    async with stand(disconnect_grace=30.0) as held:
        await held.connected()
        old = list(held.platform.gateway.connections)

        await held.platform.disconnect_streams()
        await until(lambda: held.stream.live_sockets == 2 and held.opens() >= 4)
        await held.platform.say("tech1", "04465-0K240 4")
        await until(lambda: not set(held.platform.gateway.connections) & set(old))

        assert len(held.store.rows) == 1
        assert [connection.socket.close_code for connection in old] == [1000, 1000]


async def test_what_was_delivered_before_the_goodbye_is_acked_on_the_old_socket() -> None:
    async with stand(disconnect_grace=30.0, ack_patience=5.0) as held:
        await held.connected()
        release = asyncio.Event()
        store = held.store.ingest

        async def slow(raw: Any) -> int | None:
            await release.wait()
            return await store(raw)

        held.stream._receiver._ingest = slow
        saying = asyncio.create_task(held.platform.say("tech1", "04465-0K240 4"))
        await until(lambda: held.calls("stream CALLBACK robot text"))

        await held.platform.disconnect_streams()
        await until(lambda: held.opens() >= 4)
        release.set()
        await saying

        assert [entry.status for entry in held.calls("stream CALLBACK robot text")] == ["ack 200"]


async def test_half_open_sockets_are_noticed_and_replaced() -> None:
    async with stand() as held:
        await held.connected()

        held.platform.mute_streams()
        muted = set(held.platform.gateway.connections)
        await until(lambda: held.opens() >= 4 and held.stream.live_sockets == 2)
        await until(lambda: not muted & set(held.platform.gateway.connections))
        await held.platform.say("tech1", "04465-0K240 4")

        assert len(held.store.rows) == 1


async def test_a_message_swallowed_by_a_half_open_socket_comes_with_the_redelivery() -> None:
    async with stand(ack_patience=0.05, redelivery_after=60.0) as held:
        await held.connected()
        held.faults.arm(FaultKind.STREAM_MUTE)

        message_id = await held.platform.say("tech1", "04465-0K240 4")
        assert held.store.rows == []
        await until(lambda: held.opens() >= 4 and held.stream.live_sockets == 2)
        await until(lambda: all(c.state == "live" for c in held.platform.gateway.connections))
        await until(lambda: held.clock.advance(timedelta(seconds=61)) or held.store.rows)

        assert held.store.rows[0].dedupe_key == f"m:{message_id}"


async def test_aborted_sockets_come_back() -> None:
    async with stand() as held:
        await held.connected()

        held.platform.drop_streams()
        await until(lambda: held.stream.live_sockets == 2 and held.opens() >= 4)
        await until(lambda: len(held.platform.gateway.connections) == 2)
        await held.platform.say("tech1", "04465-0K240 4")

        assert len(held.store.rows) == 1


async def test_a_wrong_secret_raises_one_alarm_and_is_not_hammered() -> None:
    async with stand(secret="wrong", stream=dataclasses.replace(QUICK, refused_wait=0.3)) as held:
        held.stream.start()
        await until(lambda: held.opens() >= 4)

        assert held.stream.refused is True
        assert held.stream.live_sockets == 0
        assert len(held.alarms) == 1
        assert "wrong" not in held.alarms[0]


async def test_a_message_without_content_because_the_month_is_used_up_is_stored_as_such() -> None:
    async with stand() as held:
        await held.connected()
        held.faults.arm(FaultKind.QUOTA_EXHAUSTED)

        await held.platform.say("tech1", "04465-0K240 4")

        (row,) = held.store.rows
        inbound = parse(row)
        assert inbound.kind is MessageKind.QUOTA
        assert inbound.text == ""
        assert inbound.account == "tech1"


async def test_address_book_events_are_stored_others_only_acked() -> None:
    async with stand() as held:
        await held.connected()

        await held.platform.push_event("user_leave_org", {"userId": ["tech1"]})
        await held.platform.push_event("chat_update_title", {"chatId": "c1"})

        (row,) = held.store.rows
        assert parse(row).kind is MessageKind.SYSTEM
        assert parse(row).extra["eventType"] == "user_leave_org"
        assert held.calls("stream EVENT chat_update_title")[0].status == "ack 200"
        assert held.metered == ["stream"]


async def test_an_event_that_cannot_be_stored_is_asked_for_later() -> None:
    async with stand(redelivery_after=60.0) as held:
        await held.connected()
        held.store.broken = True
        await held.platform.push_event("user_leave_org", {"userId": ["tech1"]})
        held.store.broken = False

        await until(lambda: held.clock.advance(timedelta(seconds=61)) or held.store.rows)

        assert held.store.calls == 2


@pytest.mark.parametrize(
    ("topic", "data", "status"),
    [
        ("/v1.0/graph/api/invoke", "{}", "ack 404"),
        ("/v1.0/im/bot/messages/get", "not json", "ack 400"),
        ("/v1.0/im/bot/messages/get", "[]", "ack 400"),
        ("/v1.0/im/bot/messages/get", "{}", "ack 200"),
        ("/v1.0/card/instances/callback", "{}", "ack 200"),
        ("/v1.0/card/instances/callback", '{"content":"{broken","outTrackId":7}', "ack 200"),
    ],
)
async def test_frames_nobody_expects_get_an_ack_and_break_nothing(topic: str, data: str, status: str) -> None:
    async with stand() as held:
        await held.connected()

        connection = held.platform.gateway.connections[0]
        sent = await held.platform.push_frame(kind="CALLBACK", topic=topic, data=data, to=connection)
        assert sent is not None
        await sent.ack

        assert sent.entry.status == status
        assert held.stream.live_sockets == 2
        for row in held.store.rows:
            parse(row)


async def test_text_that_is_no_frame_at_all_is_left_alone() -> None:
    async with stand() as held:
        await held.connected(1)
        connection = held.platform.gateway.connections[0]

        for text in ("hello", "[]", "{}", json.dumps({"headers": {"messageId": 7}})):
            await connection.socket.send_str(text)
        await held.platform.say("tech1", "04465-0K240 4")

        assert len(held.store.rows) == 1


async def test_stopping_finishes_what_was_delivered_and_says_goodbye() -> None:
    async with stand(ack_patience=5.0) as held:
        await held.connected()
        connections = list(held.platform.gateway.connections)
        release = asyncio.Event()
        store = held.store.ingest

        async def slow(raw: Any) -> int | None:
            await release.wait()
            return await store(raw)

        held.stream._receiver._ingest = slow
        saying = asyncio.create_task(held.platform.say("tech1", "04465-0K240 4"))
        await until(lambda: held.calls("stream CALLBACK robot text"))

        stopping = asyncio.create_task(held.stream.stop())
        release.set()
        await asyncio.gather(saying, stopping)
        await until(lambda: held.platform.gateway.connections == [])

        assert [entry.status for entry in held.calls("stream CALLBACK robot text")] == ["ack 200"]
        assert [connection.socket.close_code for connection in connections] == [1000, 1000]
        assert held.stream.live_sockets == 0


async def test_no_ticket_and_no_secret_in_any_log_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with stand() as held:
        await held.connected()
        await post_card(held)
        held.platform.drop_streams()
        await until(lambda: held.stream.live_sockets == 2 and held.opens() >= 4)
        tickets = [entry.plain["response"]["ticket"] for entry in held.calls("connections/open") if entry.plain]
        ours = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("bot."))

        assert len(tickets) >= 4
        assert not any(ticket in ours for ticket in tickets)
        assert held.settings.client_secret not in ours
        assert "s3cret" not in repr(held.settings)


async def test_sockets_that_come_and_go_under_load_lose_and_double_nothing() -> None:
    async with stand(ack_patience=0.05, redelivery_after=60.0, disconnect_grace=0.1, seed=7) as held:
        await held.connected()
        said: list[str] = []

        for number in range(30):
            said.append(await held.platform.say("tech1", f"{number}行 20"))
            if number % 10 == 4:
                held.platform.drop_streams()
            elif number % 10 == 9:
                await held.platform.disconnect_streams()
        # Moving the clock would also kill tickets that are on their way.
        await until(lambda: held.stream.live_sockets == 2 == len(held.platform.gateway.connections))
        await until(lambda: held.clock.advance(timedelta(seconds=61)) or len(held.store.rows) == len(said))

        assert sorted(row.dedupe_key for row in held.store.rows) == sorted(f"m:{one}" for one in said)


async def test_asked_to_stop_while_the_gateway_keeps_it_waiting_it_stops_at_once() -> None:
    waiting, hang = asyncio.Event(), asyncio.Event()

    async def silence() -> Any:
        waiting.set()
        await hang.wait()

    async with stand() as held:
        held.stream._gateway.connect = silence  # type: ignore[method-assign]
        held.stream.start()
        await waiting.wait()

        async with asyncio.timeout(1):
            await held.stream.stop()

        assert held.stream.live_sockets == 0
