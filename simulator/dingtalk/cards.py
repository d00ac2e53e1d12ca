"""Cards, their templates, and the rules a card's data must keep [wire 6]."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.dingtalk.errors import ApiError, BrokenFrameError, param
from simulator.dingtalk.limits import CARD_KEY_BYTES, CARD_VALUE_BYTES

MARKDOWN_BUTTON = "1366a1eb-bc54-4859-ac88-517c56a9acb1.schema"
"""The public template whose id is shipped in the official Python SDK [wire 6.7]."""


@dataclass(frozen=True, kw_only=True)
class TemplateButton:
    """A button of an own template: always calls back."""

    action_id: str
    text: str
    style: str = "neutral"
    params: tuple[tuple[str, str], ...] = ()
    shown_when: str = ""
    """Name of a variable that must be ``"true"`` for the button to show; empty shows it always."""


@dataclass(frozen=True, kw_only=True)
class Template:
    """A card template of the console. ``buttons`` None means the public MarkdownButton template."""

    id: str
    published: bool = True
    buttons: tuple[TemplateButton, ...] | None = None
    facts: tuple[tuple[str, str], ...] = ()
    """(label, variable) lines shown under the text."""


PUBLIC_TEMPLATE = Template(id=MARKDOWN_BUTTON)
OWN_TEMPLATE = Template(
    id="jiedan-own-approval.schema",
    buttons=(
        TemplateButton(action_id="approve", text="通过", style="primary", shown_when="canAct"),
        TemplateButton(action_id="reject", text="驳回", style="negative", shown_when="canAct"),
    ),
    facts=(("状态", "statusText"), ("提示", "tip")),
)
"""A template with public and private variables, for the tests of the own-template path."""


@dataclass(kw_only=True)
class Card:
    """A card instance: one outTrackId, one public map, a private map per person."""

    out_track_id: str
    template: Template
    callback_type: str
    public: dict[str, str]
    private: dict[str, dict[str, str]] = field(default_factory=dict)
    space_types: frozenset[str] = frozenset()
    """Kinds of chat it was created for."""
    carriers: dict[tuple[str, str], str] = field(default_factory=dict)
    """(spaceType, spaceId) → carrierId of each delivery."""
    version: int = 1
    private_versions: dict[str, int] = field(default_factory=dict)
    toasts: dict[str, str] = field(default_factory=dict)
    open_clicks: set[asyncio.Future[str]] = field(default_factory=set)
    """Clicks still waiting for their ack; resolved with ``answered``, ``late`` or ``lost``."""

    def values_for(self, user: str) -> dict[str, str]:
        """What that person's copy is rendered from: own values cover the public ones."""
        return {**self.public, **self.private.get(user, {})}

    def set_public(self, values: Mapping[str, str], *, by_key: bool) -> None:
        """Without the by-key option the whole map is replaced [wire 6.3]."""
        self.public = {**self.public, **values} if by_key else dict(values)
        self.version += 1
        self.toasts.clear()

    def set_private(self, user: str, values: Mapping[str, str], *, by_key: bool) -> None:
        before = self.private.get(user, {}) if by_key else {}
        self.private[user] = {**before, **values}
        self.private_versions[user] = self.private_versions.get(user, 0) + 1
        self.toasts.pop(user, None)

    def version_for(self, user: str) -> int:
        return self.version + self.private_versions.get(user, 0)


def param_map(holder: Any, *, unsafe: set[str]) -> dict[str, str]:
    """The ``cardParamMap`` inside ``holder``, checked: strings only, key ≤100 B, value ≤1 KB, harmless.

    An absent map is empty. Raises ApiError ``param.invalid`` or ``param.contentUnsafe``.
    """
    if holder is None:
        return {}
    values = holder.get("cardParamMap") if isinstance(holder, dict) else holder
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise param("invalid", "cardParamMap 应为对象")
    for key, value in values.items():
        if not isinstance(value, str):
            raise param("invalid", f"cardParamMap.{key} 应为字符串，收到 {type(value).__name__}")
        if len(key.encode()) > CARD_KEY_BYTES:
            raise param("invalid", f"cardParamMap 的键超过 {CARD_KEY_BYTES} 字节")
        if len(value.encode()) > CARD_VALUE_BYTES:
            raise param("invalid", f"cardParamMap.{key} 为 {len(value.encode())} 字节，超过 {CARD_VALUE_BYTES} 字节")
        if any(word in value for word in unsafe):
            raise param("contentUnsafe", "卡片数据不能通过安全审查")
    return dict(values)


