"""Who an encrypted userid is: a bot may report its users under such ids instead of those of the corp [101521]."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Protocol

from bot.wecom.aibot.parse import AIBOT
from core.inbound import Inbound
from core.ports import Coordinator

OPEN_USERID = re.compile(r"wo[0-9A-Za-z_-]{30}")
KNOWN_SECONDS = 24 * 3600.0


class Directory(Protocol):
    """The app's view of the corp."""

    async def userid_of(self, open_userid: str) -> str:
        """The userid behind an encrypted one; empty when the platform knows none."""


class OpenUserids:
    """Asks once a day and person. Which form a given bot yields is unconfirmed: plain ids pass unchanged."""

    def __init__(self, directory: Directory | None, coordinator: Coordinator) -> None:
        self._directory = directory
        self._coordinator = coordinator

    async def plain(self, userid: str) -> str:
        """The userid to look a person up by. Raises PlatformError when the corp cannot be asked now."""
        if self._directory is None or not OPEN_USERID.fullmatch(userid):
            return userid
        key = f"wecom:openuserid:{userid}"
        known = await self._coordinator.get_token(key)
        if known is None:
            known = await self._directory.userid_of(userid) or userid
            await self._coordinator.put_token(key, known, KNOWN_SECONDS)
        return known

    async def recognise(self, message: Inbound) -> Inbound:
        """The message as of the member behind it: answers and cards reach them in the app."""
        if message.extra.get("via") != AIBOT:
            return message
        return replace(message, account=(await self.plain(str(message.extra["userid"]))).casefold())
