"""The API half: tokens, recipients, limits that swallow, recall, and faults on demand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from simulator.world import FaultKind
from tests.simulator.wecom_stand import CORP, DEPOT, PNG, SALES, Stand, approval_card


@pytest.fixture
async def wecom() -> AsyncIterator[Stand]:
    async with Stand().running() as stand:
        yield stand


async def test_asking_again_gives_the_same_token_until_it_expires(wecom: Stand) -> None:
    first = await wecom.get("gettoken", corpid=CORP, corpsecret="secret-sales")
    wecom.clock.move(hours=1)
    second = await wecom.get("gettoken", corpid=CORP, corpsecret="secret-sales")

    assert first["expires_in"] == 7200
    assert (second["access_token"], second["expires_in"]) == (first["access_token"], 3600)

    wecom.tokens[SALES] = first["access_token"]
    wecom.clock.move(hours=1)
    assert (await wecom.send_text("XiaoA"))["errcode"] == 42001
    third = await wecom.get("gettoken", corpid=CORP, corpsecret="secret-sales")
    assert third["access_token"] != first["access_token"]
    assert wecom.platform.tokens.fetched == 3


async def test_wrong_secrets_end_in_a_ban_of_an_hour(wecom: Stand) -> None:
    codes = [(await wecom.get("gettoken", corpid=CORP, corpsecret="guess"))["errcode"] for _ in range(11)]

    assert codes == [40001] * 10 + [45009]
    assert (await wecom.get("gettoken", corpid=CORP, corpsecret="secret-sales"))["errcode"] == 45009
    wecom.clock.move(minutes=61)
    assert (await wecom.get("gettoken", corpid=CORP, corpsecret="secret-sales"))["errcode"] == 0


async def test_token_errors_have_their_own_codes(wecom: Stand) -> None:
    assert (await wecom.get("gettoken", corpid="wwother", corpsecret="x"))["errcode"] == 40013
    assert (await wecom.get("getcallbackip"))["errcode"] == 41001
    assert (await wecom.get("getcallbackip", access_token="made-up"))["errcode"] == 40014
    assert (await wecom.get("getcallbackip", access_token=await wecom.token()))["ip_list"]


async def test_a_text_reaches_the_members_and_names_the_others_in_lower_case(wecom: Stand) -> None:
    answer = await wecom.send_text("XIAOA|LEFT|Nobody|noLicence")

    assert answer["errcode"] == 0
    assert answer["invaliduser"] == "left|nobody"
    assert answer["unlicenseduser"] == "nolicence"
    assert [m.text for m in wecom.platform.chat("XiaoA")] == ["你好"]
    assert wecom.platform.chat("left") == []
    assert wecom.wire.violations == []


async def test_parties_tags_and_everyone(wecom: Stand) -> None:
    text = {"msgtype": "text", "agentid": SALES, "text": {"content": "x"}}

    await wecom.post("message/send", {**text, "toparty": "2"})
    await wecom.post("message/send", {**text, "totag": "9"})
    await wecom.post("message/send", {**text, "touser": "@all"})

    assert [len(wecom.platform.chat(user)) for user in ("boss1", "boss2", "XiaoA")] == [3, 2, 1]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"touser": "nobody|left"}, 81013),
        ({"touser": ""}, 81012),
        ({"touser": "|".join(f"u{i}" for i in range(1001))}, 40031),
        ({"toparty": "|".join(str(i) for i in range(101))}, 40058),
        ({"touser": ["XiaoA"]}, 40035),
        ({"agentid": DEPOT}, 301002),
        ({"agentid": str(SALES)}, 40056),
        ({"msgtype": "poem"}, 40008),
        ({"text": None}, 40063),
        ({"text": {"content": ""}}, 44004),
        ({"msgtype": "markdown", "markdown": {"content": "字" * 683}}, 45002),
        ({"msgtype": "image", "image": {"media_id": "gone"}}, 40007),
        ({"msgtype": "news", "news": {"articles": [{"title": "t", "url": "u"}] * 9}}, 45008),
        ({"msgtype": "textcard", "textcard": {"title": "t", "description": "d"}}, 40063),
        ({"enable_duplicate_check": 1, "duplicate_check_interval": 14401}, 40058),
    ],
)
async def test_a_wrong_message_is_refused_with_its_code(wecom: Stand, change: dict[str, object], code: int) -> None:
    message = {"touser": "XiaoA", "msgtype": "text", "agentid": SALES, "text": {"content": "x"}, **change}

    answer = await wecom.post("message/send", message)

    assert answer["errcode"] == code
    assert wecom.platform.chat("XiaoA") == []
    assert len(wecom.wire.violations) == (0 if code in {81013, 40007} else 1)


async def test_escaped_characters_are_refused_but_a_literal_backslash_is_not(wecom: Stand) -> None:
    escaped = '{"touser":"XiaoA","msgtype":"text","agentid":1000002,"text":{"content":"\\u4f60"}}'
    literal = '{"touser":"XiaoA","msgtype":"text","agentid":1000002,"text":{"content":"\\\\u4f60"}}'

    assert (await wecom.post("message/send", escaped.encode()))["errcode"] == 40033
    assert (await wecom.post("message/send", literal.encode()))["errcode"] == 0
    assert (await wecom.post("message/send", b"not json"))["errcode"] == 40035
    assert (await wecom.post("message/send", b"[]"))["errcode"] == 40035


async def test_long_text_is_cut_at_2048_bytes_without_splitting_a_character(wecom: Stand) -> None:
    await wecom.send_text("XiaoA", "字" * 700)

    assert wecom.platform.chat("XiaoA")[0].text == "字" * 682
    assert wecom.wire.entries[-1].note == "text: 2100 bytes, cut at 2048"


async def test_the_31st_message_of_a_minute_vanishes_without_an_error(wecom: Stand) -> None:
    codes = [(await wecom.send_text("XiaoA", str(i)))["errcode"] for i in range(31)]

    assert codes == [0] * 31
    assert len(wecom.platform.chat("XiaoA")) == 30
    assert wecom.platform.silently_dropped == [(SALES, "XiaoA")]
    assert len(wecom.wire.violations) == 1

    wecom.clock.move(seconds=61)
    await wecom.send_text("XiaoA", "again")
    assert wecom.platform.chat("XiaoA")[-1].text == "again"


async def test_the_1001st_message_of_an_hour_vanishes(wecom: Stand) -> None:
    admit = wecom.platform.desk._rate.admit
    for _ in range(40):
        assert sum(admit(SALES, "XiaoA") for _ in range(25)) == 25
        wecom.clock.move(seconds=61)

    await wecom.send_text("XiaoA", "one too many")

    assert wecom.platform.silently_dropped == [(SALES, "XiaoA")]


async def test_a_repeat_inside_the_duplicate_window_is_swallowed(wecom: Stand) -> None:
    check = {"enable_duplicate_check": 1, "duplicate_check_interval": 600}
    first = await wecom.send_text("XiaoA", "催一下", **check)
    again = await wecom.send_text("XiaoA", "催一下", **check)
    other = await wecom.send_text("XiaoA", "催两下", **check)
    wecom.clock.move(seconds=600)
    later = await wecom.send_text("XiaoA", "催一下", **check)

    assert again["msgid"] == first["msgid"]
    assert len({first["msgid"], other["msgid"], later["msgid"]}) == 3
    assert [m.text for m in wecom.platform.chat("XiaoA")] == ["催一下", "催两下", "催一下"]


async def test_other_kinds_are_drawn_on_the_phone(wecom: Stand) -> None:
    picture = wecom.platform.media.keep("image", "路线.png", PNG).media_id
    book = wecom.platform.media.keep("file", "拣货单.xlsx", b"12345678").media_id
    await wecom.send("XiaoA", "markdown", {"content": "**急**"})
    await wecom.send("XiaoA", "image", {"media_id": picture})
    await wecom.send("XiaoA", "file", {"media_id": book})
    await wecom.send("XiaoA", "textcard", {"title": "到货", "description": "3 箱", "url": "https://e.com"})
    await wecom.send("XiaoA", "news", {"articles": [{"title": "日报", "url": "https://e.com/d"}]})
    assert (await wecom.send("XiaoA", "file", {"media_id": picture}))["errcode"] == 40007

    shown = wecom.platform.chat("XiaoA")
    assert [m.kind for m in shown] == ["markdown", "image", "file", "notice", "notice"]
    assert (shown[0].markdown, shown[1].image, shown[2].filename) == ("**急**", PNG, "拣货单.xlsx")
    assert (shown[3].title, shown[3].link, shown[4].link) == ("到货", "https://e.com", "https://e.com/d")


async def test_recall_works_for_a_day_and_for_the_same_app_only(wecom: Stand) -> None:
    old = await wecom.send_text("XiaoA", "old")
    wecom.clock.move(hours=24)
    wecom.tokens.clear()
    new = await wecom.send_text("XiaoA|boss1", "new")

    assert (await wecom.post("message/recall", {"msgid": old["msgid"]}))["errcode"] == 40058
    assert (await wecom.post("message/recall", {"msgid": new["msgid"]}, agentid=DEPOT))["errcode"] == 40058
    assert (await wecom.post("message/recall", {"msgid": new["msgid"]}))["errcode"] == 0
    assert [m.kind for m in wecom.platform.chat("XiaoA")] == ["text", "notice"]
    assert [m.kind for m in wecom.platform.chat("boss1")] == ["notice"]


async def test_user_get_folds_case_and_keeps_the_scope(wecom: Stand) -> None:
    async def look_up(userid: str, agentid: int) -> dict[str, object]:
        return await wecom.get("user/get", access_token=await wecom.token(agentid), userid=userid)

    assert (await look_up("BOSS1", SALES))["name"] == "主管一"
    assert "mobile" not in await look_up("boss1", SALES)
    assert (await look_up("nobody", SALES))["errcode"] == 60111
    assert (await look_up("boss1", DEPOT))["errcode"] == 60021


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (FaultKind.TOKEN_EXPIRED, 42001),
        (FaultKind.UNTRUSTED_IP, 60020),
        (FaultKind.RATE_LIMITED, 45009),
        (FaultKind.BUSY, -1),
    ],
)
async def test_armed_refusals_hit_one_call_and_carry_nothing_out(wecom: Stand, fault: FaultKind, code: int) -> None:
    await wecom.token()
    wecom.faults.arm(fault)

    assert (await wecom.send_text("XiaoA"))["errcode"] == code
    assert wecom.platform.chat("XiaoA") == []

    if fault is FaultKind.TOKEN_EXPIRED:
        assert (await wecom.send_text("XiaoA"))["errcode"] == 40014
        wecom.tokens.clear()
    assert (await wecom.send_text("XiaoA"))["errcode"] == 0
    assert wecom.wire.violations == []


async def test_any_errcode_can_be_asked_for(wecom: Stand) -> None:
    wecom.platform.fail_next("message/send", 45033)
    wecom.platform.fail_next("gettoken", -1)

    assert (await wecom.get("gettoken", corpid=CORP, corpsecret="secret-sales"))["errcode"] == -1
    assert (await wecom.send_text("XiaoA"))["errcode"] == 45033
    assert (await wecom.send_text("XiaoA"))["errcode"] == 0


async def test_gateway_faults_carry_nothing_out(wecom: Stand) -> None:
    url = f"{wecom.api_url}message/send?access_token={await wecom.token()}"

    wecom.faults.arm(FaultKind.SERVER_ERROR)
    async with wecom.session.post(url, data=b"{}") as response:
        assert response.status == 503
    wecom.faults.arm(FaultKind.HTML_INSTEAD_OF_JSON)
    async with wecom.session.post(url, data=b"{}") as response:
        assert (response.status, response.content_type) == (200, "text/html")
    assert wecom.wire.violations == []


async def test_a_send_cut_off_after_accepting_meets_42014_on_retry(wecom: Stand) -> None:
    await wecom.token()
    wecom.faults.arm(FaultKind.ACCEPT_THEN_ABORT)

    with pytest.raises(aiohttp.ClientError):
        await wecom.send_card("boss1", approval_card())
    retry = await wecom.send_card("boss1", approval_card())

    assert retry["errcode"] == 42014
    assert len(wecom.platform.chat("boss1")) == 1
    assert wecom.wire.violations == []


async def test_a_slow_answer_waits_for_the_clock(wecom: Stand) -> None:
    await wecom.token()
    wecom.faults.arm(FaultKind.SLOW)
    sending = asyncio.create_task(wecom.send_text("XiaoA"))
    await wecom.clock.slept_on.wait()
    assert not sending.done()

    wecom.clock.move(seconds=3)

    assert (await sending)["errcode"] == 0
