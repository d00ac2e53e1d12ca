"""The real cards in every state, on both messengers: nothing is lost, nothing breaks a limit, nothing changes unseen.

``GOLDEN=write pytest tests/cards/test_real_cards.py`` writes the golden files anew.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cards import dingtalk, wecom
from cards.card import Button, Card
from cards.keys import Verb
from cards.standing import standing
from core.notices import CardKind
from core.orders import OrderStatus
from simulator.wecom.cards import check_card, clip_card
from tests.cards.real_cards import CASES, KEYS, LONG_NAME, ORDERS

GOLDEN = Path(__file__).parent / "golden" / "real"
SIDES = [(name, platform) for name in CASES for platform in ("wecom", "dingtalk")]
TASK_ID = "so-SO260221-0137-0123456789"


def card_of(name: str, platform: str) -> Card:
    return CASES[name][0 if platform == "wecom" else 1]


def payloads(card: Card, platform: str) -> dict[str, Any]:
    """What is sent at first, and what replaces a posted copy."""
    if platform == "dingtalk":
        return {"card": dingtalk.render(card)}
    return {"card": wecom.render(card, TASK_ID), "update": wecom.render(card, None)}


def offered(card: Card) -> list[Button]:
    return [*card.buttons, *card.more, *([card.submit] if card.submit else [])]


@pytest.mark.parametrize(("name", "platform"), SIDES)
def test_each_card_is_its_golden_file(name: str, platform: str) -> None:
    file = GOLDEN / f"{name}.{platform}.json"
    made = payloads(card_of(name, platform), platform)

    if os.environ.get("GOLDEN") == "write":
        file.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    assert made == json.loads(file.read_text(encoding="utf-8"))


def test_no_golden_file_is_left_over() -> None:
    assert {file.name for file in GOLDEN.iterdir()} == {f"{name}.{platform}.json" for name, platform in SIDES}


@pytest.mark.parametrize(("name", "platform"), SIDES)
def test_the_messenger_takes_each_card_and_cuts_nothing_of_it(name: str, platform: str) -> None:
    made = payloads(card_of(name, platform), platform)

    if platform == "dingtalk":
        assert dingtalk.validate(made["card"]) == []
        return
    for kind, payload in made.items():
        update = kind == "update"
        assert wecom.validate(payload, update=update) == []
        assert check_card(payload, update=update, media_exists=str) == []
        assert clip_card(payload) == (payload, [])


@pytest.mark.parametrize("name", CASES)
def test_no_button_is_lost_on_wecom(name: str) -> None:
    card = card_of(name, "wecom")
    for payload in payloads(card, "wecom").values():
        shown = [*payload.get("button_list", ()), *payload.get("action_menu", {}).get("action_list", ())]
        shown += [payload["submit_button"]] if "submit_button" in payload else []
        if card.closed_text:
            assert all(KEYS.read(b.get("key", "")) is None for b in shown)
            continue
        found = {b.get("key") or b.get("url") for b in shown}
        assert {b.key or b.url for b in offered(card)} <= found
        asked = [payload.get("button_selection"), payload.get("checkbox"), *payload.get("select_list", ())]
        options = [[o["id"] for o in part["option_list"]] for part in asked if part]
        assert options == [[o.id for o in choice.options] for choice in card.choices]


@pytest.mark.parametrize("name", CASES)
def test_no_button_is_lost_on_dingtalk(name: str) -> None:
    card = card_of(name, "dingtalk")
    params = payloads(card, "dingtalk")["card"]
    shown = json.loads(params["sys_full_json_obj"])["msgButtons"]
    if card.closed_text:
        assert shown == []
        return
    keys = [b.get("id") or b.get("url") for b in shown]
    if not card.choices:
        assert keys == [b.key or b.url for b in offered(card)]
        return
    chooser = card.submit or card.buttons[0]
    assert all(b.key in keys for b in offered(card) if b is not chooser)
    for option in card.choices[0].options:
        pressed = any(key.endswith(f"={option.id}") for key in keys)
        assert pressed or option.text[:8] in params["markdown"]


@pytest.mark.parametrize("name", CASES)
def test_a_closed_card_keeps_its_facts_and_says_in_ten_characters_how_it_ended(name: str) -> None:
    for card in CASES[name]:
        if card.closed_text:
            assert len(card.closed_text) <= 10
            assert wecom.render(card, None)["replace_text"] == card.closed_text
            assert dingtalk.render(card)["markdown"].startswith(f"**{card.closed_text}**")
            assert card.buttons == card.choices == ()


@pytest.mark.parametrize("name", CASES)
def test_every_key_was_made_here_and_reads_back(name: str) -> None:
    for card in CASES[name]:
        for button in offered(card):
            if button.url:
                continue
            action = KEYS.read(button.key)
            assert action is not None
            assert len(button.key.encode()) <= 60
            assert KEYS.read(button.key[:-1] + ("0" if button.key[-1] != "0" else "1")) is None


@pytest.mark.parametrize("name", CASES)
def test_no_card_is_without_title_and_no_fact_without_value(name: str) -> None:
    for card in CASES[name]:
        assert card.title.strip()
        assert card.alert.strip()
        assert all(key and value for key, value in card.facts)
        assert sum(1 for b in card.buttons if b.style == "primary") <= 2
        assert len(card.more) <= 4
        for text in (card.title, card.subtitle, card.body, *(v for _, v in card.facts)):
            assert "None" not in text
            assert "  " not in text.replace("站  ", "站 ")


def test_every_kind_of_card_is_among_them() -> None:
    assert {card.kind for pair in CASES.values() for card in pair} == set(CardKind)


def test_a_red_flag_takes_the_submit_button_away() -> None:
    def verbs(name: str) -> list[Verb]:
        return [a.verb for b in CASES[f"draft.{name}"][0].buttons if (a := KEYS.read(b.key))]

    assert verbs("clean") == [Verb.SUBMIT]
    assert verbs("pack") == [Verb.SUBMIT, Verb.SET_QUANTITY]
    assert verbs("suggestion") == [Verb.TAKE, Verb.SET_QUANTITY]
    assert verbs("quantity_missing") == []
    assert verbs("quantity_two_ways") == [Verb.SET_QUANTITY, Verb.SET_QUANTITY]
    assert verbs("superseded") == [Verb.SET_PART, Verb.SUBMIT]
    assert verbs("customer_choice") == [Verb.SET_CUSTOMER]


def test_on_a_long_draft_the_flagged_lines_are_seen_on_wecom() -> None:
    payload = wecom.render(CASES["draft.long"][0], TASK_ID)

    assert "17行" in payload["sub_title_text"]
    assert payload["main_title"]["desc"].startswith("识别 30 行,7 处待确认 · 首责 ")


def test_on_a_long_approval_the_time_left_and_the_size_are_seen_on_wecom() -> None:
    desc = wecom.render(CASES["approval.long"][0], TASK_ID)["main_title"]["desc"]

    assert desc == f"剩 3:54 · 共 30 行 299970 件 · {LONG_NAME} 提交"


def test_a_choice_of_twelve_reasons_is_answered_by_number_on_dingtalk() -> None:
    markdown = dingtalk.render(CASES["expedite_reason.long"][1])["markdown"]

    assert "加急原因（回复 1–12）" in markdown
    assert "12. 截单/节假日前赶发" in markdown


@pytest.mark.parametrize("name", ORDERS)
def test_every_state_names_its_owner_its_next_step_and_its_deadline(name: str) -> None:
    view = ORDERS[name]

    now = standing(view)

    assert now.label
    assert now.owner
    assert now.next_step
    if view.order.status is not OrderStatus.CANCELLED:
        assert now.deadline is not None


def test_all_states_of_an_order_are_shown() -> None:
    assert {view.order.status for view in ORDERS.values()} == set(OrderStatus)


def test_without_a_public_page_every_card_still_stands() -> None:
    for wecom_card, dingtalk_card in CASES.values():
        bare = replace(wecom_card, link="")
        assert wecom.validate(wecom.render(bare, TASK_ID)) == []
        assert wecom.validate(wecom.render(bare, None), update=True) == []
        assert dingtalk.validate(dingtalk.render(replace(dingtalk_card, link=""))) == []
