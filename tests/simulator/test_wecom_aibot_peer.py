"""The official SDK works against the simulated bot: subscribes, receives, opens media, replies, updates, pushes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from simulator.world import Press
from tests.simulator.aibot_stand import BOT, SECRET, AibotStand, aibot_stand, until

PEER = Path(__file__).parent / "aibot_sdk_peer.py"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(300)


@contextlib.asynccontextmanager
async def sdk(stand: AibotStand, secret: str = SECRET) -> AsyncIterator[asyncio.StreamReader]:
    """Its reports, a JSON object a line."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(PEER),
        stand.url,
        BOT,
        secret,
        env={"PATH": os.environ.get("PATH", ""), "NO_PROXY": "*"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.kill()
        await process.communicate()


async def reported(lines: asyncio.StreamReader) -> dict[str, str]:
    async with asyncio.timeout(30):
        return dict(json.loads(await lines.readline()))


async def test_the_sdk_holds_a_whole_conversation() -> None:
    async with aibot_stand() as stand, sdk(stand) as lines:
        assert (await reported(lines))["what"] == "authenticated"
        aibot = stand.platform.aibot

        await aibot.enter("XiaoA")
        await until(lambda: [m.markdown for m in stand.shown("XiaoA")] == ["你好"])
        await aibot.say("XiaoA", "04465-0K240 20个")
        await until(lambda: stand.shown("XiaoA")[-1].markdown == "收到 04465-0K240 20个")
        assert stand.shown("XiaoA")[-1].version == 2
        await aibot.send_image("XiaoA", PNG)
        await until(lambda: stand.shown("XiaoA")[-1].markdown == f"image.png {len(PNG)}")
        await aibot.say("XiaoA", "card")
        await until(lambda: stand.shown("XiaoA")[-1].title == "要吗")
        await stand.platform.press(Press(user="XiaoA", card_id="peer-card-1", key="ok"))
        await until(lambda: stand.shown("XiaoA")[-1].title == "已要")
        await aibot.say("XiaoA", "push")
        await until(lambda: stand.shown("XiaoA")[-1].markdown == "**推送**")

        await until(lambda: sum(entry.label == "ping" for entry in stand.wire.entries) >= 2)


async def test_the_sdk_is_refused_with_a_wrong_secret_and_comes_back_after_an_aborted_connection() -> None:
    async with aibot_stand() as stand:
        async with sdk(stand, "wrong") as lines:
            refused = await reported(lines)
            assert refused["what"] == "error"
            assert "40001" in refused["text"]
        async with sdk(stand) as lines:
            assert (await reported(lines))["what"] == "authenticated"

            stand.platform.aibot.gateway.drop()

            assert (await reported(lines))["what"] == "authenticated"
