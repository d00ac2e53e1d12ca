"""DingTalk's half of every card shape: golden payloads, the 1 KB limits at their edges, and presses read back."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from cards.card import Button, Card, Choice, Option, Style
from cards.dingtalk import MOST_BUTTONS, VALUE_BYTES, answer, render, validate
from cards.text_limits import CardDoesNotFit
from core.notices import CardKind

GOLDEN = Path(__file__).parent / "golden" / "dingtalk"

APPROVAL = Card(
    kind=CardKind.APPROVAL,
    ref="17",
    source="接单 · 技术确认",
    title="技术确认 SO260221-0137 · 华锐汽修",
    subtitle="剩余 3:58",
    facts=(("客户", "K0231 华锐汽修"), ("交期", "02-23(周一) 18:00 前"), ("首责人", "销售甲")),
    body="1行 04465-0K240 前刹车片 ×20\n2行 90915-YZZD4 机油滤 ×48",
    buttons=(
        Button(text="通过", key="ap|17|r3||0123456789", style=Style.PRIMARY),
        Button(text="驳回", key="rj|17|r3||0123456789", style=Style.NEGATIVE),
    ),
    more=(Button(text="溯源", key="trc|SO260221-0137|r3||0123456789"),),
)
REASONS = ("车型不适配", "VIN缺失或无效", "物料停产需替代", "数量异常", "交期不可行", "缺技术协议", "缺质检要求说明",
           "客户资质问题", "重复订单", "其他")  # fmt: skip


def choosing(count: int, **changes: Any) -> Card:
    options = tuple(Option(id=f"r{n}", text=text) for n, text in enumerate(REASONS[:count], 1))
    card = Card(
        kind=CardKind.REJECT_REASON,
        ref="17",
        source="接单 · 驳回",
        title="驳回 SO260221-0137 的原因",
        choices=(Choice(key="reason", title="驳回原因", options=options),),
        submit=Button(text="确认驳回", key="rjr|17|r3||0123456789", style=Style.PRIMARY),
    )
    return dataclasses.replace(card, **changes)


EXPEDITE = Card(
    kind=CardKind.EXPEDITE_TERMS,
    ref="SO260221-0137",
    source="接单 · 加急",
    title="加急 2/2 · 竞品抢单",
    choices=(
        Choice(
            key="level",
            title="等级",
            options=(Option(id="red", text="🔴红 本班次"), Option(id="orange", text="🟠橙 当日")),
            selected="red",
        ),
        Choice(
            key="time",
            title="最晚发货",
            options=(Option(id="1530", text="15:30 顺丰"), Option(id="1700", text="17:00 德邦")),
        ),
    ),
    submit=Button(text="启动熔断", key="xpt|SO260221-0137|r3|jp|0123456789", style=Style.PRIMARY),
)
SHAPES: dict[str, Card] = {
    "approval": APPROVAL,
    "approval_closed": dataclasses.replace(APPROVAL, closed_text="✅ 主管A已同意 10:02", link="https://jd.example/o/1"),
    "link_button": dataclasses.replace(
        APPROVAL, more=(Button(text="打开地图", url="https://uri.amap.com/marker?position=120.98,31.38"),)
    ),
    "choice_as_buttons": choosing(6),
    "choice_numbered": choosing(10),
    "choice_numbered_by_wish": choosing(3, numbered_reply=True),
    "two_choices": EXPEDITE,
    "two_choices_answered": dataclasses.replace(
        EXPEDITE, choices=(EXPEDITE.choices[0], dataclasses.replace(EXPEDITE.choices[1], selected="1700"))
    ),
    "long_body": dataclasses.replace(
        APPROVAL,
        body="\n".join(f"{n}行 04465-0K240 前刹车片 ×{n}" for n in range(1, 60)),
        link="https://jd.example/o/1",
    ),
    "draft_with_candidates": Card(
        kind=CardKind.DRAFT,
        ref="SO260221-0137",
        source="接单 · 订单草稿",
        title="订单草稿 SO260221-0137",
        choices=(
            Choice(
                key="part",
                title="1行选物料",
                options=(Option(id="04465-0K240", text="04465-0K240"), Option(id="04465-0K260", text="04465-0K260")),
            ),
        ),
        buttons=(Button(text="1行用所选", key="prt|SO260221-0137|r1|1|0123456789", style=Style.PRIMARY),),
        more=(Button(text="作废", key="can|SO260221-0137|r1||0123456789", style=Style.NEGATIVE),),
    ),
    "plain": Card(kind=CardKind.ORDER, ref="SO1", source="接单", title="SO1 待波次"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_looks_as_agreed(shape: str) -> None:
    payload = render(SHAPES[shape])

    shown = {**payload, "sys_full_json_obj": json.loads(payload["sys_full_json_obj"])}
    assert shown == json.loads((GOLDEN / f"{shape}.json").read_text(encoding="utf-8"))
    assert validate(payload) == []


def buttons(card: Card) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(render(card)["sys_full_json_obj"])["msgButtons"]
    return found


def test_a_closed_card_has_no_buttons_and_keeps_its_facts() -> None:
    closed = dataclasses.replace(APPROVAL, closed_text="主管A已同意")

    assert buttons(closed) == []
    markdown = render(closed)["markdown"]
    assert markdown.startswith("**主管A已同意**")
    assert "K0231 华锐汽修" in markdown


def test_options_become_buttons_that_carry_question_and_answer() -> None:
    assert [button["id"] for button in buttons(choosing(2))] == [
        "rjr|17|r3||0123456789~reason=r1",
        "rjr|17|r3||0123456789~reason=r2",
    ]


def test_six_options_are_buttons_and_seven_are_a_numbered_list() -> None:
    assert len(buttons(choosing(6))) == 6
    assert buttons(choosing(7)) == []
    assert "驳回原因（回复 1–7）" in render(choosing(7))["markdown"]


def test_options_that_do_not_fit_beside_the_other_buttons_are_numbered() -> None:
    card = choosing(6, buttons=(Button(text="返回", key="sta|SO1|r3||0123456789"),))

    assert [button["text"] for button in buttons(card)] == ["返回"]
    assert "6. 缺技术协议" in render(card)["markdown"]


def test_a_selected_option_is_marked_and_stays_changeable() -> None:
    card = choosing(2)
    marked = dataclasses.replace(card, choices=(dataclasses.replace(card.choices[0], selected="r2"),))

    assert [button["text"] for button in buttons(marked)] == ["车型不适配", "✓ VIN缺失或无效"]


def draft(candidates: int) -> Card:
    options = tuple(Option(id=f"04465-0K24{n}", text=f"04465-0K24{n}") for n in range(candidates))
    return dataclasses.replace(
        SHAPES["plain"],
        choices=(Choice(key="part", title="1行选物料", options=options),),
        buttons=(
            Button(text="1行用所选", key="prt|SO260221-0137|r1|1|0123456789", style=Style.PRIMARY),
            Button(text="2行改50", key="qty|SO260221-0137|r1|2=50|0123456789"),
        ),
        more=(Button(text="作废", key="can|SO260221-0137|r1||0123456789", style=Style.NEGATIVE),),
    )


def test_candidates_beside_other_buttons_take_the_place_of_the_choosing_button() -> None:
    found = buttons(draft(2))

    assert [button["text"] for button in found] == ["04465-0K240", "04465-0K241", "2行改50", "作废"]
    assert found[0]["id"] == "prt|SO260221-0137|r1|1|0123456789~part=04465-0K240"
    assert render(draft(2))["markdown"] == "1行选物料：请点选"


def test_candidates_without_room_stay_in_the_text() -> None:
    assert [button["text"] for button in buttons(draft(9))][:4] == [f"04465-0K24{n}" for n in range(4)]
    assert len(buttons(draft(9))) == 6
    assert "04465-0K248（没有按钮的请直接回复更正）" in render(draft(9))["markdown"]


def test_an_option_id_that_would_break_the_key_is_refused() -> None:
    bad = Choice(key="reason", title="原因", options=(Option(id="a~b", text="A"),))
    with pytest.raises(CardDoesNotFit):
        render(choosing(1, choices=(bad,)))


def test_seven_buttons_are_refused_not_dropped() -> None:
    many = tuple(Button(text=f"钮{n}", key=f"k{n}") for n in range(MOST_BUTTONS + 1))

    assert len(buttons(dataclasses.replace(APPROVAL, buttons=many[:6], more=()))) == 6
    with pytest.raises(CardDoesNotFit):
        render(dataclasses.replace(APPROVAL, buttons=many, more=()))


def test_a_link_button_that_does_not_fit_becomes_a_link_in_the_text() -> None:
    url = "https://jd.example/" + "x" * 400
    card = dataclasses.replace(APPROVAL, more=(Button(text="打开地图", url=url),))

    assert [button["text"] for button in buttons(card)] == ["通过", "驳回"]
    assert f"[打开地图]({url})" in render(card)["markdown"]


def test_button_json_fits_to_the_byte() -> None:
    def card(length: int) -> Card:
        return dataclasses.replace(APPROVAL, buttons=(Button(text="通过", key="k" * length),), more=())

    overhead = len(render(card(1))["sys_full_json_obj"].encode()) - 1
    exact = VALUE_BYTES - overhead

    assert len(render(card(exact))["sys_full_json_obj"].encode()) == VALUE_BYTES
    with pytest.raises(CardDoesNotFit):
        render(card(exact + 1))


def test_text_is_kept_whole_up_to_the_last_byte_and_then_its_longest_line_is_cut() -> None:
    def markdown(length: int) -> str:
        return render(dataclasses.replace(SHAPES["plain"], body="件\n" + "x" * length))["markdown"]

    exact = VALUE_BYTES - len("件\n\n".encode())

    assert len(markdown(exact).encode()) == VALUE_BYTES
    assert markdown(exact + 1) == "件\n\n" + "x" * 477 + "…"


def test_rows_that_do_not_fit_are_counted() -> None:
    card = dataclasses.replace(SHAPES["plain"], body="\n".join(f"{n:03}" + "x" * 97 for n in range(12)))

    lines = render(card)["markdown"].split("\n\n")

    assert [line[:3] for line in lines[:-1]] == [f"{n:03}" for n in range(9)]
    assert lines[-1] == "…还有 3 行"


def test_what_people_typed_cannot_format_link_or_mention() -> None:
    card = dataclasses.replace(
        SHAPES["plain"], facts=(("备注", "[点我](http://evil.example) **加粗** <@all> `x`"),), body="# 大标题"
    )

    markdown = render(card)["markdown"]

    assert not set("[]*<>`") & set(markdown)
    assert not markdown.splitlines()[-1].startswith("#")


LONG = "超长的中文说明文字" * 60


def test_the_longest_strings_keep_every_limit() -> None:
    for shape, card in SHAPES.items():
        stuffed = dataclasses.replace(
            card,
            title=LONG,
            subtitle=LONG,
            source=LONG,
            body=f"{LONG}\n{LONG}",
            facts=tuple((label, LONG) for label in ("客户", "交期", "收货", "承运", "仓库", "备注")),
        )

        assert validate(render(stuffed)) == [], shape


def test_long_option_texts_are_shortened_but_none_is_dropped() -> None:
    options = tuple(Option(id=f"r{n}", text=f"{n}号原因" + LONG) for n in range(1, 13))
    card = choosing(1, choices=(Choice(key="reason", title="为什么急?", options=options),))

    payload = render(card)

    assert validate(payload) == []
    assert all(f"{n}. {n}号原因" in payload["markdown"] for n in range(1, 13))


def test_options_beyond_all_room_are_refused() -> None:
    options = tuple(Option(id=f"r{n}", text=LONG) for n in range(60))
    with pytest.raises(CardDoesNotFit):
        render(choosing(1, choices=(Choice(key="reason", title="?", options=options),)))


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"n": 2}, "n is a int"),
        ({"t": "件" * 342}, "t has 1026 bytes"),
        ({"k" * 101: ""}, "101 bytes"),
        ({"sys_full_json_obj": "{"}, "holds no msgButtons"),
        ({"sys_full_json_obj": '{"msgButtons":{}}'}, "not a list"),
        ({"sys_full_json_obj": '{"msgButtons":[{"text":"a","id":"b"}]}'}, "neither calls back nor opens"),
        ({"sys_full_json_obj": '{"msgButtons":[{"id":"b","request":true}]}'}, "neither calls back nor opens"),
        (
            {"sys_full_json_obj": json.dumps({"msgButtons": [{"text": "a", "url": "u"}] * 7})},
            "7 buttons",
        ),
    ],
)
def test_the_validator_names_what_is_wrong(params: dict[str, Any], problem: str) -> None:
    found = validate({"sys_full_json_obj": '{"msgButtons":[]}', **params})

    assert any(problem in one for one in found)


def test_the_validator_accepts_what_is_just_right() -> None:
    assert validate({"t" * 100: "x" * 1024, "sys_full_json_obj": '{"msgButtons":[]}'}) == []


def test_the_answer_to_a_press() -> None:
    both = {"updateCardDataByKey": True, "updatePrivateDataByKey": True}

    assert answer(APPROVAL) == {"cardUpdateOptions": both, "cardData": {"cardParamMap": render(APPROVAL)}}
    assert answer(None, "此单由 技术部 技术甲 处理") == {
        "cardUpdateOptions": both,
        "userPrivateData": {"cardParamMap": {"tips": "此单由 技术部 技术甲 处理"}},
    }
    assert answer(None) == {}
    tip = answer(APPROVAL, LONG)["userPrivateData"]["cardParamMap"]["tips"]
    assert len(tip.encode()) <= VALUE_BYTES
