"""The simulated intelligent bot is strict: who may speak, when, where, and how much (wire 7, 11)."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

from simulator.world import FaultKind, Press
from tests.simulator.aibot_stand import GROUP, SECRET, Client, aibot_stand, until

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


def stream(content: str, *, finish: bool = True, stream_id: str = "s1") -> dict[str, Any]:
    return {"msgtype": "stream", "stream": {"id": stream_id, "finish": finish, "content": content}}


def card(title: str, task_id: str = "task-1") -> dict[str, Any]:
    return {
        "card_type": "button_interaction",
        "task_id": task_id,
        "main_title": {"title": title},
        "button_list": [{"text": "好", "style": 1, "key": "ok"}],
    }


def req_id(frame: dict[str, Any]) -> str:
    return str(frame["headers"]["req_id"])


async def test_a_message_comes_down_and_its_answer_grows_on_the_phone_until_it_is_finished() -> None:
    async with aibot_stand() as stand, stand.client() as client:
        msgid = await stand.platform.aibot.say("XiaoA", "下单")
        frame = await client.callback()
        assert frame["cmd"] == "aibot_msg_callback"
        assert frame["body"] | {"response_url": ""} == {
            "msgid": msgid,
            "aibotid": "aib-1",
            "chattype": "single",
            "from": {"userid": "XiaoA"},
            "response_url": "",
            "msgtype": "text",
            "text": {"content": "下单"},
        }

        for text, finish in (("在查…", False), ("查到了", True)):
            answer = await client.ask("aibot_respond_msg", stream(text, finish=finish), req_id=req_id(frame))
            assert answer == {"headers": {"req_id": req_id(frame)}, "errcode": 0, "errmsg": "ok"}
        late = await client.ask("aibot_respond_msg", stream("noch"), req_id=req_id(frame))

        assert late["errcode"] == 846608
        assert [(m.markdown, m.version) for m in stand.shown("XiaoA")] == [("查到了", 2)]


async def test_a_stream_that_is_not_finished_in_six_minutes_is_over() -> None:
    async with aibot_stand() as stand, stand.client() as client:
        await stand.platform.aibot.say("XiaoA", "下单")
        frame = await client.callback()
        await client.ask("aibot_respond_msg", stream("在查…", finish=False), req_id=req_id(frame))

        stand.clock.move(minutes=6)

        assert (await client.ask("aibot_respond_msg", stream("晚了"), req_id=req_id(frame)))["errcode"] == 846608


async def test_subscribing_wants_the_secret_and_is_protected_against_hammering() -> None:
    async with aibot_stand(clean=False) as stand, stand.client(subscribed=False) as client:
        for _ in range(5):
            assert (await client.subscribe("wrong"))["errcode"] == 40001
        assert stand.wire.violations == []

        assert (await client.subscribe(SECRET))["errcode"] == 45009
        assert len(stand.wire.violations) == 1

        stand.clock.move(minutes=1)
        assert (await client.subscribe())["errcode"] == 0
        secrets = [e for e in stand.wire.entries if SECRET in str(e.plain)]
        assert secrets == []


async def test_the_newest_connection_wins_and_the_older_one_is_told_and_closed() -> None:
    async with aibot_stand() as stand, stand.client() as older, stand.client() as newer:
        told = await older.callback()
        assert told["body"]["event"]["eventtype"] == "disconnected_event"

        await stand.platform.aibot.say("XiaoA", "下单")

        assert (await newer.callback())["body"]["text"]["content"] == "下单"
        assert (await older.ws.receive()).type.name == "CLOSE"
        assert stand.platform.aibot.gateway.takeovers == 1


async def test_a_req_id_answers_its_own_message_on_its_own_connection_only() -> None:
    async with aibot_stand(clean=False) as stand:
        async with stand.client() as client:
            await stand.platform.aibot.say("XiaoA", "下单")
            frame = await client.callback()
            unknown = await client.ask("aibot_respond_msg", stream("?"), req_id="made-up")
            assert unknown["errcode"] == 846605
            assert len(stand.wire.violations) == 1
        async with stand.client() as again:
            stale = await again.ask("aibot_respond_msg", stream("?"), req_id=req_id(frame))

            assert stale["errcode"] == 846605
            assert len(stand.wire.violations) == 1, "after a reconnect that happens to anybody"


@pytest.mark.parametrize(
    ("cmd", "body", "errcode"),
    [
        ("ping", {}, 40001),
        ("aibot_send_msg", {"chatid": "XiaoA", "msgtype": "markdown", "markdown": {"content": "x"}}, 40001),
        ("aibot_nonsense", {}, 40035),
    ],
)
async def test_what_no_correct_client_sends_is_refused_and_recorded(
    cmd: str, body: dict[str, Any], errcode: int
) -> None:
    async with aibot_stand(clean=False) as stand, stand.client(subscribed=False) as client:
        assert (await client.ask(cmd, body))["errcode"] == errcode
        assert len(stand.wire.violations) == 1


async def test_own_req_ids_are_new_each_time_and_frames_are_json() -> None:
    async with aibot_stand(clean=False) as stand, stand.client() as client:
        assert (await client.ask("ping", req_id="p-1"))["errcode"] == 0
        assert (await client.ask("ping", req_id="p-1"))["errcode"] == 40035
        await client.ws.send_str("hello")
        assert (await client.next())["errcode"] == 40035
        assert len(stand.wire.violations) == 2


async def test_a_greeting_and_a_card_change_come_within_their_window_once() -> None:
    async with aibot_stand(clean=False) as stand, stand.client() as client:
        await stand.platform.aibot.enter("XiaoA")
        entered = await client.callback()
        greeting = {"msgtype": "text", "text": {"content": "你好"}}
        assert (await client.ask("aibot_respond_welcome_msg", greeting, req_id=req_id(entered)))["errcode"] == 0
        assert (await client.ask("aibot_respond_welcome_msg", greeting, req_id=req_id(entered)))["errcode"] == 846605

        pressed = await _pressed_card(stand, client)
        update = {"response_type": "update_template_card", "template_card": card("已要")}
        wrong = {**update, "template_card": card("已要", "another")}
        assert (await client.ask("aibot_respond_update_msg", wrong, req_id=req_id(pressed)))["errcode"] == 42016
        assert (await client.ask("aibot_respond_update_msg", update, req_id=req_id(pressed)))["errcode"] == 0

        assert stand.shown("XiaoA")[-1].title == "已要"


async def test_a_card_change_after_the_window_is_refused() -> None:
    async with aibot_stand(clean=False) as stand, stand.client() as client:
        pressed = await _pressed_card(stand, client)
        stand.platform.aibot.gateway.issued[req_id(pressed)].since -= 5.1

        update = {"response_type": "update_template_card", "template_card": card("已要")}
        late = await client.ask("aibot_respond_update_msg", update, req_id=req_id(pressed))

        assert late["errcode"] == 846605
        assert stand.shown("XiaoA")[-1].title == "要吗"


async def _pressed_card(stand: Any, client: Client) -> dict[str, Any]:
    await stand.platform.aibot.say("XiaoA", "card")
    frame = await client.callback()
    body = {"msgtype": "template_card", "template_card": card("要吗")}
    assert (await client.ask("aibot_respond_msg", body, req_id=req_id(frame)))["errcode"] == 0
    await stand.platform.press(Press(user="XiaoA", card_id="task-1", key="ok"))
    pressed = await client.callback()
    event = pressed["body"]["event"]
    assert event["eventtype"] == "template_card_event"
    assert event["template_card_event"]["task_id"] == "task-1"
    return pressed


async def test_pushes_go_to_chats_that_wrote_and_thirty_a_minute() -> None:
    async with aibot_stand() as stand, stand.client() as client:
        push = {"chatid": "XiaoA", "msgtype": "markdown", "markdown": {"content": "提醒"}}
        assert (await client.ask("aibot_send_msg", push))["errcode"] == 93006
        await stand.platform.aibot.say("XiaoA", "你好")
        await client.callback()

        codes = [(await client.ask("aibot_send_msg", push))["errcode"] for _ in range(31)]

        assert codes == [0] * 30 + [45009]


async def test_media_are_sealed_with_their_own_key_and_gone_after_five_minutes() -> None:
    async with aibot_stand() as stand, stand.client() as client:
        keys = []
        for _ in range(2):
            await stand.platform.aibot.send_file("XiaoA", b"a,b\n1,2\n", filename="采购单 2.csv")
            held = (await client.callback())["body"]["file"]
            keys.append(held["aeskey"])
            key = base64.b64decode(held["aeskey"] + "=" * (-len(held["aeskey"]) % 4))
            async with stand.session.get(held["url"]) as response:
                sealed = await response.read()
                assert response.content_disposition is not None
                assert response.content_disposition.filename == "采购单 2.csv"
            opened = Cipher(AES256(key), CBC(key[:16])).decryptor()
            plain = opened.update(sealed) + opened.finalize()
            assert len(plain) % 32 == 0
            assert plain[: -plain[-1]] == b"a,b\n1,2\n"
        assert [key.endswith("=") for key in keys] == [True, False]

        stand.clock.move(minutes=5)

        async with stand.session.get(held["url"]) as response:
            assert response.status == 403


async def test_a_group_is_heard_when_the_bot_is_named_and_everybody_reads_the_answer() -> None:
    async with aibot_stand() as stand, stand.client() as client:
        aibot = stand.platform.aibot
        await aibot.mix("XiaoA", "看图", [PNG], group=GROUP.chatid)
        frame = await client.callback()
        assert (frame["body"]["chattype"], frame["body"]["chatid"]) == ("group", GROUP.chatid)
        text, image = frame["body"]["mixed"]["msg_item"]
        assert text["text"]["content"] == "\u200b@接单机器人\u2005看图"
        assert set(image["image"]) == {"url", "aeskey"}

        await client.ask("aibot_respond_msg", stream("收到"), req_id=req_id(frame))

        assert [m.markdown for user in GROUP.members for m in stand.shown(user)] == ["收到", "收到"]
        await aibot.say("boss", "行", group=GROUP.chatid, quote=aibot.quoted_image(PNG))
        assert (await client.callback())["body"]["quote"]["msgtype"] == "image"


async def test_uploads_are_counted_and_summed() -> None:
    async with aibot_stand(clean=False) as stand, stand.client() as client:
        data = bytes(range(256)) * 2100
        await stand.platform.aibot.say("XiaoA", "发文件")
        frame = await client.callback()
        begin = {
            "type": "file",
            "filename": "单.csv",
            "total_size": len(data),
            "total_chunks": 2,
            "md5": hashlib.md5(data).hexdigest(),
        }
        upload = (await client.ask("aibot_upload_media_init", begin))["body"]["upload_id"]
        half = 512 * 1024
        first = {"upload_id": upload, "chunk_index": 0, "base64_data": base64.b64encode(data[:half]).decode()}
        assert (await client.ask("aibot_upload_media_chunk", first))["errcode"] == 0
        assert (await client.ask("aibot_upload_media_finish", {"upload_id": upload}))["errcode"] == 40035
        second = {"upload_id": upload, "chunk_index": 1, "base64_data": base64.b64encode(data[half:]).decode()}
        await client.ask("aibot_upload_media_chunk", second)
        media_id = (await client.ask("aibot_upload_media_finish", {"upload_id": upload}))["body"]["media_id"]

        answer = {"msgtype": "file", "file": {"media_id": media_id}}
        assert (await client.ask("aibot_respond_msg", answer, req_id=req_id(frame)))["errcode"] == 0
        assert stand.shown("XiaoA")[-1].filename == "单.csv"


async def test_duplicates_half_open_connections_and_messages_that_meet_nobody() -> None:
    async with aibot_stand() as stand:
        aibot = stand.platform.aibot
        async with stand.client() as client:
            stand.faults.arm(FaultKind.DUPLICATE_CALLBACK, platform="wecom")
            await aibot.say("XiaoA", "一")
            frames = [await client.callback() for _ in range(3)]
            assert len({f["body"]["msgid"] for f in frames}) == 1
            assert len({req_id(f) for f in frames}) == 3

            aibot.gateway.mute()
            await aibot.say("XiaoA", "二")
            assert aibot.gateway.lost == []
        await until(lambda: aibot.gateway.live is None)

        await aibot.say("XiaoA", "三")

        assert [body["text"]["content"] for body in aibot.gateway.lost] == ["三"]


async def test_a_fourth_message_without_an_answer_is_held_back() -> None:
    async with aibot_stand(clean=False) as stand, stand.client() as client:
        for text in "一二三四":
            await stand.platform.aibot.say("XiaoA", text)
        assert [body["text"]["content"] for body in stand.platform.aibot.gateway.lost] == ["四"]
        assert len(stand.wire.violations) == 1

        await client.ask("aibot_respond_msg", stream("好"), req_id=req_id(await client.callback()))
        await stand.platform.aibot.say("XiaoA", "五")
        await stand.platform.aibot.say("boss", "另一位")

        said = [(await client.callback())["body"]["text"]["content"] for _ in range(4)]
        assert said == ["二", "三", "五", "另一位"]
