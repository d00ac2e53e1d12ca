"""What people do while it storms: they order, submit, decide; who sees no reaction taps again."""

from __future__ import annotations

import asyncio
import random
import re
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from chaos.company import PART, Company, Salesperson
from chaos.platforms import Platforms
from core.people import PlatformName, Role
from simulator.scenarios.words import live_buttons, words
from simulator.world import PhoneMessage, Press

NUMBER = re.compile(r"SO\d{6}-\d{4,6}")
PATIENCE = 240.0
"""Real seconds a person waits for a card, beside any outage that is planned, before the run calls it missing."""
SHORT_PATIENCE = 30.0
"""The same for a message whose delivery the platform itself says has failed."""
TAP_AGAIN = 8.0
"""Seconds without a reaction after which somebody taps once more; then twice as long, and so on."""


@dataclass(kw_only=True)
class Said:
    """One order message from the person's side."""

    platform: PlatformName
    account: str
    quantity: int
    at: datetime
    message_id: str = ""
    answered_at: datetime | None = None
    """When the platform had the bot's answer; None when it gave up or nobody knows."""
    number: str = ""
    """The order number on the draft card; empty while there is none."""
    left: bool = False
    """The person means to leave this draft unsubmitted."""
    submitted: bool = False


@dataclass(kw_only=True)
class Diary:
    """What everybody did and saw."""

    orders: list[Said] = field(default_factory=list)
    decided: set[str] = field(default_factory=set)
    """Numbers that a technician tapped 通过 on."""


def quantity_on(message: PhoneMessage) -> int | None:
    """The pieces on the one line of a chaos order."""
    found = re.search(r"×\s?(\d+)", words(message))
    return int(found.group(1)) if found else None


def number_on(message: PhoneMessage) -> str:
    found = NUMBER.search(words(message))
    return found.group() if found else ""


def button(message: PhoneMessage, text: str) -> str:
    """The key of a live button, empty when there is none."""
    return next((b.key for b in live_buttons(message) if b.text == text), "")


class Crowd:
    """Everybody at once. ``rate`` orders a second; a share of them is submitted, a share of those approved."""

    def __init__(
        self,
        company: Company,
        platforms: Platforms,
        *,
        orders: int,
        rate: float,
        seed: int,
        submit_share: float = 0.9,
        approve_share: float = 0.3,
        patience: float = PATIENCE,
    ) -> None:
        self._company = company
        self._platforms = platforms
        self._orders = orders
        self._rate = rate
        self._chance = random.Random(f"people {seed}")
        self._submit_share = submit_share
        self._approve_share = approve_share
        self._patience = patience
        self._turn: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._waiting = 0
        self._deciders: list[asyncio.Task[None]] = []
        self.diary = Diary()

    @property
    def progress(self) -> tuple[int, int]:
        """Orders said, and people who still wait for something."""
        return len(self.diary.orders), self._waiting

    async def run(self) -> None:
        """Orders come in; returns when every salesperson has seen what they waited for, or has lost their patience."""
        self._deciders = [
            asyncio.create_task(self._technician(person.accounts[0].platform, person.accounts[0].account))
            for person in self._company.people
            if person.has(Role.TECH)
        ]
        async with asyncio.TaskGroup() as group:
            loop = asyncio.get_running_loop()
            start = loop.time()
            for nth in range(self._orders):
                who = self._company.sales[nth % len(self._company.sales)]
                quantity = 1 + nth // len(self._company.sales)
                group.create_task(self._order(who, quantity, leave=self._chance.random() > self._submit_share))
                await asyncio.sleep(max(0.0, start + (nth + 1) / self._rate - loop.time()))

    async def go_home(self) -> None:
        """The technicians, who decide as long as they are asked, stop."""
        for task in self._deciders:
            task.cancel()
        await asyncio.gather(*self._deciders, return_exceptions=True)

    async def _order(self, who: Salesperson, quantity: int, *, leave: bool) -> None:
        said = Said(
            platform=who.platform, account=who.account, quantity=quantity, at=self._platforms.clock.now(), left=leave
        )
        self.diary.orders.append(said)
        self._waiting += 1
        try:
            async with self._turn[who.account]:
                said.at = self._platforms.clock.now()
                text = f"{who.customer} {PART} {quantity}个, 大后天要"
                said.message_id = await self._platforms.say(who.platform, who.account, text)
                # Nobody types two orders within a second, and WeCom's own time has only seconds.
                await asyncio.sleep(max(0.0, 1.1 - (self._platforms.clock.now() - said.at).total_seconds()))
            patience = self._patience if self._platforms.delivered(said.message_id) else SHORT_PATIENCE
            card = await self._platforms.until(who.account, lambda: self._draft(who, quantity), patience)
            if card is None:
                return
            said.number = number_on(card)
            if leave:
                return
            await asyncio.sleep(self._chance.uniform(0.2, 1.0))
            said.submitted = await self._tap(who.platform, who.account, said.number, "确认提交")
        finally:
            self._waiting -= 1

    def _draft(self, who: Salesperson, quantity: int) -> PhoneMessage | None:
        for message in reversed(self._platforms.phone(who.platform, who.account)):
            if message.card_id.startswith("so-") and quantity_on(message) == quantity:
                return message
        return None

    async def _tap(self, platform: PlatformName, account: str, number: str, text: str) -> bool:
        """Tap until the button is gone; True then."""

        def gone() -> bool | None:
            card = self._card(platform, account, number)
            return True if card is not None and not button(card, text) else None

        end = asyncio.get_running_loop().time() + self._patience
        patience = TAP_AGAIN
        while asyncio.get_running_loop().time() < end:
            card = self._card(platform, account, number)
            key = button(card, text) if card is not None else ""
            if card is not None and key:
                with suppress(LookupError):  # repainted in the moment of the tap
                    await self._platforms.press(platform, Press(user=account, card_id=card.card_id, key=key))
            if await self._platforms.until(account, gone, patience):
                return True
            patience *= 2
        return False

    def _card(self, platform: PlatformName, account: str, number: str) -> PhoneMessage | None:
        """The newest card about that order on the phone."""
        for message in reversed(self._platforms.phone(platform, account)):
            if message.kind == "card" and message.card_id and number_on(message) == number:
                return message
        return None

    async def _technician(self, platform: PlatformName, account: str) -> None:
        """Decides a share of what is asked, each a moment after it is seen."""
        seen: set[str] = set()
        async with asyncio.TaskGroup() as group:
            while True:
                fresh = await self._platforms.until(account, lambda: self._asked(platform, account, seen) or None, 3600)
                for number in fresh or ():
                    seen.add(number)
                    if self._chance.random() < self._approve_share:
                        group.create_task(self._approve(platform, account, number))

    def _asked(self, platform: PlatformName, account: str, seen: set[str]) -> list[str]:
        return [
            number
            for message in self._platforms.phone(platform, account)
            if message.card_id.startswith("ap-") and (number := number_on(message)) and number not in seen
        ]

    async def _approve(self, platform: PlatformName, account: str, number: str) -> None:
        self._waiting += 1
        try:
            await asyncio.sleep(self._chance.uniform(0.5, 3.0))
            if await self._tap(platform, account, number, "通过"):
                self.diary.decided.add(number)
        finally:
            self._waiting -= 1
