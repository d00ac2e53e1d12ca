"""From a card's name to what a person sees now: current state is read at send time, never replayed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from cards import approval_cards, expedite_cards, order_cards, pick_cards
from cards import dingtalk as dingtalk_cards
from cards import wecom as wecom_cards
from cards.annotate import Mark, MarkState, annotate
from cards.card import Card
from cards.keys import Keys
from cards.pick_map import draw_pick_map
from core import views
from core.desk import Act
from core.notices import CardKind
from core.people import PlatformName
from core.ports import FileStore
from core.releasing import floor
from core.views import OrderView
from core.warehouse.sheet import PickSheet, SheetItem, SheetPick, pick_sheet

Builder = Callable[[Act, Keys, str, str, PlatformName], Awaitable[Card | None]]


def _order(build: Callable[..., Card]) -> Builder:
    async def make(act: Act, keys: Keys, ref: str, page: str, platform: PlatformName) -> Card | None:
        view = await views.order_view(act, ref)
        return build(view, keys, page=_page(page, keys, view)) if view else None

    return make


def _request(build: Callable[..., Card]) -> Builder:
    async def make(act: Act, keys: Keys, ref: str, page: str, platform: PlatformName) -> Card | None:
        view = await views.request_view(act, int(ref.removeprefix("ap:")))
        return build(view, keys, page=_page(page, keys, view)) if view else None

    return make


def _pick(build: Callable[..., Card]) -> Builder:
    async def make(act: Act, keys: Keys, ref: str, page: str, platform: PlatformName) -> Card | None:
        view = await views.pick_view(act, ref)
        return build(view, keys) if view else None

    return make


async def _short(act: Act, keys: Keys, ref: str, page: str, platform: PlatformName) -> Card | None:
    number, _, task_id = ref.partition(":")
    view = await views.pick_view(act, number)
    task = next((t for t in view.pick_list.tasks if str(t.id) == task_id), None) if view else None
    return pick_cards.short_reason_card(view, keys, task) if view and task else None


async def _terms(act: Act, keys: Keys, ref: str, page: str, platform: PlatformName) -> Card | None:
    number, _, code = ref.partition(":")
    view = await views.order_view(act, number)
    compact = platform is PlatformName.DINGTALK
    return (
        expedite_cards.expedite_terms_card(view, keys, code, compact=compact, page=_page(page, keys, view))
        if view
        else None
    )


async def _escalation(act: Act, keys: Keys, ref: str, page: str, platform: PlatformName) -> Card | None:
    make = approval_cards.escalated_approval_card if ref.startswith("ap:") else expedite_cards.expedite_alarm_card
    builder = _request(make) if ref.startswith("ap:") else _order(make)
    return await builder(act, keys, ref, page, platform)


BUILDERS: dict[CardKind, Builder] = {
    CardKind.DRAFT: _order(order_cards.draft_card),
    CardKind.ORDER: _order(order_cards.order_card),
    CardKind.APPROVAL: _request(approval_cards.approval_card),
    CardKind.REJECT_REASON: _request(approval_cards.reject_reason_card),
    CardKind.PICK_LIST: _pick(pick_cards.pick_list_card),
    CardKind.PICK_STOP: _pick(pick_cards.pick_stop_card),
    CardKind.SHORT_REASON: _short,
    CardKind.EXPEDITE_REASON: _order(expedite_cards.expedite_reason_card),
    CardKind.EXPEDITE_TERMS: _terms,
    CardKind.EXPEDITE: _order(expedite_cards.expedite_card),
    CardKind.PICKUP: _order(expedite_cards.pickup_card),
    CardKind.ESCALATION: _escalation,
}


def _page(base: str, keys: Keys, view: OrderView) -> str:
    """Page of the record behind the card (I11), its key in the link; empty when no public URL is configured."""
    number = view.order.number
    return f"{base.rstrip('/')}/o/{number}?k={keys.page(number)}" if base else ""


class Renderer:
    """Cards and pictures as the platforms want them."""

    def __init__(self, keys: Keys, files: FileStore, *, public_url: str = "") -> None:
        self._keys = keys
        self._files = files
        self._public_url = public_url

    async def card(self, act: Act, kind: CardKind, ref: str, platform: PlatformName) -> Card | None:
        """None when the subject is gone: then there is nothing to show."""
        return await BUILDERS[kind](act, self._keys, ref, self._public_url, platform)

    def payload(self, card: Card, platform: PlatformName, card_id: str | None) -> dict[str, Any]:
        """``card_id`` None: the replacement of a posted card."""
        if platform is PlatformName.WECOM:
            return wecom_cards.render(card, card_id)
        return dict(dingtalk_cards.render(card))

    async def sheet(self, act: Act, number: str) -> PickSheet | None:
        view = await views.pick_view(act, number)
        if view is None:
            return None
        picks = [
            SheetPick(
                bin=t.bin,
                item=SheetItem(part_number=t.part_number, lot_no=t.lot_no, quantity=t.quantity, part_name=t.part_name),
            )
            for t in view.pick_list.tasks
        ]
        layout = await floor(act, view.pick_list.warehouse)
        name = view.warehouse.name if view.warehouse else view.pick_list.warehouse
        return pick_sheet(
            picks,
            layout,
            wave_number=number,
            warehouse_name=name,
            orders=len(view.pick_list.orders),
            must_ship=view.must_ship,
        )

    def pick_map(self, sheet: PickSheet) -> bytes:
        return draw_pick_map(sheet)

    async def annotated(self, sha256: str, details: dict[str, Any]) -> bytes:
        """The person's own picture with the boxes. Raises FileNotFoundError when the original is gone."""
        original = await self._files.get(sha256)
        marks = [
            Mark(box=tuple((float(x), float(y)) for x, y in box), state=MarkState(state), label=label)  # type: ignore[arg-type]
            for box, state, label in details.get("marks", [])
        ]
        return annotate(original, marks, turned=int(details.get("turned", 0)))


def digest(payload: dict[str, Any]) -> str:
    """What is on the screens, so that an update to the same is not sent. Remaining times do not count as news."""
    text = json.dumps({k: v for k, v in payload.items() if k != "task_id"}, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def picture_name(source: str, ref: str) -> str:
    safe = "".join(c for c in ref if c.isalnum() or c in "-_")[:40]
    return f"{source}-{safe}.{'png' if source == 'pick_map' else 'jpg'}"
