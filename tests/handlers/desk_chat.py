"""People at their phones: what they type or press goes through the routes, as the bot's inbox loop does it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cards.keys import Keys
from core.acting import Actor
from core.desk import Act
from core.errors import DomainError
from core.inbound import CardPress, Inbound, MediaRef, MessageKind
from core.people import PlatformName
from core.ports import DeadLetter
from core.reading.words import ReadPage
from core.telling import Address, plain
from handlers import texts
from handlers.routes import handle
from tests.cards.real_cards import KEYS
from tests.world_data import World

_ids = itertools.count(1)


class NoSlowWork:
    """The part of the services that typed commands use: nothing is parked, nothing is fetched."""

    async def fetch(self, message: Inbound, media: MediaRef) -> tuple[bytes, str]:
        raise AssertionError("nothing to fetch")

    async def keep(self, data: bytes) -> str:
        raise AssertionError("nothing to keep")

    async def read(self, data: bytes, filename: str) -> tuple[ReadPage, ...]:
        raise AssertionError("nothing to read")

    async def bar_codes(self, data: bytes) -> list[str]:
        raise AssertionError("no picture")

    def reading_queue(self) -> int:
        return 0

    async def parked(self) -> list[DeadLetter]:
        return []

    def parked_page(self, person_id: str) -> str:
        return ""


class OneMessage:
    """A context over the small desk; a refusal is answered as the bot answers it."""

    keys: Keys = KEYS
    services = NoSlowWork()

    def __init__(self, world: World, message: Inbound, actor: Actor | None) -> None:
        self._world = world
        self._actor = actor
        self.message = message
        self.acts = 0

    @property
    def actor(self) -> Actor:
        if self._actor is None:
            raise DomainError("unknown_person", account=self.message.account)
        return self._actor

    @property
    def known(self) -> bool:
        return self._actor is not None

    @asynccontextmanager
    async def act(self) -> AsyncIterator[Act]:
        async with self._world.act(f"in{self.message.dedupe_key}") as act:
            yield act
        self.acts += 1

    @asynccontextmanager
    async def look(self) -> AsyncIterator[Act]:
        async with self._world.look() as act:
            yield act

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[Act]:
        async with self._world.act(f"in{self.message.dedupe_key}:aside") as act:
            yield act


class Chat:
    """Everybody's conversation with the desk."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def types(self, name: str, text: str, *, group: str = "") -> str:
        """Type a line; gives what the desk newly said to that person, as they read it."""
        return await self._comes_in(name, kind=MessageKind.TEXT, text=text, group=group)

    async def presses(self, name: str, key: str, *, card_id: str = "card", **choices: str) -> str:
        selected = tuple((question, (option,)) for question, option in choices.items())
        press = CardPress(card_id=card_id, key=key, selected=selected)
        return await self._comes_in(name, kind=MessageKind.PRESS, press=press)

    async def _comes_in(
        self, name: str, *, kind: MessageKind, text: str = "", group: str = "", press: CardPress | None = None
    ) -> str:
        actor = self.world.by(name) if name in self.world.people else None
        number = next(_ids)
        message = Inbound(
            platform=actor.platform if actor else PlatformName.WECOM,
            dedupe_key=str(number),
            conv_key=name,
            kind=kind,
            account=actor.account if actor else name,
            platform_at=self.world.now,
            text=text,
            group=group,
            press=press,
        )
        context = OneMessage(self.world, message, actor)
        before = len(await self.world.said(name)) if actor else 0
        try:
            await handle(context)
        except DomainError as refusal:
            return texts.render(refusal.sentence, plain(refusal.args_for_text))
        assert context.acts == 1, "an inbound is finished in exactly one transaction"
        said = (await self.world.said(name))[before:] if actor else await self._said_to(message.account)
        return "\n".join(texts.render(sentence, args) for sentence, args in said)

    async def _said_to(self, account: str) -> list[tuple[str, dict[str, object]]]:
        async with self.world.look() as act:
            assert await act.tx.people.by_account(PlatformName.WECOM, account) is None
        return await self.world.said_to(Address(platform=PlatformName.WECOM, account=account))
