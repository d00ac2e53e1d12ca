"""A person's chat with the intelligent bot, in the hands of a scenario."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.personas import FRONT_LINE
from simulator.wecom import Aibot, WeComPlatform
from simulator.world import Platform


class BotChat:
    """1:1, and @-ed in the group of the front line. Raises LookupError on a phone without WeCom."""

    def __init__(self, platform: Platform, user: str) -> None:
        if not isinstance(platform, WeComPlatform):
            raise LookupError("the intelligent bot lives in WeCom")  # noqa: TRY004 - nothing is wrong with a type
        self._aibot: Aibot = platform.aibot
        self._user = user

    async def say(self, text: str) -> str:
        return await self._aibot.say(self._user, text)

    async def say_in_group(self, text: str, *, quoting: bytes = b"") -> str:
        """“@接单机器人 …”; ``quoting`` a picture somebody had sent before."""
        quote = self._aibot.quoted_image(quoting) if quoting else None
        return await self._aibot.say(self._user, text, group=FRONT_LINE.chatid, quote=quote)

    async def speak(self, recognised: str) -> str:
        return await self._aibot.speak(self._user, recognised)

    async def photo(self, image: bytes) -> str:
        return await self._aibot.send_image(self._user, image)

    async def mix(self, text: str, images: Sequence[bytes], *, in_group: bool = False) -> str:
        """Words and pictures in one message."""
        return await self._aibot.mix(self._user, text, images, group=FRONT_LINE.chatid if in_group else "")

    async def file(self, data: bytes, *, filename: str) -> str:
        return await self._aibot.send_file(self._user, data, filename=filename)

    async def enter(self) -> None:
        """Open the chat for the first time today."""
        await self._aibot.enter(self._user)
