"""Orders through WeCom's intelligent bot: typed, spoken, photographed, as a file, and from a group."""

from __future__ import annotations

import asyncio
import io
from datetime import timedelta

import pytest
from openpyxl import Workbook
from PIL import Image

import demo
from bot.app import Bot
from simulator import samples
from simulator.scenarios import Stage, steps
from simulator.scenarios.words import words
from simulator.world import FaultKind
from tests.scenarios.conftest import QUICK_AIBOT

TEXT = "K0231 04465-0K240 20个, 后天要"
WHERE = "由“接单”应用发给你"
RECEIVED = "收到,请到“接单”应用看结果"
SEVERAL_REPLICAS = pytest.mark.parametrize(
    "home", [pytest.param("postgres+redis", marks=pytest.mark.postgres)], indirect=True
)
"""A SQLite file has one process."""
READING = 60.0
"""Real seconds for the first picture: the recogniser loads its models then."""


@pytest.fixture(autouse=True)
async def connection(running: demo.World) -> None:
    """A message before it is up meets nobody; on a busy machine the database may open after the start."""
    assert running.bot.aibot is not None
    async with asyncio.timeout(30):
        await running.bot.aibot.client.wait_live()


async def test_a_typed_order_becomes_a_draft_in_the_app_and_the_person_is_told_once_where_to_look(
    stage: Stage,
) -> None:
    sales, tech = stage.phone("销售A"), stage.phone("技术甲")

    await sales.aibot.say(TEXT)

    await sales.wait_text(WHERE)
    draft = await sales.wait_card("订单草稿")
    assert dict(draft.facts)["客户"] == "华锐汽修 K0231(按编码)"
    await sales.press("确认提交")
    await sales.wait_card("已提交")
    await tech.wait_button("通过")
    stage.phone("技术乙").ignore("通过")

    stage.mark_read()
    await sales.aibot.say("我的单")
    await sales.wait_text(lambda m: m.text.startswith("我的单"))
    await sales.wait_text(RECEIVED)
    assert sales.find(WHERE) is None


async def test_speech_orders_and_asks_but_decides_nothing(stage: Stage) -> None:
    sales = stage.phone("销售A")

    await sales.aibot.speak("客户K0231，04465-0K240要20个，后天要。")
    draft = await sales.wait_card("订单草稿")
    number = steps.number_on(draft)
    assert "04465-0K240 前刹车片 ×20" in words(draft)
    await sales.aibot.speak(f"查{number[-4:]}。")
    await sales.wait_card(lambda m: number in m.title and "责任人" in dict(m.facts))

    stage.mark_read()
    await sales.aibot.speak(f"确认提交{number[-4:]}。")
    await sales.wait_text("语音不作数")
    assert sales.find("已提交") is None
    sales.ignore(lambda m: True)


async def test_a_photo_with_words_from_a_group_is_one_draft_and_the_words_count(stage: Stage) -> None:
    sales = stage.phone("销售A")
    sheet = samples.picture("clean")

    await sales.aibot.mix("客户 K0031, 另加 17801-21050 5个", [sheet], in_group=True)

    await sales.wait_text("收到图片")
    draft = await sales.wait_card("图片订单草稿", timeout=READING)
    assert "K0031" in dict(draft.facts)["客户"], "what the sender types takes the place of the print"
    assert "04465-0K240 前刹车片 ×20" in words(draft)
    assert "17801-21050" in words(draft)
    assert len([m for m in sales.messages() if m.kind == "card"]) == 1
    await stage.settle()
    for name in ("销售A", "销售B", "区域经理沪"):
        stage.phone(name).ignore(lambda m: m.kind in ("markdown", "image", "notice", "text"))


async def test_a_quoted_photo_in_a_group_is_an_order_and_a_picture_of_something_else_is_kept_as_proof(
    running: demo.World, stage: Stage
) -> None:
    sales = stage.phone("销售A")

    await sales.aibot.say_in_group("下单", quoting=samples.picture("clean"))
    await sales.wait_card("图片订单草稿", timeout=READING)
    stage.mark_read()
    await sales.aibot.mix("K0031 90915-YZZD4 50个, 后天要", [_no_order()])
    draft = await sales.wait_card("订单草稿", timeout=READING)

    async with running.bot.database.reading() as tx:
        order = await tx.orders.get(steps.number_on(draft))
        assert order is not None
        assert order.attachment_sha256
        assert order.source_text == "K0031 90915-YZZD4 50个, 后天要"
    await stage.settle()
    for name in ("销售A", "销售B", "区域经理沪"):
        stage.phone(name).ignore(lambda m: m.kind != "card")


async def test_a_spreadsheet_sent_to_the_bot_becomes_a_draft_under_its_name(stage: Stage) -> None:
    sales = stage.phone("销售A")

    await sales.aibot.file(_spreadsheet(), filename="采购单0221.xlsx")

    await sales.wait_text("收到《")
    draft = await sales.wait_card("文件订单草稿", timeout=READING)
    assert "04465-0K240 前刹车片 ×20 ✅" in words(draft)
    assert "华锐汽修 K0231" in words(draft)
    await sales.wait_text(WHERE)


