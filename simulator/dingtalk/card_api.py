"""The card calls: create, deliver, both at once, update [wire 6.1-6.3]."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from simulator.dingtalk.cards import (
    Card,
    Template,
    by_key,
    deliver_model,
    param_map,
    parse_spaces,
    space_types,
)
from simulator.dingtalk.cards_view import full_json_problem
from simulator.dingtalk.errors import param
from simulator.dingtalk.limits import CHINA
from simulator.dingtalk.people import single_chat
from simulator.dingtalk.phones import Bubble
from simulator.dingtalk.site import Site
from simulator.world import FaultKind


class CardDesk:
    """All card instances of the application by outTrackId."""

    def __init__(self, site: Site, templates: Iterable[Template]) -> None:
        self._site = site
        self.templates = {template.id: template for template in templates}
        self.cards: dict[str, Card] = {}

    async def create(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        """POST /v1.0/card/instances. Raises ApiError of the param family."""
        card = self._create(body)
        return {"success": True, "result": card.out_track_id}

    async def deliver(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        """POST /v1.0/card/instances/deliver: put an existing card into chats."""
        card = self._existing(body)
        return {"success": True, "result": self._deliver(card, body)}

    async def create_and_deliver(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        """POST /v1.0/card/instances/createAndDeliver: 200 may still hold failed deliveries."""
        spaces = parse_spaces(body.get("openSpaceId"))
        kinds = space_types(body)
        for kind, _ in spaces:
            if kind not in kinds:
                raise param("openSpaceModelInvalid", f"缺少 {kind} 的场域属性")
            deliver_model(body, kind)
        card = self._create(body)
        results = self._deliver(card, body)
        return {"success": True, "result": {"outTrackId": card.out_track_id, "deliverResults": results}}

    async def update(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        """PUT /v1.0/card/instances.

        While a click on the card is being answered the update waits for the end of that click; when the
        click then runs into its limit, the bot was waiting for its own update inside the callback, which
        the platform forbids: a violation [wire 6.5]. Raises ApiError of the param family.
        """
        card = self._existing(body)
        site = self._site
        if body.get("cardData") is None and body.get("privateData") is None:
            raise param("cardDataAndPrivateDataBothEmpty", "公有数据和私有数据都为空")
        public = None if body.get("cardData") is None else param_map(body["cardData"], unsafe=site.unsafe_words)
        private = self._private(body.get("privateData"))
        options = body.get("cardUpdateOptions")
        public_by_key = by_key(options, "updateCardDataByKey")
        private_by_key = by_key(options, "updatePrivateDataByKey")
        if card.open_clicks and "late" in await asyncio.gather(*card.open_clicks):
            site.violation(f"card {card.out_track_id} was updated from inside its own callback")
        if public is not None:
            card.set_public(public, by_key=public_by_key)
        for user, values in private.items():
            card.set_private(user, values, by_key=private_by_key)
        self.repainted(card)
        return {"success": True, "result": True}

    def repainted(self, card: Card) -> None:
        """Everybody's copy looks different now.

        A button list that the client cannot read leaves the card without buttons: the bot's mistake.
        """
        for carrier in card.carriers.values():
            self._site.phones.changed(self._site.phones.by_id(carrier))
        if card.template.buttons is None and (problem := full_json_problem(card.public)):
            self._site.violation(f"card {card.out_track_id}: {problem}")

    def _existing(self, body: dict[str, Any]) -> Card:
        out_track_id = body.get("outTrackId")
        if not out_track_id:
            raise param("outTrackIdEmpty", "业务标识 outTrackId 为空")
        if out_track_id not in self.cards:
            raise param("cardNotExist", "卡片不存在")
        return self.cards[out_track_id]

    def _create(self, body: dict[str, Any]) -> Card:
        template_id, out_track_id = body.get("cardTemplateId"), body.get("outTrackId")
        if not template_id:
            raise param("cardTemplateIdEmpty", "卡片模版 Id 为空")
        if not isinstance(out_track_id, str) or not out_track_id:
            raise param("outTrackIdEmpty", "业务标识 outTrackId 为空")
        template = self.templates.get(template_id)
        if template is None:
            raise param("templateNotExist", "模板不存在")
        if not template.published:
            raise param("templateUnpublished", "模板未发布")
        callback_type = body.get("callbackType", "")
        if callback_type not in {"", "STREAM", "HTTP"}:
            raise param("invalid", "callbackType 应为 STREAM 或 HTTP")
        if callback_type == "HTTP" and not body.get("callbackRouteKey"):
            raise param("callbackRouteKeyEmpty", "callbackRouteKey 为空")
        if body.get("userIdType", 1) != 1:
            raise param("invalid", "本企业只用 userId（userIdType 1）")
        if not isinstance(body.get("cardData"), dict):
            raise param("cardPublicDataEmpty", "卡片公共数据为空")
        card = Card(
            out_track_id=out_track_id,
            template=template,
            callback_type=callback_type,
            public=param_map(body["cardData"], unsafe=self._site.unsafe_words),
            private=self._private(body.get("privateData")),
            space_types=space_types(body),
        )
        if out_track_id in self.cards:
            if self._site.terms.duplicate_card == "error":
                raise param("cardAlreadyExist", "卡片已经存在")
            return self.cards[out_track_id]
        self.cards[out_track_id] = card
        self.repainted(card)
        return card

    def _private(self, data: Any) -> dict[str, dict[str, str]]:
        if data is None:
            return {}
        if not isinstance(data, dict):
            raise param("invalid", "privateData 应为对象")
        for user in data:
            if not self._site.people.staff(user):
                raise param("userIdNotExist", f"用户 userId 不存在：{user}")
        return {user: param_map(held, unsafe=self._site.unsafe_words) for user, held in data.items()}

    def _deliver(self, card: Card, body: dict[str, Any]) -> list[dict[str, Any]]:
        results = []
        for kind, space_id in parse_spaces(body.get("openSpaceId")):
            model = deliver_model(body, kind)
            problem = self._obstacle(card, kind, space_id, model)
            if not problem and (kind, space_id) not in card.carriers:
                card.carriers[kind, space_id] = self._show(card, kind, space_id, model)
            results.append(
                {
                    "spaceType": kind,
                    "spaceId": space_id,
                    "success": not problem,
                    "carrierId": "" if problem else card.carriers[kind, space_id],
                    "errorMsg": problem,
                }
            )
        return results

    def _obstacle(self, card: Card, kind: str, space_id: str, model: dict[str, Any]) -> str:
        """Why a card cannot be put into that chat; empty when it can."""
        site = self._site
        if site.take(FaultKind.DELIVER_FALSE):
            return "deliver failed"
        if kind not in card.space_types:
            return f"card does not support space {kind}"
        if model.get("robotCode", site.robot_code) != site.robot_code:
            return "robot not exist"
        if kind == "IM_ROBOT":
            return "" if site.people.staff(space_id) else "user not exist"
        group = site.people.groups.get(space_id)
        return "" if group is not None and group.has_robot else "robot is not in the group"

    def _show(self, card: Card, kind: str, space_id: str, model: dict[str, Any]) -> str:
        site = self._site
        if kind == "IM_ROBOT":
            viewers: Iterable[str] = (space_id,)
            conversation_id = single_chat(space_id)
        else:
            members = site.people.groups[space_id].member_ids
            recipients = model.get("recipients") or members
            viewers = [user for user in members if user in recipients]
            conversation_id = space_id
        at_users = model.get("atUserIds") or {}
        bubble = site.phones.add(
            Bubble(
                id=site.new_id("carrier"),
                at=site.clock.now().astimezone(CHINA),
                conversation_id=conversation_id,
                viewers=frozenset(viewers),
                kind="card",
                card=card,
                space_type=kind,
                mention=" ".join(_at_name(user, name) for user, name in at_users.items()),
            )
        )
        return bubble.id


def _at_name(user: str, name: str) -> str:
    return "@所有人" if user == "@ALL" else f"@{name}"
