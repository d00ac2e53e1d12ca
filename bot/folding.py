"""One message instead of many, when more has piled up for a person than anybody reads one by one."""

from __future__ import annotations

from typing import Any

from core.notices import Delivery, DeliveryKind, DeliveryState, Priority
from core.ports import OutboxQueue
from handlers import texts

PILE = 5
"""Texts that may wait for one person before they are folded (reliability section 6, order)."""
LOOKED_AT = 60


async def folded(queue: OutboxQueue, delivery: Delivery, owner: str) -> dict[str, Any]:
    """The body to send: the delivery's own, or a digest of it and of the texts behind it, in their order and in full,
    as many as one message holds.

    The digest replaces the body before anything is sent, and the others are superseded in the same commit: whoever
    sends it after a crash repeats it to the letter. What may have been sent already, what was passed on from another
    messenger and what is urgent is left as it is; a picture or a card between two texts ends the pile.
    """
    if not _foldable(delivery) or delivery.unsure:
        return delivery.body
    pile = [delivery]
    for waiting in await queue.behind(delivery, limit=LOOKED_AT):
        if not _foldable(waiting) or waiting.state is not DeliveryState.READY or waiting.attempts:
            break
        pile.append(waiting)
    if len(pile) <= PILE:
        return delivery.body
    body = _digest(pile)
    taken = pile[1 : len(body["args"]["items"])]
    assert delivery.id is not None
    if not taken or not await queue.fold(delivery.id, owner, body, [one.id for one in taken if one.id is not None]):
        return delivery.body
    return body


def _digest(pile: list[Delivery]) -> dict[str, Any]:
    items = [[one.body["sentence"], one.body["args"]] for one in pile]
    while len(items) > 1 and len(texts.render("digest", {"items": items}).encode()) > texts.MOST_BYTES:
        items.pop()
    return {"sentence": "digest", "args": {"items": items}}


def _foldable(delivery: Delivery) -> bool:
    return (
        delivery.kind is DeliveryKind.TEXT
        and Priority(delivery.priority) is not Priority.EXPEDITE
        and not delivery.body.get("fallback")
        and delivery.body.get("sentence") != "digest"
    )
