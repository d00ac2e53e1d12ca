"""What the intelligent bot says in its own chat: hello, where the cards come from, and that it could not store."""

from __future__ import annotations

from datetime import date

from bot.wecom.aibot.identity import OpenUserids
from core.people import PlatformName
from core.ports import Database
from handlers import texts

EVER = date(2000, 1, 1)
"""One running number per person for all time: the first says that nobody has told them yet."""


class AibotAnswers:
    """Implements ``bot.wecom.aibot.receive.Answers``. Cards and all that must arrive go through the outbox."""

    def __init__(self, database: Database, identities: OpenUserids) -> None:
        self._database = database
        self._identities = identities
        self._told: set[str] = set()

    async def greeting(self, userid: str) -> str:
        account = await self._identities.plain(userid)
        async with self._database.reading() as tx:
            person = await tx.people.by_account(PlatformName.WECOM, account)
        return texts.unknown_person(account) if person is None else texts.aibot_greeting(person.name)

    async def receipt(self, userid: str) -> str:
        """Where the cards come from is said once per person (chat.md section 2): same person, other conversation."""
        account = (await self._identities.plain(userid)).casefold()
        if account in self._told:
            return texts.aibot_received()
        async with self._database.transaction() as tx:
            if await tx.people.by_account(PlatformName.WECOM, account) is None:
                return texts.unknown_person(account)
            first = await tx.numbers.next(f"aibot:told:{account}", EVER) == 1
        self._told.add(account)
        return texts.aibot_where_to_look() if first else texts.aibot_received()

    def not_stored(self) -> str:
        return texts.aibot_not_stored()