def by_key(options: Any, name: str) -> bool:
    """A by-key option of ``cardUpdateOptions``; absent means False, which replaces the whole map."""
    if options is None:
        return False
    if not isinstance(options, dict):
        raise param("invalid", "cardUpdateOptions 应为对象")
    value = options.get(name, False)
    if not isinstance(value, bool):
        raise param("invalid", f"{name} 应为布尔值")
    return value


SPACE_MODELS = {
    "IM_GROUP": ("imGroupOpenSpaceModel", "imGroupOpenDeliverModel"),
    "IM_ROBOT": ("imRobotOpenSpaceModel", "imRobotOpenDeliverModel"),
}


def parse_spaces(open_space_id: Any) -> list[tuple[str, str]]:
    """``dtv1.card//IM_GROUP.cid1;IM_ROBOT.u1`` → [(type, id)]: one prefix, joined by ``;`` [wire 6.2].

    Raises ApiError ``param.openSpaceIdInvalid``; other kinds of chat are not simulated and count as invalid.
    """
    prefix = "dtv1.card//"
    if not isinstance(open_space_id, str) or not open_space_id.startswith(prefix):
        raise param("openSpaceIdInvalid", "场域及其场域id格式错误")
    spaces = []
    for part in open_space_id.removeprefix(prefix).split(";"):
        kind, dot, space_id = part.partition(".")
        if kind.upper() not in SPACE_MODELS or not dot or not space_id:
            raise param("openSpaceIdInvalid", f"场域及其场域id格式错误：{part}")
        spaces.append((kind.upper(), space_id))
    return spaces


def space_types(body: Mapping[str, Any]) -> frozenset[str]:
    """The kinds of chat for which the call brings a space model. ``supportForward`` is required in each."""
    found = set()
    for kind, (space_model, _) in SPACE_MODELS.items():
        model = body.get(space_model)
        if model is None:
            continue
        if not isinstance(model, dict) or not isinstance(model.get("supportForward"), bool):
            raise param("openSpaceModelInvalid", f"{space_model}.supportForward 必填")
        found.add(kind)
    return frozenset(found)


def deliver_model(body: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The deliver model for that kind of chat.

    Raises ApiError ``param.openDeliverModelEmpty`` or ``param.invalid``.
    """
    name = SPACE_MODELS[kind][1]
    model = body.get(name)
    if not isinstance(model, dict) or not model:
        raise param("openDeliverModelEmpty", f"{name} 为空")
    if kind == "IM_GROUP" and not model.get("robotCode"):
        raise param("invalid", "imGroupOpenDeliverModel.robotCode 必填")
    if kind == "IM_ROBOT" and model.get("spaceType", "IM_ROBOT") != "IM_ROBOT":
        raise param("invalid", "imRobotOpenDeliverModel.spaceType 应为 IM_ROBOT")
    return model


ANSWER_KEYS = {"cardUpdateOptions", "cardData", "userPrivateData"}


@dataclass(frozen=True, kw_only=True)
class ClickAnswer:
    """What the ack of a click says about the card: None leaves that part alone."""

    public: dict[str, str] | None = None
    private: dict[str, str] | None = None
    public_by_key: bool = False
    private_by_key: bool = False


def parse_answer(data: Any) -> ClickAnswer:
    """The card answer in the data of an ack [wire 6.5]; empty or null changes nothing.

    Raises BrokenFrameError with what is wrong: the real client shows a failure and nothing changes.
    """
    if not isinstance(data, dict) or "response" not in data:
        raise BrokenFrameError("the ack of a click holds no response")
    response = data["response"]
    if response is None:
        return ClickAnswer()
    if not isinstance(response, dict):
        raise BrokenFrameError("the card answer is not an object")
    unknown = set(response) - ANSWER_KEYS
    if unknown:
        raise BrokenFrameError(f"the card answer has unknown keys {sorted(unknown)}")
    try:
        options = response.get("cardUpdateOptions")
        card_data, own_data = response.get("cardData"), response.get("userPrivateData")
        return ClickAnswer(
            public=None if card_data is None else param_map(card_data, unsafe=set()),
            private=None if own_data is None else param_map(own_data, unsafe=set()),
            public_by_key=by_key(options, "updateCardDataByKey"),
            private_by_key=by_key(options, "updatePrivateDataByKey"),
        )
    except ApiError as error:
        raise BrokenFrameError(f"the card answer breaks a rule: {error.message}") from error
