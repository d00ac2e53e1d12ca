"""Media, permanent pictures and the app menu."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import aiohttp
import pytest

from tests.simulator.wecom_stand import AMR, JPG, MP4, PNG, SALES, Stand

MB = 1024 * 1024


@pytest.fixture
async def wecom() -> AsyncIterator[Stand]:
    async with Stand().running() as stand:
        yield stand


async def upload(
    wecom: Stand, kind: str, data: bytes, *, filename: str = "订单.xlsx", quote: bool = False, path: str = "upload"
) -> dict[str, Any]:
    form = aiohttp.FormData(quote_fields=quote)
    form.add_field("media", BytesIO(data), filename=filename, content_type="application/octet-stream")
    query = {"access_token": await wecom.token(), "type": kind}
    async with wecom.session.post(f"{wecom.api_url}media/{path}", params=query, data=form) as response:
        return dict(await response.json())


@pytest.mark.parametrize(
    ("kind", "data", "code"),
    [
        ("image", PNG, 0),
        ("image", JPG, 0),
        ("image", b"GIF89a" + bytes(64), 40004),
        ("image", PNG + bytes(10 * MB), 45001),
        ("voice", AMR, 0),
        ("voice", JPG, 40004),
        ("voice", AMR + bytes(2 * MB), 45001),
        ("video", MP4, 0),
        ("video", AMR, 40004),
        ("file", b"123456", 0),
        ("file", b"12345", 44001),
        ("file", b"", 44001),
        ("file", bytes(20 * MB + 1), 45001),
        ("poem", PNG, 40004),
    ],
)
async def test_uploads_keep_type_and_size(wecom: Stand, kind: str, data: bytes, code: int) -> None:
    answer = await upload(wecom, kind, data)

    assert answer["errcode"] == code, answer
    assert len(wecom.wire.violations) == (1 if code else 0)
    if not code:
        assert (answer["type"], answer["created_at"]) == (kind, str(int(wecom.clock.now().timestamp())))


async def test_what_goes_up_comes_down_for_three_days(wecom: Stand) -> None:
    media_id = (await upload(wecom, "file", b"excel bytes"))["media_id"]
    url = f"{wecom.api_url}media/get"

    async with wecom.session.get(url, params={"access_token": await wecom.token(), "media_id": media_id}) as response:
        assert await response.read() == b"excel bytes"
        assert "订单.xlsx" in response.headers["Content-Disposition"]

    wecom.clock.move(days=3)
    wecom.tokens.clear()
    gone = await wecom.get("media/get", access_token=await wecom.token(), media_id=media_id)
    assert gone["errcode"] == 40007
    assert wecom.wire.violations == []


async def test_a_members_picture_can_be_fetched_by_its_media_id(wecom: Stand) -> None:
    await wecom.platform.send_image("XiaoA", JPG)
    media_id = wecom.inner().split("<MediaId><![CDATA[")[1].split("]]>")[0]

    query = {"access_token": await wecom.token(), "media_id": media_id}
    async with wecom.session.get(f"{wecom.api_url}media/get", params=query) as response:
        assert (response.content_type, await response.read()) == ("image/jpeg", JPG)


async def test_ranges_are_served_and_needed_above_20_mb(wecom: Stand) -> None:
    big = wecom.platform.media.keep("file", "big.bin", bytes(range(256)) * (80 * 1024 + 1))
    query = {"access_token": await wecom.token(), "media_id": big.media_id}

    whole = await wecom.get("media/get", **query)
    async with wecom.session.get(f"{wecom.api_url}media/get", params=query, headers={"Range": "bytes=1-4"}) as response:
        assert response.status == 206
        assert response.headers["Content-Range"] == f"bytes 1-4/{len(big.data)}"
        assert await response.read() == b"\x01\x02\x03\x04"
    assert whole["errcode"] == 830002


async def test_an_escaped_file_name_is_a_violation(wecom: Stand) -> None:
    answer = await upload(wecom, "file", b"excel bytes", quote=True)

    assert answer["errcode"] == 0
    assert "escaped file name" in wecom.wire.violations[0]


async def test_an_upload_without_a_media_part_is_refused(wecom: Stand) -> None:
    assert (await wecom.post("media/upload", b"raw bytes"))["errcode"] == 44001


async def test_permanent_pictures_have_a_url_that_works(wecom: Stand) -> None:
    answer = await upload(wecom, "", PNG, path="uploadimg")

    async with wecom.session.get(answer["url"]) as response:
        assert (response.content_type, await response.read()) == ("image/png", PNG)
    async with wecom.session.get(answer["url"][:-4] + "0000") as response:
        assert response.status == 404
    assert (await upload(wecom, "", MP4, path="uploadimg"))["errcode"] == 40004
    assert (await upload(wecom, "", PNG + bytes(2 * MB), path="uploadimg"))["errcode"] == 45001


MENU = {
    "button": [
        {"type": "click", "name": "我的单", "key": "mine"},
        {
            "name": "仓库",
            "sub_button": [
                {"type": "scancode_waitmsg", "name": "扫码出库", "key": "scan"},
                {"type": "pic_photo_or_album", "name": "拍照下单", "key": "photo"},
                {"type": "location_select", "name": "位置", "key": "where"},
            ],
        },
        {"type": "view", "name": "看板", "url": "https://e.com/board"},
    ]
}


async def create_menu(wecom: Stand, body: Any, agentid: int = SALES) -> dict[str, Any]:
    return await wecom.post(f"menu/create?agentid={agentid}", body)


async def test_the_menu_is_kept_and_shown_to_members_of_the_scope(wecom: Stand) -> None:
    assert (await create_menu(wecom, MENU))["errcode"] == 0

    assert [(e.name, e.parent) for e in wecom.platform.menu("XiaoA")] == [
        ("我的单", ""),
        ("扫码出库", "仓库"),
        ("拍照下单", "仓库"),
        ("位置", "仓库"),
        ("看板", ""),
    ]
    stored = await wecom.get("menu/get", access_token=await wecom.token(), agentid=str(SALES))
    assert stored["button"] == MENU["button"]
    await wecom.get("menu/delete", access_token=await wecom.token(), agentid=str(SALES))
    assert wecom.platform.menu("XiaoA") == []


def button(**changes: Any) -> dict[str, Any]:
    return {"button": [{"type": "click", "name": "名", "key": "k", **changes}]}


def sub(**changes: Any) -> dict[str, Any]:
    return {"button": [{"name": "名", "sub_button": button(**changes)["button"]}]}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"button": []}, 40016),
        ({"button": button()["button"] * 4}, 40016),
        (button(type="poem"), 40017),
        (button(name="六个汉字名称"), 40018),
        (button(key="k" * 129), 40019),
        (button(type="view", url="u" * 1025), 40020),
        ({"button": [{"name": "名", "sub_button": button()["button"] * 6}]}, 40023),
        (sub(type="poem"), 40024),
        (sub(name="名" * 14), 40025),
        (sub(key=""), 40026),
        (sub(type="view"), 40027),
    ],
)
async def test_a_menu_against_a_rule_is_refused(wecom: Stand, body: dict[str, Any], code: int) -> None:
    assert (await create_menu(wecom, body))["errcode"] == code
    assert wecom.platform.menu("XiaoA") == []


async def test_a_menu_of_another_app_is_refused(wecom: Stand) -> None:
    assert (await create_menu(wecom, MENU, agentid=1))["errcode"] == 301002


async def test_taps_become_events(wecom: Stand) -> None:
    await create_menu(wecom, MENU)
    phone = wecom.platform

    await phone.tap_menu("XiaoA", "mine")
    assert "<Event><![CDATA[click]]></Event><EventKey><![CDATA[mine]]>" in wecom.inner()
    await phone.tap_menu("XiaoA", "https://e.com/board")
    assert "<Event><![CDATA[view]]></Event><EventKey><![CDATA[https://e.com/board]]>" in wecom.inner()
    await phone.tap_menu("XiaoA", "scan", scan_result="LOT-2602-7", scan_type="qrcode")
    assert (
        "<ScanCodeInfo><ScanType><![CDATA[qrcode]]></ScanType><ScanResult><![CDATA[LOT-2602-7]]></ScanResult>"
    ) in wecom.inner()
    await phone.tap_menu("XiaoA", "where", place={"Location_X": 23.1, "Location_Y": 113.3, "Label": "广州"})
    assert "<SendLocationInfo><Location_X>23.1</Location_X>" in wecom.inner()
    with pytest.raises(LookupError):
        await phone.tap_menu("XiaoA", "absent")


async def test_photo_entries_are_followed_by_their_pictures(wecom: Stand) -> None:
    await create_menu(wecom, MENU)

    await wecom.platform.tap_menu("XiaoA", "photo", pictures=[PNG, JPG])

    sums = [hashlib.md5(picture).hexdigest() for picture in (PNG, JPG)]
    assert "<SendPicsInfo><Count>2</Count><PicList><item>" in wecom.inner(0)
    assert all(f"<PicMd5Sum><![CDATA[{value}]]></PicMd5Sum>" in wecom.inner(0) for value in sums)
    assert ["<MsgType><![CDATA[image]]>" in wecom.inner(i) for i in (1, 2)] == [True, True]
