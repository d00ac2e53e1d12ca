"""How a page is handed to a browser: nothing runs in it, nothing foreign is loaded, nobody keeps or frames it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, select_autoescape

PAGES = Environment(
    loader=PackageLoader("bot.web", "templates"),
    autoescape=select_autoescape(),
    enable_async=False,
    trim_blocks=True,
    lstrip_blocks=True,
)


def shown(template: str, values: Mapping[str, Any], *, status: int = 200) -> web.Response:
    nonce = secrets.token_urlsafe(16)
    text = PAGES.get_template(template).render({**values, "nonce": nonce})
    return web.Response(text=text, status=status, content_type="text/html", headers=fenced(nonce))


def fenced(nonce: str = "") -> dict[str, str]:
    """For every answer under a key in the address: the address leaks nowhere, and no cache keeps what it opened."""
    style = f"style-src 'nonce-{nonce}'; " if nonce else ""
    return {
        "Content-Security-Policy": f"default-src 'none'; {style}font-src 'self'; img-src data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
