"""Asking the gateway for a socket: a one-use ticket, then the websocket (wire/dingtalk 1.1)."""

from __future__ import annotations

import asyncio
import json
import socket
from dataclasses import dataclass
from urllib.parse import quote

import aiohttp
from yarl import URL

from bot.dingtalk.errors import StaleToken, from_api
from bot.dingtalk.frames import SUBSCRIPTIONS
from bot.dingtalk.settings import DingTalkSettings
from bot.platform_errors import PlatformDown, TokenRejected

USER_AGENT = "jiedan/0.1 python"
LARGEST_FRAME = 8 * 1024 * 1024
CLOSE_TIMEOUT = 2.0
"""Real seconds the other side gets to answer a close frame."""


@dataclass(frozen=True, kw_only=True)
class _Ticket:
    endpoint: str
    ticket: str


class Gateway:
    """Opens connections. Neither the secret nor a ticket is ever logged or put into an error."""

    def __init__(self, settings: DingTalkSettings, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._session = session

    async def connect(self) -> aiohttp.ClientWebSocketResponse:
        """A fresh ticket and the socket it opens (a ticket works once, for 90 s).

        Raises TokenRejected when client id or secret are wrong, another PlatformError when the gateway does
        not give a socket now.
        """
        ticket = await self._open()
        url = URL(f"{ticket.endpoint}?ticket={quote(ticket.ticket, safe='')}", encoded=True)
        patience = self._settings.stream.open_timeout
        try:
            async with asyncio.timeout(patience):
                # Pings and pongs are watched by the socket itself, so the library must not swallow them.
                return await self._session.ws_connect(
                    url,
                    autoping=False,
                    max_msg_size=LARGEST_FRAME,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT),
                    headers={"User-Agent": USER_AGENT},
                )
        except aiohttp.WSServerHandshakeError as error:
            raise PlatformDown(f"handshake-{error.status}") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise PlatformDown("connect", f"{type(error).__name__} within {patience} s") from None

    async def _open(self) -> _Ticket:
        settings = self._settings
        body = {
            "clientId": settings.client_id,
            "clientSecret": settings.client_secret,
            "subscriptions": list(SUBSCRIPTIONS),
            "ua": USER_AGENT,
            "localIp": _local_ip(),
        }
        try:
            async with self._session.post(
                f"{settings.api_base}/v1.0/gateway/connections/open",
                json=body,
                # Without Accept the gateway may answer in XML.
                headers={"Accept": "application/json", "User-Agent": USER_AGENT},
                timeout=aiohttp.ClientTimeout(total=settings.stream.open_timeout),
                allow_redirects=False,
            ) as response:
                status, text = response.status, await response.text(errors="replace")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise PlatformDown("open", type(error).__name__) from None
        return _read_ticket(status, text)


def _read_ticket(status: int, text: str) -> _Ticket:
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    error = from_api(status, body)
    if isinstance(error, (StaleToken, TokenRejected)):
        raise TokenRejected(error.code, "client id or secret refused by the gateway")
    if error is not None:
        raise error
    endpoint, ticket = (body or {}).get("endpoint"), (body or {}).get("ticket")
    if not isinstance(endpoint, str) or not isinstance(ticket, str) or not endpoint.startswith(("ws://", "wss://")):
        raise PlatformDown("open", "the answer brings no endpoint and ticket")
    return _Ticket(endpoint=endpoint, ticket=ticket)


def _local_ip() -> str:
    """Shown in the console beside the connection; harmless when unknown."""
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return "127.0.0.1"
