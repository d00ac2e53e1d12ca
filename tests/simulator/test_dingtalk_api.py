"""The REST half: tokens, sends, files, work notices, reply addresses, limits and faults."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import aiohttp
import pytest

from simulator.world import FaultKind, PhoneMessage
from tests.simulator.dingtalk_desk import GROUP, Desk, desk, until

BATCH = "/v1.0/robot/oToMessages/batchSend"
PNG = b"\x89PNG\r\n\x1a\nrest"


def robot(key: str, param: Any, **more: Any) -> dict[str, Any]:
    text = param if isinstance(param, str) else json.dumps(param)
    return {"robotCode": "ding-app", "msgKey": key, "msgParam": text, **more}


async def upload(d: Desk, kind: str, filename: str, data: bytes) -> dict[str, Any]:
    if not d.token:
        await d.login()
    form = aiohttp.FormData()
    form.add_field("media", io.BytesIO(data), filename=filename, content_type="application/octet-stream")
    url = f"{d.url}/media/upload"
    async with d.http.post(url, params={"access_token": d.token, "type": kind}, data=form) as answer:
        return dict(await answer.json())


def last(d: Desk, user: str = "boss") -> PhoneMessage:
    return d.platform.chat(user)[-1]


async def test_a_token_lives_two_hours_and_stays_the_same_meanwhile() -> None:
    async with desk() as d:
        first = await d.login()
        d.clock.move(7199)
        assert await d.login() == first
        d.clock.move(1)
        status, content = await d.batch_send(["boss"])
        assert (status, content["code"]) == (400, "InvalidAuthentication")
        assert await d.login() != first
        assert (await d.batch_send(["boss"]))[0] == 200


async def test_a_wrong_secret_or_a_missing_token_is_refused() -> None:
    async with desk() as d:
        url = f"{d.url}/v1.0/oauth2/accessToken"
        async with d.http.post(url, json={"appKey": "ding-app", "appSecret": "no"}) as answer:
            assert (answer.status, (await answer.json())["code"]) == (400, "invalidClientIdOrSecret")
        async with d.http.post(d.url + BATCH, json={}) as answer:
            assert (await answer.json())["code"] == "AuthenticationFailed.MissingParameter"


async def test_the_old_api_refuses_inside_a_200() -> None:
    async with desk() as d:
        async with d.http.get(f"{d.url}/gettoken", params={"appkey": "ding-app", "appsecret": "no"}) as answer:
            assert (answer.status, (await answer.json())["errcode"]) == (200, 40096)
        async with d.http.get(f"{d.url}/gettoken", params={"appkey": "ding-app", "appsecret": "s3cret"}) as answer:
            assert (await answer.json())["access_token"] == await d.login()
        url = f"{d.url}/topapi/v2/user/get"
        async with d.http.post(url, params={"access_token": "old"}, json={"userid": "boss"}) as answer:
            content = await answer.json()
            assert (answer.status, content["errcode"], content["sub_code"]) == (200, 88, "40014")
        async with d.http.post(url, params={"access_token": d.token}, json={"userid": "boss"}) as answer:
            result = (await answer.json())["result"]
            assert (result["name"], result["role_list"][0]["name"]) == ("王经理", "主管")
        async with d.http.post(url, params={"access_token": d.token}, json={"userid": "guest"}) as answer:
            assert (await answer.json())["errcode"] == 60121


async def test_a_200_tells_who_did_not_get_it() -> None:
    async with desk() as d:
        d.platform.site.flow_controlled.add("tech1")
        status, content = await d.batch_send(["boss", "tech1", "nobody"])
        assert status == 200
        assert content["invalidStaffIdList"] == ["nobody"]
        assert content["flowControlledStaffIdList"] == ["tech1"]
        assert [m.text for m in d.platform.chat("boss")] == ["你好"]
        assert d.platform.chat("tech1") == []


HELLO = {"content": "x"}
REFUSED: list[tuple[dict[str, Any], str]] = [
    (robot("sampleText", HELLO, userIds=["boss"] * 21), "invalidParameter.userIds.tooMany"),
    (robot("sampleText", HELLO, userIds=[]), "invalidParameter.userIds.empty"),
    (robot("sampleText", HELLO, userIds=["boss"]) | {"msgParam": HELLO}, "invalidParameter.msgParam.invalid"),
    (robot("sampleText", "not json", userIds=["boss"]), "invalidParameter.msgParam.invalid"),
    (robot("sampleText", {"content": 3}, userIds=["boss"]), "invalidParameter.msgParam.invalid"),
    (robot("sampleText", {"text": "x"}, userIds=["boss"]), "invalidParameter.msgParam.invalid"),
    (robot("sampleText", {"content": "x" * 15_000}, userIds=["boss"]), "invalidParameter.msgParam.tooLong"),
    (robot("text", HELLO, userIds=["boss"]), "invalidParameter.msgKey.invalid"),
    (robot("sampleImageMsg", {"photoURL": "@none"}, userIds=["boss"]), "invalidParameter.mediaId"),
    (robot("sampleText", HELLO, userIds=["boss"]) | {"robotCode": "other"}, "resource.not.found"),
]


@pytest.mark.parametrize(("body", "code"), REFUSED)
async def test_a_send_against_the_rules_is_refused_and_nobody_sees_it(body: dict[str, Any], code: str) -> None:
    async with desk() as d:
        status, content = await d.post(BATCH, body)
        assert (status, content["code"]) == (400, code)
        assert d.platform.chat("boss") == []


async def test_each_kind_of_message_shows_on_the_phone() -> None:
    async with desk() as d:
        image = (await upload(d, "image", "map.png", PNG))["media_id"]
        file = (await upload(d, "file", "拣货单.xlsx", b"PK"))["media_id"]
        sends: list[tuple[str, dict[str, str]]] = [
            ("sampleMarkdown", {"title": "拣货", "text": f"路线 ![map]({image})"}),
            ("sampleImageMsg", {"photoURL": image}),
            ("sampleFile", {"mediaId": file, "fileName": "拣货单.xlsx", "fileType": "xlsx"}),
            (
                "sampleActionCard",
                {"title": "t", "text": "x", "singleTitle": "看", "singleURL": "https://e.cn"},
            ),
        ]
        for key, param in sends:
            assert (await d.post(BATCH, robot(key, param, userIds=["boss"])))[0] == 200
        markdown, picture, document, action = d.platform.chat("boss")
        assert (markdown.kind, markdown.title, markdown.image) == ("markdown", "拣货", PNG)
        assert (picture.kind, picture.image) == ("image", PNG)
        assert (document.kind, document.filename) == ("file", "拣货单.xlsx")
        assert [(b.text, b.url) for b in action.buttons] == [("看", "https://e.cn")]


async def test_a_group_message_reaches_its_members() -> None:
    async with desk() as d:
        path = "/v1.0/robot/groupMessages/send"
        body = robot("sampleText", {"content": "波次 3 已出"}, openConversationId=GROUP)
        assert (await d.post(path, body))[0] == 200
        assert last(d).text == last(d, "tech1").text == "波次 3 已出"
        assert (await d.post(path, {**body, "openConversationId": "cidNO"}))[0] == 400


async def test_read_status_and_recall() -> None:
    async with desk() as d:
        key = (await d.batch_send(["boss", "tech1"]))[1]["processQueryKey"]
        d.platform.read("boss")
        path = f"/v1.0/robot/oToMessages/readStatus?robotCode=ding-app&processQueryKey={key}"
        _, content = await d.call("GET", path)
        assert {i["userId"]: i["readStatus"] for i in content["messageReadInfoList"]} == {
            "boss": "READ",
            "tech1": "UNREAD",
        }
        recall = {"robotCode": "ding-app", "processQueryKeys": [key, "none"]}
        _, content = await d.post("/v1.0/robot/otoMessages/batchRecall", recall)
        assert content["successResult"] == [key]
        assert list(content["failedResult"]) == ["none"]
        assert d.platform.chat("boss") == []


async def test_a_picture_can_be_fetched_until_its_address_expires() -> None:
    async with desk() as d:
        bot = await d.connect()
        await d.platform.send_image("tech1", PNG)
        code = bot.messages()[0]["content"]["downloadCode"]
        path = "/v1.0/robot/messageFiles/download"
        _, content = await d.post(path, {"robotCode": "ding-app", "downloadCode": code})

        async with d.http.get(content["downloadUrl"]) as answer:
            assert await answer.read() == PNG
        d.clock.move(3600)
        async with d.http.get(content["downloadUrl"]) as answer:
            assert answer.status == 403
        await d.login()
        status, content = await d.post(path, {"robotCode": "ding-app", "downloadCode": "x"})
        assert (status, content["code"]) == (400, "invalidParameter.downloadCode")


@pytest.mark.parametrize(
    ("kind", "filename", "size", "errcode"),
    [
        ("file", "list.csv", 3, 40005),
        ("picture", "a.png", 3, 40004),
        ("image", "a.png", 20 * 1024 * 1024 + 1, 40006),
        ("image", "a.png", 0, 40035),
    ],
)
async def test_media_of_the_wrong_kind_or_size_is_refused(kind: str, filename: str, size: int, errcode: int) -> None:
    async with desk() as d:
        assert (await upload(d, kind, filename, b"x" * size))["errcode"] == errcode


async def test_a_reply_address_answers_90_minutes_and_20_times_a_minute() -> None:
    async with desk() as d:
        bot = await d.connect()
        await d.platform.say("tech1", "下单", group=GROUP)
        url = bot.messages()[0]["sessionWebhook"]
        text = {"msgtype": "text", "text": {"content": "收到"}, "at": {"atUserIds": ["tech1"]}}

        answers = [(await d.reply(url, text))["errcode"] for _ in range(21)]
        assert answers == [0] * 20 + [130101]
        assert last(d, "boss").text == "@陈技术 收到"
        d.clock.move(60)
        markdown = {"msgtype": "markdown", "markdown": {"title": "单", "text": "**收到**"}}
        assert (await d.reply(url, markdown))["errcode"] == 0
        assert last(d).markdown == "**收到**"
        assert (await d.reply(url, {"msgtype": "file", "file": {}}))["errcode"] == 40035
        d.clock.move(5400)
        assert (await d.reply(url, text))["errcode"] == 300001
        assert (await d.reply(url + "x", text))["errcode"] == 300005


async def test_the_same_work_notice_reaches_a_person_once_a_day() -> None:
    async with desk() as d:
        await d.login()
        url = f"{d.url}/topapi/message/corpconversation/asyncsend_v2"

        async def notify(content: str, users: str = "boss") -> int:
            msg = {"msgtype": "text", "text": {"content": content}}
            body = {"agent_id": 1, "userid_list": users, "msg": msg}
            async with d.http.post(url, params={"access_token": d.token}, json=body) as answer:
                return int((await answer.json())["errcode"])

        assert [await notify("订单 1 超时"), await notify("订单 1 超时")] == [0, 0]
        assert [m.text for m in d.platform.chat("boss")] == ["订单 1 超时"]
        assert await notify("字" * 700) == 40035
        assert await notify("x", ",".join(f"u{n}" for n in range(101))) == 400002


async def test_ding_needs_a_paid_edition() -> None:
    body = {"robotCode": "ding-app", "remindType": 1, "receiverUserIdList": ["boss", "x"], "content": "加急"}
    async with desk() as d:
        status, content = await d.post("/v1.0/robot/ding/send", body)
        assert (status, content["accessdenieddetail"]["requiredScopes"]) == (403, ["Premium.Ding.Write"])
    async with desk(ding_edition=True) as d:
        status, content = await d.post("/v1.0/robot/ding/send", body)
        assert (status, list(content["failedList"])) == (200, ["x"])
        assert last(d).title == "DING"
        many = {**body, "remindType": 3, "receiverUserIdList": ["boss"] * 21}
        assert (await d.post("/v1.0/robot/ding/send", many))[0] == 400


async def test_twenty_calls_a_second_and_the_months_quota() -> None:
    async with desk(monthly_api_calls=22) as d:
        codes = [(await d.batch_send(["boss"]))[1].get("code") for _ in range(21)]
        assert codes == [None] * 20 + ["Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"]
        d.clock.move(1)
        codes = [(await d.batch_send(["boss"]))[1].get("code") for _ in range(3)]
        assert codes == [None, None, "Forbidden.AccessDenied.ApiCountLimitForOrg"]
        assert len(d.platform.chat("boss")) == 22


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (FaultKind.SERVER_ERROR, 503, "ServiceUnavailable"),
        (FaultKind.BUSY, 500, "system.busy"),
        (FaultKind.RATE_LIMITED, 403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"),
        (FaultKind.QUOTA_EXHAUSTED, 403, "Forbidden.AccessDenied.ApiCountLimitForOrg"),
        (FaultKind.TOKEN_EXPIRED, 400, "InvalidAuthentication"),
    ],
)
async def test_a_fault_refuses_one_call_and_nothing_is_sent(kind: FaultKind, status: int, code: str) -> None:
    async with desk() as d:
        d.faults.arm(kind, platform="dingtalk")
        got, content = await d.batch_send(["boss"])
        assert (got, content["code"]) == (status, code)
        assert d.platform.chat("boss") == []
        await d.login()
        assert (await d.batch_send(["boss"]))[0] == 200


@pytest.mark.parametrize("kind", [FaultKind.HTML_INSTEAD_OF_JSON, FaultKind.ACCEPT_THEN_ABORT])
async def test_a_gateway_page_is_not_json_and_only_one_of_them_sent_something(kind: FaultKind) -> None:
    async with desk() as d:
        await d.login()
        d.faults.arm(kind)
        with pytest.raises(aiohttp.ContentTypeError):
            await d.batch_send(["boss"])
        assert len(d.platform.chat("boss")) == (1 if kind is FaultKind.ACCEPT_THEN_ABORT else 0)


async def test_an_accepted_send_can_lose_its_connection() -> None:
    async with desk(accept_then="abort") as d:
        await d.login()
        d.faults.arm(FaultKind.ACCEPT_THEN_ABORT)
        with pytest.raises(aiohttp.ClientError):
            await d.batch_send(["boss"])
        assert len(d.platform.chat("boss")) == 1


async def test_a_slow_answer_comes_after_its_seconds() -> None:
    async with desk() as d:
        await d.login()
        d.faults.arm(FaultKind.SLOW)
        sending = asyncio.create_task(d.batch_send(["boss"]))
        await until(lambda: d.pace.sleeping(4))
        assert not sending.done()
        d.pace.move(4)
        assert (await sending)[0] == 200


async def test_every_exchange_is_in_the_wire_log() -> None:
    async with desk() as d:
        await d.batch_send(["boss"])
        labels = [(e.label, e.status) for e in d.wire.entries]
        assert labels == [("oauth2/accessToken", "200 ok"), ("oToMessages/batchSend", "200 ok")]
        assert d.wire.entries[1].plain["request"]["userIds"] == ["boss"]
