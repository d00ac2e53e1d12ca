"""Reading what the page asks for, and refusing nonsense with a reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from simulator.personas import EVERYBODY, phone_id
from simulator.world import Persona

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def answered(handler: Handler) -> Handler:
    """What a phone cannot do is a 409 with the reason; what is not there at all a 404."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except KeyError as missing:
            return web.json_response({"error": f"there is no {missing}"}, status=404)
        except (LookupError, ValueError) as refused:
            return web.json_response({"error": str(refused)}, status=409)
        except web.HTTPError as error:
            return web.json_response({"error": error.reason}, status=error.status)

    return answer


def person_of(request: web.Request) -> Persona:
    wanted = request.match_info["phone"]
    for person in EVERYBODY:
        if phone_id(person) == wanted:
            return person
    raise KeyError(wanted)


async def body_of(request: web.Request) -> dict[str, Any]:
    """The JSON object of a request; only JSON, so that no form of another site can press buttons here."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(reason="send JSON")
    try:
        body = await request.json()
    except ValueError:
        raise web.HTTPBadRequest(reason="not JSON") from None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(reason="not a JSON object")
    return body


async def upload_of(request: web.Request) -> tuple[bytes, str]:
    """The one file of a form."""
    if not request.content_type.startswith("multipart/"):
        raise web.HTTPUnsupportedMediaType(reason="send a form with one file")
    found = (await request.post()).get("file")
    if not isinstance(found, web.FileField):
        raise web.HTTPBadRequest(reason="the form has no file")
    data = found.file.read()
    if not data:
        raise web.HTTPBadRequest(reason="the file is empty")
    return data, found.filename


def text_in(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise web.HTTPBadRequest(reason=f"{name} is missing")
    return value


def number_in(body: dict[str, Any], name: str, least: float, most: float) -> float:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise web.HTTPBadRequest(reason=f"{name} is a number from {least} to {most}")
    return float(value)


def picture_kind(data: bytes) -> str:
    """What a picture's first bytes say it is; never what somebody claimed."""
    heads = ((b"\x89PNG", "image/png"), (b"\xff\xd8", "image/jpeg"), (b"GIF8", "image/gif"))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for head, kind in heads if data.startswith(head)), "application/octet-stream")
