"""The neutral card → cardParamMap of the public MarkdownButton template (wire/dingtalk 6.7; chat.md §9.1).

Pure. Every value is a string of at most 1 KB of UTF-8: text is cut at line ends, buttons never are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cards.card import Button, Card, Choice, Option, Style
from cards.text_limits import CardDoesNotFit, cut_bytes

KEY_BYTES = 100
VALUE_BYTES = 1024
"""Per entry of cardParamMap (wire/dingtalk 6.2)."""
TITLE_BYTES = 120
"""About 40 Chinese characters: what the head of a card and the list of chats show."""
ROW_BYTES = 480
"""160 Chinese characters: the longest line of a card that is too full (chat.md section 4)."""
MOST_BUTTONS = 6
OPTION_BYTES = (90, 60, 36, 24)
"""Room for the text of one numbered option, tighter until the list fits."""
BREAK = "\n\n"
"""A paragraph is the one line break every markdown view of DingTalk respects."""
SELECTED = "~"
EQUALS = "="

COLORS = {Style.PRIMARY: "blue", Style.NEUTRAL: "gray", Style.NEGATIVE: "red"}
PLAIN = str.maketrans({"*": "＊", "<": "＜", ">": "＞", "[": "［", "]": "］", "`": "｀", "~": "～", "|": "｜"})
LINE_MARK = re.compile(r"^(\s*)(#+|[-+](?=\s)|\d+\.(?=\s))")


@dataclass(frozen=True, kw_only=True)
class _Controls:
    """What of a card can be pressed, and how its question is put."""

    buttons: list[Button]
    question: Choice | None = None
    numbered: bool = False
    """The options stand in the text with numbers to reply, not on buttons."""
    left_over: bool = False
    """Some options found no room on buttons: the text names them all."""


def render(card: Card) -> dict[str, str]:
    """What the template shows. Raises CardDoesNotFit when a button or an option has no place.

    Closed: the closed text in bold on top, no buttons. Choices: up to six options become buttons that carry
    the choice in their id; more, or an explicit ``numbered_reply``, become a numbered list to reply to.
    """
    controls = _Controls(buttons=[]) if card.closed_text else _controls(card)
    pressed, links = controls.buttons, []
    if not _fits(pressed):
        links = [button for button in pressed if button.url]
        pressed = [button for button in pressed if not button.url]
    text = _button_json(pressed)
    if not _fits(pressed):
        raise CardDoesNotFit(f"{card.kind} {card.ref}: {len(pressed)} buttons in {_size(text)} bytes")
    return {
        "title": cut_bytes(card.title, TITLE_BYTES),
        "markdown": _markdown(card, controls, links),
        "tips": cut_bytes(card.source, VALUE_BYTES),
        "sys_full_json_obj": text,
    }


def answer(card: Card | None, private_tip: str = "") -> dict[str, Any]:
    """The answer to a press (wire/dingtalk 6.5): the card for everybody, a line for the one who pressed.

    Without a card the public part is left alone; with neither it is empty: nothing changes.
    """
    parts: dict[str, Any] = {}
    if card is not None:
        parts["cardData"] = {"cardParamMap": render(card)}
    if private_tip:
        parts["userPrivateData"] = {"cardParamMap": {"tips": cut_bytes(private_tip, VALUE_BYTES)}}
    if parts:
        # The default replaces the whole map, also what this answer does not name.
        parts["cardUpdateOptions"] = {"updateCardDataByKey": True, "updatePrivateDataByKey": True}
    return parts


def validate(params: dict[str, Any]) -> list[str]:
    """What the platform would refuse or show broken, one sentence each; empty when all is well."""
    problems = []
    for key, value in params.items():
        if _size(key) > KEY_BYTES:
            problems.append(f"key {key[:20]}… has {_size(key)} bytes, at most {KEY_BYTES}")
        if not isinstance(value, str):
            problems.append(f"{key} is a {type(value).__name__}, not a string")
        elif _size(value) > VALUE_BYTES:
            problems.append(f"{key} has {_size(value)} bytes, at most {VALUE_BYTES}")
    return problems + _button_problems(params.get("sys_full_json_obj"))


def _button_problems(text: Any) -> list[str]:
    try:
        buttons = json.loads(text)["msgButtons"]
    except (TypeError, ValueError, KeyError):
        return ["sys_full_json_obj holds no msgButtons"]
    if not isinstance(buttons, list):
        return ["msgButtons is not a list"]
    problems = [f"{len(buttons)} buttons, at most {MOST_BUTTONS}"] if len(buttons) > MOST_BUTTONS else []
    for button in buttons:
        calls = isinstance(button, dict) and button.get("request") is True and button.get("id")
        opens = isinstance(button, dict) and button.get("url")
        if not isinstance(button, dict) or not button.get("text") or not (calls or opens):
            problems.append(f"a button neither calls back nor opens a page: {button!r}")
    return problems


# ---------------------------------------------------------------- buttons and choices


def _controls(card: Card) -> _Controls:
    plain = [*card.buttons, *card.more]
    if not card.choices:
        return _Controls(buttons=[*plain, *([card.submit] if card.submit else [])])
    asked = _asked(card.choices)
    if card.submit is None:
        return _beside_buttons(card, asked or card.choices[0])
    if asked is None:
        return _Controls(buttons=[*plain, _carrying(card.submit, card.choices)])
    options = [_option_button(card.submit, card.choices, asked, option) for option in asked.options]
    if card.numbered_reply or not _fits([*plain, *options]):
        return _Controls(buttons=plain, question=asked, numbered=True)
    return _Controls(buttons=[*plain, *options], question=asked)


def _beside_buttons(card: Card, asked: Choice) -> _Controls:
    """A choice among other buttons, whose own button (“用所选”) stands first: its options take that place.

    The best candidates come first; those beyond the room stay in the text, to be typed as a correction.
    """
    if not card.buttons:
        return _Controls(buttons=list(card.more), question=asked, numbered=True)
    chooser, *others = card.buttons
    plain = [*others, *card.more]
    options = [_option_button(chooser, card.choices, asked, option) for option in asked.options]
    room = max((n for n in range(len(options) + 1) if _fits([*options[:n], *plain])), default=0)
    return _Controls(buttons=[*options[:room], *plain], question=asked, left_over=room < len(options))


def _fits(buttons: Sequence[Button]) -> bool:
    return len(buttons) <= MOST_BUTTONS and _size(_button_json(buttons)) <= VALUE_BYTES


def _asked(choices: Sequence[Choice]) -> Choice | None:
    """The first open question; a single choice is always the question; None when all have an answer."""
    return next((c for c in choices if not c.selected), choices[0] if len(choices) == 1 else None)


def _carrying(submit: Button, choices: Sequence[Choice]) -> Button:
    """The submit button with every choice in its key: ``key~question=option``."""
    picks = [_pick(choice.key, choice.selected) for choice in choices if choice.selected]
    return Button(text=submit.text, key=submit.key + "".join(picks), style=submit.style)


def _option_button(submit: Button, choices: Sequence[Choice], asked: Choice, option: Option) -> Button:
    kept = [_pick(c.key, c.selected) for c in choices if c.selected and c is not asked]
    chosen = option.id == asked.selected
    return Button(
        text=f"✓ {option.text}" if chosen else option.text,
        key=submit.key + _pick(asked.key, option.id) + "".join(kept),
        style=Style.PRIMARY if chosen else Style.NEUTRAL,
    )


def _pick(question: str, option: str) -> str:
    if SELECTED in question + option or EQUALS in question:
        raise CardDoesNotFit(f"a choice key cannot contain {SELECTED} or {EQUALS}: {question}={option}")
    return f"{SELECTED}{question}{EQUALS}{option}"


def _button_json(buttons: Sequence[Button]) -> str:
    # The id alone comes back as actionIds[0]; params would only eat the 1 KB.
    entries = [
        {"text": b.text, "color": COLORS[b.style], "url": b.url, "iosUrl": b.url}
        if b.url
        else {"text": b.text, "color": COLORS[b.style], "id": b.key, "request": True}
        for b in buttons
    ]
    return json.dumps({"msgButtons": entries}, ensure_ascii=False, separators=(",", ":"))


# ---------------------------------------------------------------- text


def _markdown(card: Card, controls: _Controls, links: Sequence[Button]) -> str:
    head = [f"**{_plain(line)}**" for line in (card.closed_text, card.subtitle) if line]
    if card.picture:
        head.insert(0, f"![]({card.picture})")
    rows = [f"{_plain(label)}：{_plain(value)}" for label, value in card.facts]
    if not card.closed_text:
        rows += [_answered(c) for c in card.choices if c is not controls.question and c.selected]
    rows += [_plain(line) for line in card.body.splitlines() if line.strip()]
    pages = [f"[{_plain(button.text)}]({button.url})" for button in links]
    for room in OPTION_BYTES:
        text = _fit(head, rows, [*_question(controls, room), *pages], card.link)
        if text is not None:
            return text
    raise CardDoesNotFit(f"{card.kind} {card.ref}: options and links need more than {VALUE_BYTES} bytes")


def _question(controls: _Controls, room: int) -> list[str]:
    """How the choice is put in the text: to press, to press or type, or to answer by number."""
    choice = controls.question
    if choice is None:
        return []
    texts = [cut_bytes(_plain(option.text), room) for option in choice.options]
    if controls.left_over:
        return [f"{_plain(choice.title)}：{'、'.join(texts)}（没有按钮的请直接回复更正）"]
    if not controls.numbered:
        return [f"{_plain(choice.title)}：请点选"]
    reply = "回复 1" if len(texts) == 1 else f"回复 1–{len(texts)}"
    return [f"{_plain(choice.title)}（{reply}）", *(f"{n}. {text}" for n, text in enumerate(texts, 1))]


def _fit(head: list[str], rows: list[str], tail: list[str], link: str) -> str | None:
    """All lines, or those rows that fit and how many are left; None when head and tail are too long."""
    page = [f"[查看明细]({link})"] if link else []
    whole = BREAK.join([*head, *rows, *tail, *page])
    if _size(whole) <= VALUE_BYTES:
        return whole
    rows = [cut_bytes(row, ROW_BYTES) for row in rows]
    for kept in range(len(rows), -1, -1):
        text = BREAK.join([*head, *rows[:kept], *_more(len(rows) - kept, link), *tail])
        if _size(text) <= VALUE_BYTES:
            return text
    short = [f"**{cut_bytes(line.strip('*'), 90)}**" for line in head]
    text = BREAK.join([*short, *_more(len(rows), link), *tail])
    return text if _size(text) <= VALUE_BYTES else None


def _more(lines: int, link: str) -> list[str]:
    """Says how many lines are missing here, and leads to them where there is a page."""
    left = f"…还有 {lines} 行" if lines else ""
    if not link:
        return [left] if left else []
    return [f"[{left}，查看明细]({link})" if left else f"[查看明细]({link})"]


def _answered(choice: Choice) -> str:
    text = next((o.text for o in choice.options if o.id == choice.selected), choice.selected)
    return f"{_plain(choice.title)}：{_plain(text)}"


def _plain(text: str) -> str:
    """What people typed is shown as typed: characters that would format or link become their wide twins."""
    wide = text.translate(PLAIN)
    return LINE_MARK.sub(lambda m: f"{m[1]}\u200b{m[2]}", wide) if LINE_MARK.match(wide) else wide


def _size(text: str) -> int:
    return len(text.encode())
