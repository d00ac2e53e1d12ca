"""The page behind a card: one order with its lines, flags, lots, decisions and the whole trace (I11, F110)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, select_autoescape

from cards import wording
from cards.standing import standing
from core import views
from core.views import OrderView
from handlers.timeline_words import words

if TYPE_CHECKING:
    from bot.app import Bot

PAGES = Environment(
    loader=PackageLoader("bot.web", "templates"), autoescape=select_autoescape(), enable_async=False,
    trim_blocks=True, lstrip_blocks=True,
)


def routes(bot: Bot) -> list[web.RouteDef]:
    """``/o/SO…?k=…``: the page; its key is signed, so that a link from a card opens and a guessed one does not."""
    return [web.get("/o/{number}", _bound(bot, _page)), web.get("/o/{number}.json", _bound(bot, _json))]


async def _page(bot: Bot, request: web.Request) -> web.Response:
    data = await _data(bot, request)
    return web.Response(text=PAGES.get_template("order.html").render(**data), content_type="text/html")


async def _json(bot: Bot, request: web.Request) -> web.Response:
    return web.json_response(await _data(bot, request))


async def _data(bot: Bot, request: web.Request) -> dict[str, Any]:
    number = request.match_info["number"].upper()
    if not bot.keys.opens(number, request.query.get("k", "")):
        raise web.HTTPForbidden(text="链接无效或已过期,请从最新的卡片打开。")
    async with bot.database.reading() as tx:
        act = await bot.inbox.act(tx, cause="page")
        view = await views.order_view(act, number)
        if view is None:
            raise web.HTTPNotFound(text=f"没有 {number} 这张单。")
        trace = await views.trace_view(act, number)
    return {**_order(view), "chain_ok": trace.broken is None, "events": [
        {"at": f"{wording.clock(e.at, view.now)}", "what": words(e), "who": e.actor_name,
         "where": wording.PLATFORM.get(e.channel, ""), "evidence": e.evidence, "seq": e.seq, "hash": e.hash[:12]}
        for e in trace.entries
    ]}


def _order(view: OrderView) -> dict[str, Any]:
    order, now = view.order, standing(view)
    return {
        "number": order.number, "status": order.status.value, "label": now.label, "owner": now.owner,
        "next_step": now.next_step, "deadline": wording.clock(now.deadline, view.now) if now.deadline else "",
        "customer": order.customer_name, "customer_code": order.customer_code, "revision": order.revision,
        "due": wording.due(order.due_at), "requirements": order.requirements,
        "first": view.owner.name if view.owner else order.owner_id,
        "first_at": wording.clock(order.owner_at, view.now), "waybill": order.waybill,
        "expedite": wording.LEVEL_MARK.get(order.expedite_level, ""),
        "lines": [
            {"position": x.position, "part": x.part_number or x.raw, "name": x.part_name, "quantity": x.quantity,
             "picked": x.picked, "short": x.short,
             "flags": [wording.MARK[f.severity] + wording.finding(f) for f in order.findings if f.line == x.position and f.open]}
            for x in order.lines
        ],
        "flags": [wording.MARK[f.severity] + wording.finding(f) for f in order.findings if f.line is None and f.open],
        "rules": [{"rule": f.code.value, "severity": f.severity.value, "line": f.line, "why": wording.finding(f),
                   "resolution": f.resolution} for f in order.findings],
    }


def _bound(
    bot: Bot, handler: Callable[[Bot, web.Request], Awaitable[web.Response]]
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def run(request: web.Request) -> web.Response:
        return await handler(bot, request)

    return run
