"""Which path does what: the only table of the DingTalk half's addresses."""

from __future__ import annotations

from aiohttp import web

from simulator.dingtalk.api import Call, Front, Handler
from simulator.dingtalk.card_api import CardDesk
from simulator.dingtalk.gateway import Gateway
from simulator.dingtalk.oapi import Oapi
from simulator.dingtalk.robot import Robot
from simulator.dingtalk.webhook import Sessions


def table(
    *, front: Front, gateway: Gateway, robot: Robot, cards: CardDesk, sessions: Sessions, oapi: Oapi
) -> list[web.RouteDef]:
    """All routes. New API: token in a header. oapi: token in the query, errors inside 200."""

    def free(label: str, handler: Handler, *, accept: bool = False) -> Call:
        return Call(
            label=label,
            handler=handler,
            token=False,
            metered=False,
            faults=False,
            needs_accept=accept,
        )

    calls: list[tuple[str, str, Call]] = [
        ("POST", "/v1.0/gateway/connections/open", free("connections/open", gateway.open, accept=True)),
        ("POST", "/v1.0/oauth2/accessToken", free("oauth2/accessToken", oapi.access_token)),
        (
            "POST",
            "/v1.0/robot/oToMessages/batchSend",
            Call(label="oToMessages/batchSend", handler=robot.batch_send, sends=True),
        ),
        (
            "POST",
            "/v1.0/robot/groupMessages/send",
            Call(label="groupMessages/send", handler=robot.group_send, sends=True),
        ),
        (
            "POST",
            "/v1.0/robot/otoMessages/batchRecall",
            Call(label="otoMessages/batchRecall", handler=robot.batch_recall),
        ),
        (
            "POST",
            "/v1.0/robot/groupMessages/recall",
            Call(label="groupMessages/recall", handler=robot.group_recall),
        ),
        (
            "GET",
            "/v1.0/robot/oToMessages/readStatus",
            Call(label="oToMessages/readStatus", handler=robot.read_status),
        ),
        (
            "POST",
            "/v1.0/robot/messageFiles/download",
            Call(label="messageFiles/download", handler=robot.download),
        ),
        ("POST", "/v1.0/robot/ding/send", Call(label="robot/ding/send", handler=robot.ding, sends=True)),
        ("POST", "/v1.0/card/instances", Call(label="card create", handler=cards.create)),
        ("PUT", "/v1.0/card/instances", Call(label="card update", handler=cards.update, sends=True)),
        (
            "POST",
            "/v1.0/card/instances/deliver",
            Call(label="card deliver", handler=cards.deliver, sends=True),
        ),
        (
            "POST",
            "/v1.0/card/instances/createAndDeliver",
            Call(label="card createAndDeliver", handler=cards.create_and_deliver, sends=True),
        ),
        (
            "POST",
            "/robot/sendBySession",
            Call(
                label="sessionWebhook",
                handler=sessions.reply,
                style="oapi",
                token=False,
                metered=False,
                sends=True,
            ),
        ),
        (
            "GET",
            "/gettoken",
            Call(
                label="gettoken",
                handler=oapi.gettoken,
                style="oapi",
                token=False,
                metered=False,
                faults=False,
            ),
        ),
        ("POST", "/media/upload", Call(label="media/upload", handler=oapi.upload, style="oapi")),
        (
            "POST",
            "/topapi/v2/user/get",
            Call(label="user/get", handler=oapi.user_get, style="oapi", metered=False, topapi=True),
        ),
        (
            "POST",
            "/topapi/message/corpconversation/asyncsend_v2",
            Call(
                label="corpconversation/asyncsend_v2",
                handler=oapi.work_notice,
                style="oapi",
                topapi=True,
                sends=True,
            ),
        ),
    ]
    return [
        *(web.route(method, path, front.serve(call)) for method, path, call in calls),
        web.get("/connect", gateway.connect),
        web.get("/dingtalk-files/{key}", robot.file),
    ]
