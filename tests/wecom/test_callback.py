"""The callback as the simulated platform and hostile senders meet it, over real HTTP."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from yarl import URL

from bot.wecom.callback import MAX_BODY
from core.errors import IngestUnavailable
from core.inbound import MessageKind
from simulator.wecom.crypto import AppCipher, Breakage, Envelope, sign
from simulator.world import FaultKind
from tests.wecom.stand import CORP, DEPOT, JPG, SALES, START, Stand, running

TEXT = {
    "ToUserName": CORP,
    "FromUserName": "XiaoA",
    "CreateTime": int(START.timestamp()),
    "MsgType": "text",
    "Content": "你好",
    "MsgId": "1",
    "AgentID": SALES.agentid,
}


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with running() as up:
        yield up


def sealed(body: bytes, *, app: Any = SALES, agentid: int | None = None) -> Envelope:
    cipher = AppCipher(token=app.token, aes_key=app.aes_key, receiveid=app.corpid)
    now = int(START.timestamp())
    return cipher.seal(body, timestamp=now, nonce="5", agentid=agentid or app.agentid)


async def post(stand: Stand, envelope: Envelope, *, path: str = "", **options: Any) -> tuple[int, bytes]:
    async with stand.session.post(
        stand.callback_url + path, params=envelope.query(), data=options.pop("data", envelope.body()), **options
    ) as response:
        return response.status, await response.read()


async def test_saving_the_url_in_the_console_succeeds_for_every_app(stand: Stand) -> None:
    assert await stand.platform.verify_url(SALES.agentid)
    assert await stand.platform.verify_url(DEPOT.agentid)
    assert stand.ingested == {}


async def test_a_forged_url_check_is_refused(stand: Stand) -> None:
    for breakage in (Breakage.BAD_SIGNATURE, Breakage.WRONG_RECEIVEID, Breakage.STALE_TIMESTAMP, Breakage.PAD_33):
        assert not await stand.platform.verify_url(SALES.agentid, mutate=breakage)


async def test_a_url_check_without_its_query_is_malformed(stand: Stand) -> None:
    async with stand.session.get(stand.callback_url) as response:
        assert response.status == 400


async def test_what_people_send_is_stored_before_the_empty_200(stand: Stand) -> None:
    await stand.platform.say("XiaoA", "K0231 04465-0K240 20个 ]]> 后天要")
    await stand.platform.send_image("XiaoA", JPG)
    await stand.platform.event("boss1", "enter_agent")
    await stand.platform.say("kuguan", "库存", agentid=DEPOT.agentid)

    kinds = [(inbound.kind, inbound.account) for inbound in stand.inbounds()]

    assert kinds == [
        (MessageKind.TEXT, "xiaoa"),
        (MessageKind.IMAGE, "xiaoa"),
        (MessageKind.ENTER, "boss1"),
        (MessageKind.TEXT, "kuguan"),
    ]
    assert stand.inbounds()[0].text == "K0231 04465-0K240 20个 ]]> 后天要"
    assert stand.last.conv_key == f"wecom:{DEPOT.agentid}:kuguan"
    assert stand.platform.given_up == []


@pytest.mark.parametrize("fault", [FaultKind.DUPLICATE_CALLBACK, FaultKind.CALLBACK_TIMEOUT])
async def test_a_repeated_callback_has_the_same_key(stand: Stand, fault: FaultKind) -> None:
    stand.faults.arm(fault, platform="wecom")

    await stand.platform.say("XiaoA", "你好")

    assert stand.deliveries > 1
    assert len(stand.ingested) == 1


async def test_a_repeated_press_has_the_same_key_and_another_press_has_its_own(stand: Stand) -> None:
    stand.faults.arm(FaultKind.DUPLICATE_CALLBACK, platform="wecom")
    await stand.platform.press_raw("boss1", "SO1@r1", "approve", response_code="RC1")
    await stand.platform.press_raw("boss2", "SO1@r1", "approve", response_code="RC2")
    await stand.platform.press_raw("boss2", "SO1@r1", "approve", response_code="RC2")

    assert len(stand.ingested) == 2


async def test_unknown_kinds_are_kept_and_answered_like_any_other(stand: Stand) -> None:
    await stand.platform.send_unknown("XiaoA", "hologram")
    await stand.platform.event("XiaoA", "invented_tomorrow")

    assert [inbound.kind for inbound in stand.inbounds()] == [MessageKind.OTHER, MessageKind.OTHER]
    assert stand.platform.given_up == []


HOSTILE = {
    Breakage.BAD_SIGNATURE: 403,
    Breakage.WRONG_RECEIVEID: 403,
    Breakage.STALE_TIMESTAMP: 403,
    Breakage.PAD_ZERO: 403,
    Breakage.PAD_33: 403,
    Breakage.HUGE_LENGTH: 403,
    Breakage.SHORT: 403,
    Breakage.RAGGED: 403,
    Breakage.NOT_BASE64: 403,
    Breakage.OTHER_AGENT: 403,
    Breakage.BAD_UTF8: 400,
    Breakage.DTD: 400,
    Breakage.NO_ENCRYPT: 400,
    Breakage.NOT_XML: 400,
}


@pytest.mark.parametrize("breakage", Breakage)
async def test_a_hostile_callback_gets_an_empty_refusal_and_leaves_nothing(stand: Stand, breakage: Breakage) -> None:
    answer = await stand.platform.send_callback(TEXT, mutate=breakage)

    assert (answer.status, answer.body) == (HOSTILE[breakage], b"")
    assert stand.ingested == {}
    assert stand.counted["wecom_callbacks/stored"] == 0
    assert sum(stand.counted.values()) == 1


@pytest.mark.parametrize(
    "inner",
    [
        '<!DOCTYPE xml [<!ENTITY a "b">]><xml><FromUserName>&a;</FromUserName></xml>',
        "<xml><FromUserName>a</FromUserName></xml>",
        "<xml>" + "<a>" * 50 + "</a>" * 50 + "</xml>",
        "{}",
        "",
    ],
)
async def test_a_well_sealed_but_odd_message_is_malformed(stand: Stand, inner: str) -> None:
    answer = await stand.platform.send_callback(inner)

    assert (answer.status, answer.body) == (400, b"")
    assert stand.ingested == {}


async def test_a_stale_but_genuine_callback_raises_the_alarm(stand: Stand, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "bot.wecom"):
        await stand.platform.send_callback(TEXT, mutate=Breakage.STALE_TIMESTAMP)
        await stand.platform.send_callback(TEXT, mutate=Breakage.BAD_SIGNATURE)

    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert "86400 s old" in caplog.text
    assert "你好" not in caplog.text


async def test_the_path_may_name_the_app_and_then_no_other_gets_through(stand: Stand) -> None:
    xml = "<xml><FromUserName>a</FromUserName><CreateTime>1</CreateTime><MsgType>text</MsgType></xml>"
    good = sealed(xml.encode(), app=DEPOT)

    assert await post(stand, good, path=f"/{DEPOT.agentid}") == (200, b"")
    assert await post(stand, good, path=f"/{SALES.agentid}") == (403, b"")
    assert await post(stand, good, path="/999") == (403, b"")
    assert await post(stand, replace(good, agentid=str(SALES.agentid)), path=f"/{DEPOT.agentid}") == (403, b"")
    assert len(stand.ingested) == 1


async def test_an_envelope_without_agentid_belongs_to_whose_signature_it_carries(stand: Stand) -> None:
    xml = "<xml><FromUserName>a</FromUserName><CreateTime>1</CreateTime><MsgType>text</MsgType></xml>"

    assert await post(stand, replace(sealed(xml.encode(), app=DEPOT), agentid="")) == (200, b"")
    assert stand.last.conv_key == f"wecom:{DEPOT.agentid}:a"


async def test_an_oversize_body_is_refused_whether_it_says_so_or_not(stand: Stand) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY // 4096 + 1):
            yield b"x" * 4096

    good = sealed(b"<xml/>")
    declared = await post(stand, good, data=b"x" * (MAX_BODY + 1))
    streamed = await post(stand, good, data=chunks())

    assert declared == (413, b"")
    assert streamed == (413, b"")


async def test_a_gzip_bomb_and_a_broken_gzip_are_refused(stand: Stand) -> None:
    good = sealed(b"<xml/>")
    headers = {"Content-Encoding": "gzip"}

    bomb = await post(stand, good, data=gzip.compress(bytes(50 * MAX_BODY)), headers=headers)
    broken = await post(stand, good, data=b"no gzip at all", headers=headers)

    assert bomb[0] in (400, 413)
    assert broken[0] == 400
    assert stand.ingested == {}


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"msg_signature": "a", "timestamp": "1"},
        {"msg_signature": "签名", "timestamp": "1", "nonce": "1"},
        {"msg_signature": "", "timestamp": "1", "nonce": "1"},
    ],
)
async def test_a_query_without_its_three_parts_is_malformed(stand: Stand, query: dict[str, str]) -> None:
    async with stand.session.post(stand.callback_url, params=query, data=sealed(b"x").body()) as response:
        assert response.status == 400


@pytest.mark.parametrize("timestamp", ["soon", "-5", "1e9", "9" * 40])
async def test_a_signed_timestamp_that_is_no_time_is_malformed(stand: Stand, timestamp: str) -> None:
    envelope = sealed(b"<xml/>")
    forged = replace(
        envelope, timestamp=timestamp, signature=sign(SALES.token, timestamp, envelope.nonce, envelope.encrypt)
    )

    assert await post(stand, forged) == (400, b"")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "PATCH"])
async def test_only_get_and_post_are_served(stand: Stand, method: str) -> None:
    async with stand.session.request(method, stand.callback_url) as response:
        assert response.status == 405


@pytest.mark.parametrize("error", [IngestUnavailable(), RuntimeError("disk on fire")])
async def test_what_cannot_be_stored_is_sent_again_until_it_can(
    stand: Stand, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    stand.ingest_error = error

    answer = await stand.platform.send_callback(TEXT)

    assert (answer.status, answer.body) == (503, b"")
    assert stand.counted["wecom_callbacks/unavailable"] == 1

    stand.ingest_error = None
    assert (await stand.platform.send_callback(TEXT)).status == 200
    assert list(stand.ingested) == ["m:1"]


async def test_a_callback_that_meets_a_dead_database_is_retried_by_the_platform(stand: Stand) -> None:
    stand.ingest_error = IngestUnavailable()

    await stand.platform.say("XiaoA", "你好")

    assert stand.deliveries == 4
    assert len(stand.platform.given_up) == 1


async def test_one_app_alone_needs_no_agentid() -> None:
    async with running(SALES) as stand:
        await stand.platform.say("XiaoA", "你好")

        assert stand.last.text == "你好"


async def test_a_peer_that_leaves_in_mid_body_leaves_nothing(stand: Stand) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield sealed(b"<xml/>").body()[:20]
        raise RuntimeError("the sender is gone")

    with pytest.raises((RuntimeError, aiohttp.ClientError)):
        await post(stand, sealed(b"<xml/>"), data=half())

    assert stand.ingested == {}


async def test_a_body_that_does_not_come_is_not_waited_for(stand: Stand) -> None:
    url = URL(stand.callback_url)
    query = sealed(b"<xml/>").query()
    reader, writer = await asyncio.open_connection(url.host, url.port)

    writer.write(f"POST {url.path}?{urlencode(query)} HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n<xml>".encode())
    status = await reader.readline()
    writer.close()
    await writer.wait_closed()

    assert status == b"HTTP/1.1 400 Bad Request\r\n"
    assert stand.ingested == {}
