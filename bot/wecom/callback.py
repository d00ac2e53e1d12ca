"""Where WeCom knocks: verify, decrypt, store, empty 200. Nothing else happens before the answer.

Passive replies (an encrypted message in the body of the 200) are not used: they repaint the card of the
clicker alone, whether they spend the click's one-shot code is undocumented, and a reply cannot be sent again
when the connection breaks. Everything people read goes through the outbox and message/send (wire 3.2).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from aiohttp import web

from bot.wecom.apps import WeComApp
from bot.wecom.envelope import Envelope
from bot.wecom.parse import store_form
from bot.wecom.wire import WireError, parse_xml, text_of
from core.clock import Clock
from core.errors import IngestUnavailable
from core.inbound import RawInbound

log = logging.getLogger(__name__)

MAX_BODY = 256 * 1024
READ_SECONDS = 3.0
"""WeCom gives up after 5 s; a body that is not here by then belongs to somebody else."""

Ingest = Callable[[RawInbound], Awaitable[object]]
"""Stores an inbound durably; returns after the commit. Raises IngestUnavailable."""


class Count(Protocol):
    """A counter by name and labels; the process decides where it is shown."""

    def __call__(self, name: str, /, **labels: str) -> None: ...


def _uncounted(_name: str, /, **_labels: str) -> None:
    """Counts nothing."""


class WeComCallback:
    """The callback URL of one or several apps.

    ``/wecom/callback`` chooses the app by the outer AgentID, or by whose signature fits when there is none;
    ``/wecom/callback/{agentid}`` names it. Either way the signature decides: AgentID proves nothing.
    """

    def __init__(
        self,
        apps: Iterable[WeComApp],
        ingest: Ingest,
        clock: Clock,
        *,
        count: Count = _uncounted,
        path: str = "/wecom/callback",
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._envelopes = {app.agentid: Envelope(app, clock) for app in apps}
        if not self._envelopes:
            raise ValueError("at least one app is needed")
        self._ingest = ingest
        self._count = count
        self._path = path
        self._read_seconds = read_seconds

    def routes(self) -> list[web.RouteDef]:
        """GET and POST on the two paths, nothing else."""
        paths = (self._path, self._path + r"/{agentid:\d{1,12}}")
        return [
            route
            for path in paths
            for route in (web.get(path, self._verify_url, allow_head=False), web.post(path, self._receive))
        ]

    async def _verify_url(self, request: web.Request) -> web.Response:
        """The console saves the URL when it gets back, bare and within 1 s, what it encrypted [90930]."""
        try:
            # A “+” that a proxy left undecoded arrives as a space, which base64 never has.
            echo = self._query(request, "echostr").replace(" ", "+")
            plain = self._open(request, self._candidates(request, ""), echo)[1]
        except WireError as error:
            return self._refuse(error)
        self._count("wecom_callbacks", result="verified")
        return web.Response(body=plain, content_type="text/plain")

    async def _receive(self, request: web.Request) -> web.Response:
        try:
            raw = self._read(request, await self._body(request))
        except WireError as error:
            return self._refuse(error)
        try:
            await self._ingest(raw)
        except IngestUnavailable:
            return self._try_again(raw, "cannot be stored now")
        except Exception:
            # Whatever broke, it is not stored: anything but a 200 makes WeCom send it again, three times.
            log.exception("wecom inbound %s failed while it was stored", raw.dedupe_key)
            return self._try_again(raw, "failed while it was stored")
        self._count("wecom_callbacks", result="stored")
        return web.Response()

    def _read(self, request: web.Request, body: bytes) -> RawInbound:
        outer = parse_xml(body)
        encrypt = text_of(outer, "Encrypt")
        if not encrypt:
            raise WireError(400, "no_encrypt")
        agentid, plain = self._open(request, self._candidates(request, text_of(outer, "AgentID")), encrypt)
        return store_form(parse_xml(plain), agentid, body)

    def _open(self, request: web.Request, candidates: list[int], encrypt: str) -> tuple[int, bytes]:
        """The message and the app whose signature it carries."""
        msg_signature = self._query(request, "msg_signature")
        timestamp = self._query(request, "timestamp")
        nonce = self._query(request, "nonce")
        for agentid in candidates:
            envelope = self._envelopes[agentid]
            # With one app to choose from, ``open`` looks at the signature once and refuses by itself.
            if len(candidates) == 1 or envelope.signed_by_us(
                msg_signature=msg_signature, timestamp=timestamp, nonce=nonce, encrypt=encrypt
            ):
                return agentid, envelope.open(
                    msg_signature=msg_signature, timestamp=timestamp, nonce=nonce, encrypt=encrypt
                )
        raise WireError(403, "signature")

    def _candidates(self, request: web.Request, outer: str) -> list[int]:
        """The apps this may be for; an AgentID of no app, or of another than the path's, fits none."""
        named = {name for name in (request.match_info.get("agentid", ""), outer) if name not in ("", "0")}
        return [agentid for agentid in self._envelopes if all(name == str(agentid) for name in named)]

    async def _body(self, request: web.Request) -> bytes:
        if (request.content_length or 0) > MAX_BODY:
            raise WireError(413, "oversize")
        body = bytearray()
        try:
            if request.content.is_eof():
                # The common case: all of it came with the head, nothing is waited for.
                body += request.content.read_nowait()
            else:
                async with asyncio.timeout(self._read_seconds):
                    async for chunk in request.content.iter_any():
                        body += chunk
                        if len(body) > MAX_BODY:
                            raise WireError(413, "oversize")
        except TimeoutError as error:
            raise WireError(400, "slow_body") from error
        except (web.RequestPayloadError, OSError) as error:
            # A content encoding that does not unpack, a broken chunk, or the peer has left.
            raise WireError(400, "broken_body", type(error).__name__) from error
        if len(body) > MAX_BODY:
            raise WireError(413, "oversize")
        return bytes(body)

    def _query(self, request: web.Request, name: str) -> str:
        value = request.query.get(name, "")
        if not value or not value.isascii():
            raise WireError(400, "query", f"{name} missing or not ASCII")
        return value

    def _refuse(self, error: WireError) -> web.Response:
        """An empty answer: nothing is reflected, nothing tells an attacker how far they came."""
        self._count("wecom_callbacks", result=error.reason)
        # Only a genuine envelope gets as far as its age: either our clock is wrong or somebody replays.
        level = logging.ERROR if error.reason == "stale" else logging.WARNING
        log.log(level, "wecom callback refused with %d: %s", error.status, error)
        return web.Response(status=error.status)

    def _try_again(self, raw: RawInbound, why: str) -> web.Response:
        self._count("wecom_callbacks", result="unavailable")
        log.error("wecom inbound %s %s; answered 503 so that it comes again", raw.dedupe_key, why)
        return web.Response(status=503)
