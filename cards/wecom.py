"""The neutral card as a WeCom template_card (chat.md sections 4 and 8.1, wire section 3.1).

Which of the five kinds a card becomes follows from what it asks:

| the card has | it becomes |
|---|---|
| buttons | button_interaction, with a drop-down for one choice of up to 10 options |
| one choice and a submit button | vote_interaction, up to 20 options |
| two or three choices and a submit button | multiple_interaction, up to 10 options each |
| a link only | text_notice that opens it |
| a closed state | button_interaction with one grey button (update), or text_notice (fresh copy with a link) |

What is too long is cut with “…”; a button or option that has no place raises CardDoesNotFit instead.
``alert`` has no field here: the phone's notification shows the title.
"""

from __future__ import annotations

from typing import Any

from cards.card import Button, Card, Choice, Style
from cards.text_limits import CardDoesNotFit, cut_chars
from cards.wecom_rules import COUNTS, MAX_CHARS, Path, validate

__all__ = ["PLACEHOLDER", "CardDoesNotFit", "render", "validate"]

STYLES = {Style.PRIMARY: 1, Style.NEUTRAL: 3, Style.NEGATIVE: 4}
"""As observed on the app's cards: 1 primary, 2 secondary, 3 neutral, 4 negative."""

ROWS = COUNTS[("horizontal_content_list",)][1]
MENU = COUNTS[("action_menu", "action_list")][1]
MENU_TITLE = "更多"
SEEN = "知道了"
PLACEHOLDER = "seen|"
"""How the key of a button begins that stands where WeCom wants one and nothing is to be decided."""
READ_ONLY = "仅供查看"
GREY, BLACK = 0, 1
NEWS_LINES = COUNTS[("vertical_content_list",)][1]
NEWS_RATIO = 1.5
"""Width over height of a notice's picture; WeCom takes 1.3 to 2.25."""

Payload = dict[str, Any]


def render(card: Card, task_id: str | None) -> Payload:
    """The template_card as people will see it. ``task_id`` None renders the replacement of a posted card.

    Raises CardDoesNotFit when a button or option would be lost, or a hard limit cannot be kept.
    """
    payload = {**_head(card, task_id), **_asked(card, update=task_id is None)}
    problems = validate(payload, update=task_id is None)
    if problems:
        raise CardDoesNotFit(f"{card.kind.value} {card.ref}: {'; '.join(problems)}")
    return payload


def _asked(card: Card, *, update: bool) -> Payload:
    """The part that decides the kind of card."""
    buttons = (*((card.submit,) if card.submit else ()), *card.buttons)
    if card.closed_text:
        return _closed(card, update=update)
    if not card.choices:
        return _buttons(card, buttons) if buttons or card.more else _silent(card, update=update)
    if card.submit and not card.buttons and not card.more:
        return _vote(card, card.submit) if len(card.choices) == 1 else _multiple(card, card.submit)
    if len(card.choices) > 1:
        raise CardDoesNotFit(f"{card.kind.value} {card.ref}: several choices leave no room for buttons")
    return {**_buttons(card, buttons), "button_selection": _selector(card.choices[0], "button_selection")}


def _head(card: Card, task_id: str | None) -> Payload:
    head: Payload = {"task_id": task_id} if task_id is not None else {}
    if card.source:
        color = GREY if card.closed_text else BLACK
        head["source"] = {"desc": _cut(card.source, "source", "desc"), "desc_color": color}
    return head


def _closed(card: Card, *, update: bool) -> Payload:
    """A terminal card: its facts stay, none of its buttons works any more (law 4)."""
    if update:
        return _greyed(card, card.closed_text)
    if card.link:
        return _notice(card, card.closed_text)
    # A fresh copy can neither be grey (only updates can) nor a notice without a page to open [42045].
    return _one_button(card, card.closed_text)


def _silent(card: Card, *, update: bool) -> Payload:
    """A card that only tells: a notice where there is a page to open, else a card with a button."""
    if card.link:
        return _notice(card)
    return _greyed(card, READ_ONLY) if update else _one_button(card, SEEN)


def _greyed(card: Card, text: str) -> Payload:
    greyed = {"replace_text": _cut(text, "replace_text")}
    return {**_one_button(card, text), **greyed}


def _one_button(card: Card, text: str) -> Payload:
    """A press on it asks for nothing; it is answered with how the matter stands."""
    return _interaction(card, [_button(Button(text=text, key=f"{PLACEHOLDER}{card.ref}"))])


