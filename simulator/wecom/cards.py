"""The rules of template cards, checked as the platform checks them ([90236], ``wire/wecom.md`` 3.1, 5.3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from simulator.wecom.card_fields import ADVISED, CARD_TYPES, FIELDS, INTERACTIONS, NOTICES, SUBFIELDS
from simulator.wecom.errors import defect

Card = dict[str, Any]
TASK_ID = re.compile(r"[0-9A-Za-z_\-@]{1,128}")


def calls_back(card: Card) -> bool:
    """Whether presses on it reach the app, so that it needs a task_id and a callback URL."""
    return card.get("card_type") in INTERACTIONS or "action_menu" in card


def check_card(card: Any, *, update: bool, media_exists: Callable[[str], None]) -> list[str]:
    """Refuse a card that breaks a hard rule; return warnings about what the platform merely ignores.

    Raises:
        ApiError: the code of the first broken rule; ``media_exists`` raises 40007 for dead attachments.
    """
    if not isinstance(card, dict):
        raise defect(42031, "template_card must be an object")
    kind = card.get("card_type")
    if not isinstance(kind, str) or kind not in CARD_TYPES:
        raise defect(42031, f"card_type {kind!r}")
    _check_task_id(card, update=update)
    for part in PARTS:
        part(card, kind)
    for row in _rows(card, "horizontal_content_list", 0, 6, 42035):
        _check_row(row, media_exists)
    return _unknown_fields(card, kind, update=update)


def clip_card(card: Card) -> tuple[Card, list[str]]:
    """The card as the client shows it, without what it ignores: advised lengths cut with “…”, and the cuts."""
    kind = card["card_type"]
    shown = _without_nulls({name: part for name, part in card.items() if kind in FIELDS.get(name, ())})
    assert isinstance(shown, dict)
    cut: list[str] = []
    for path, limit in ADVISED.items():
        *parents, leaf = path.split(".")
        for holder in _holders(shown, parents):
            value = holder.get(leaf)
            if isinstance(value, str) and len(value) > limit:
                holder[leaf] = value[: limit - 1] + "…"
                cut.append(f"{path}: {len(value)} characters, cut at {limit}")
    return shown, cut


def _check_task_id(card: Card, *, update: bool) -> None:
    task_id = card.get("task_id")
    if task_id is None:
        if calls_back(card) and not update:
            raise defect(42014, "task_id missing")
    elif not isinstance(task_id, str) or not TASK_ID.fullmatch(task_id):
        raise defect(42014, f"task_id {task_id!r}")


def _check_titles(card: Card, kind: str) -> None:
    title = (_object(card, "main_title") or {}).get("title")
    if title is not None and not isinstance(title, str):
        raise defect(42033, "main_title.title is no text")
    if not title and not (kind == "text_notice" and card.get("sub_title_text")):
        raise defect(42033, "main_title.title")
    _object(card, "source")
    _object(card, "emphasis_content")
    for item in _rows(card, "vertical_content_list", 0, 4, 42036):
        _text(item, "title", 42033)


def _check_menu(card: Card, kind: str) -> None:
    menu = _object(card, "action_menu")
    if menu is None:
        return
    actions = _rows(menu, "action_list", 1, 3, 40058)
    for action in actions:
        _text(action, "text", 42038)
    _keys(actions, "key", 42039)


def _check_links(card: Card, kind: str) -> None:
    for jump in _rows(card, "jump_list", 0, 3, 42042):
        _text(jump, "title", 42033)
        _target(jump)
    for part in ("quote_area", "image_text_area"):
        _target(_object(card, part) or {})
    action = _object(card, "card_action")
    if kind in NOTICES and (action is None or action.get("type") not in (1, 2)):
        raise defect(42045, "notices need a card_action of type 1 or 2")
    if action is not None:
        if action.get("type") not in (0, 1, 2):
            raise defect(42045, f"card_action.type {action.get('type')!r}")
        _target(action)


def _check_picture(card: Card, kind: str) -> None:
    if kind != "news_notice":
        return
    image, area = _object(card, "card_image"), _object(card, "image_text_area")
    if image is None and area is None:
        raise defect(42044, "news_notice needs card_image or image_text_area")
    if image is not None:
        _text(image, "url", 42044)
        ratio = image.get("aspect_ratio", 1.3)
        if not isinstance(ratio, (int, float)) or not 1.3 <= ratio < 2.25:
            raise defect(40058, f"aspect_ratio {ratio!r}")
    if area is not None:
        _text(area, "image_url", 42044)


def _check_buttons(card: Card, kind: str) -> None:
    if kind != "button_interaction":
        return
    buttons = _rows(card, "button_list", 1, 6, 40058)
    for button in buttons:
        _text(button, "text", 42038)
        if button.get("type", 0) == 1:
            _text(button, "url", 42028)
        elif button.get("type", 0) != 0:
            raise defect(40058, f"button type {button['type']!r}")
    _keys([button for button in buttons if button.get("type", 0) == 0], "key", 42039)
    selection = _object(card, "button_selection")
    if selection is not None:
        _check_question(selection, most=10)


def _check_vote(card: Card, kind: str) -> None:
    if kind != "vote_interaction":
        return
    checkbox = _object(card, "checkbox")
    if checkbox is None:
        raise defect(42043, "checkbox missing")
    _check_question(checkbox, most=20)
    if checkbox.get("mode", 0) not in (0, 1):
        raise defect(40058, f"checkbox.mode {checkbox['mode']!r}")
    _check_submit(card)


def _check_multiple(card: Card, kind: str) -> None:
    if kind != "multiple_interaction":
        return
    selectors = _rows(card, "select_list", 1, 3, 42047)
    for selector in selectors:
        _check_question(selector, most=10)
    _keys(selectors, "question_key", 42043)
    _check_submit(card)


def _check_submit(card: Card) -> None:
    button = _object(card, "submit_button")
    if button is None:
        raise defect(42046, "submit_button missing")
    if button.get("text", "提交") == "":
        raise defect(42049, "submit_button.text")
    _text(button, "key", 42046, most=1024)


def _check_question(question: Card, *, most: int) -> None:
    _text(question, "question_key", 42043, most=1024)
    options = _rows(question, "option_list", 1, most, 42037)
    for option in options:
        _text(option, "text", 42041)
    _keys(options, "id", 42040, most=128)
    selected = question.get("selected_id")
    if selected is not None and selected not in [option["id"] for option in options]:
        raise defect(42040, f"selected_id {selected!r} is no option")


def _check_row(row: Card, media_exists: Callable[[str], None]) -> None:
    _text(row, "keyname", 42027)
    kind = row.get("type", 0)
    if kind == 1:
        _text(row, "url", 42028)
    elif kind == 2:
        media_exists(_text(row, "media_id", 42029))
    elif kind == 3:
        _text(row, "userid", 40003)
    elif kind != 0:
        raise defect(40058, f"horizontal_content_list type {kind!r}")


PARTS = (
    _check_titles,
    _check_menu,
    _check_links,
    _check_picture,
    _check_buttons,
    _check_vote,
    _check_multiple,
)


def _target(part: Card) -> None:
    """type 1 opens a page and needs url; type 2 opens a mini program and needs appid."""
    if part.get("type") == 1:
        _text(part, "url", 42028)
    elif part.get("type") == 2:
        _text(part, "appid", 42030)


def _object(card: Card, name: str) -> Card | None:
    value = card.get(name)
    if value is not None and not isinstance(value, dict):
        raise defect(40058, f"{name} must be an object")
    return value


def _rows(card: Card, name: str, least: int, most: int, code: int) -> list[Card]:
    rows = card.get(name, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise defect(40058, f"{name} must be a list of objects")
    if not least <= len(rows) <= most:
        raise defect(code, f"{name} has {len(rows)} entries, {least}..{most} allowed")
    return rows


def _text(part: Card, name: str, code: int, *, most: int | None = None) -> str:
    value = part.get(name)
    if not isinstance(value, str) or not value:
        raise defect(code, f"{name} missing")
    if most is not None and len(value.encode()) > most:
        raise defect(code, f"{name} has {len(value.encode())} bytes, at most {most}")
    return value


def _keys(parts: list[Card], name: str, code: int, *, most: int = 1024) -> None:
    keys = [_text(part, name, code, most=most) for part in parts]
    if len(set(keys)) < len(keys):
        raise defect(code, f"{name} repeated: {keys}")


def _unknown_fields(card: Card, kind: str, *, update: bool) -> list[str]:
    warnings = [f"{name}: not part of {kind}, ignored" for name in card if kind not in FIELDS.get(name, ())]
    if update and "task_id" in card:
        warnings.append("task_id in an update: unconfirmed, the card keeps its own")
    if not update and "replace_text" in card:
        warnings.append("replace_text: honoured only in updates")
    for path, known in SUBFIELDS.items():
        for holder in _holders(card, path.split(".")):
            warnings.extend(f"{path}.{name}: unknown field, ignored" for name in holder if name not in known)
    return warnings


def _holders(card: Card, path: list[str]) -> list[Card]:
    """Every object at ``path``, lists walked through."""
    found: list[Any] = [card]
    for name in path:
        found = [child for holder in found if isinstance(holder, dict) for child in _each(holder.get(name))]
    return [holder for holder in found if isinstance(holder, dict)]


def _without_nulls(value: Any) -> Any:
    """A deep copy; ``null`` counts as absent."""
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
