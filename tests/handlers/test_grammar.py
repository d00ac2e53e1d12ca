"""What people type and what it means (chat.md section 3): a table of texts, intents and arguments."""

from __future__ import annotations

import pytest

from core.intake.master import MasterIndex
from core.intake.text_order import is_order_like
from core.reasons import REJECT, SHORT_PICK, match
from handlers.grammar import Intent, clean, command, order_in
from handlers.routes import MENU, TEXTS
from tests.world_data import CUSTOMERS, NOW, PARTS

SO = "SO260221-0137"
INDEX = MasterIndex.build(CUSTOMERS, PARTS)

TABLE: list[tuple[str, Intent, dict[str, str]]] = [
    ("帮助", Intent.HELP, {}),
    ("菜单", Intent.HELP, {}),
    ("?", Intent.HELP, {}),
    ("？", Intent.HELP, {}),
    ("HELP", Intent.HELP, {}),
    ("ｈｅｌｐ", Intent.HELP, {}),
    ("我的单", Intent.MINE, {}),
    ("我的订单", Intent.MINE, {}),
    ("my orders", Intent.MINE, {}),
    (SO, Intent.STATUS, {"order": SO}),
    ("so260221-0137", Intent.STATUS, {"order": "so260221-0137"}),
    ("ＳＯ２６０２２１－０１３７", Intent.STATUS, {"order": SO}),
    (f"查 {SO}", Intent.STATUS, {"order": SO}),
    (f"查{SO}", Intent.STATUS, {"order": SO}),
    (f"查询{SO}", Intent.STATUS, {"order": SO}),
    (f"查单 {SO}", Intent.STATUS, {"order": SO}),
    ("查 0137", Intent.STATUS, {"order": "0137"}),
    ("查询0137", Intent.STATUS, {"order": "0137"}),
    ("查 13800001111", Intent.STATUS, {"order": "13800001111"}),
    ("查 K0231", Intent.STATUS, {"order": "K0231"}),
    (f"status {SO}", Intent.STATUS, {"order": SO}),
    (f"@接单 {SO}", Intent.STATUS, {"order": SO}),
    (f"@接单 @接单 查 {SO}", Intent.STATUS, {"order": SO}),
    (f"\u200b@接单\u2005查 {SO}\u200d", Intent.STATUS, {"order": SO}),
    (f"历史 {SO}", Intent.HISTORY, {"order": SO}),
    ("history 0137", Intent.HISTORY, {"order": "0137"}),
    (f"溯源 {SO}", Intent.TRACE, {"ref": SO}),
    ("溯源 B251103-07", Intent.TRACE, {"ref": "B251103-07"}),
    (f"trace {SO}", Intent.TRACE, {"ref": SO}),
    (f"同意 {SO}", Intent.APPROVE, {"order": SO}),
    (f"同意{SO}", Intent.APPROVE, {"order": SO}),
    ("通过 0137", Intent.APPROVE, {"order": "0137"}),
    ("批准　０１３７", Intent.APPROVE, {"order": "0137"}),
    (f"approve {SO}", Intent.APPROVE, {"order": SO}),
    (f"  Approve   {SO}  ", Intent.APPROVE, {"order": SO}),
    (f"驳回 {SO}", Intent.REJECT, {"order": SO}),
    (f"驳回 {SO} 车型不符 需补VIN", Intent.REJECT, {"order": SO, "reason": "车型不符 需补VIN"}),
    ("拒绝 0137 3", Intent.REJECT, {"order": "0137", "reason": "3"}),
    (f"reject {SO} R04", Intent.REJECT, {"order": SO, "reason": "R04"}),
    (f"加急 {SO} 红 15:30 竞品抢单", Intent.EXPEDITE, {"rest": f"{SO} 红 15:30 竞品抢单"}),
    (f"加急 竞品抢单 15:30 红 {SO}", Intent.EXPEDITE, {"rest": f"竞品抢单 15:30 红 {SO}"}),
    ("加急0137 红 15：30 竞品抢单", Intent.EXPEDITE, {"rest": "0137 红 15:30 竞品抢单"}),
    ("加急 红 0137", Intent.EXPEDITE, {"rest": "红 0137"}),
    (f"rush {SO} red 15:30 X02", Intent.EXPEDITE, {"rest": f"{SO} red 15:30 X02"}),
    ("库存 04465-0K240", Intent.STOCK, {"part": "04465-0K240"}),
    ("库存04465-0K240", Intent.STOCK, {"part": "04465-0K240"}),
    ("查库存 04465-0K240", Intent.STOCK, {"part": "04465-0K240"}),
    ("库存 04465-0K240 昆山", Intent.STOCK, {"part": "04465-0K240", "place": "昆山"}),
    ("库存 04E 115 561 C 合肥仓", Intent.STOCK, {"part": "04E 115 561 C", "place": "合肥仓"}),
    ("穿透 前刹车片", Intent.STOCK, {"part": "前刹车片"}),
    ("stock 04465-0K240", Intent.STOCK, {"part": "04465-0K240"}),
    ("库位 A-03-12", Intent.BIN, {"bin": "A-03-12"}),
    ("bin A-03-12-4-02", Intent.BIN, {"bin": "A-03-12-4-02"}),
    ("批次 B251103-07", Intent.LOT, {"lot": "B251103-07"}),
    ("lot B251103-07", Intent.LOT, {"lot": "B251103-07"}),
    ("待办", Intent.TODO, {}),
    ("波次", Intent.TODO, {}),
    ("todo", Intent.TODO, {}),
    ("wave", Intent.TODO, {}),
    ("领", Intent.CLAIM, {}),
    ("领取波次", Intent.CLAIM, {}),
    ("领 W0221-14A", Intent.CLAIM, {"list": "W0221-14A"}),
    ("领取W0221-14A-1", Intent.CLAIM, {"list": "W0221-14A-1"}),
    ("claim w0221-14ab-2", Intent.CLAIM, {"list": "w0221-14ab-2"}),
    ("已拣", Intent.PICKED, {}),
    ("picked", Intent.PICKED, {}),
    ("少拣", Intent.SHORT, {}),
    ("少拣 2 空架", Intent.SHORT, {"found": "2", "reason": "空架"}),
    ("少拣 破损", Intent.SHORT, {"reason": "破损"}),
    ("缺货", Intent.SHORT, {"reason": "缺货"}),
    ("short 3 破损", Intent.SHORT, {"found": "3", "reason": "破损"}),
    ("出 B251103-07 20", Intent.SCAN, {"lot": "B251103-07", "quantity": "20"}),
    ("出 B251103-07 20个", Intent.SCAN, {"lot": "B251103-07", "quantity": "20"}),
    ("出 B251103-07 x20", Intent.SCAN, {"lot": "B251103-07", "quantity": "20"}),
    ("出 B251103-07*20", Intent.SCAN, {"lot": "B251103-07", "quantity": "20"}),
    ("出 B251103-07", Intent.SCAN, {"lot": "B251103-07"}),
    ("出库 B251103-07 20件", Intent.SCAN, {"lot": "B251103-07", "quantity": "20"}),
    ("出Ｂ２５１１０３－０７　２０", Intent.SCAN, {"lot": "B251103-07", "quantity": "20"}),
    ("scan B251103-07 20", Intent.SCAN, {"lot": "B251103-07", "quantity": "20"}),
    ("确认", Intent.CONFIRM, {}),
    ("确认提交", Intent.CONFIRM, {}),
    (f"确认 {SO}", Intent.CONFIRM, {"order": SO}),
    ("submit", Intent.CONFIRM, {}),
    ("作废", Intent.CANCEL, {}),
    (f"作废 {SO}", Intent.CANCEL, {"order": SO}),
    ("cancel 0137", Intent.CANCEL, {"order": "0137"}),
    ("采用建议", Intent.TAKE, {}),
    (f"修订 {SO} 2行 数量 30", Intent.REVISE, {"order": SO, "text": "2行 数量 30"}),
    ("修改 0137 交期 3/8", Intent.REVISE, {"order": "0137", "text": "交期 3/8"}),
    ("运力 顺丰 200", Intent.CAPACITY, {"carrier": "顺丰", "parcels": "200"}),
    (f"催 {SO}", Intent.NUDGE, {"order": SO}),
    (f"催办{SO}", Intent.NUDGE, {"order": SO}),
    (f"协调 {SO}", Intent.COORDINATE, {"order": SO}),
    (f"已安排 {SO} 苏E12345", Intent.PICKUP, {"order": SO, "plate": "苏E12345"}),
    ("绑定 E0017", Intent.BIND, {"number": "E0017"}),
    ("绑定 E0017 企微 zhangsan", Intent.BIND_FOR, {"number": "E0017", "platform": "企微", "account": "zhangsan"}),
    ("搁置", Intent.PARKED, {}),
    ("重发 12", Intent.RESEND, {"letter": "12"}),
    ("丢弃 12", Intent.DROP, {"letter": "12"}),
]