def _buttons(card: Card, buttons: tuple[Button, ...]) -> Payload:
    """Callback entries of “更多” go to the corner menu, at most 3; what has no place there is a button."""
    menu = [button for button in card.more if not button.url]
    plain = [button for button in card.more if button.url]
    if not buttons and not plain:
        plain, menu = menu[:1], menu[1:]
    shown = [*buttons, *plain, *menu[MENU:]]
    payload = _interaction(card, [_button(button) for button in shown])
    if menu:
        actions = [{"text": button.text, "key": button.key} for button in menu[:MENU]]
        payload["action_menu"] = {"desc": MENU_TITLE, "action_list": actions}
    return payload


def _interaction(card: Card, button_list: list[Payload]) -> Payload:
    payload = {"card_type": "button_interaction", **_content(card), "button_list": button_list}
    if card.link:
        payload["card_action"] = {"type": 1, "url": card.link}
    return payload


def _news(card: Card, state: str) -> Payload:
    """A notice with a picture: it has no text block, so that the lines become its vertical list."""
    content = _content(card, state)
    content.pop("sub_title_text", None)
    lines = [line for line in (state, *card.body.splitlines()) if line][:NEWS_LINES]
    if lines:
        content["vertical_content_list"] = [{"title": _cut(x, "vertical_content_list", "title")} for x in lines]
    return {
        "card_type": "news_notice",
        **content,
        "card_image": {"url": card.picture, "aspect_ratio": NEWS_RATIO},
        "card_action": {"type": 1, "url": card.link},
    }


def _notice(card: Card, state: str = "") -> Payload:
    if card.picture:
        return _news(card, state)
    return {
        "card_type": "text_notice",
        **_content(card, state),
        "card_action": {"type": 1, "url": card.link},
    }


def _vote(card: Card, submit: Button) -> Payload:
    choice = card.choices[0]
    options = [
        {
            "id": option.id,
            "text": _cut(option.text, "checkbox", "option_list", "text"),
            "is_checked": option.id == choice.selected,
        }
        for option in choice.options
    ]
    return {
        "card_type": "vote_interaction",
        **_title_alone(card, choice.title),
        "checkbox": {"question_key": choice.key, "mode": 0, "option_list": options},
        "submit_button": _submit(submit),
    }


def _multiple(card: Card, submit: Button) -> Payload:
    return {
        "card_type": "multiple_interaction",
        **_title_alone(card, ""),
        "select_list": [_selector(choice, "select_list") for choice in card.choices],
        "submit_button": _submit(submit),
    }


def _selector(choice: Choice, part: str) -> Payload:
    selector: Payload = {
        "question_key": choice.key,
        "title": choice.title,
        "option_list": [
            {"id": option.id, "text": _cut(option.text, part, "option_list", "text")} for option in choice.options
        ],
    }
    if choice.selected:
        selector["selected_id"] = choice.selected
    return selector


def _submit(submit: Button) -> Payload:
    return {"text": _cut(submit.text, "submit_button", "text"), "key": submit.key}


def _button(button: Button) -> Payload:
    text = _cut(button.text, "button_list", "text")
    if button.url:
        return {"type": 1, "text": text, "style": STYLES[button.style], "url": button.url}
    return {"type": 0, "text": text, "style": STYLES[button.style], "key": button.key}


def _content(card: Card, state: str = "") -> Payload:
    """Title, rows and text. A fact goes to the text when the rows are full or it is longer than a row."""
    rows: list[Payload] = []
    longer: list[str] = []
    for key, value in card.facts:
        if len(rows) < ROWS and key and len(value) <= MAX_CHARS[("horizontal_content_list", "value")]:
            rows.append({"keyname": _cut(key, "horizontal_content_list", "keyname"), "value": value})
        else:
            longer.append(f"{key}:{value}" if key else value)
    content: Payload = {"main_title": _title(card, card.subtitle)}
    if rows:
        content["horizontal_content_list"] = rows
    if text := "\n".join(filter(None, (state, *longer, card.body))):
        content["sub_title_text"] = _cut(text, "sub_title_text")
    return content


def _title_alone(card: Card, question: str) -> Payload:
    """vote and multiple cards show a title and one line, nothing else: what to decide, facts, then the rest."""
    facts = (f"{key} {value}".strip() for key, value in card.facts)
    told = [part for part in (card.subtitle, *facts, *card.body.splitlines()) if part]
    return {"main_title": _title(card, " · ".join(told) or question)}


def _title(card: Card, desc: str) -> Payload:
    title = {"title": _cut(card.title, "main_title", "title")}
    return {**title, "desc": _cut(desc, "main_title", "desc")} if desc else title


def _cut(text: str, *path: str) -> str:
    key: Path = path
    return cut_chars(text, MAX_CHARS[key])
