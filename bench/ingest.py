"""Signed, encrypted WeCom callbacks accepted and committed per second, beside a bare server that only decrypts them.

Both servers run in a process of their own on one core's worth of Python, take turns in the same run, and get the same
bodies over the same number of kept-alive connections. The durable one is the bot's own callback route with the
group-commit writer on a SQLite file with synchronous=FULL: it answers after the commit.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from simulator.wecom import AppCipher

CORP, AGENT = "ww5d3m0c0rp1d2f3a4", 1000002
TOKEN, AES_KEY = "SimulatedCallbackToken", "c2ltdWxhdGVkLWFlcy1rZXktb2YtMzItYnl0ZXMhISE"
CONNECTIONS = 64
BODIES = 4000
ROUNDS = 3


async def ingest() -> dict[str, Any]:
    """Medians over the rounds; ack times of the durable server in milliseconds."""
    requests = _requests(BODIES * (ROUNDS + 1))
    rates: dict[str, list[float]] = {"bare": [], "durable": []}
    acks: list[float] = []
    for turn in range(ROUNDS):
        batch = requests[turn * BODIES : (turn + 1) * BODIES]
        for kind in ("bare", "durable"):
            with tempfile.TemporaryDirectory() as folder:
                async with _server(kind, Path(folder)) as port:
                    await _load(port, requests[-200:])
                    seconds, times = await _load(port, batch)
                    rates[kind].append(len(batch) / seconds)
                    if kind == "durable":
                        acks += times
    ratios = [d / b for d, b in zip(rates["durable"], rates["bare"], strict=True)]
    acks.sort()
    return {
        "connections": CONNECTIONS,
        "callbacks_per_round": BODIES,
        "rounds": ROUNDS,
        "bare_decrypt_per_s": round(statistics.median(rates["bare"])),
        "durable_per_s": round(statistics.median(rates["durable"])),
        "ratio_durable_to_bare": round(statistics.median(ratios), 3),
        "ack_p50_ms": round(acks[len(acks) // 2] * 1000, 1),
        "ack_p99_ms": round(acks[int(len(acks) * 0.99)] * 1000, 1),
    }


def _requests(count: int) -> list[bytes]:
    """Whole HTTP requests, each with its own message, signature and ciphertext."""
    cipher = AppCipher(token=TOKEN, aes_key=AES_KEY, receiveid=CORP)
    now = int(time.time())
    made = []
    for n in range(count):
        message = (
            f"<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><FromUserName><![CDATA[u{n % 500}]]></FromUserName>"
            f"<CreateTime>{now}</CreateTime><MsgType><![CDATA[text]]></MsgType>"
            f"<Content><![CDATA[K0231 04465-0K240 {n % 90 + 1}个, 后天要]]></Content>"
            f"<MsgId>{random.getrandbits(60)}</MsgId><AgentID>{AGENT}</AgentID></xml>"
        )
        sealed = cipher.seal(message.encode(), timestamp=now, nonce=str(n), agentid=AGENT)
        query = urlencode({"msg_signature": sealed.signature, "timestamp": sealed.timestamp, "nonce": sealed.nonce})
        body = sealed.body()
        made.append(
            f"POST /wecom/callback?{query} HTTP/1.1\r\nHost: b\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )
    return made


async def _load(port: int, requests: list[bytes]) -> tuple[float, list[float]]:
    """Seconds for all, and the time of each from request to answer. Raises RuntimeError for anything but a 200."""
    queue = iter(requests)
    times: list[float] = []

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in queue:
            started = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            if length:
                await reader.readexactly(length)
            times.append(time.perf_counter() - started)
        writer.close()
        await writer.wait_closed()

    started = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return time.perf_counter() - started, times


@asynccontextmanager
async def _server(kind: str, folder: Path) -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.ingest_server", kind, str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()
