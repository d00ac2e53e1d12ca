"""One person's phone in the hands of a scenario: what they type and tap, and what they wait to see."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from simulator.dingtalk import DingTalkPlatform
from simulator.dingtalk.phones import Bubble
from simulator.scenarios.bot_chat import BotChat
from simulator.scenarios.words import Wanted, is_match, live_buttons, named, picture_of, words
from simulator.wecom import WeComPlatform
from simulator.world import Persona, PhoneButton, PhoneChoice, PhoneMessage, Platform, Press

if TYPE_CHECKING:
    from simulator.scenarios.stage import Stage

SCAN_KINDS = ("scancode_waitmsg", "scancode_push")


class NotOnPhone(AssertionError):
    """What a scenario waited for did not come in time; the message prints what is on the phone instead."""


class Phone:
    """Everything on it is looked at newest first, and only since the last ``mark_read``."""

    def __init__(self, stage: Stage, persona: Persona, platform: Platform) -> None:
        self._stage = stage
        self.persona = persona
        self.platform = platform
        self._read: dict[str, int] = {}
        """Id and version of everything that was there at the last ``mark_read``."""
        self.seen: set[str] = set()
        """Ids of messages that a wait returned, a tap touched or ``ignore`` let pass."""

    # -- what is there ---------------------------------------------------------------------------

    def messages(self) -> list[PhoneMessage]:
        """The whole chat, oldest first."""
        return self.platform.chat(self.persona.user)

    def fresh(self) -> list[PhoneMessage]:
        """What came from the bot or was repainted since the last ``mark_read``, newest first."""
        return [
            message
            for message in reversed(self.messages())
            if not message.from_me and self._read.get(message.id) != message.version
        ]

    def mark_read(self) -> None:
        """What stands here now answers no later wait, unless it is repainted."""
        self._read = {message.id: message.version for message in self.messages()}
        self.seen |= set(self._read)

    def find(self, wanted: Wanted) -> PhoneMessage | None:
        """The newest fresh message that fits, without waiting and without counting as looked at."""
        return next((message for message in self.fresh() if is_match(message, wanted)), None)

    def ignore(self, wanted: Wanted) -> None:
        """Let messages pass that this scenario is not about."""
        self.seen |= {message.id for message in self.messages() if is_match(message, wanted)}

    def unexpected(self) -> list[PhoneMessage]:
        """What the bot sent here and no wait returned."""
        return [message for message in self.messages() if not message.from_me and message.id not in self.seen]

    def picture(self) -> str:
        """The phone as text, for error messages."""
        return picture_of(self.messages(), self.seen)

    # -- what they wait for ----------------------------------------------------------------------

    async def wait(self, wanted: Wanted, *, what: str = "", timeout: float | None = None) -> PhoneMessage:
        """The newest fresh message that fits, as soon as it is there.

        Raises:
            NotOnPhone: after ``timeout`` real seconds, printing what is on the phone.
        """
        try:
            found = await self._stage.until(lambda: self.find(wanted), timeout=timeout)
        except TimeoutError:
            raise NotOnPhone(
                f"{self.persona.name} waited for {what or 'a message'} {named(wanted)}; on the phone is\n"
                f"{self.picture()}"
            ) from None
        self.seen.add(found.id)
        return found

    async def wait_text(self, wanted: Wanted, *, timeout: float | None = None) -> PhoneMessage:
        """A bubble or a card that can be read to say so."""
        return await self.wait(wanted, what="the words", timeout=timeout)

    async def wait_card(self, wanted: Wanted = "", *, timeout: float | None = None) -> PhoneMessage:
        """A card that fits, in its present state."""

        def card(message: PhoneMessage) -> bool:
            return message.kind == "card" and is_match(message, wanted)

        card.__name__ = f"card {named(wanted)}"
        return await self.wait(card, what="a", timeout=timeout)

    async def wait_image(self, *, timeout: float | None = None) -> PhoneMessage:
        """A picture from the bot."""

        def with_picture(message: PhoneMessage) -> bool:
            return bool(message.image)

        return await self.wait(with_picture, what="something", timeout=timeout)

    async def wait_button(self, text: str, *, on: Wanted = "", timeout: float | None = None) -> PhoneMessage:
        """The newest card on which that button can be tapped."""
        message, _ = await self._button(text, on, timeout)
        return message

    # -- what they do ----------------------------------------------------------------------------

    async def say(self, text: str) -> str:
        return await self.platform.say(self.persona.user, text)

    async def photo(self, image: bytes, *, filename: str = "photo.jpg") -> str:
        return await self.platform.send_image(self.persona.user, image, filename=filename)

    async def file(self, data: bytes, *, filename: str) -> str:
        return await self.platform.send_file(self.persona.user, data, filename=filename)

    @property
    def aibot(self) -> BotChat:
        """WeCom: the chat with the intelligent bot; its bubbles lie on the same phone."""
        return BotChat(self.platform, self.persona.user)

    async def scan(self, code: str) -> None:
        """WeCom: 扫码 in the app's menu. DingTalk has no such menu: the code is typed.

        Raises:
            LookupError: the bot has not installed a menu with a scan entry.
        """
        if not isinstance(self.platform, WeComPlatform):
            await self.say(f"出 {code}")
            return
        entry = next((e for e in self.platform.menu(self.persona.user) if e.type in SCAN_KINDS), None)
        if entry is None:
            raise LookupError(f"{self.persona.name} has no 扫码 in the menu")
        await self.platform.tap_menu(self.persona.user, entry.key, scan_result=code)

    async def tap_menu(self, name: str) -> None:
        """WeCom: an entry of the app's menu by its name. Raises LookupError when it is not there."""
        if not isinstance(self.platform, WeComPlatform):
            raise LookupError("DingTalk robots have no menu")  # noqa: TRY004 - nothing is wrong with a type
        entry = next((e for e in self.platform.menu(self.persona.user) if e.name == name), None)
        if entry is None:
            raise LookupError(f"{self.persona.name} has no menu entry {name!r}")
        await self.platform.tap_menu(self.persona.user, entry.key)

    async def press(
        self,
        text: str,
        *,
        on: Wanted = "",
        select: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> PhoneMessage:
        """Tap the newest live button of that text, as soon as there is one; returns the card it was on.

        The text may also be the beginning of a button's (``已拣`` finds ``已拣20``). ``on`` narrows it to cards
        that fit; ``select`` sets selectors before, by their title (or ``""`` for the only one) and option text.
        """
        message, button = await self._button(text, on, timeout)
        await self._tap(message, button, select or {})
        return message

    async def choose(self, option: str, *, then: str = "", timeout: float | None = None) -> None:
        """Give one answer the way this phone offers it: a button, a list with a submit button, or a number.

        ``then`` is the submit button's text where there are several.
        """

        def offers(message: PhoneMessage) -> bool:
            return (
                any(button.text == option for button in live_buttons(message))
                or any((option in _texts(choice)) and not choice.disabled for choice in message.choices)
                or bool(re.search(rf"^\d+\. {re.escape(option)}$", message.markdown, re.MULTILINE))
            )

        offers.__name__ = f"a choice of “{option}”"
        message = await self.wait(offers, what="", timeout=timeout)
        button = next((button for button in live_buttons(message) if button.text == option), None)
        if button is not None:
            await self._tap(message, button, {})
            return
        title = next((choice.title for choice in message.choices if option in _texts(choice)), None)
        if title is not None:
            await self.press(then or _only_submit(message), on=lambda m: m.id == message.id, select={title: option})
            return
        number = re.search(rf"^(\d+)\. {re.escape(option)}$", message.markdown, re.MULTILINE)
        assert number is not None
        await self.say(number.group(1))

    async def tap(self, message: PhoneMessage, text: str) -> None:
        """Tap a button on a card as it stood earlier, or on somebody else's: the phone no longer offers it.

        Raises:
            LookupError: that card never had such a button.
        """
        button = next((button for button in live_buttons(message) if button.text.startswith(text)), None)
        if button is None:
            raise LookupError(f"no button {text!r} on the card\n{words(message)}")
        user = self.persona.user
        if isinstance(self.platform, WeComPlatform):
            await self.platform.press_raw(user, message.card_id, button.key)
        elif isinstance(self.platform, DingTalkPlatform):
            look_over_shoulder(self.platform, user, message)
            await self.platform.press_raw(user, message.card_id, button.key, {})

    # -- inside ----------------------------------------------------------------------------------

    async def _button(self, text: str, on: Wanted, timeout: float | None) -> tuple[PhoneMessage, PhoneButton]:
        def offers(message: PhoneMessage) -> bool:
            return is_match(message, on) and _named_button(message, text) is not None

        offers.__name__ = f"a live button [{text}]" + (f" on {named(on)}" if on else "")
        message = await self.wait(offers, what="", timeout=timeout)
        button = _named_button(message, text)
        assert button is not None
        return message, button

    async def _tap(self, message: PhoneMessage, button: PhoneButton, select: Mapping[str, str]) -> None:
        self.seen.add(message.id)
        chosen = dict(_selected(message, title, option) for title, option in select.items())
        await self.platform.press(
            Press(user=self.persona.user, card_id=message.card_id, key=button.key, selected=chosen)
        )


def look_over_shoulder(platform: DingTalkPlatform, user: str, message: PhoneMessage) -> None:
    """DingTalk lets anyone who sees a card tap it: put it on this phone too, and nothing else happens."""
    phones = platform.site.phones
    if next(iter(phones.with_card(user, message.card_id)), None) is not None:
        return
    original = next((b for b in phones.bubbles if b.card is not None and b.card.out_track_id == message.card_id), None)
    if original is None:
        return
    phones.add(
        Bubble(
            id=f"{original.id}-seen-by-{user}",
            at=platform.site.clock.now(),
            conversation_id=original.conversation_id,
            viewers=frozenset((user,)),
            kind="card",
            card=original.card,
            space_type=original.space_type,
        )
    )


def _named_button(message: PhoneMessage, text: str) -> PhoneButton | None:
    """The live button of exactly that text, else the only one that begins with it."""
    live = live_buttons(message)
    exact = [button for button in live if button.text == text]
    begun = [button for button in live if button.text.startswith(text)]
    return exact[0] if exact else begun[0] if len(begun) == 1 else None


def _selected(message: PhoneMessage, title: str, option: str) -> tuple[str, list[str]]:
    """Raises LookupError when the card has no such selector or option."""
    for choice in message.choices:
        if title not in ("", choice.title):
            continue
        for option_id, text in choice.options:
            if text == option:
                return choice.key, [option_id]
    raise LookupError(f"no option {option!r} under {title!r} on the card\n{words(message)}")


def _texts(choice: PhoneChoice) -> list[str]:
    return [text for _, text in choice.options]


def _only_submit(message: PhoneMessage) -> str:
    if message.submit is not None:
        return message.submit.text
    raise LookupError(f"say with then= which button sends the choice on the card\n{words(message)}")
