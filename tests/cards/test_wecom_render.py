"""A neutral card as a WeCom template card: every shape against its golden file, and the platform's own checks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.card import Button, Card, Choice, Option, Style
from cards.wecom import CardDoesNotFit, render, validate
from core.notices import CardKind
from simulator.wecom.cards import check_card, clip_card

GOLDEN = Path(__file__).parent / "golden" / "wecom"
LINK = "https://jiedan.example.com/o/SO260221-0137"
OPTIONS = tuple(Option(id=f"r{i:02}", text=f"原因第{i}条") for i in range(24))
SUBMIT = Button(text="确认驳回", key="rjr|17|r1||mac", style=Style.NEGATIVE)

PLAIN = Card(
    kind=CardKind.APPROVAL,
    ref="17",
    source="接单 · 待审批",
    title="技术确认 SO260221-0137",
    subtitle="华锐汽修 · 销售A 提交 · 剩余 3:58",
    facts=(("客户", "华锐汽修 K0231"), ("1行", "04465-0K240 前刹车片 ×20"), ("2行", "90915-YZZD4 机滤 ×48 🟡")),
    body="🟡 2行 数量异常\n截止 13:15 · 也可回复“同意 SO260221-0137”",
    buttons=(
        Button(text="通过", key="ap|17|r1||mac", style=Style.PRIMARY),
        Button(text="驳回", key="rj|17|r1||mac", style=Style.NEGATIVE),
    ),
)
MORE = tuple(Button(text=text, key=f"m{i}") for i, text in enumerate(("转交", "加签", "退回销售", "稍后")))
ASKED = replace(PLAIN, buttons=(), body="")
REASON = Choice(key="reason", title="驳回原因", options=OPTIONS[:10])
CLOSED = replace(PLAIN, buttons=(), closed_text="技术甲已通过")

SHAPES: dict[str, tuple[Card, bool]] = {
    "buttons": (PLAIN, False),
    "buttons_with_link": (replace(PLAIN, link=LINK), False),
    "buttons_with_url_button": (
        replace(PLAIN, buttons=(*PLAIN.buttons, Button(text="打开地图", url="https://uri.amap.com/marker"))),
        False,
    ),
    "buttons_with_three_more": (replace(PLAIN, more=MORE[:3]), False),
    "buttons_with_four_more": (replace(PLAIN, more=MORE), False),
    "more_alone": (replace(PLAIN, buttons=(), more=MORE[:2]), False),
    "many_facts": (
        replace(PLAIN, facts=tuple((f"{i}行", f"物料{i} ×{i}") for i in range(1, 10)), body="合计 9 行"),
        False,
    ),
    "long_texts": (
        replace(
            PLAIN,
            source="接" * 30,
            title="题" * 60,
            subtitle="副" * 60,
            facts=(("很长的键名称", "值" * 30), ("短", "长" * 31)),
            body="文" * 300,
            buttons=(Button(text="一个非常非常长的按钮文字", key="k", style=Style.PRIMARY),),
        ),
        False,
    ),
    "one_choice_with_buttons": (replace(PLAIN, choices=(replace(REASON, selected="r03"),)), False),
    "one_choice_with_submit": (
        replace(ASKED, choices=(replace(REASON, options=OPTIONS[:20], selected="r01"),), submit=SUBMIT),
        False,
    ),
    "one_choice_with_submit_and_more": (
        replace(ASKED, choices=(REASON,), submit=SUBMIT, more=MORE[:1]),
        False,
    ),
    "two_choices": (
        replace(
            ASKED,
            body="也可回复:加急 单号 红 15:30 原因",
            choices=(
                Choice(key="level", title="等级", options=OPTIONS[:3], selected="r02"),
                Choice(key="time", title="最晚发货", options=OPTIONS[:10]),
            ),
            submit=SUBMIT,
        ),
        False,
    ),
    "closed_update": (replace(CLOSED, link=LINK), True),
    "closed_update_drops_live_parts": (
        replace(PLAIN, closed_text="技术甲已通过", more=MORE, choices=(REASON,)),
        True,
    ),
    "closed_fresh_with_link": (replace(CLOSED, link=LINK), False),
    "closed_fresh_without_link": (CLOSED, False),
    "silent_with_link": (replace(PLAIN, buttons=(), link=LINK), False),
    "silent_without_link": (replace(PLAIN, buttons=()), False),
    "silent_update": (replace(PLAIN, buttons=()), True),
    "title_alone": (Card(kind=CardKind.ORDER, ref="SO1", source="", title="SO1 已出库", link=LINK), False),
}


@pytest.mark.parametrize("name", SHAPES)
def test_each_shape_is_its_golden_file(name: str) -> None:
    card, update = SHAPES[name]

    payload = render(card, None if update else "ap-SO260221-0137-v1")

    assert payload == json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_the_platform_takes_each_shape_and_cuts_nothing_of_it(name: str) -> None:
    card, update = SHAPES[name]
    payload = render(card, None if update else "t")

    warnings = check_card(payload, update=update, media_exists=str)
    shown, cut = clip_card(payload)

    assert (warnings, cut) == ([], [])
    assert shown == payload


MISFITS: dict[str, Card] = {
    "seven buttons": replace(PLAIN, buttons=tuple(Button(text=str(i), key=str(i)) for i in range(7))),
    "six buttons and a fourth entry": replace(
        PLAIN, buttons=tuple(Button(text=str(i), key=str(i)) for i in range(6)), more=MORE
    ),
    "eleven options beside buttons": replace(PLAIN, choices=(replace(REASON, options=OPTIONS[:11]),)),
    "twenty-one options": replace(ASKED, choices=(replace(REASON, options=OPTIONS[:21]),), submit=SUBMIT),
    "eleven options in one of two": replace(
        ASKED, choices=(replace(REASON, options=OPTIONS[:11]), replace(REASON, key="b")), submit=SUBMIT
    ),
    "four choices": replace(ASKED, choices=tuple(replace(REASON, key=str(i)) for i in range(4)), submit=SUBMIT),
    "two choices and buttons": replace(PLAIN, choices=(REASON, replace(REASON, key="b")), submit=SUBMIT),
    "a choice nobody can send": replace(ASKED, choices=(REASON,)),
    "no options": replace(PLAIN, choices=(replace(REASON, options=()),)),
    "a default that is no option": replace(PLAIN, choices=(replace(REASON, selected="x"),)),
    "two buttons of one key": replace(PLAIN, buttons=(Button(text="a", key="k"), Button(text="b", key="k"))),
    "a button without key or page": replace(PLAIN, buttons=(Button(text="a"),)),
    "a key beyond 1024 bytes": replace(PLAIN, buttons=(Button(text="a", key="k" * 1025),)),
    "no title": replace(PLAIN, title=""),
}


@pytest.mark.parametrize("name", MISFITS)
def test_nothing_to_press_or_choose_is_ever_lost_in_silence(name: str) -> None:
    with pytest.raises(CardDoesNotFit):
        render(MISFITS[name], "t")


def test_a_task_id_outside_its_characters_does_not_fit() -> None:
    with pytest.raises(CardDoesNotFit, match="task_id"):
        render(PLAIN, "ap|17")


@given(
    st.builds(
        Card,
        kind=st.just(CardKind.ORDER),
        ref=st.text(max_size=20),
        source=st.text(max_size=60),
        title=st.text(min_size=1, max_size=90),
        subtitle=st.text(max_size=90),
        facts=st.lists(st.tuples(st.text(max_size=12), st.text(max_size=80)), max_size=15).map(tuple),
        body=st.text(max_size=400),
        buttons=st.lists(
            st.builds(Button, text=st.text(min_size=1, max_size=30), key=st.text(min_size=1, max_size=90)),
            max_size=6,
            unique_by=lambda button: button.key,
        ).map(tuple),
        link=st.sampled_from(["", LINK]),
        closed_text=st.text(max_size=30),
    ),
    st.booleans(),
)
def test_whatever_the_texts_are_the_card_keeps_every_limit(card: Card, update: bool) -> None:
    payload = render(card, None if update else "t")

    assert validate(payload, update=update) == []
    assert check_card(payload, update=update, media_exists=str) == []
    if not card.closed_text and card.buttons:
        assert [button["key"] for button in payload["button_list"]] == [button.key for button in card.buttons]
