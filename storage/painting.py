"""What a card shows, noted with the statement that both the sender's mark and a press's answer use."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlalchemy import Update, bindparam, update

from core.notices import Painted
from storage import tables as t

_cards, _codes = t.posted_cards.c, t.click_codes.c


def noted(painted: Painted) -> Iterator[tuple[Update, dict[str, Any]]]:
    """Statements with their values; a card that we do not know is left alone."""
    values = {
        "on": painted.platform,
        "card": painted.card_id,
        "digest": painted.digest,
        "over": painted.closed,
        **({"at": painted.posted_at} if painted.posted_at else {}),
        **({"came_with": painted.send_code} if painted.send_code else {}),
    }
    yield _noted(painted.posted_at is not None, bool(painted.send_code)), values
    if painted.spent:
        yield _spent(), {"card": painted.card_id, "used_up": painted.spent}


@cache
def _noted(new: bool, coded: bool) -> Update:
    at = bindparam("at", type_=_cards.posted_at.type)
    changed: dict[str, Any] = {"shown_digest": bindparam("digest"), "closed": bindparam("over")}
    changed |= {"posted_at": at} if new else {}
    changed |= {"send_code": bindparam("came_with"), "send_code_at": at} if coded else {}
    return (
        update(t.posted_cards)
        .where(_cards.platform == bindparam("on"), _cards.card_id == bindparam("card"))
        .values(**changed)
    )


@cache
def _spent() -> Update:
    return (
        update(t.click_codes)
        .where(_codes.card_id == bindparam("card"), _codes.code == bindparam("used_up"))
        .values(spent=True)
    )
