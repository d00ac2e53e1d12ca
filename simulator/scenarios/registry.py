"""The one table of scenarios: what each is called on its button, and what it tells while it runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from simulator.scenarios.stage import Stage

Play = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """``phones`` are opened on the page when it starts."""

    id: str
    title: str
    about: str
    phones: tuple[str, ...]
    play: Play


SCENARIOS: dict[str, Scenario] = {}

BUTTONS = (
    "text_order",
    "photo_order",
    "both_at_once",
    "reject",
    "stranger",
    "wave",
    "expedite",
    "overdue",
    "duplicate",
    "reconnect",
    "restart",
)
"""The order in which a visitor is led through them (newcomer.md section 5)."""


def in_order() -> list[Scenario]:
    """All scenarios as their buttons stand on the page."""
    return sorted(SCENARIOS.values(), key=lambda scenario: BUTTONS.index(scenario.id))


def scenario(id: str, title: str, about: str, *, phones: tuple[str, ...]) -> Callable[[Play], Play]:
    """Register a play under its button."""

    def register(play: Play) -> Play:
        SCENARIOS[id] = Scenario(id=id, title=title, about=about, phones=phones, play=play)
        return play

    return register
