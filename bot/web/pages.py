"""The page behind a card: one order with its lines, flags, lots, decisions and the whole trace (I11, F110)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.web.showing import fenced, shown
from cards import wording
from cards.fonts import font_path
from cards.keys import Keys
from cards.standing import standing
from core import views
from core.desk import Act
from core.ports import Database, Transaction
from core.views import OrderView
from handlers.timeline_words import words

Acting = Callable[[Transaction], Awaitable[Act]]


def routes(database: Database, keys: Keys, acting: Acting) -> list[web.RouteDef]:
    """``/o/SO…?k=…``: the page; its key is signed, so that a link from a card opens and a guessed one does not."""

    async def page(request: web.Request) -> web.Response:
        return shown("order.html", await data(request))

    async def as_json(request: web.Request) -> web.Response:
        return web.json_response(await data(request), headers=fenced())

    async def data(request: web.Request) -> dict[str, Any]:
        number = request.match_info["number"].upper()
        if not keys.opens(number, request.query.get("k", "")):
            raise web.HTTPForbidden(text="链接无效或已过期,请从最新的卡片打开。", headers=fenced())
        async with database.reading() as tx:
            found = await _record(await acting(tx), number)
        if found is None:
            raise web.HTTPNotFound(text=f"没有 {number} 这张单。", headers=fenced())
        return found

    return [web.get("/o/{number}.json", as_json), web.get("/o/{number}", page), web.get("/font.otf", _font)]


async def _font(_: web.Request) -> web.StreamResponse:
    """Chinese glyphs for a browser on a machine without them."""
    return web.FileResponse(font_path(), headers={"Cache-Control": "max-age=86400"})


async def _record(act: Act, number: str) -> dict[str, Any] | None:
    view = await views.order_view(act, number)
    if view is None:
        return None
    trace = await views.trace_view(act, number)
    return {
        **_order(view),
        "chain_ok": trace.broken is None,
        "events": [
            {
                "at": wording.clock(e.at, view.now),
                "what": words(e),
                "who": e.actor_name,
                "where": wording.PLATFORM.get(e.channel, ""),
                "evidence": e.evidence,
                "seq": e.seq,
                "hash": e.hash[:12],
            }
            for e in trace.entries
        ],
    }


def _order(view: OrderView) -> dict[str, Any]:
    order, now = view.order, standing(view)
    return {
        "number": order.number,
        "status": order.status.value,
        "label": now.label,
        "owner": now.owner,
        "next_step": now.next_step,
        "deadline": wording.clock(now.deadline, view.now) if now.deadline else "",
        "customer": order.customer_name,
        "customer_code": order.customer_code,
        "revision": order.revision,
        "due": wording.due(order.due_at),
        "requirements": order.requirements,
        "first": view.owner.name if view.owner else order.owner_id,
        "first_at": wording.clock(order.owner_at, view.now),
        "waybill": order.waybill,
        "expedite": wording.LEVEL_MARK.get(order.expedite_level, ""),
        "lines": [
            {
                "position": x.position,
                "part": x.part_number or x.raw,
                "name": x.part_name,
                "quantity": x.quantity,
                "picked": x.picked,
                "short": x.short,
                "flags": [
                    wording.MARK[f.severity] + wording.finding(f)
                    for f in order.findings
                    if f.line == x.position and f.open
                ],
            }
            for x in order.lines
        ],
        "flags": [wording.MARK[f.severity] + wording.finding(f) for f in order.findings if f.line is None and f.open],
        "rules": [
            {
                "rule": f.code.value,
                "severity": f.severity.value,
                "line": f.line,
                "why": wording.finding(f),
                "resolution": f.resolution,
            }
            for f in order.findings
        ],
    }
