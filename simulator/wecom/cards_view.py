"""A card copy as its owner sees it on the phone now."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from simulator.wecom.phones import Bubble
from simulator.world import PhoneButton, PhoneChoice, PhoneMessage

STYLES = {1: "primary", 2: "neutral", 3: "neutral", 4: "negative"}
"""Button styles of the app; anything else is shown as 1 [90236]."""

RECALLED = "应用撤回了一条消息"

Pictures = Callable[[str], bytes]


def show(bubble: Bubble, picture: Pictures) -> PhoneMessage:
    """The bubble as it looks now; ``picture`` gives the bytes behind an image URL, empty when it has none."""
    if bubble.recalled:
        return PhoneMessage(id=bubble.id, at=bubble.at, from_me=False, kind="notice", text=RECALLED)
    if bubble.plain is not None:
        return bubble.plain
    card = bubble.card
    title = card.get("main_title", {})
    return PhoneMessage(
        id=bubble.id,
        at=bubble.at,
        from_me=False,
        kind="card",
        title=title.get("title") or "",
        text="\n".join(_lines(card)),
        facts=[
            (str(row.get("keyname", "")), str(row.get("value", ""))) for row in card.get("horizontal_content_list", [])
        ],
        image=picture(_image_url(card)),
        buttons=buttons(bubble),
        choices=choices(bubble),
        submit=submit(bubble),
        link=str(card.get("card_action", {}).get("url") or ""),
        card_id=bubble.task_id,
        toast=bubble.toast,
        version=bubble.version,
    )


def buttons(bubble: Bubble) -> list[PhoneButton]:
    """Buttons, the links of jump_list, then the entries of the “更多” menu.

    A greyed button card shows one dead button with the replacing text in place of its buttons.
    """
    card = bubble.card
    menu = [
        PhoneButton(key=action["key"], text=action["text"], menu=True)
        for action in card.get("action_menu", {}).get("action_list", [])
    ]
    links = [
        PhoneButton(key="", text=jump["title"], url=str(jump.get("url") or "")) for jump in card.get("jump_list", [])
    ]
    if card.get("card_type") == "button_interaction" and bubble.grey:
        return [PhoneButton(key="", text=bubble.grey, disabled=True), *menu]
    return [*map(_button, card.get("button_list", [])), *links, *menu]


def submit(bubble: Bubble) -> PhoneButton | None:
    """The one button of vote and multiple cards."""
    button = bubble.card.get("submit_button")
    if button is None:
        return None
    if bubble.grey:
        return PhoneButton(key="", text=bubble.grey, style="primary", disabled=True)
    return PhoneButton(key=button["key"], text=button.get("text") or "提交", style="primary")


def choices(bubble: Bubble) -> list[PhoneChoice]:
    """Drop-downs and check boxes with what is selected before the member touches them."""
    card = bubble.card
    grey = bool(bubble.grey)
    found: list[PhoneChoice] = []
    for selector in [*_optional(card.get("button_selection")), *card.get("select_list", [])]:
        options = _options(selector)
        found.append(
            PhoneChoice(
                key=selector["question_key"],
                title=str(selector.get("title") or ""),
                options=options,
                selected=[selector.get("selected_id") or options[0][0]],
                disabled=grey or selector.get("disable") is True,
            )
        )
    found.extend(_ticks(checkbox, grey) for checkbox in _optional(card.get("checkbox")))
    return found


def _ticks(checkbox: dict[str, Any], grey: bool) -> PhoneChoice:
    return PhoneChoice(
        key=checkbox["question_key"],
        title="",
        options=_options(checkbox),
        selected=[option["id"] for option in checkbox["option_list"] if option.get("is_checked")],
        multi=checkbox.get("mode", 0) == 1,
        disabled=grey or checkbox.get("disable") is True,
    )


def _button(button: dict[str, Any]) -> PhoneButton:
    number = button.get("style", 1)
    style = STYLES.get(number, "primary") if isinstance(number, int) else "primary"
    if button.get("type", 0) == 1:
        return PhoneButton(key="", text=button["text"], style=style, url=button["url"])
    return PhoneButton(key=button["key"], text=button["text"], style=style)


def _options(question: dict[str, Any]) -> list[tuple[str, str]]:
    return [(option["id"], option["text"]) for option in question["option_list"]]


def _optional(part: dict[str, Any] | None) -> list[dict[str, Any]]:
    return [part] if part else []


def _image_url(card: dict[str, Any]) -> str:
    return str(card.get("card_image", {}).get("url") or card.get("image_text_area", {}).get("image_url") or "")


def _lines(card: dict[str, Any]) -> Iterable[str]:
    """Everything between the title and the facts, top to bottom."""
    quote, area = card.get("quote_area", {}), card.get("image_text_area", {})
    emphasis = card.get("emphasis_content", {})
    parts = [
        card.get("source", {}).get("desc"),
        card.get("main_title", {}).get("desc"),
        emphasis.get("title"),
        emphasis.get("desc"),
        quote.get("title"),
        quote.get("quote_text"),
        area.get("title"),
        area.get("desc"),
        card.get("sub_title_text"),
        *(
            f"{item['title']}：{item['desc']}" if item.get("desc") else item["title"]
            for item in card.get("vertical_content_list", [])
        ),
    ]
    return (str(part) for part in parts if part)
