"""Whole conversations in words and buttons: every act has its text twin, every press its true answer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cards.keys import Keys, Verb
from core.approvals import RequestState
from core.orders import OrderStatus
from core.people import PlatformName
from handlers import texts
from tests.cards.real_cards import KEYS
from tests.handlers.desk_chat import Chat
from tests.world_data import World, person

NUMBER = "SO260221-0001"
TEXT = "K0231 04465-0K240 20个, 90915-YZZD4 48, 后天要"


@pytest.fixture
def chat(world: World) -> Chat:
    return Chat(world)


async def status(chat: Chat) -> OrderStatus:
    return (await chat.world.order(NUMBER)).status


async def test_an_order_goes_from_word_to_word_until_it_has_left(chat: Chat) -> None:
    assert await chat.types("销售A", TEXT) == ""
    assert await chat.types("销售A", "2行 50") == ""
    assert await chat.types("销售A", "确认") == ""
    assert await status(chat) is OrderStatus.PENDING
    assert "技术确认" in await chat.types("技术甲", "待办")
    assert await chat.types("技术甲", "@接单 同意 0001") == ""
    await chat.world.wave()
    assert "待领" in await chat.types("仓管A", "待办")
    assert await chat.types("仓管A", "领") == ""
    assert await chat.types("仓管A", "已拣") == ""
    said = await chat.types("仓管A", "出 B251103-07 20")
    assert said == f"✅ B251103-07 ×20 已出库({NUMBER}),还剩 1 行未出。"
    assert (await chat.types("仓管A", "出 b251201-01 x50")).endswith(",本单全部出库。")
    assert await status(chat) is OrderStatus.SHIPPED
    assert "链校验 ✅" in await chat.types("销售A", f"溯源 {NUMBER}")
    assert "2行 数量:48 → 50" in await chat.types("销售A", "历史 0001")


async def test_the_same_goes_with_buttons(chat: Chat) -> None:
    await chat.types("销售A", TEXT)
    await chat.presses("销售A", KEYS.make(Verb.SET_QUANTITY, NUMBER, revision=1, arg="2=50"))
    await chat.presses("销售A", KEYS.make(Verb.SUBMIT, NUMBER, revision=1))
    request = str((await chat.world.request(NUMBER)).id)
    await chat.presses("技术乙", KEYS.make(Verb.REJECT, request, revision=1))
    said = await chat.presses("技术乙", KEYS.make(Verb.REJECT_REASON, request, revision=1), reason="R04")
    assert said == texts.reject_note_prompt(NUMBER)
    assert await chat.types("技术乙", "客户说先要40个") == texts.reject_note_saved(NUMBER)
    assert (await chat.world.order(NUMBER)).reject_note == "客户说先要40个"

    await chat.presses("销售A", KEYS.make(Verb.REOPEN, NUMBER, revision=1))
    await chat.types("销售A", "2行 40")
    await chat.presses("销售A", KEYS.make(Verb.SUBMIT, NUMBER, revision=2))
    request = str((await chat.world.request(NUMBER)).id)
    await chat.presses("技术甲", KEYS.make(Verb.APPROVE, request, revision=2))
    await chat.world.wave()
    pick_list = await chat.world.list_of(NUMBER)
    await chat.presses("仓管A", KEYS.make(Verb.CLAIM, pick_list.number))
    first = min(pick_list.tasks, key=lambda t: t.stop)
    await chat.presses("仓管A", KEYS.make(Verb.PICKED, pick_list.number, arg=str(first.id)))
    assert await chat.presses("仓管A", KEYS.make(Verb.SHIP, pick_list.number)) == texts.scan_how(pick_list.number)

    assert [x.quantity for x in (await chat.world.order(NUMBER)).lines] == [20, 40]


@pytest.mark.parametrize(
    ("typed", "reason", "note"),
    [
        (f"驳回 {NUMBER} 车型不符 需补VIN", "R01", "需补VIN"),
        ("驳回 0001 4", "R04", ""),
        (f"reject {NUMBER} r09", "R09", ""),
    ],
)
async def test_a_rejection_is_one_line(chat: Chat, typed: str, reason: str, note: str) -> None:
    await chat.types("销售A", TEXT)
    await chat.types("销售A", "确认")

    await chat.types("技术甲", typed)

    order = await chat.world.order(NUMBER)
    assert (order.status, order.reject_reason, order.reject_note) == (OrderStatus.REJECTED, reason, note)


async def test_without_a_reason_the_list_opens_and_its_number_answers(chat: Chat) -> None:
    await chat.types("销售A", TEXT)
    await chat.types("销售A", "确认")
    await chat.types("技术甲", f"驳回 {NUMBER}")
    assert await status(chat) is OrderStatus.PENDING

    assert (await chat.types("技术甲", "天气不好")).startswith("没有“天气不好”这个原因。")
    await chat.types("技术甲", "5")

    assert (await chat.world.order(NUMBER)).reject_reason == "R05"


async def test_after_ten_minutes_a_number_answers_nothing_any_more(chat: Chat) -> None:
    await chat.types("销售A", TEXT)
    await chat.types("销售A", "确认")
    await chat.types("技术甲", f"驳回 {NUMBER}")

    chat.world.clock.advance(timedelta(minutes=10, seconds=1))

    assert await chat.types("技术甲", "5") == texts.not_understood()
    assert await status(chat) is OrderStatus.PENDING


async def test_a_card_of_an_older_revision_decides_nothing(chat: Chat) -> None:
    await chat.types("销售A", TEXT)
    await chat.types("销售A", "确认")
    request = str((await chat.world.request(NUMBER)).id)
    await chat.types("销售A", f"修订 {NUMBER} 2行 数量 30")

    for verb in (Verb.APPROVE, Verb.REJECT, Verb.REJECT_REASON):
        said = await chat.presses("技术甲", KEYS.make(verb, request, revision=1), reason="R01")
        assert said == texts.card_outdated(NUMBER, 2)
    for verb in (Verb.SUBMIT, Verb.TAKE, Verb.CANCEL, Verb.REOPEN):
        assert await chat.presses("销售A", KEYS.make(verb, NUMBER, revision=1)) == texts.card_outdated(NUMBER, 2)

    assert (await chat.world.request(NUMBER)).state is RequestState.WITHDRAWN


async def test_a_late_approver_hears_who_decided_on_which_messenger(chat: Chat) -> None:
    await chat.types("销售A", TEXT)
    await chat.types("销售A", "确认")
    await chat.types("技术甲", f"同意 {NUMBER}")

    said = await chat.types("技术乙", f"驳回 {NUMBER} 车型不适配")

    assert said == f"技术甲 已于 09:14 在钉钉通过 {NUMBER},无需处理。"


@pytest.mark.parametrize(
    "key",
    [
        "sub|SO260221-0001|r1||0123456789",
        "",
        "|||",
        "ap|17",
        "x" * 2000,
        "ap|1|r1||'; DROP TABLE orders; --",
        Keys("another secret").make(Verb.SUBMIT, NUMBER, revision=1),
        "密钥|1|r1||0123456789",
    ],
)
async def test_a_forged_key_changes_nothing_and_is_kept_as_evidence(chat: Chat, key: str) -> None:
    await chat.types("销售A", TEXT)
    before = await chat.world.snapshot_of(NUMBER)

    assert await chat.presses("销售A", key, card_id="so-1") == texts.card_forged()

    assert await chat.world.snapshot_of(NUMBER) == before
    assert await chat.world.actions("card:so-1") == ["press.refused"]


async def test_a_press_on_a_notice_is_answered(chat: Chat) -> None:
    assert await chat.presses("销售A", "seen|SO260221-0001") == texts.nothing_to_do()


async def test_a_stranger_is_told_how_to_register_once_an_hour(chat: Chat) -> None:
    assert await chat.types("nobody", TEXT) == texts.unknown_person("nobody")
    assert await chat.types("nobody", "同意 0001") == texts.unknown_person("nobody")
    chat.world.clock.advance(timedelta(hours=1))
    assert (await chat.types("nobody", "在吗")).count("绑定 工号") == 2


async def test_an_account_is_bound_only_by_an_administrator(chat: Chat) -> None:
    async with chat.world.act() as act:
        newcomer = person("E20", "销售C")
        newcomer.accounts = []
        await act.tx.people.save(newcomer)

    assert await chat.types("zhaoliu", "绑定 e20") == texts.bind_asked("E20")
    assert (await chat.types("销售A", "绑定 E20 企微 zhaoliu")).startswith("这一步由管理员处理")
    assert await chat.types("管理员", "绑定 E20 企微 zhaoliu") == texts.bound("销售C", "E20")

    async with chat.world.look() as act:
        bound = await act.tx.people.by_account(PlatformName.WECOM, "zhaoliu")
    assert bound is not None
    assert bound.id == "E20"


async def test_small_talk_gets_one_example_in_ten_minutes_and_none_in_a_group(chat: Chat) -> None:
    assert await chat.types("销售A", "在吗") == texts.not_understood()
    assert await chat.types("销售A", "有人吗") == ""
    assert await chat.types("销售B", "在吗", group="g1") == ""
    chat.world.clock.advance(timedelta(minutes=10))
    assert await chat.types("销售A", "在吗") == texts.not_understood()


async def test_who_may_not_order_is_told_who_may(chat: Chat) -> None:
    assert (await chat.types("仓管A", TEXT)).startswith("这一步由销售代表")


async def test_two_drafts_are_asked_about_before_a_short_line_changes_one(chat: Chat) -> None:
    await chat.types("销售A", TEXT)
    await chat.types("销售A", "K0231 04465-0K240 10个, 后天要")

    said = await chat.types("销售A", "1行 30")

    assert said == texts.which_draft(["SO260221-0002", "SO260221-0001"])
    await chat.types("销售A", "修订 0002 1行 30")
    assert (await chat.world.order("SO260221-0002")).lines[0].quantity == 30
    assert (await chat.world.order(NUMBER)).lines[0].quantity == 20


async def test_an_expedite_is_one_line_or_three_taps(chat: Chat) -> None:
    await chat.types("销售A", TEXT)
    await chat.types("销售A", "确认")
    await chat.types("销售A", f"加急 红 15:30 {NUMBER} 竞品抢单 对方报价低")
    order = await chat.world.order(NUMBER)
    assert (order.expedite_level, f"{order.latest_ship_at:%H:%M}") == ("red", "07:30")

    await chat.types("销售A", "K0231 04465-0K240 10个, 后天要")
    await chat.types("销售A", "确认 0002")
    await chat.presses("销售A", KEYS.make(Verb.EXPEDITE, "SO260221-0002"))
    await chat.presses("销售A", KEYS.make(Verb.EXPEDITE_REASON, "SO260221-0002"), reason="X02")
    key = KEYS.make(Verb.EXPEDITE_TERMS, "SO260221-0002", arg="X02")
    assert await chat.presses("销售A", key, level="purple", time="15:30") == texts.expedite_needs_level("SO260221-0002")
    past = await chat.presses("销售A", key, level="red", time="07:30")
    assert past == "SO260221-0002 的最晚发货时间 02-21 07:30 已过。今天还可选:17:00 顺丰、19:30 德邦。"
    await chat.presses("销售A", key, terms="orange@17:00")
    assert (await chat.world.order("SO260221-0002")).expedite_level == "orange"


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("加急 0001 红 15:30", "必须选原因"),
        ("加急 0001 红 08:30 竞品抢单", "02-21 08:30 已过"),
        ("加急 9999 红 15:30 竞品抢单", "没有 9999 这张单"),
    ],
)
async def test_an_expedite_that_lacks_something_says_what(chat: Chat, typed: str, answer: str) -> None:
    await chat.types("销售A", TEXT)
    await chat.types("销售A", "确认")

    said = await chat.types("销售A", typed)

    assert answer in said
    assert (await chat.world.order(NUMBER)).expedite_level == ""


async def test_a_director_sees_what_climbed_to_them(chat: Chat) -> None:
    await chat.types("销售A", TEXT)
    await chat.types("销售A", "确认")
    assert await chat.types("技术总监", "待办") == "没有待你审批的单。"

    await chat.world.at(13, 14)

    assert NUMBER in await chat.types("技术总监", "待办")
    await chat.types("技术总监", f"同意 {NUMBER}")
    assert await status(chat) is OrderStatus.APPROVED


async def test_a_short_pick_is_one_line_or_a_number(chat: Chat) -> None:
    await chat.world.claimed("K0231 04465-0K240 20个, 后天要")

    assert await chat.types("仓管A", "少拣") == ""
    assert await chat.types("仓管A", "2") == "已登记少拣 20 个 04465-0K240,备选货位有货,已加到路线末尾。"
    assert (await chat.types("仓管A", "少拣 5 没货")).startswith("没有“没货”这个原因。")
    said = await chat.types("仓管A", "少拣 5 空架")
    assert said == "已登记少拣 15 个 04465-0K240,其他货位也不够,已通知首责销售和仓储组长。"


async def test_stock_bins_and_batches_are_told_with_the_time_they_were_read(chat: Chat) -> None:
    said = await chat.types("销售A", "库存 04465-0K240 昆山")

    assert said.splitlines()[0] == "04465-0K240 前刹车片 · 可用 64 / 在库 80(占用0 冻结16) · 截至 09:14"
    assert "B251103-07  入库2025-11-03  质检合格  昆山中心仓 A-01-02-4-01  可用 44" in said
    assert "B251103-07" in await chat.types("仓管A", "库位 a-01-02-4-01")
    assert "质检待复检" in await chat.types("销售A", "批次 b250918-02")
    assert (await chat.types("销售A", "库存 04465-0K24O")).startswith("物料 04465-0K24O 不存在。相近的有:04465-0K240")
