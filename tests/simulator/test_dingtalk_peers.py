"""The platform's own SDKs, each in its own process, work against the simulated DingTalk."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from simulator.world import Press
from tests.simulator.dingtalk_desk import GROUP, PUBLIC, desk, until

HERE = Path(__file__).parent


@contextlib.asynccontextmanager
async def peer(program: str, *arguments: str, **variables: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The program in its own process; ended with the test."""
    path = os.environ.get("PATH", "")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(HERE / program),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": path, "NO_PROXY": "127.0.0.1", "PYTHONIOENCODING": "utf-8", **variables},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def answer_of(program: str, *arguments: str) -> dict[str, Any]:
    """The JSON that a program which runs to its end prints."""
    async with peer(program, *arguments) as process, asyncio.timeout(90):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-3000:]
    return dict(json.loads(out.decode().splitlines()[-1]))


async def told(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    async with asyncio.timeout(60):
        line = await process.stdout.readline()
    return dict(json.loads(line))


async def test_the_stream_sdk_receives_replies_and_answers_a_click() -> None:
    async with (
        desk() as d,
        peer("dingtalk_peer_stream.py", PUBLIC, DINGTALK_OPENAPI_ENDPOINT=d.url) as process,
    ):
        async with asyncio.timeout(60):
            while not d.platform.gateway.connections:  # noqa: ASYNC110 - the SDK connects when it is ready
                await asyncio.sleep(0.02)

        await until(lambda: d.pace.sleeping(20))
        d.pace.move(20)
        await until(lambda: any(e.label == "stream SYSTEM ping" and e.status == "ack 200" for e in d.wire.entries))
        saying = asyncio.create_task(d.platform.say("tech1", "下单 BP-1001 x4", group=GROUP))
        message, card = await told(process), await told(process)
        await saying

        assert (message["text"], message["staff"], message["reply"]["errcode"]) == (
            " 下单 BP-1001 x4",
            "tech1",
            0,
        )
        assert [m.text for m in d.platform.chat("boss")][:2] == ["下单 BP-1001 x4", "@陈技术 收到 下单 BP-1001 x4"]

        await d.platform.press(Press(user="boss", card_id=card["id"], key="approve"))

        click = await told(process)
        assert (click["user"], click["card"]) == ("boss", card["id"])
        assert click["content"] == {"cardPrivateData": {"actionIds": ["approve"], "params": {"a": "1"}}}
        assert d.platform.chat("tech1")[-1].markdown == "boss 已通过"
        assert d.wire.violations == []


async def test_the_rest_sdk_sends_recalls_downloads_and_works_cards() -> None:
    async with desk() as d:
        bot = await d.connect()
        await d.platform.send_image("boss", b"\x89PNG")
        code = bot.messages()[0]["content"]["downloadCode"]

        said = await answer_of("dingtalk_peer_rest.py", urlsplit(d.url).netloc, PUBLIC, code)

        address = said.pop("download_url")
        assert said == {
            "expire_in": 7200,
            "invalid": ["nobody"],
            "flow": [],
            "read": [["boss", "UNREAD"]],
            "recalled": True,
            "group": True,
            "delivered": [["IM_ROBOT", "boss", True]],
            "again": "param.cardAlreadyExist",
            "updated": True,
            "stale": "InvalidAuthentication",
        }
        async with d.http.get(address) as answer:
            assert await answer.read() == b"\x89PNG"
        card = d.platform.chat("boss")[-1]
        assert (card.title, card.markdown) == ("订单 7", "已升级")
        assert d.wire.violations == []


async def test_the_published_vectors_of_the_event_envelope_pass() -> None:
    suite = {
        "EventType": "check_create_suite_url",
        "Random": "LPIdSnlF",
        "TestSuiteKey": "suite4xxxxxxxxxxxxxxx",
    }
    said = await answer_of("dingtalk_peer_crypto.py")
    assert said["check_url"] == '{"EventType":"check_url"}'
    assert json.loads(said["create_suite"]) == suite
    assert said["chinese"] == "订单 1042 已通过"
