"""The stage of a scenario: every phone by its owner's name, the clock, the faults, and conditions to wait on.

The demo's buttons and the bot's scenario tests use the same one::

    sales = stage.phone("销售A")
    await sales.say("K0231 04465-0K240 20个, 后天要")
    await sales.press("确认提交")
    await stage.phone("技术甲").press("通过")
    await sales.wait_text("等下一波次下仓")
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

from simulator.clock import CHINA, MovableClock, until_next
from simulator.dingtalk import DingTalkPlatform
from simulator.personas import EVERYBODY, phone_id
from simulator.scenarios.phone import NotOnPhone, Phone
from simulator.scenarios.words import Wanted, named, picture_of
from simulator.world import Faults, Persona, PhoneMessage, Platform, PlatformName, WireLog

T = TypeVar("T")
LOOK_EVERY = 0.02
"""Real seconds between two looks at a phone."""
QUIET = 0.3
"""The wire is settled when nothing was on it for so many real seconds."""


class Stage:
    """``idle`` returns when the bot has nothing left to do; without it a quiet wire has to do.

    ``announce`` is told each step of a scenario; ``turn`` counts repetitions in one long-lived demo, so that a
    scenario can vary its order and is not taken for a duplicate.
    """

    def __init__(
        self,
        *,
        platforms: Mapping[PlatformName, Platform],
        clock: MovableClock,
        wire: WireLog,
        faults: Faults,
        people: Sequence[Persona] = EVERYBODY,
        timeout: float = 10.0,
        idle: Callable[[], Awaitable[None]] | None = None,
        restart: Callable[[], Awaitable[None]] | None = None,
        announce: Callable[[str], None] | None = None,
        turn: int = 0,
    ) -> None:
        self.clock = clock
        self.wire = wire
        self.faults = faults
        self.turn = turn
        self._platforms = platforms
        self._timeout = timeout
        self._idle = idle
        self._restart = restart
        self._announce = announce
        self._violations_before = len(wire.violations)
        self.phones = {phone_id(p): Phone(self, p, platforms[p.platform]) for p in people if p.platform in platforms}
        self.mark_read()

    # -- people ----------------------------------------------------------------------------------

    def phone(self, name: str, platform: PlatformName | None = None) -> Phone:
        """A person's main phone, or the one on ``platform``. Raises LookupError naming who there is."""
        for phone in self.phones.values():
            if name == phone.persona.name and platform in (None, phone.persona.platform):
                return phone
        if name in self.phones:
            return self.phones[name]
        there = "、".join(dict.fromkeys(phone.persona.name for phone in self.phones.values()))
        raise LookupError(f"nobody named {name!r} on {platform or 'any platform'}; there are {there}")

    def mark_read(self) -> None:
        """What stands on all phones now answers no later wait."""
        for phone in self.phones.values():
            phone.mark_read()

    def unexpected(self) -> list[tuple[str, PhoneMessage]]:
        """(name, message) of everything the bot sent that no wait returned."""
        return [(phone.persona.name, message) for phone in self.phones.values() for message in phone.unexpected()]

    def violations(self) -> list[str]:
        """What the bot did wrong on the wire since this stage was set up."""
        return self.wire.violations[self._violations_before :]

    def check_nothing_unexpected(self) -> None:
        """For the end of a test. Raises AssertionError that prints the messages and violations."""
        lines = [
            f"{phone.persona.name}:\n{picture_of(left, phone.seen)}"
            for phone in self.phones.values()
            if (left := phone.unexpected())
        ]
        lines += [f"protocol violation: {text}" for text in self.violations()]
        if lines:
            raise AssertionError("nobody looked at\n" + "\n".join(lines))

    # -- waiting ---------------------------------------------------------------------------------

    async def until(self, condition: Callable[[], T | None], *, timeout: float | None = None) -> T:
        """The condition's first answer that is true or not empty. Raises TimeoutError."""
        async with asyncio.timeout(self._timeout if timeout is None else timeout):
            while True:
                answer = condition()
                if answer:
                    return answer
                await asyncio.sleep(LOOK_EVERY)

    async def settle(self) -> None:
        """Return when the bot is idle and the wire has been quiet for a moment."""
        if self._idle is not None:
            await self._idle()
        loop = asyncio.get_running_loop()
        last, since = self._traffic(), loop.time()
        while loop.time() - since < QUIET:
            await asyncio.sleep(LOOK_EVERY)
            if (now := self._traffic()) != last:
                last, since = now, loop.time()

    async def expect_silence(self, *names: str) -> None:
        """Nothing new reaches these people (everybody when none is named) until all is settled.

        Raises:
            AssertionError: with what they got.
        """
        phones = [self.phone(name) for name in names] or list(self.phones.values())
        before = {phone: _state(phone) for phone in phones}
        await self.settle()
        for phone in phones:
            if _state(phone) != before[phone]:
                raise AssertionError(f"{phone.persona.name} should have heard nothing, but\n{phone.picture()}")

    # -- time ------------------------------------------------------------------------------------

    def advance(self, *, hours: float = 0, minutes: float = 0) -> None:
        self.clock.advance(timedelta(hours=hours, minutes=minutes))

    async def pass_time_until(
        self, name: str, wanted: Wanted, *, step: timedelta = timedelta(minutes=15), most: timedelta = timedelta(days=2)
    ) -> PhoneMessage:
        """Move the clock step by step until it is on that person's phone.

        Raises:
            NotOnPhone: when ``most`` has passed without it.
        """
        phone = self.phone(name)
        passed = timedelta()
        while passed <= most:
            await self.settle()
            if (found := phone.find(wanted)) is not None:
                phone.seen.add(found.id)
                return found
            self.clock.advance(step)
            passed += step
        raise NotOnPhone(f"{name} waited {most} for {named(wanted)}; on the phone is\n{phone.picture()}")

    async def be_at_work(self, *, before: int = 15) -> None:
        """Between 08:20 and ``before`` o'clock, so that cut-offs and working hours are still ahead."""
        here = self.clock.now().astimezone(CHINA)
        if not (8, 20) <= (here.hour, here.minute) < (before, 0):
            self.clock.advance(until_next(here, 9, 5))
            await self.settle()

    # -- the world -------------------------------------------------------------------------------

    def step(self, sentence: str) -> None:
        """Tell whoever watches what happens next."""
        if self._announce is not None:
            self._announce(sentence)

    async def restart_bot(self) -> None:
        """Kill and start the bot. Raises LookupError where nobody can."""
        if self._restart is None:
            raise LookupError("this stage cannot restart the bot")
        await self._restart()

    def drop_streams(self) -> None:
        """Abort every DingTalk stream connection."""
        platform = self._platforms.get("dingtalk")
        if isinstance(platform, DingTalkPlatform):
            platform.drop_streams()

    def streams(self) -> set[str]:
        """The ids of the DingTalk streams that are up."""
        platform = self._platforms.get("dingtalk")
        return {c.id for c in platform.gateway.connections} if isinstance(platform, DingTalkPlatform) else set()

    def _traffic(self) -> tuple[int, str]:
        last = self.wire.entries[-1] if self.wire.entries else None
        return (last.id, last.status) if last is not None else (0, "")


def _state(phone: Phone) -> list[tuple[str, int, str]]:
    return [(m.id, m.version, m.toast) for m in phone.messages() if not m.from_me]
