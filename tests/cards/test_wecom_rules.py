"""Every row of WeCom's card limits at its boundary: the last good value passes, the next one is named."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from cards.wecom_rules import COUNTS, FIELDS, MAX_BYTES, MAX_CHARS, NEEDED, REQUIRED, TARGETS, UNIQUE, Path, validate

Payload = dict[str, Any]


def options(n: int) -> list[Payload]:
    return [{"id": f"o{i}", "text": f"选项{i}"} for i in range(n)]


BUTTON: Payload = {
    "card_type": "button_interaction",
    "task_id": "SO1@r1",
    "source": {"desc": "接单", "desc_color": 1},
    "main_title": {"title": "待审批", "desc": "城东店"},
    "quote_area": {"type": 1, "url": "https://x.example"},
    "sub_title_text": "说明",
    "horizontal_content_list": [{"keyname": "金额", "value": "1"}],
    "card_action": {"type": 1, "url": "https://x.example"},
    "action_menu": {"desc": "更多", "action_list": [{"text": "转交", "key": "f"}]},
    "button_selection": {"question_key": "q", "title": "原因", "option_list": options(2), "selected_id": "o1"},
    "button_list": [{"type": 0, "text": "通过", "style": 1, "key": "a"}],
}
VOTE: Payload = {
    "card_type": "vote_interaction",
    "task_id": "t",
    "main_title": {"title": "原因"},
    "checkbox": {"question_key": "q", "mode": 0, "option_list": options(2)},
    "submit_button": {"text": "确认", "key": "go"},
}
MULTIPLE: Payload = {
    "card_type": "multiple_interaction",
    "task_id": "t",
    "main_title": {"title": "加急"},
    "select_list": [{"question_key": "q", "title": "级别", "option_list": options(2)}],
    "submit_button": {"text": "确认", "key": "go"},
}
TEXT: Payload = {
    "card_type": "text_notice",
    "main_title": {"title": "已出库"},
    "emphasis_content": {"title": "20", "desc": "件"},
    "jump_list": [{"type": 1, "title": "明细", "url": "https://x.example"}],
    "card_action": {"type": 1, "url": "https://x.example"},
}
NEWS: Payload = {
    "card_type": "news_notice",
    "main_title": {"title": "日报"},
    "card_image": {"url": "https://x.example/a.png", "aspect_ratio": 2.0},
    "image_text_area": {"type": 1, "url": "https://x.example", "image_url": "https://x.example/b.png"},
    "vertical_content_list": [{"title": "一", "desc": "二"}],
    "card_action": {"type": 2, "appid": "wx1", "pagepath": "/"},
}
CARDS = {str(card["card_type"]): card for card in (BUTTON, VOTE, MULTIPLE, TEXT, NEWS)}


def card_with(path: Path) -> Payload:
    return copy.deepcopy(next(card for card in CARDS.values() if path[0] in card))


def holder(card: Payload, path: Path) -> Payload:
    """The object that holds the last name of ``path``, in its first entry where there are lists."""
    part: Any = card
    for name in path[:-1]:
        part = part[name]
        part = part[0] if isinstance(part, list) else part
    return dict_of(part)


def dict_of(part: Any) -> Payload:
    assert isinstance(part, dict)
    return part


def changed(path: Path, value: Any) -> Payload:
    card = card_with(path) if path[0] != "replace_text" else copy.deepcopy(BUTTON)
    holder(card, path)[path[-1]] = value
    return card


def problems(card: Payload, *, update: bool = False) -> list[str]:
    if update:
        card.pop("task_id", None)
    return validate(card, update=update)


@pytest.mark.parametrize("kind", CARDS)
def test_a_full_card_of_every_kind_is_good(kind: str) -> None:
    assert validate(CARDS[kind]) == []


@pytest.mark.parametrize("path", MAX_CHARS)
def test_advised_lengths(path: Path) -> None:
    update = path == ("replace_text",)
    most = MAX_CHARS[path]

    assert problems(changed(path, "字" * most), update=update) == []
    assert problems(changed(path, "字" * (most + 1)), update=update) == [
        f"{'.'.join(path)}: {most + 1} characters, at most {most}"
    ]


@pytest.mark.parametrize("path", MAX_BYTES)
def test_byte_lengths_count_utf8(path: Path) -> None:
    most = MAX_BYTES[path]
    good = changed(path, "字" * (most // 3))
    bad = changed(path, "字" * (most // 3 + 1))
    for card in (good, bad):
        card.get("button_selection", {}).pop("selected_id", None)

    assert validate(good) == []
    assert validate(bad) == [f"{'.'.join(path)}: {(most // 3 + 1) * 3} bytes, at most {most}"]


def entries(path: Path, n: int) -> list[Payload]:
    template = holder(card_with(path), (*path, ""))
    return [
        {name: f"{value}{i}" if name in ("id", "key", "question_key") else value for name, value in template.items()}
        for i in range(n)
    ]


@pytest.mark.parametrize("path", COUNTS)
def test_counts(path: Path) -> None:
    least, most = COUNTS[path]

    def counted(n: int) -> list[str]:
        card = changed(path, entries(path, n))
        card.get("button_selection", {}).pop("selected_id", None)
        return [problem for problem in validate(card) if "entries" in problem]

    assert counted(most) == []
    assert counted(least) == []
    assert counted(most + 1) == [f"{'.'.join(path)}: {most + 1} entries, {least} to {most} allowed"]
    if least:
        assert len(counted(0)) == 1


@pytest.mark.parametrize(("path", "name"), UNIQUE.items())
def test_no_two_entries_share_their_key(path: Path, name: str) -> None:
    twice = entries(path, 1) * 2

    assert f"{'.'.join(path)}.{name}: repeated" in validate(changed(path, twice))


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, names in NEEDED.items() for name in names])
def test_needed_fields_are_missed(path: Path, name: str) -> None:
    card = card_with(path)
    del holder(card, (*path, name))[name]

    assert f"{'.'.join(path)}.{name}: missing" in validate(card)


@pytest.mark.parametrize("path", TARGETS)
def test_a_type_brings_its_target_and_no_other_type_exists(path: Path) -> None:
    for kind, target in TARGETS[path].items():
        card = card_with(path)
        part = holder(card, (*path, ""))
        for name in ("url", "appid", "media_id", "userid", "key"):
            part.pop(name, None)
        part["type"] = kind
        missing = f"{'.'.join(path)}.{target}: missing"
        assert (missing in validate(card)) == bool(target)
        if target:
            part[target] = "x"
            assert missing not in validate(card)
    part["type"] = 9
    assert f"{'.'.join(path)}.type: 9 does not exist" in validate(card)


@pytest.mark.parametrize(("kind", "path"), [(kind, path) for kind, paths in REQUIRED.items() for path in paths])
def test_required_parts_are_missed(kind: str, path: Path) -> None:
    card = copy.deepcopy(CARDS[kind])
    del holder(card, path)[path[-1]]

    assert f"{'.'.join(path)}: required by {kind}" in validate(card)


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_known_only_to_its_kinds(name: str) -> None:
    for kind, card in CARDS.items():
        value = card.get(name, {})
        stranger = f"{name}: not part of {kind}"
        assert (stranger in validate({**card, name: value})) == (kind not in FIELDS[name])


@pytest.mark.parametrize(
    ("task_id", "good"),
    [
        ("a", True),
        ("aZ09_-@" * 18 + "ab", True),
        ("a" * 128, True),
        ("a" * 129, False),
        ("", False),
        ("SO|1", False),
        ("单", False),
        ("a b", False),
        (7, False),
    ],
)
def test_a_task_id_is_128_of_its_few_characters(task_id: Any, good: bool) -> None:
    assert (validate({**BUTTON, "task_id": task_id}) == []) is good


def test_a_task_id_is_needed_wherever_a_press_comes_back() -> None:
    for kind in ("button_interaction", "vote_interaction", "multiple_interaction"):
        card = {name: value for name, value in CARDS[kind].items() if name != "task_id"}
        assert validate(card) == ["task_id: required"]
        assert validate(card, update=True) == []
    menu = {**TEXT, "action_menu": BUTTON["action_menu"]}
    assert validate(menu) == ["task_id: required"]
    assert validate(TEXT) == []


def test_an_update_takes_no_task_id_and_may_grey_its_buttons() -> None:
    assert validate(BUTTON, update=True) == ["task_id: unconfirmed in an update, left out"]
    grey = {name: value for name, value in BUTTON.items() if name != "task_id"} | {"replace_text": "已同意"}

    assert validate(grey, update=True) == []
    assert validate({**grey, "task_id": "t"}) == ["replace_text: honoured only in updates"]


@pytest.mark.parametrize(
    ("part", "card"), [("button_selection", BUTTON), ("checkbox", VOTE), ("select_list", MULTIPLE)]
)
def test_options_can_be_disabled_only_in_updates(part: str, card: Payload) -> None:
    disabled = copy.deepcopy(card)
    holder(disabled, (part, ""))["disable"] = True

    assert validate(disabled) == [f"{part}.disable: honoured only in updates"]
    assert problems(disabled, update=True) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda c: c["source"].update(desc_color=4), "source.desc_color: 4 does not exist"),
        (lambda c: c["button_list"][0].update(style=0), "button_list.style: 0 does not exist"),
        (lambda c: c["button_list"][0].update(style=5), "button_list.style: 5 does not exist"),
        (lambda c: c["button_selection"].update(selected_id="x"), "selected_id: 'x' is no option"),
    ],
)
def test_values_outside_their_set(change: Callable[[Payload], None], problem: str) -> None:
    card = copy.deepcopy(BUTTON)
    change(card)

    assert validate(card) == [problem]


def test_a_vote_is_single_or_multi() -> None:
    assert validate(changed(("checkbox", "mode"), 1)) == []
    assert validate(changed(("checkbox", "mode"), 2)) == ["checkbox.mode: 2 does not exist"]


def test_a_submit_button_may_lack_its_text_but_not_show_an_empty_one() -> None:
    card = copy.deepcopy(VOTE)
    del card["submit_button"]["text"]
    assert validate(card) == []

    card["submit_button"]["text"] = ""
    assert validate(card) == ["submit_button.text: empty"]


@pytest.mark.parametrize(("ratio", "good"), [(1.29, False), (1.3, True), (2.24, True), (2.25, False)])
def test_a_picture_keeps_its_proportions(ratio: float, good: bool) -> None:
    assert (validate(changed(("card_image", "aspect_ratio"), ratio)) == []) is good


def test_news_need_a_picture_of_either_kind() -> None:
    for left_out in ("card_image", "image_text_area"):
        assert validate({name: value for name, value in NEWS.items() if name != left_out}) == []
    bare = {name: value for name, value in NEWS.items() if name not in ("card_image", "image_text_area")}

    assert validate(bare) == ["card_image: it or image_text_area is required by news_notice"]


def test_a_text_notice_needs_a_title_or_a_text() -> None:
    bare = {name: value for name, value in TEXT.items() if name != "main_title"}

    assert validate(bare) == ["main_title.title: it or sub_title_text is required by text_notice"]
    assert validate({**bare, "sub_title_text": "已出库"}) == []


def test_a_notice_must_lead_somewhere() -> None:
    assert validate({**TEXT, "card_action": {"type": 0}}) == ["card_action.type: text_notice needs 1 or 2"]
    assert validate({**BUTTON, "card_action": {"type": 0}}) == []


def test_a_kind_that_does_not_exist_is_the_only_problem_told() -> None:
    assert validate({"card_type": "video_notice"}) == ["card_type: 'video_notice' does not exist"]
    assert validate({}) == ["card_type: None does not exist"]
