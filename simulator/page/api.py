"""What the page asks for: ``/`` and ``/sim/…`` as JSON, files, and the socket of live changes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from simulator import samples
from simulator.clock import until_next
from simulator.page import view
from simulator.page.asking import answered, body_of, number_in, person_of, picture_kind, text_in, upload_of
from simulator.page.chaos import BY_KIND, SWITCHES
from simulator.page.font import font_path
from simulator.personas import EVERYBODY, FIRST_PHONES, PERSONAS, find, phone_id
from simulator.scenarios import in_order
from simulator.scenarios.director import BusyError
from simulator.world import FaultKind, Press

if TYPE_CHECKING:
    from simulator.server import Simulator

STATIC = Path(__file__).parent / "static"
FRESH = {"Cache-Control": "no-cache"}
FOREVER = {"Cache-Control": "max-age=31536000, immutable"}
FASTEST = 600.0
MOST_MINUTES = 60 * 24 * 14
SCANNING = ("scancode_waitmsg", "scancode_push")


class PageApi:
    """Every act of a person goes to their platform as if it were done on the phone."""

    def __init__(self, simulator: Simulator) -> None:
        self._sim = simulator

    def routes(self) -> list[web.AbstractRouteDef]:
        phone = "/sim/phones/{phone}"
        return [
            web.get("/", self._index),
            web.static("/sim/page", STATIC),
            web.get("/sim/font.otf", self._font),
            web.get("/sim/live", self._sim.live.connect),
            web.get("/sim/world", answered(self._world)),
            web.get(phone, answered(self._chat)),
            web.post(f"{phone}/say", answered(self._say)),
            web.post(f"{phone}/photo", answered(self._photo)),
            web.post(f"{phone}/file", answered(self._file)),
            web.post(f"{phone}/press", answered(self._press)),
            web.post(f"{phone}/menu", answered(self._menu)),
            web.post(f"{phone}/scan", answered(self._scan)),
            web.get("/sim/media/{phone}/{message}", answered(self._media)),
            web.get("/sim/samples/{sample}", answered(self._sample)),
            web.post("/sim/clock", answered(self._clock)),
            web.post("/sim/faults", answered(self._arm)),
            web.delete("/sim/faults", answered(self._disarm)),
            web.get("/sim/wire", answered(self._wire)),
            web.post("/sim/bot/restart", answered(self._restart)),
            web.post("/sim/bot/wave", answered(self._wave)),
            web.get("/sim/bot/state/{ref}", answered(self._bot_state)),
            web.get("/sim/scenarios", answered(self._progress)),
            web.post("/sim/scenarios/{scenario}", answered(self._play)),
            web.delete("/sim/scenarios", answered(self._stop)),
        ]

    # -- the page --------------------------------------------------------------------------------

    async def _index(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(STATIC / "index.html", headers=FRESH)

    async def _font(self, request: web.Request) -> web.StreamResponse:
        path = font_path()
        if path is None:
            raise web.HTTPNotFound
        return web.FileResponse(path, headers={"Cache-Control": "max-age=86400"})

    async def _world(self, request: web.Request) -> web.StreamResponse:
        """Everything that does not change while the page is open."""
        return web.json_response(
            {
                "people": [view.persona(person) for person in EVERYBODY],
                "main": [phone_id(person) for person in PERSONAS],
                "first": [phone_id(find(name)) for name in FIRST_PHONES],
                "scenarios": [
                    {"id": s.id, "title": s.title, "about": s.about, "phones": [phone_id(find(n)) for n in s.phones]}
                    for s in in_order()
                ],
                "faults": [{"kind": s.kind.value, "label": s.label, "about": s.about} for s in SWITCHES],
                "samples": [{"id": s.id, "title": s.title, "url": f"/sim/samples/{s.id}"} for s in samples.SAMPLES],
                "bot": self._sim.hooks is not None,
            }
        )

    # -- phones ----------------------------------------------------------------------------------

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        phone = phone_id(person_of(request))
        shown = [view.message(message, phone) for message in self._sim.chat(phone)]
        return web.json_response({"messages": shown, "menu": view.menu(self._sim.menu(phone))})

    async def _say(self, request: web.Request) -> web.StreamResponse:
        person, body = person_of(request), await body_of(request)
        text = text_in(body, "text")
        return _sent(await self._sim.platforms[person.platform].say(person.user, text))

    async def _photo(self, request: web.Request) -> web.StreamResponse:
        """A picture of the album by its id, or an upload."""
        person = person_of(request)
        if request.content_type.startswith("multipart/"):
            data, filename = await upload_of(request)
        else:
            sample = samples.BY_ID.get(text_in(await body_of(request), "sample"))
            if sample is None:
                raise web.HTTPNotFound(reason="no such picture in the album")
            data, filename = samples.picture(sample.id), sample.filename
        return _sent(await self._sim.platforms[person.platform].send_image(person.user, data, filename=filename))

    async def _file(self, request: web.Request) -> web.StreamResponse:
        person = person_of(request)
        data, filename = await upload_of(request)
        return _sent(await self._sim.platforms[person.platform].send_file(person.user, data, filename=filename))

    async def _press(self, request: web.Request) -> web.StreamResponse:
        person, body = person_of(request), await body_of(request)
        chosen = body.get("selected") or {}
        if not isinstance(chosen, dict) or not all(isinstance(ids, list) for ids in chosen.values()):
            raise web.HTTPBadRequest(reason="selected maps a selector to a list of option ids")
        press = Press(
            user=person.user,
            card_id=text_in(body, "card"),
            key=text_in(body, "key"),
            selected={str(key): [str(option) for option in ids] for key, ids in chosen.items()},
        )
        await self._sim.platforms[person.platform].press(press)
        return self._done()

    async def _menu(self, request: web.Request) -> web.StreamResponse:
        person, body = person_of(request), await body_of(request)
        if person.platform != "wecom":
            raise LookupError("DingTalk robots have no menu")
        await self._sim.wecom.tap_menu(person.user, text_in(body, "key"), scan_result=str(body.get("scan") or ""))
        return self._done()

    async def _scan(self, request: web.Request) -> web.StreamResponse:
        """A code held before the camera: through the app's menu, or typed where there is no menu."""
        person, body = person_of(request), await body_of(request)
        code = text_in(body, "code")
        entry = next((e for e in self._sim.menu(phone_id(person)) if e.type in SCANNING), None)
        if entry is not None:
            await self._sim.wecom.tap_menu(person.user, entry.key, scan_result=code)
        else:
            await self._sim.platforms[person.platform].say(person.user, f"出 {code}")
        return self._done()

    async def _media(self, request: web.Request) -> web.StreamResponse:
        phone = phone_id(person_of(request))
        wanted = request.match_info["message"]
        for message in self._sim.chat(phone):
            if message.id == wanted and message.image:
                return web.Response(body=message.image, content_type=picture_kind(message.image), headers=FOREVER)
        raise web.HTTPNotFound

    async def _sample(self, request: web.Request) -> web.StreamResponse:
        data = samples.picture(request.match_info["sample"])
        return web.Response(body=data, content_type=picture_kind(data), headers=FRESH)

    # -- the world -------------------------------------------------------------------------------

    async def _clock(self, request: web.Request) -> web.StreamResponse:
        """``minutes`` forward, ``to`` the next ``HH:MM``, or another ``speed``."""
        body, clock = await body_of(request), self._sim.clock
        if "minutes" in body:
            clock.advance(timedelta(minutes=number_in(body, "minutes", 0, MOST_MINUTES)))
        elif "to" in body:
            hour, _, minute = text_in(body, "to").partition(":")
            if not (hour.isdigit() and minute.isdigit() and int(hour) < 24 and int(minute) < 60):
                raise web.HTTPBadRequest(reason="to is HH:MM")
            clock.advance(until_next(clock.now(), int(hour), int(minute)))
        else:
            clock.run_at(number_in(body, "speed", 0, FASTEST))
        return self._done(now=clock.now().timestamp() * 1000, speed=clock.speed)

    async def _arm(self, request: web.Request) -> web.StreamResponse:
        body = await body_of(request)
        try:
            kind = FaultKind(text_in(body, "kind"))
        except ValueError:
            raise web.HTTPBadRequest(reason="no such fault") from None
        switch = BY_KIND.get(kind)
        times = int(number_in(body, "times", 1, 100)) if "times" in body else 1
        self._sim.arm(kind, times=times, platform=switch.platform if switch else None)
        return self._done(armed=self._sim.armed())

    async def _disarm(self, request: web.Request) -> web.StreamResponse:
        self._sim.faults.clear()
        return self._done(armed=self._sim.armed())

    async def _wire(self, request: web.Request) -> web.StreamResponse:
        since = request.query.get("since", "0")
        if not since.isdigit():
            raise web.HTTPBadRequest(reason="since is the id of a row")
        return web.json_response(
            {"rows": self._sim.live.wire_rows(int(since)), "violations": self._sim.wire.violations}
        )

    async def _restart(self, request: web.Request) -> web.StreamResponse:
        await self._sim.restart_bot()
        return self._done()

    async def _wave(self, request: web.Request) -> web.StreamResponse:
        if self._sim.hooks is None:
            raise LookupError("no bot that forms waves")
        await self._sim.hooks.tick_wave()
        return self._done()

    async def _bot_state(self, request: web.Request) -> web.StreamResponse:
        hooks = self._sim.hooks
        found = await hooks.bot_state(request.match_info["ref"]) if hooks is not None else {}
        return web.json_response(found, dumps=view.plain)

    # -- scenarios -------------------------------------------------------------------------------

    async def _play(self, request: web.Request) -> web.StreamResponse:
        try:
            self._sim.director.start(request.match_info["scenario"])
        except BusyError as busy:
            return web.json_response({"error": f"“{busy}”还在进行，先等它结束或点停止"}, status=409)
        return web.json_response(self._sim.director.progress(), status=202)

    async def _progress(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._sim.director.progress())

    async def _stop(self, request: web.Request) -> web.StreamResponse:
        await self._sim.director.stop()
        return self._done()

    def _done(self, **more: Any) -> web.StreamResponse:
        self._sim.live.touch()
        return web.json_response({"ok": True, **more})


def _sent(message_id: str) -> web.StreamResponse:
    return web.json_response({"ok": True, "id": message_id})