ORDERS = [
    "K0231 04465-0K240 20个, 90915-YZZD4 48, 后天要",
    "1234 04465-0K240 20个",
    "0137 04465-0K240 20",
    "加急 K0231 04465-0K240 20个",
    "加急,04465-0K240 20个",
    "加急 K0231 1780-21050 90个",
    "04465-0K240 20个 加急",
    "华锐汽修 04465-0K240 x20 3/5要",
    "下单 04465-0K240 20",
    "04465-0K240*20",
    "short04465 20个",
    "bin1234*20",
    "status04465-0K240 20个",
    "@接单 04465-0K240 20个",
]

NEITHER = [
    "2行 20",
    "2行改50",
    "交期 3/8",
    "客户 K0231",
    "删3行",
    "好的",
    "在吗",
    "0137",
    "137",
    f"同意 {SO} 吧",
    f"驳回 {SO[:-1]}x",
    "查",
    "领导",
    "出去吃饭",
    "取消2行",
    "确认一下",
    "加急",
    "加急 15:30",
    "加急 K0231",
    "同意 12345",
    "拒绝 1234567",
    "波次1",
    "绑定",
    "重发",
    "",
]


@pytest.mark.parametrize(("typed", "intent", "args"), TABLE, ids=[typed for typed, *_ in TABLE])
def test_a_typed_line_is_understood(typed: str, intent: Intent, args: dict[str, str]) -> None:
    found = command(clean(typed))

    assert found is not None
    assert (found.intent, {k: v.strip() for k, v in found.args.items() if v.strip()}) == (intent, args)


