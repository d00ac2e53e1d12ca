"""The same scripted frames to the official SDK and to our client: what both send up must agree."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from simulator.dingtalk.frames import CARD_TOPIC, ROBOT_TOPIC
from tests.dingtalk.stand import CLIENT, SECRET, Stand, stand, until

PEER = Path(__file__).parent / "sdk_peer.py"
MESSAGE = {
    "msgId": "msg1",
    "msgtype": "text",
    "text": {"content": "04465-0K240 20个"},
    "conversationType": "1",
    "senderStaffId": "tech1",
    "robotCode": CLIENT,
}
PRESS = {
    "type": "actionCallback",
    "outTrackId": "ap-17",
    "corpId": "dingcorp",
    "userId": "boss",
    "content": json.dumps({"cardPrivateData": {"actionIds": ["ok"], "params": {}}}),
}
SCRIPT: list[tuple[str, str, Any]] = [
    ("SYSTEM", "ping", {"opaque": "op-1"}),
    ("CALLBACK", ROBOT_TOPIC, MESSAGE),
    ("CALLBACK", CARD_TOPIC, PRESS),
    ("EVENT", "*", {"userId": ["tech1"]}),
    ("CALLBACK", "/v1.0/graph/api/invoke", {"x": 1}),
    ("CALLBACK", ROBOT_TOPIC, {"errCode": 20001, "errMsg": "over quota", "msgId": "msg2", "msgtype": "text"}),
]
QUIET = "no ack"


@contextlib.asynccontextmanager
async def sdk(held: Stand) -> AsyncIterator[None]:
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "DINGTALK_OPENAPI_ENDPOINT": held.platform.base_url,
        "NO_PROXY": "*",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(PEER), CLIENT, SECRET, env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def run_script(held: Stand) -> dict[str, Any]:
    """The body of the open call and, per frame of the script, the ack that came up."""
    await until(lambda: held.platform.gateway.connections, seconds=30)
    connection = held.platform.gateway.connections[0]
    acks: list[Any] = []
    for kind, topic, data in SCRIPT:
        sent = await held.platform.push_frame(kind=kind, topic=topic, data=json.dumps(data), to=connection)
        assert sent is not None
        # A later frame that is answered shows that this one was passed over.
        probe = await held.platform.push_frame(kind="SYSTEM", topic="ping", data='{"opaque":"probe"}', to=connection)
        assert probe is not None
        async with asyncio.timeout(10):
            await probe.ack
        if not sent.ack.done() and topic in {ROBOT_TOPIC, CARD_TOPIC, "*"}:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await asyncio.shield(sent.ack)
        acks.append(_up(held, sent.message_id))
    opened = held.calls("connections/open")[0].plain["request"]
    return {"open": opened, "acks": acks}


def _up(held: Stand, message_id: str) -> Any:
    for entry in held.wire.entries:
        if entry.label.startswith("ack ") and entry.plain["headers"]["messageId"] == message_id:
            up = dict(entry.plain)
            assert isinstance(up["data"], str)
            return {
                "code": up["code"],
                "headers": sorted(up["headers"]),
                "contentType": up["headers"]["contentType"],
                "data": json.loads(up["data"]),
            }
    return QUIET


async def test_both_clients_open_and_answer_alike_except_where_ours_means_to_differ() -> None:
    async with stand(ping_every=60.0) as held, sdk(held):
        theirs = await run_script(held)
    async with stand(ping_every=60.0) as held:
        held.store.answer = lambda inbox_id, raw: {"cardData": {"cardParamMap": {"title": "技术确认 SO260221-0137"}}}
        held.stream.start()
        ours = await run_script(held)

    for key in ("clientId", "clientSecret"):
        assert ours["open"][key] == theirs["open"][key]
    assert set(ours["open"]) == set(theirs["open"])
    by_topic = {"key": lambda one: (one["type"], one["topic"])}
    assert sorted(ours["open"]["subscriptions"], **by_topic) == sorted(theirs["open"]["subscriptions"], **by_topic)

    ping, message, press, event, unknown, over = range(len(SCRIPT))
    assert ours["acks"][ping] == theirs["acks"][ping]
    assert ours["acks"][press] == theirs["acks"][press]
    # The content of a robot ack is ignored: the SDK says OK, we null as the documentation does.
    assert theirs["acks"][message]["data"] == {"response": "OK"}
    assert ours["acks"][message] == {**theirs["acks"][message], "data": {"response": None}}
    # The SDK echoes the event instead of the documented status.
    assert ours["acks"][event]["data"]["status"] == "SUCCESS"
    assert {**ours["acks"][event], "data": 0} == {**theirs["acks"][event], "data": 0}
    # The SDK is silent where it has no handler or stumbles; we say so, and take the quota frame as what it is.
    assert theirs["acks"][unknown] == QUIET
    assert ours["acks"][unknown]["code"] == 404
    assert theirs["acks"][over] == QUIET
    assert ours["acks"][over]["code"] == 200
