"""The real process at DEBUG against platforms that fail in every way: what it writes holds no secret."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from urllib.parse import quote

from aiohttp import ClientError, ClientSession, web
from aiohttp.test_utils import TestServer, unused_port

from simulator.wecom.crypto import AppCipher

SECRETS = {
    "JIEDAN_CARD_SECRET": "card-secret-of-this-test-only",
    "JIEDAN_WECOM__SECRET": "wecom/secret+of=this-test",
    "JIEDAN_WECOM__TOKEN": "CallbackTokenOfTheTest",
    "JIEDAN_WECOM__AES_KEY": "abcdefghij0123456789" * 2 + "abE",
    "JIEDAN_DINGTALK__CLIENT_SECRET": "dingtalk-secret-of-this-test",
}
TOKENS = ("tok3n-handed-out-by-wecom", "tok3n-handed-out-by-dingtalk", "t1cket-of-the-gateway")
CORP = "ww8f5d0a2b3c4d5e6f"
PHONE = "13812345678"


class Hostile:
    """Both platforms at once. Tokens are handed out; everything else fails, and says back what it was told."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._said_back = False
        """A call that carried a secret was refused with its own words, which the bot writes down."""
        self.enough = asyncio.Event()
        """Set when the bot has met every kind of failure."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = (await request.read()).decode(errors="replace")
        self.calls.append(request.path)
        others = sum("gateway" not in call for call in self.calls)
        if len(self.calls) >= 12 and others >= 6 and self._said_back:
            self.enough.set()
        if request.path.endswith("/gettoken"):
            return web.json_response({"errcode": 0, "access_token": TOKENS[0], "expires_in": 7200})
        if request.path.endswith("/accessToken"):
            return web.json_response({"accessToken": TOKENS[1], "expireIn": 7200})
        if request.path.endswith("/connections/open") and len(self.calls) % 2:
            return web.json_response({"endpoint": f"ws://{request.host}/socket", "ticket": TOKENS[2]})
        way = len(self.calls) % 4
        self._said_back |= way == 2 and "clientSecret" in body
        match way:
            case 0:
                return web.Response(status=500, text=f"failed: {request.path_qs} {body} {dict(request.headers)}")
            case 1:
                return web.json_response({"errcode": 40001, "errmsg": f"bad {request.path_qs} {body}"})
            case 2:
                return web.json_response({"code": "system.busy", "message": f"{request.path_qs} {body}"}, status=400)
            case _:
                assert request.transport is not None
                request.transport.abort()
                return web.Response()


async def _run(folder: Path, platforms: str, hostile: Hostile) -> str:
    """Everything the process wrote from its start until it was told to end."""
    port = unused_port()
    env = {
        **os.environ,
        **SECRETS,
        "JIEDAN_HOST": "127.0.0.1",
        "JIEDAN_PORT": str(port),
        "JIEDAN_DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'jiedan.db'}",
        "JIEDAN_FILES_DIR": str(folder / "files"),
        "JIEDAN_LOG_LEVEL": "DEBUG",
        "JIEDAN_WECOM__ENABLED": "true",
        "JIEDAN_WECOM__CORPID": CORP,
        "JIEDAN_WECOM__AGENTID": "1000002",
        "JIEDAN_WECOM__BASE_URL": platforms,
        "JIEDAN_DINGTALK__ENABLED": "true",
        "JIEDAN_DINGTALK__CORP_ID": "ding-corp",
        "JIEDAN_DINGTALK__CLIENT_ID": "ding-app",
        "JIEDAN_DINGTALK__API_BASE": platforms,
        "JIEDAN_DINGTALK__OAPI_BASE": platforms,
    }
    written = folder / "output"
    with written.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", env=env, stdout=out, stderr=out
        )
    try:
        async with asyncio.timeout(60), ClientSession() as session:
            await _told(session, f"http://127.0.0.1:{port}/wecom/callback")
            await hostile.enough.wait()
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()
    return written.read_text(errors="replace")


async def _told(session: ClientSession, url: str) -> None:
    """A message from somebody unknown, so that the bot wants to answer; and a forged one."""
    cipher = AppCipher(token=SECRETS["JIEDAN_WECOM__TOKEN"], aes_key=SECRETS["JIEDAN_WECOM__AES_KEY"], receiveid=CORP)
    while True:
        now = int(time.time())  # WeCom stamps with the wall clock, and a real process compares with its own
        text = (
            f"<xml><FromUserName>a</FromUserName><CreateTime>{now}</CreateTime><MsgType>text</MsgType>"
            f"<Content>送到张江路123号 {PHONE}</Content><MsgId>1</MsgId></xml>"
        )
        sealed = cipher.seal(text.encode(), timestamp=now, nonce="1", agentid=1000002)
        try:
            async with session.post(url, params=sealed.query(), data=sealed.body()) as answer:
                if answer.status == 200:
                    break
        except ClientError:
            await asyncio.sleep(0.1)
    async with session.post(url, params={**sealed.query(), "nonce": "2"}, data=sealed.body()) as answer:
        assert answer.status == 403


async def test_no_secret_token_or_phone_number_is_ever_written(tmp_path: Path) -> None:
    hostile = Hostile()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", hostile.answer)
    async with TestServer(application) as server:
        said = await _run(tmp_path, str(server.make_url("/")).rstrip("/"), hostile)

    assert "bot started" in said
    assert "bot stopped" in said
    assert "DEBUG" in said
    assert '"clientSecret": "***"' in said  # something was there to be hidden
    for name, secret in {**SECRETS, **dict(zip("abc", TOKENS, strict=True))}.items():
        for form in (secret, quote(secret, safe=""), quote(secret)):
            assert form not in said, f"{name} is in the log: …{said[max(0, said.find(form) - 200) :][:300]}…"
    assert PHONE not in said