async def test_the_same_message_again_is_one_order_and_who_opens_the_chat_is_greeted(
    running: demo.World, stage: Stage
) -> None:
    sales, stranger = stage.phone("销售A"), stage.phone("新来的")

    stage.faults.arm(FaultKind.DUPLICATE_CALLBACK, platform="wecom")
    msgid = await sales.aibot.say(TEXT)
    await sales.wait_card("订单草稿")
    await running.simulator.wecom.aibot.redeliver(msgid)
    await sales.aibot.enter()
    await sales.wait_text("销售A,你好")
    await stranger.aibot.enter()
    await stranger.wait_text("还没有登记你的账号")

    await stage.settle()
    assert len([m for m in sales.messages() if m.kind == "card"]) == 1
    sales.ignore(WHERE)


@pytest.mark.parametrize("trouble", ["drop", "mute", "close_cleanly"])
async def test_a_lost_connection_is_replaced_and_the_next_order_comes_in(
    running: demo.World, stage: Stage, trouble: str
) -> None:
    gateway = running.simulator.wecom.aibot.gateway
    lost = gateway.live

    done = getattr(gateway, trouble)()
    if done is not None:
        await done
    await stage.until(lambda: gateway.live is not None and gateway.live is not lost and gateway.live.state == "live")

    sales = stage.phone("销售A")
    await sales.aibot.say(TEXT)
    await sales.wait_card("订单草稿")
    sales.ignore(WHERE)


@SEVERAL_REPLICAS
async def test_an_order_is_not_lost_when_its_leader_dies_and_another_replica_takes_the_connection(
    running: demo.World, stage: Stage
) -> None:
    gateway = running.simulator.wecom.aibot.gateway
    standby = _standby(running)
    await standby.start()
    try:
        assert standby.aibot is not None
        assert running.bot.aibot is not None
        assert not standby.aibot.leader.leading
        await _freeze(running.bot)

        running.clock.advance(timedelta(seconds=16))
        await stage.until(lambda: standby.aibot.client.live, timeout=20)
        sales = stage.phone("销售A")
        await sales.aibot.say(TEXT)

        await sales.wait_card("订单草稿")
        sales.ignore(WHERE)
        assert gateway.takeovers == 1
        running.bot.aibot.leader.start()
        await stage.until(lambda: not running.bot.aibot.client.live)
        assert (await running.bot.health()).aibot_connected is False
        assert (await standby.health()).aibot_connected is True
    finally:
        await stage.settle()
        await standby.stop()


def _standby(running: demo.World) -> Bot:
    """A second replica on the same database and Redis."""
    settings = running.settings().model_copy(update={"replicas": 2, "replica": "2"})
    return Bot(settings, clock=running.clock, reader=running.reader, aibot=QUICK_AIBOT)


async def _freeze(bot: Bot) -> None:
    """Its renewals stop; the connection stays, as with a process that is stopped or cut off."""
    keeper = bot.aibot.leader._keeper
    keeper.cancel()
    await asyncio.gather(keeper, return_exceptions=True)


@SEVERAL_REPLICAS
async def test_a_rolling_restart_hands_the_connection_over_before_it_is_let_go(
    running: demo.World, stage: Stage
) -> None:
    gateway = running.simulator.wecom.aibot.gateway
    standby = _standby(running)
    await standby.start()
    try:
        sales = stage.phone("销售A")
        leaver = running.bot
        leaver.aibot.client.leaving = True
        leaver.aibot.leader._handover = 20.0
        await leaver.aibot.leader.stop()

        assert gateway.takeovers == 1
        assert gateway.live is not None
        await sales.aibot.say(TEXT)
        await sales.wait_card("订单草稿")
        sales.ignore(WHERE)
        assert gateway.lost == []
    finally:
        await stage.settle()
        await standby.stop()


async def test_a_foreign_installation_that_takes_the_bot_over_is_told_and_left_alone(
    running: demo.World, stage: Stage
) -> None:
    admin = stage.phone("管理员")
    gateway = running.simulator.wecom.aibot.gateway
    x = running.settings().wecom

    async with running.bot.session.ws_connect(x.aibot_url) as foreign:
        who = {"bot_id": x.aibot_id, "secret": x.aibot_secret}
        await foreign.send_json({"cmd": "aibot_subscribe", "headers": {"req_id": "foreign-1"}, "body": who})

        await admin.wait_text("智能机器人被另一套系统连走了")
        await stage.settle()
        assert gateway.takeovers == 1, "nobody takes it back and forth"
        health = await running.bot.health()
        assert "the WeCom aibot is not connected" in health.amber


async def test_a_bot_that_reports_encrypted_ids_knows_its_people_all_the_same(
    running: demo.World, stage: Stage
) -> None:
    sales, stranger = stage.phone("销售A"), stage.phone("新来的")
    running.simulator.wecom.aibot.open_userids = True

    await sales.aibot.say(TEXT)
    await sales.wait_card("订单草稿")
    await sales.wait_text(WHERE)
    await sales.aibot.enter()
    await sales.wait_text("销售A,你好")
    await stranger.aibot.say(TEXT)
    await stranger.wait_text(lambda m: m.kind == "text" and "还没有登记你的账号(xinren)" in m.text)
    await stranger.wait_text(lambda m: m.kind == "markdown" and "还没有登记你的账号(xinren)" in m.markdown)


def _spreadsheet() -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ["客户", "K0231 华锐汽修"],
        ["交期", "2026-02-24"],
        ["物料号", "品名", "数量"],
        ["04465-0K240", "前刹车片", 20],
        ["90915-YZZD4", "机油滤", 50],
    ):
        sheet.append(row)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def _no_order() -> bytes:

    out = io.BytesIO()
    Image.linear_gradient("L").resize((480, 360)).save(out, "PNG")
    return out.getvalue()
