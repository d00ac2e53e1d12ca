"""The page's JSON: every act reaches the platform as if it were done on the phone, and nothing else gets in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from simulator import samples
from simulator.clock import CHINA
from simulator.personas import EVERYBODY, FIRST_PHONES, PERSONAS, find, phone_id
from simulator.scenarios import NotOnPhone, Stage, in_order
from simulator.world import FaultKind
from tests.simulator.page_bot import NUMBER, Served, served

SALES = "/sim/phones/wecom:xiaoshou_a"
TECH = "/sim/phones/dingtalk:jishu_jia"


@pytest.fixture
async def desk() -> AsyncIterator[Served]:
    async with served() as held:
        yield held


async def drafted(desk: Served) -> Stage:
    """销售A has the draft of a typed order on the phone."""
    stage = desk.sim.stage(timeout=5)
    await stage.phone("销售A").say("K0231 04465-0K240 20个")
    await stage.phone("销售A").wait_card("订单草稿")
    return stage


# ---------------------------------------------------------------- people and world


def test_names_and_phones_are_unique_and_the_first_five_exist() -> None:
    assert len({p.name for p in PERSONAS}) == len(PERSONAS)
    assert len({phone_id(p) for p in EVERYBODY}) == len(EVERYBODY)
    assert [phone_id(find(name)) for name in FIRST_PHONES] == [
        "wecom:xiaoshou_a",
        "dingtalk:jishu_jia",
        "dingtalk:zhuguan_a",
        "wecom:cangguan_a",
        "wecom:yunying_zongjian",
    ]


async def test_the_world_names_people_scenarios_faults_and_pictures(desk: Served) -> None:
    status, world = await desk.get("/sim/world")

    assert status == 200
    assert len(world["main"]) == 18
    assert [one["title"] for one in world["scenarios"]] == [
        "文本下单", "拍照下单", "两人同时点", "驳回", "陌生人乱点", "波次拣货出库", "加急", "超时升级",
        "重复回调", "断线重连", "重启机器人",
    ]  # fmt: skip
    assert {fault["kind"] for fault in world["faults"]} >= {"duplicate_callback", "code_spent", "stream_drop"}
    assert world["bot"] is True
    known = {person["id"] for person in world["people"]}
    assert all(set(one["phones"]) <= known for one in world["scenarios"])


@pytest.mark.parametrize("sample", samples.SAMPLES, ids=lambda sample: sample.id)
async def test_every_picture_of_the_album_is_a_picture(desk: Served, sample: samples.Sample) -> None:
    async with desk.http.get(f"{desk.url}/sim/samples/{sample.id}") as answer:
        body = await answer.read()

    assert answer.status == 200
    assert answer.content_type in ("image/png", "image/jpeg")
    assert len(body) > 10_000


# ---------------------------------------------------------------- phones


async def test_what_is_typed_is_answered_with_a_card(desk: Served) -> None:
    stage = desk.sim.stage(timeout=5)

    status, answer = await desk.post(f"{SALES}/say", {"text": "K0231 04465-0K240 20个, 90915-YZZD4 48"})
    await stage.phone("销售A").wait_card("订单草稿")
    _, chat = await desk.get(SALES)

    assert (status, answer["ok"]) == (200, True)
    mine, card = chat["messages"]
    assert (mine["mine"], mine["text"]) == (True, "K0231 04465-0K240 20个, 90915-YZZD4 48")
    assert card["title"] == f"订单草稿 {NUMBER}"
    assert [button["text"] for button in card["buttons"]] == ["确认提交", "2行改50", "作废"]
    assert [button["text"] for button in card["buttons"] if button["menu"]] == ["作废"]
    assert ["客户", "华锐汽修 K0231(按编码)"] in card["facts"]


async def test_a_press_repaints_the_card_and_reaches_the_other_messenger(desk: Served) -> None:
    stage = await drafted(desk)

    status, _ = await desk.post(f"{SALES}/press", {"card": f"so-{NUMBER}", "key": "submit"})
    await stage.phone("技术甲").wait_button("通过")

    assert status == 200
    _, chat = await desk.get(SALES)
    assert chat["messages"][-1]["buttons"][0]["disabled"] is True
    status, _ = await desk.post(f"{TECH}/press", {"card": "ap-17", "key": "ap|17"})
    assert status == 200
    await stage.phone("销售A").wait_text("已由 技术甲")


async def test_a_button_that_is_not_there_is_refused_and_nothing_is_sent(desk: Served) -> None:
    await drafted(desk)
    heard = len(desk.bot.heard)

    status, answer = await desk.post(f"{SALES}/press", {"card": f"so-{NUMBER}", "key": "forged"})

    assert status == 409
    assert "no live button" in answer["error"]
    assert len(desk.bot.heard) == heard


async def test_a_picture_of_the_album_an_upload_and_a_file_are_sent(desk: Served) -> None:
    stage = desk.sim.stage(timeout=5)
    phone = stage.phone("销售A")

    status, _ = await desk.post(f"{SALES}/photo", {"sample": "clean"})
    assert status == 200
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("file", samples.picture("large"), filename="采购单.png", content_type="image/png")
    async with desk.http.post(f"{desk.url}{SALES}/photo", data=form) as answer:
        assert answer.status == 200
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("file", b"a,b\n1,2\n", filename="采购单.csv", content_type="text/csv")
    async with desk.http.post(f"{desk.url}{SALES}/file", data=form) as answer:
        assert answer.status == 200
    await stage.until(lambda: len(phone.fresh()) == 3)

    _, chat = await desk.get(SALES)
    mine = [message for message in chat["messages"] if message["mine"]]
    assert [(m["kind"], m["filename"]) for m in mine] == [
        ("image", "order.png"),
        ("image", "采购单.png"),
        ("file", "采购单.csv"),
    ]
    async with desk.http.get(desk.url + mine[0]["image"]) as answer:
        assert await answer.read() == samples.picture("clean")
        assert answer.content_type == "image/png"


async def test_a_scan_goes_through_the_menu_or_is_typed(desk: Served) -> None:
    stage = desk.sim.stage(timeout=5)

    status, _ = await desk.post("/sim/phones/wecom:cangguan_a/scan", {"code": "B251103-07"})
    await stage.phone("仓管A").wait_text("B251103-07")
    other, _ = await desk.post("/sim/phones/dingtalk:cangguan_a_dd/scan", {"code": "B251103-07"})

    assert (status, other) == (200, 200)
    assert desk.bot.heard[-1]["ScanResult"] == "B251103-07"
    _, chat = await desk.get("/sim/phones/dingtalk:cangguan_a_dd")
    assert chat["messages"][-1]["text"] == "出 B251103-07"


async def test_the_menu_is_shown_and_tapped(desk: Served) -> None:
    _, chat = await desk.get(SALES)
    assert [entry["name"] for entry in chat["menu"]] == ["拍照下单", "我的单", "扫码出库", "拣货任务", "待办"]

    status, _ = await desk.post(f"{SALES}/menu", {"key": "my_orders"})
    wrong, _ = await desk.post(f"{SALES}/menu", {"key": "nothing"})
    dingtalk, _ = await desk.post(f"{TECH}/menu", {"key": "my_orders"})

    assert (status, wrong, dingtalk) == (200, 409, 409)
    assert [heard["EventKey"] for heard in desk.bot.heard] == ["my_orders"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/sim/phones/wecom:nobody/say", {"text": "hi"}, 404),
        (f"{SALES}/say", {"text": "  "}, 400),
        (f"{SALES}/say", ["hi"], 400),
        (f"{SALES}/press", {"card": "x", "key": "y", "selected": ["z"]}, 400),
        (f"{SALES}/photo", {"sample": "nothing"}, 404),
        (f"{SALES}/file", {"file": "x"}, 415),
        ("/sim/clock", {"minutes": -5}, 400),
        ("/sim/clock", {"minutes": True}, 400),
        ("/sim/clock", {"to": "25:00"}, 400),
        ("/sim/clock", {"speed": 1e9}, 400),
        ("/sim/faults", {"kind": "nothing"}, 400),
        ("/sim/scenarios/nothing", {}, 404),
    ],
)
async def test_nonsense_is_refused_with_a_reason(desk: Served, path: str, body: Any, status: int) -> None:
    got, answer = await desk.post(path, body)

    assert got == status
    assert answer["error"]
    assert desk.bot.heard == []


async def test_a_form_of_another_site_presses_nothing(desk: Served) -> None:
    async with desk.http.post(f"{desk.url}{SALES}/say", data='{"text": "hi"}') as answer:
        assert answer.status == 415

    assert desk.bot.heard == []


# ---------------------------------------------------------------- clock, faults, wire, bot


async def test_the_clock_moves_forward_to_the_next_hour_named_and_runs_faster(desk: Served) -> None:
    def shown() -> str:
        return f"{desk.sim.clock.now().astimezone(CHINA):%m-%d %H:%M}"

    await desk.post("/sim/clock", {"minutes": 15})
    assert shown() == "02-21 09:27"
    await desk.post("/sim/clock", {"to": "17:00"})
    assert shown() == "02-21 17:00"
    await desk.post("/sim/clock", {"to": "17:00"})
    assert shown() == "02-22 17:00"
    await desk.post("/sim/clock", {"to": "08:20"})
    assert shown() == "02-23 08:20"
    _, answer = await desk.post("/sim/clock", {"speed": 60})
    assert answer["speed"] == 60


async def test_faults_are_armed_used_up_and_cleared(desk: Served) -> None:
    _, armed = await desk.post("/sim/faults", {"kind": "duplicate_callback"})
    assert armed["armed"]["duplicate_callback"] == 1

    await desk.post(f"{SALES}/say", {"text": "在吗"})

    assert [heard["Content"] for heard in desk.bot.heard] == ["在吗"] * 3
    assert desk.sim.armed()["duplicate_callback"] == 0
    await desk.post("/sim/faults", {"kind": "token_expired", "times": 3})
    _, cleared = await desk.delete("/sim/faults")
    assert set(cleared["armed"].values()) == {0}


async def test_a_dropped_stream_drops_at_once(desk: Served) -> None:
    assert len(desk.sim.dingtalk.gateway.connections) == 1

    await desk.post("/sim/faults", {"kind": FaultKind.STREAM_DROP.value})

    await desk.sim.stage(timeout=5).until(lambda: not desk.sim.dingtalk.gateway.connections)


async def test_the_wire_shows_the_letter_sealed_and_opened(desk: Served) -> None:
    await desk.post(f"{SALES}/say", {"text": "在吗"})

    _, wire = await desk.get("/sim/wire")
    row = next(row for row in wire["rows"] if row["label"].startswith("POST"))
    assert (row["platform"], row["direction"], row["status"]) == ("wecom", "to_bot", "200 OK")
    assert "<Encrypt>" in row["encrypted"]
    assert "<Content><![CDATA[在吗]]></Content>" in row["plain"]
    assert row["took"] >= 0
    _, later = await desk.get(f"/sim/wire?since={wire['rows'][-1]['id']}")
    assert later["rows"] == [] or later["rows"][0]["id"] > wire["rows"][-1]["id"]


async def test_the_bot_is_restarted_asked_and_told_to_form_waves_through_the_hooks(desk: Served) -> None:
    restarted, _ = await desk.post("/sim/bot/restart")
    _, state = await desk.get(f"/sim/bot/state/{NUMBER}")
    _, nothing = await desk.get("/sim/bot/state/SO000000-0000")
    waved, _ = await desk.post("/sim/bot/wave")

    assert (restarted, waved, desk.bot.restarts) == (200, 200, 1)
    assert state["status"] == "pending"
    assert nothing == {}


async def test_without_a_bot_in_hand_a_restart_is_refused(desk: Served) -> None:
    desk.sim.hooks = None

    status, answer = await desk.post("/sim/bot/restart")

    assert (status, answer["error"]) == (409, "no bot to restart")


# ---------------------------------------------------------------- live


async def told(socket: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(5):
        while (content := json.loads(await socket.receive_str()))["type"] != kind:
            pass
    return dict(content)


async def test_an_open_page_is_told_of_phones_it_watches_and_only_of_what_changed(desk: Served) -> None:
    async with desk.http.ws_connect(f"{desk.url}/sim/live") as socket:
        assert (await told(socket, "wire"))["violations"] == []
        assert (await told(socket, "state"))["speed"] == 0
        await socket.send_str(json.dumps({"watch": ["wecom:xiaoshou_a", "wecom:nobody"]}))
        first = await told(socket, "phone")
        assert (first["phone"], first["first"], first["order"]) == ("wecom:xiaoshou_a", True, [])

        await drafted(desk)
        changed = await told(socket, "phone")
        while len(changed["order"]) < 2:
            changed = await told(socket, "phone")
        await desk.post(f"{SALES}/press", {"card": f"so-{NUMBER}", "key": "round"})
        repainted = await told(socket, "phone")

        assert [message["kind"] for message in repainted["changed"]] == ["card"]
        assert len(repainted["order"]) == 2


async def test_a_change_at_the_moment_of_stopping_keeps_nothing_running(desk: Served) -> None:
    async with desk.http.ws_connect(f"{desk.url}/sim/live") as socket:
        await told(socket, "state")
        desk.sim.live.touch()

        async with asyncio.timeout(5):
            await asyncio.gather(desk.sim.live.stop(), socket.receive())


async def test_a_page_that_sends_nonsense_stays_connected(desk: Served) -> None:
    async with desk.http.ws_connect(f"{desk.url}/sim/live") as socket:
        await socket.send_str("nonsense")
        await socket.send_str(json.dumps({"watch": 7}))
        await socket.send_str(json.dumps({"watch": ["dingtalk:jishu_jia"]}))

        assert (await told(socket, "phone"))["phone"] == "dingtalk:jishu_jia"


# ---------------------------------------------------------------- stage and scenarios


async def test_a_scenario_tells_its_steps_and_ends_well(desk: Served) -> None:
    status, began = await desk.post("/sim/scenarios/text_order")
    busy, refused = await desk.post("/sim/scenarios/text_order")
    run = await desk.sim.director.finished()

    assert (status, began["state"], busy) == (202, "running", 409)
    assert "文本下单" in refused["error"]
    assert (run.state, run.error) == ("done", "")
    assert len(run.steps) == 4
    _, progress = await desk.get("/sim/scenarios")
    assert progress["state"] == "done"


async def test_a_scenario_that_does_not_work_out_says_what_is_on_the_phone(desk: Served) -> None:
    stage = desk.sim.stage(timeout=0.2)
    await stage.phone("销售A").say("在吗")
    await stage.phone("销售A").wait_text("没看懂")

    with pytest.raises(NotOnPhone) as failed:
        await stage.phone("销售A").press("确认提交")

    assert "a live button [确认提交]" in str(failed.value)
    assert "没看懂：在吗" in str(failed.value)


async def test_a_running_scenario_can_be_stopped(desk: Served) -> None:
    await desk.post("/sim/scenarios/wave")

    status, _ = await desk.delete("/sim/scenarios")

    assert status == 200
    assert desk.sim.director.run is not None
    assert desk.sim.director.run.state == "stopped"


async def test_the_stage_reports_what_nobody_looked_at(desk: Served) -> None:
    stage = desk.sim.stage(timeout=5)
    sales = stage.phone("销售A")
    await sales.say("K0231 04465-0K240 20个")
    await stage.until(sales.fresh)

    assert [(name, message.kind) for name, message in stage.unexpected()] == [("销售A", "card")]
    with pytest.raises(AssertionError, match="订单草稿"):
        stage.check_nothing_unexpected()
    await sales.wait_card("订单草稿")
    stage.check_nothing_unexpected()


async def test_silence_is_silence(desk: Served) -> None:
    stage = desk.sim.stage(timeout=5)

    await stage.phone("销售A").say("在吗")

    await stage.expect_silence("仓管A", "技术甲")
    await stage.phone("销售A").wait_text("没看懂")
    await stage.phone("销售A").say("在吗")
    with pytest.raises(AssertionError, match="should have heard nothing"):
        await stage.expect_silence("销售A")


async def test_what_was_read_answers_no_later_wait_until_it_is_repainted(desk: Served) -> None:
    stage = await drafted(desk)
    sales = stage.phone("销售A")
    stage.mark_read()
    assert sales.find("订单草稿") is None

    await desk.post(f"{SALES}/press", {"card": f"so-{NUMBER}", "key": "round"})

    assert "×50 ✅" in dict((await sales.wait_card("订单草稿")).facts)["2行"]


async def test_somebody_who_was_not_asked_can_tap_a_dingtalk_card_they_see(desk: Served) -> None:
    stage = await drafted(desk)
    await stage.phone("销售A").press("确认提交")
    card = await stage.phone("技术甲").wait_button("通过")

    await stage.phone("客服").tap(card, "通过")

    assert (await stage.phone("客服").wait_card("已由 技术甲")).card_id == "ap-17"


def test_every_scenario_says_what_it_is_about() -> None:
    assert all(one.about and one.phones and one.title for one in in_order())
