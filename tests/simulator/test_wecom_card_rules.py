"""Every hard rule of the template cards and its code; odd values never break the checker."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from simulator.wecom import ApiError
from simulator.wecom.cards import check_card, clip_card
from simulator.wecom.cards_view import show
from simulator.wecom.phones import Bubble
from tests.simulator.wecom_stand import (
    Stand,
    approval_card,
    multiple_card,
    news_card,
    notice_card,
    vote_card,
)


@pytest.fixture
async def wecom() -> AsyncIterator[Stand]:
    async with Stand().running() as stand:
        yield stand


def options(count: int) -> list[dict[str, str]]:
    return [{"id": f"o{i}", "text": f"选项{i}"} for i in range(count)]


def question(**changes: Any) -> dict[str, Any]:
    return {"question_key": "q", "option_list": options(2), **changes}


def checkbox(**changes: Any) -> dict[str, Any]:
    return {"checkbox": question(**changes)}


LONG_KEY = "k" * 1025

RULES: list[tuple[dict[str, Any], int]] = [
    (approval_card(card_type="poem"), 42031),
    (approval_card(task_id="含中文"), 42014),
    (approval_card(task_id="x" * 129), 42014),
    ({k: v for k, v in approval_card().items() if k != "task_id"}, 42014),
    (notice_card(action_menu={"action_list": [{"text": "a", "key": "b"}]}), 42014),
    (approval_card(main_title={"desc": "d"}), 42033),
    (approval_card(main_title=None), 42033),
    (notice_card(main_title=None), 42033),
    (approval_card(main_title="文字"), 40058),
    (approval_card(action_menu={"action_list": []}), 40058),
    (approval_card(action_menu={"action_list": [{"text": "a", "key": str(i)} for i in range(4)]}), 40058),
    (approval_card(action_menu={"action_list": [{"key": "b"}]}), 42038),
    (approval_card(action_menu={"action_list": [{"text": "a", "key": LONG_KEY}]}), 42039),
    (approval_card(quote_area={"type": 1}), 42028),
    (approval_card(quote_area={"type": 2}), 42030),
    (approval_card(horizontal_content_list=[{"keyname": "k"}] * 7), 42035),
    (approval_card(horizontal_content_list={"keyname": "k"}), 40058),
    (approval_card(horizontal_content_list=[{"value": "v"}]), 42027),
    (approval_card(horizontal_content_list=[{"keyname": "k", "type": 1}]), 42028),
    (approval_card(horizontal_content_list=[{"keyname": "k", "type": 2}]), 42029),
    (approval_card(horizontal_content_list=[{"keyname": "k", "type": 2, "media_id": "gone"}]), 40007),
    (approval_card(horizontal_content_list=[{"keyname": "k", "type": 3}]), 40003),
    (notice_card(jump_list=[{"title": "t"}] * 4), 42042),
    (notice_card(jump_list=[{"type": 1, "title": "t"}]), 42028),
    (notice_card(card_action=None), 42045),
    (notice_card(card_action={"type": 0}), 42045),
    (notice_card(card_action={"type": 1}), 42028),
    (notice_card(card_action={"type": 2}), 42030),
    (approval_card(card_action={"type": 7}), 42045),
    (news_card(card_image=None), 42044),
    (news_card(card_image={"aspect_ratio": 1.5}), 42044),
    (news_card(card_image={"url": "u", "aspect_ratio": 2.25}), 40058),
    (news_card(card_image=None, image_text_area={"title": "t"}), 42044),
    (news_card(vertical_content_list=[{"title": "t"}] * 5), 42036),
    (approval_card(button_list=None), 40058),
    (approval_card(button_list=[{"text": "t", "key": str(i)} for i in range(7)]), 40058),
    (approval_card(button_list=[{"key": "k"}]), 42038),
    (approval_card(button_list=[{"text": "t"}]), 42039),
    (approval_card(button_list=[{"text": "t", "key": LONG_KEY}]), 42039),
    (approval_card(button_list=[{"text": "a", "key": "k"}, {"text": "b", "key": "k"}]), 42039),
    (approval_card(button_list=[{"text": "a", "type": 1}]), 42028),
    (approval_card(button_selection=question(question_key="")), 42043),
    (approval_card(button_selection=question(option_list=options(11))), 42037),
    (approval_card(button_selection=question(option_list=[])), 42037),
    (approval_card(button_selection=question(option_list=[{"text": "t"}])), 42040),
    (approval_card(button_selection=question(option_list=[{"id": "i" * 129, "text": "t"}])), 42040),
    (approval_card(button_selection=question(option_list=options(1) * 2)), 42040),
    (approval_card(button_selection=question(option_list=[{"id": "i"}])), 42041),
    (approval_card(button_selection=question(selected_id="other")), 42040),
    (vote_card(checkbox=None), 42043),
    (vote_card(**checkbox(option_list=options(21))), 42037),
    (vote_card(**checkbox(mode=2)), 40058),
    (vote_card(submit_button=None), 42046),
    (vote_card(submit_button={"text": "", "key": "k"}), 42049),
    (vote_card(submit_button={"text": "t", "key": LONG_KEY}), 42046),
    (multiple_card(select_list=[]), 42047),
    (multiple_card(select_list=[question(question_key=str(i)) for i in range(4)]), 42047),
    (multiple_card(select_list=[question(), question()]), 42043),
    (multiple_card(select_list=[question(option_list=options(11))]), 42037),
]


@pytest.mark.parametrize(("card", "code"), RULES)
async def test_a_card_against_a_rule_is_refused_with_its_code(wecom: Stand, card: dict[str, Any], code: int) -> None:
    answer = await wecom.send_card("boss1", card)

    assert answer["errcode"] == code, answer
    assert wecom.platform.chat("boss1") == []
    assert len(wecom.wire.violations) == (0 if code == 40007 else 1)


@pytest.mark.parametrize(
    "card",
    [
        approval_card(),
        approval_card(horizontal_content_list=[{"keyname": "k"}] * 6),
        approval_card(button_list=[{"text": "t", "key": str(i)} for i in range(6)]),
        approval_card(button_selection=question(option_list=options(10))),
        approval_card(task_id="A-b_9@" + "x" * 122),
        vote_card(**checkbox(option_list=options(20))),
        multiple_card(select_list=[question(question_key=str(i)) for i in range(3)]),
        notice_card(),
        notice_card(main_title=None, sub_title_text="只有正文"),
        news_card(vertical_content_list=[{"title": "t"}] * 4),
        news_card(card_image=None, image_text_area={"image_url": "https://e.com/a.png"}),
    ],
)
async def test_a_card_at_its_limits_passes_without_a_warning(wecom: Stand, card: dict[str, Any]) -> None:
    answer = await wecom.send_card("boss1", card)

    assert answer["errcode"] == 0, answer
    assert ("response_code" in answer) == ("task_id" in card)
    assert (wecom.wire.entries[-1].note, wecom.wire.violations) == ("", [])


ODD: list[Any] = [None, 0, 1, 2, 2.5, True, "", "文", [], ["x"], [[]], [{}], {}, {"a": 1}]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside a card."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, child in steps:
        yield (*path, step)
        yield from places(child, (*path, step))


@pytest.mark.parametrize(
    "card",
    [
        approval_card(jump_list=[{"title": "t"}], quote_area={"type": 1, "url": "u"}, card_action={"type": 0}),
        vote_card(select_list=[]),
        multiple_card(),
        notice_card(jump_list=[{"type": 1, "title": "t", "url": "u"}], emphasis_content={"title": "3"}),
        news_card(vertical_content_list=[{"title": "t", "desc": "d"}], image_text_area={"image_url": "u"}),
    ],
)
def test_odd_values_anywhere_are_refused_by_code_or_shown(card: dict[str, Any]) -> None:
    for path in list(places(card)):
        for odd in ODD:
            broken = copy.deepcopy(card)
            holder: Any = broken
            for step in path[:-1]:
                holder = holder[step]
            holder[path[-1]] = odd
            try:
                check_card(broken, update=True, media_exists=lambda media_id: None)
            except ApiError:
                continue
            shown, _ = clip_card(broken)
            bubble = Bubble(id="1", user="u", agentid=1, at=datetime(2026, 2, 21, tzinfo=UTC), card=shown)
            assert show(bubble, lambda url: b"").kind == "card"