@pytest.mark.parametrize("typed", ORDERS)
def test_an_order_is_never_taken_for_a_command(typed: str) -> None:
    assert command(clean(typed)) is None


@pytest.mark.parametrize("typed", [x for x in ORDERS if "04465-0K240" in x and not x.startswith("status")])
def test_those_orders_are_read_as_orders(typed: str) -> None:
    assert is_order_like(clean(typed), INDEX, now=NOW)


@pytest.mark.parametrize("typed", NEITHER)
def test_small_talk_and_corrections_are_no_commands(typed: str) -> None:
    assert command(clean(typed)) is None


def test_the_table_is_long_enough_and_knows_every_intent() -> None:
    assert len(TABLE) >= 80
    assert {intent for _, intent, _ in TABLE} == set(Intent) == set(TEXTS)


@pytest.mark.parametrize(
    ("typed", "order"),
    [
        (f"K0231 红 {SO} 15:30", SO),
        ("红 0137 15:30 客户 K0231", "0137"),
        ("红0137", "0137"),
        ("15:30", ""),
        ("K0231", ""),
        ("04465-1234", ""),
        ("1234-567", ""),
        ("13800001111", ""),
    ],
)
def test_four_digits_name_an_order_only_when_they_stand_alone(typed: str, order: str) -> None:
    assert order_in(typed) == order


def test_every_menu_entry_that_is_a_command_is_understood() -> None:
    assert {key for key, typed in MENU.items() if command(typed) is None} == {"stock"}


@pytest.mark.parametrize(
    ("word", "codes"),
    [
        ("1", ["R01"]),
        ("10", ["R10"]),
        ("11", []),
        ("车型不符", ["R01"]),
        ("车型不适配", ["R01"]),
        ("r04", ["R04"]),
        ("数量", ["R04"]),
        ("停产", ["R03"]),
        ("缺", ["R02", "R06", "R07"]),
        ("天气不好", []),
        ("", []),
    ],
)
def test_a_reason_is_found_by_number_code_word_or_not_at_all(word: str, codes: list[str]) -> None:
    assert [r.code for r in match(word, REJECT)] == codes


def test_short_pick_reasons_are_found_by_what_pickers_say() -> None:
    assert [r.code for r in match("破损", SHORT_PICK)] == ["S02"]
    assert [r.code for r in match("2", SHORT_PICK)] == ["S02"]
