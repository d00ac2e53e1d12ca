"""The limits of WeCom's template cards, row by row of wire section 3.1 [90236, 94888].

Counts and byte lengths are refused by the platform; advised lengths (characters) are cut by the client, so a
card that keeps them is the only one whose look is known. All of them are held here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Payload = dict[str, Any]
Path = tuple[str, ...]

NOTICES = frozenset({"text_notice", "news_notice"})
INTERACTIONS = frozenset({"button_interaction", "vote_interaction", "multiple_interaction"})
TYPES = NOTICES | INTERACTIONS
_ROWS = NOTICES | {"button_interaction"}

TASK_ID = re.compile(r"[0-9A-Za-z_\-@]{1,128}")

FIELDS: dict[str, frozenset[str]] = {
    "card_type": TYPES,
    "task_id": TYPES,
    "source": TYPES,
    "main_title": TYPES,
    "action_menu": _ROWS,
    "quote_area": _ROWS,
    "horizontal_content_list": _ROWS,
    "card_action": _ROWS,
    "emphasis_content": frozenset({"text_notice"}),
    "sub_title_text": frozenset({"text_notice", "button_interaction"}),
    "jump_list": NOTICES,
    "card_image": frozenset({"news_notice"}),
    "image_text_area": frozenset({"news_notice"}),
    "vertical_content_list": frozenset({"news_notice"}),
    "button_selection": frozenset({"button_interaction"}),
    "button_list": frozenset({"button_interaction"}),
    "checkbox": frozenset({"vote_interaction"}),
    "select_list": frozenset({"multiple_interaction"}),
    "submit_button": frozenset({"vote_interaction", "multiple_interaction"}),
    "replace_text": INTERACTIONS,
}
"""Field → card types that have it."""

REQUIRED: dict[str, tuple[Path, ...]] = {
    "text_notice": (("card_action",),),
    "news_notice": (("main_title", "title"), ("card_action",)),
    "button_interaction": (("main_title", "title"), ("button_list",)),
    "vote_interaction": (("main_title", "title"), ("checkbox",), ("submit_button",)),
    "multiple_interaction": (("main_title", "title"), ("select_list",), ("submit_button",)),
}

NEEDED: dict[Path, tuple[str, ...]] = {
    ("action_menu", "action_list"): ("text", "key"),
    ("horizontal_content_list",): ("keyname",),
    ("jump_list",): ("title",),
    ("vertical_content_list",): ("title",),
    ("card_image",): ("url",),
    ("image_text_area",): ("image_url",),
    ("button_selection",): ("question_key", "option_list"),
    ("button_selection", "option_list"): ("id", "text"),
    ("button_list",): ("text",),
    ("checkbox",): ("question_key", "option_list"),
    ("checkbox", "option_list"): ("id", "text"),
    ("select_list",): ("question_key", "option_list"),
    ("select_list", "option_list"): ("id", "text"),
    ("submit_button",): ("key",),
}
"""Part → fields each of its objects must have, not empty."""

TARGETS: dict[Path, dict[int, str]] = {
    ("horizontal_content_list",): {0: "", 1: "url", 2: "media_id", 3: "userid"},
    ("jump_list",): {0: "", 1: "url", 2: "appid"},
    ("quote_area",): {0: "", 1: "url", 2: "appid"},
    ("image_text_area",): {0: "", 1: "url", 2: "appid"},
    ("card_action",): {0: "", 1: "url", 2: "appid"},
    ("button_list",): {0: "key", 1: "url"},
}
"""Part → what each ``type`` (default 0) must carry; other types do not exist."""

COUNTS: dict[Path, tuple[int, int]] = {
    ("action_menu", "action_list"): (1, 3),
    ("horizontal_content_list",): (0, 6),
    ("jump_list",): (0, 3),
    ("vertical_content_list",): (0, 4),
    ("button_selection", "option_list"): (1, 10),
    ("button_list",): (1, 6),
    ("checkbox", "option_list"): (1, 20),
    ("select_list",): (1, 3),
    ("select_list", "option_list"): (1, 10),
}

MAX_BYTES: dict[Path, int] = {
    ("action_menu", "action_list", "key"): 1024,
    ("button_selection", "question_key"): 1024,
    ("button_selection", "option_list", "id"): 128,
    ("button_list", "key"): 1024,
    ("checkbox", "question_key"): 1024,
    ("checkbox", "option_list", "id"): 128,
    ("select_list", "question_key"): 1024,
    ("select_list", "option_list", "id"): 128,
    ("submit_button", "key"): 1024,
}

UNIQUE: dict[Path, str] = {
    ("action_menu", "action_list"): "key",
    ("button_selection", "option_list"): "id",
    ("button_list",): "key",
    ("checkbox", "option_list"): "id",
    ("select_list",): "question_key",
    ("select_list", "option_list"): "id",
}
"""List → field that no two of its entries may share."""

MAX_CHARS: dict[Path, int] = {
    ("source", "desc"): 20,
    ("main_title", "title"): 36,
    ("main_title", "desc"): 44,
    ("emphasis_content", "title"): 14,
    ("emphasis_content", "desc"): 22,
    ("sub_title_text",): 160,
    ("horizontal_content_list", "keyname"): 5,
    ("horizontal_content_list", "value"): 30,
    ("jump_list", "title"): 18,
    ("vertical_content_list", "title"): 38,
    ("vertical_content_list", "desc"): 160,
    ("button_selection", "option_list", "text"): 16,
    ("button_list", "text"): 10,
    ("checkbox", "option_list", "text"): 17,
    ("select_list", "option_list", "text"): 16,
    ("submit_button", "text"): 10,
    ("replace_text",): 10,
}
"""Advised characters (“建议”); ``replace_text`` has no figure of its own: that of the button it greys."""

VALUES: dict[Path, frozenset[int]] = {
    ("source", "desc_color"): frozenset({0, 1, 2, 3}),
    ("button_list", "style"): frozenset({1, 2, 3, 4}),
    ("checkbox", "mode"): frozenset({0, 1}),
}

UPDATE_ONLY: tuple[Path, ...] = (
    ("replace_text",),
    ("button_selection", "disable"),
    ("checkbox", "disable"),
    ("select_list", "disable"),
)
"""Honoured only when a card is replaced."""


def validate(payload: Payload, *, update: bool = False) -> list[str]:
    """Everything that is wrong with a template_card, as ``field: what``; empty when it may be sent.

    ``update`` is a card that replaces another: it carries no task_id and may grey its buttons.
    """
    kind = payload.get("card_type")
    if kind not in TYPES:
        return [f"card_type: {kind!r} does not exist"]
    return [problem for check in CHECKS for problem in check(payload, str(kind), update)]


def _at(part: Any, path: Path) -> Iterator[Any]:
    """Every value at ``path``; lists on the way are walked through, the last value is given as it is."""
    if not path:
        yield part
        return
    for holder in part if isinstance(part, list) else [part]:
        if isinstance(holder, dict) and path[0] in holder:
            yield from _at(holder[path[0]], path[1:])


def _each(payload: Payload, path: Path) -> Iterator[Payload]:
    for value in _at(payload, path):
        yield from value if isinstance(value, list) else [value]


def _name(path: Path) -> str:
    return ".".join(path)


def _fields(payload: Payload, kind: str, _update: bool) -> Iterator[str]:
    for name in payload:
        if kind not in FIELDS.get(name, frozenset()):
            yield f"{name}: not part of {kind}"
    for path in REQUIRED[kind]:
        if not any(_at(payload, path)):
            yield f"{_name(path)}: required by {kind}"
    title = any(_at(payload, ("main_title", "title")))
    if kind == "text_notice" and not title and not payload.get("sub_title_text"):
        yield "main_title.title: it or sub_title_text is required by text_notice"
    if kind in NOTICES and payload.get("card_action", {}).get("type", 0) not in (1, 2):
        yield f"card_action.type: {kind} needs 1 or 2"


def _task_id(payload: Payload, kind: str, update: bool) -> Iterator[str]:
    task_id = payload.get("task_id")
    if update:
        if task_id is not None:
            yield "task_id: unconfirmed in an update, left out"
    elif task_id is None:
        if kind in INTERACTIONS or "action_menu" in payload:
            yield "task_id: required"
    elif not isinstance(task_id, str) or not TASK_ID.fullmatch(task_id):
        yield "task_id: 1 to 128 of 0-9 A-Z a-z _ - @"


def _parts(payload: Payload, _kind: str, _update: bool) -> Iterator[str]:
    for path, names in NEEDED.items():
        for part in _each(payload, path):
            yield from (f"{_name(path)}.{name}: missing" for name in names if not part.get(name))
    for path, kinds in TARGETS.items():
        for part in _each(payload, path):
            target = kinds.get(part.get("type", 0))
            if target is None:
                yield f"{_name(path)}.type: {part['type']!r} does not exist"
            elif target and not part.get(target):
                yield f"{_name(path)}.{target}: missing"
    for question in [*_each(payload, ("button_selection",)), *_each(payload, ("select_list",))]:
        chosen = question.get("selected_id")
        if chosen is not None and chosen not in {o.get("id") for o in question.get("option_list", [])}:
            yield f"selected_id: {chosen!r} is no option"
    for text in _at(payload, ("submit_button", "text")):
        if not text:
            yield "submit_button.text: empty"


def _counts(payload: Payload, _kind: str, _update: bool) -> Iterator[str]:
    for path, (least, most) in COUNTS.items():
        for entries in _at(payload, path):
            if not least <= len(entries) <= most:
                yield f"{_name(path)}: {len(entries)} entries, {least} to {most} allowed"


def _lengths(payload: Payload, _kind: str, _update: bool) -> Iterator[str]:
    for path, most in MAX_BYTES.items():
        for value in _at(payload, path):
            if len(value.encode()) > most:
                yield f"{_name(path)}: {len(value.encode())} bytes, at most {most}"
    for path, most in MAX_CHARS.items():
        for value in _at(payload, path):
            if len(value) > most:
                yield f"{_name(path)}: {len(value)} characters, at most {most}"


def _unique(payload: Payload, _kind: str, _update: bool) -> Iterator[str]:
    for path, name in UNIQUE.items():
        for entries in _at(payload, path):
            values = [entry[name] for entry in entries if entry.get(name)]
            if len(set(values)) < len(values):
                yield f"{_name(path)}.{name}: repeated"


def _values(payload: Payload, _kind: str, update: bool) -> Iterator[str]:
    for path, allowed in VALUES.items():
        for value in _at(payload, path):
            if value not in allowed:
                yield f"{_name(path)}: {value!r} does not exist"
    for path in () if update else UPDATE_ONLY:
        if any(True for _ in _at(payload, path)):
            yield f"{_name(path)}: honoured only in updates"


def _picture(payload: Payload, kind: str, _update: bool) -> Iterator[str]:
    if kind != "news_notice":
        return
    if not payload.get("card_image") and not payload.get("image_text_area"):
        yield "card_image: it or image_text_area is required by news_notice"
    for ratio in _at(payload, ("card_image", "aspect_ratio")):
        # Documented as “above 1.3, below 2.25, 1.3 by default”: the default is the one value on the edge.
        if not 1.3 <= ratio < 2.25:
            yield f"card_image.aspect_ratio: {ratio}, 1.3 up to below 2.25 allowed"


CHECKS = (_fields, _task_id, _parts, _counts, _lengths, _unique, _values, _picture)
