"""wechatpy, written by others from the same pages, talks to the simulator: both must mean the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest
from aiohttp import web
from wechatpy.enterprise import WeChatClient
from wechatpy.enterprise.crypto import WeChatCrypto
from wechatpy.enterprise.exceptions import InvalidCorpIdException
from wechatpy.enterprise.parser import parse_message
from wechatpy.enterprise.replies import create_reply
from wechatpy.exceptions import InvalidSignatureException, WeChatClientException

from simulator.wecom import Breakage
from simulator.world import Press
from tests.simulator.wecom_stand import CORP, JPG, PNG, SALES, Stand, approval_card, notice_card


@pytest.fixture
async def wecom() -> AsyncIterator[Stand]:
    async with Stand().running() as stand:
        yield stand


def peer_crypto(stand: Stand) -> WeChatCrypto:
    app = stand.platform.directory.app(SALES)
    return WeChatCrypto(app.token, app.aes_key, CORP)


def opened(stand: Stand, index: int = -1) -> str:
    """A callback opened by wechatpy instead of by our own cipher."""
    query, body = stand.bot.got[index]
    plain = peer_crypto(stand).decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
    return plain.decode() if isinstance(plain, bytes) else str(plain)


class LocalClient(WeChatClient):  # type: ignore[misc]
    """wechatpy's client aimed at the simulator; its own token URL is hard-coded."""

    def fetch_access_token(self) -> Any:
        return self._fetch_access_token(
            f"{self.API_BASE_URL}gettoken", {"corpid": self.corp_id, "corpsecret": self.secret}
        )


@pytest.fixture
async def peer(wecom: Stand) -> AsyncIterator[LocalClient]:
    client = LocalClient(CORP, "secret-sales", timeout=5, auto_retry=False)
    client.API_BASE_URL = wecom.api_url
    yield client
    client._http.close()


async def test_wechatpy_opens_and_parses_plain_messages(wecom: Stand) -> None:
    msgid = await wecom.platform.say("XiaoA", "K0231 20个 ]]> 后天要")
    text = parse_message(opened(wecom))
    assert (text.type, text.source, text.target, str(text.id)) == ("text", "XiaoA", CORP, msgid)
    assert (text.content, text.agent) == ("K0231 20个 ]]> 后天要", SALES)

    await wecom.platform.send_image("XiaoA", JPG)
    image = parse_message(opened(wecom))
    assert (image.type, wecom.platform.media.get(image.media_id).data) == ("image", JPG)

    await wecom.platform.send_location("XiaoA", 23.1, 113.3, "广州")
    place = parse_message(opened(wecom))
    assert (place.type, place.location_x, place.location_y) == ("location", "23.1", "113.3")


async def test_wechatpy_parses_menu_and_scan_events(wecom: Stand) -> None:
    menu = {"button": [{"type": "scancode_waitmsg", "name": "扫码", "key": "scan"}]}
    await wecom.post(f"menu/create?agentid={SALES}", menu)

    await wecom.platform.tap_menu("XiaoA", "scan", scan_result="LOT-7")
    scan = parse_message(opened(wecom))
    await wecom.platform.event("XiaoA", "enter_agent")
    entered = parse_message(opened(wecom))

    assert (scan.event, scan.key, scan.scan_type, scan.scan_result) == ("scancode_waitmsg", "scan", "barcode", "LOT-7")
    assert entered.event == "enter_agent"


async def test_wechatpy_reads_a_press(wecom: Stand) -> None:
    await wecom.send_card("boss1", approval_card())

    await wecom.platform.press(Press(user="boss1", card_id="ap-SO260221-0137-v1", key="approve"))

    data = parse_message(opened(wecom))._data
    assert (data["Event"], data["EventKey"], data["TaskId"], data["CardType"]) == (
        "template_card_event",
        "approve",
        "ap-SO260221-0137-v1",
        "button_interaction",
    )
    assert data["SelectedItems"]["SelectedItem"] == {"QuestionKey": "reason", "OptionIds": {"OptionId": "none"}}


