"""Taps on cards: the click frame, the 2 s limit, and the card answer in the ack [wire 6.4, 6.5]."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from simulator.dingtalk.card_api import CardDesk
from simulator.dingtalk.cards import Card, parse_answer
from simulator.dingtalk.cards_view import buttons_of
from simulator.dingtalk.errors import BrokenFrameError
from simulator.dingtalk.frames import CARD_TOPIC, Ack, click_data
from simulator.dingtalk.gateway import Gateway
from simulator.dingtalk.people import single_chat
from simulator.dingtalk.site import Site, within
from simulator.world import FaultKind, Press

TOAST = "操作失败，请稍后重试"
"""What the client shows when a click was not answered in time, or answered wrongly."""


class Clicks:
    """One click is one frame: there is no redelivery, the person may tap again."""

    def __init__(self, site: Site, gateway: Gateway, desk: CardDesk) -> None:
        self._site = site
        self._gateway = gateway
        self._desk = desk

    async def press(self, press: Press) -> None:
        """Tap a live button. A link button opens its page and calls nobody.

        Raises LookupError when that person sees no such card or no such button on it.
        """
        site = self._site
        site.people.member(press.user)
        for bubble in site.phones.with_card(press.user, press.card_id):
            card = bubble.card
            assert card is not None
            for button, params in buttons_of(card.template, card.values_for(press.user)):
                if button.key != press.key or button.disabled:
                    continue
                if button.url:
                    return
                form = {key: values[0] if len(values) == 1 else values for key, values in press.selected.items()}
                sent = {**params, "form": form} if form else params
                await self._click(press.user, card, button.key, sent, bubble.space_type, bubble.conversation_id)
                return
            raise LookupError(f"no button {press.key!r} on card {press.card_id!r} of {press.user}")
        raise LookupError(f"no card {press.card_id!r} on the phone of {press.user}")

    async def raw(
        self, user: str, out_track_id: str, action_id: str, params: dict[str, Any], *, corp_id: str = ""
    ) -> Ack | None:
        """A forged click: card, button and person need not exist. Returns the bot's ack, None without one."""
        card = self._desk.cards.get(out_track_id)
        return await self._send(user, out_track_id, card, action_id, params, "IM_ROBOT", user, corp_id=corp_id)

    async def _click(
        self,
        user: str,
        card: Card,
        action_id: str,
        params: dict[str, Any],
        space_type: str,
        conversation: str,
    ) -> None:
        space_id = user if conversation == single_chat(user) else conversation
        await self._send(user, card.out_track_id, card, action_id, params, space_type, space_id)

    async def _send(
        self,
        user: str,
        out_track_id: str,
        card: Card | None,
        action_id: str,
        params: dict[str, Any],
        space_type: str,
        space_id: str,
        *,
        corp_id: str = "",
    ) -> Ack | None:
        site = self._site
        if card is not None:
            card.toasts.pop(user, None)
            if card.callback_type != "STREAM":
                site.violation(f"card {out_track_id} has no stream callback: its buttons are dead")
                card.toasts[user] = TOAST
                return None
        data = click_data(
            out_track_id=out_track_id,
            corp_id=corp_id or site.corp_id,
            user_id=user,
            space_type=space_type,
            space_id=space_id,
            action_id=action_id,
            params=params,
        )
        click: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        if card is not None:
            card.open_clicks.add(click)
        try:
            ack, outcome = await self._answered(data)
        finally:
            if card is not None:
                card.open_clicks.discard(click)
        if card is not None:
            self._apply(card, user, ack)
        click.set_result(outcome)
        return ack

    async def _answered(self, data: dict[str, Any]) -> tuple[Ack | None, str]:
        """The ack if it came within 2 s, and how the click ended: answered, late or lost."""
        site = self._site
        sent = await self._gateway.push(
            kind="CALLBACK",
            topic=CARD_TOPIC,
            data=json.dumps(data, ensure_ascii=False),
            label="stream CALLBACK card",
        )
        if sent is None:
            return None, "lost"
        waiter = asyncio.ensure_future(asyncio.shield(sent.ack))
        in_time = await within(site.pace, site.terms.click_timeout, waiter)
        waiter.cancel()
        if not in_time:
            sent.entry.note = "not answered within the click limit: a failure toast on the phone"
            return None, "lost" if sent.connection.state == "mute" else "late"
        ack = sent.ack.result()
        if site.take(FaultKind.CALLBACK_TIMEOUT):
            sent.entry.note = "fault: the platform gave up waiting for the ack"
            return None, "lost"
        return ack, "lost" if ack is None else "answered"

    def _apply(self, card: Card, user: str, ack: Ack | None) -> None:
        """Carry out the card answer; a missing, failed or broken one leaves the card and shows a toast."""
        if ack is None or ack.code != 200:
            card.toasts[user] = TOAST
            return
        try:
            answer = parse_answer(ack.data)
        except BrokenFrameError as error:
            self._site.violation(str(error))
            card.toasts[user] = TOAST
            return
        if answer.public is not None:
            card.set_public(answer.public, by_key=answer.public_by_key)
        if answer.private is not None:
            card.set_private(user, answer.private, by_key=answer.private_by_key)
        self._desk.repainted(card)