async def test_a_reply_sealed_by_wechatpy_is_accepted(wecom: Stand) -> None:
    def answer(request: web.Request, body: bytes) -> web.Response:
        query = request.query
        crypto = peer_crypto(wecom)
        plain = crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
        reply = create_reply("收到，正在识别", parse_message(plain)).render()
        return web.Response(text=crypto.encrypt_message(reply, query["nonce"], query["timestamp"]))

    wecom.bot.script.append(answer)
    await wecom.platform.say("XiaoA", "20个")

    assert wecom.platform.chat("XiaoA")[-1].text == "收到，正在识别"
    assert wecom.wire.violations == []


async def test_wechatpy_answers_the_url_check(wecom: Stand) -> None:
    def answer(request: web.Request, body: bytes) -> web.Response:
        q = request.query
        echo = peer_crypto(wecom).check_signature(q["msg_signature"], q["timestamp"], q["nonce"], q["echostr"])
        return web.Response(text=echo.decode() if isinstance(echo, bytes) else echo)

    wecom.bot.script.append(answer)

    assert await wecom.platform.verify_url(SALES)


async def test_wechatpy_refuses_what_was_broken_on_purpose(wecom: Stand) -> None:
    await wecom.platform.send_callback({"MsgType": "text"}, mutate=Breakage.BAD_SIGNATURE)
    with pytest.raises(InvalidSignatureException):
        opened(wecom)

    for breakage in (Breakage.WRONG_RECEIVEID, Breakage.HUGE_LENGTH, Breakage.RAGGED, Breakage.NOT_BASE64):
        await wecom.platform.send_callback({"MsgType": "text"}, mutate=breakage)
        with pytest.raises((InvalidCorpIdException, ValueError)):
            opened(wecom)


async def test_wechatpys_client_sends_text_picture_and_card_and_repaints_it(wecom: Stand, peer: LocalClient) -> None:
    def work() -> dict[str, Any]:
        peer.message.send_text(SALES, ["boss1", "nobody"], "早上好")
        media = peer.media.upload("image", ("路线.png", BytesIO(PNG)))
        peer.message.send_image(SALES, "boss1", media["media_id"])
        card = {"msgtype": "template_card", "template_card": approval_card()}
        sent = peer.message.send(SALES, "boss1|boss2", msg=card)
        update = {"agentid": SALES, "response_code": sent["response_code"], "atall": 1}
        peer.post("message/update_template_card", data={**update, "button": {"replace_name": "已通过"}})
        return dict(peer.user.get("boss1"))

    user = await asyncio.to_thread(work)

    text, image, card = wecom.platform.chat("boss1")
    assert (text.text, image.image, image.filename) == ("早上好", PNG, "路线.png")
    assert (card.version, card.buttons[0].text, card.buttons[0].disabled) == (2, "已通过", True)
    assert wecom.platform.chat("boss2")[0].version == 2
    assert user["name"] == "主管一"
    assert wecom.wire.violations == []
    assert wecom.platform.tokens.fetched == 1


async def test_wechatpys_client_sees_the_platforms_codes(wecom: Stand, peer: LocalClient) -> None:
    def send(card: dict[str, Any]) -> int:
        try:
            peer.message.send(SALES, "boss1", msg={"msgtype": "template_card", "template_card": card})
        except WeChatClientException as error:
            return int(error.errcode)
        return 0

    codes = [
        await asyncio.to_thread(send, card)
        for card in (approval_card(), approval_card(), notice_card(card_action=None))
    ]

    assert codes == [0, 42014, 42045]


async def test_wechatpys_client_creates_and_reads_the_menu(wecom: Stand, peer: LocalClient) -> None:
    menu = {"button": [{"type": "click", "name": "我的单", "key": "mine"}]}

    await asyncio.to_thread(peer.menu.create, SALES, menu)
    stored = await asyncio.to_thread(peer.menu.get, SALES)

    assert stored["button"] == menu["button"]
    assert [entry.name for entry in wecom.platform.menu("boss1")] == ["我的单"]
