"""What both simulated platforms share: the clock, the wire log, the faults and what a phone shows."""

from __future__ import annotations

import itertools
import random
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Protocol

PlatformName = Literal["wecom", "dingtalk"]


class Clock(Protocol):
    """The time of the simulated world. The demo and the tests hand in one that can be moved."""

    def now(self) -> datetime:
        """Aware wall-clock time."""

    async def sleep(self, seconds: float) -> None:
        """Return when ``seconds`` of this clock's time have passed, at once if the clock is moved past it."""


@dataclass(kw_only=True)
class WireEntry:
    """One exchange on the wire, as the inspector shows it."""

    id: int
    at: datetime
    platform: PlatformName
    direction: Literal["to_bot", "from_bot"]
    label: str
    """Short name: ``POST /wecom/callback``, ``message/send``, ``stream CALLBACK card``."""
    encrypted: str = ""
    """The bytes as they travelled, where they were encrypted (text form, may be cut at 4 KB)."""
    plain: Any = None
    """The decrypted or JSON content."""
    status: str = ""
    """``200 ok``, ``errcode 42014 …``, ``ack 200``."""
    note: str = ""
    """What the simulator thought of it: warnings about advised lengths, faults that were injected."""


class WireLog:
    """The last exchanges of both platforms, and the violations of the protocol that the bot committed.

    A violation is a defect of the bot that a real platform would punish or silently swallow; scenario
    tests fail when there is one (``wire/wecom.md`` section 11, ``wire/dingtalk.md`` section 11).
    """

    def __init__(self, clock: Clock, *, keep: int = 2000) -> None:
        self._clock = clock
        self._ids = itertools.count(1)
        self.entries: deque[WireEntry] = deque(maxlen=keep)
        self.violations: list[str] = []
        self.listeners: list[Callable[[WireEntry], None]] = []

    def record(
        self,
        platform: PlatformName,
        direction: Literal["to_bot", "from_bot"],
        label: str,
        *,
        encrypted: str = "",
        plain: Any = None,
        status: str = "",
        note: str = "",
    ) -> WireEntry:
        entry = WireEntry(
            id=next(self._ids),
            at=self._clock.now(),
            platform=platform,
            direction=direction,
            label=label,
            encrypted=encrypted[:4096],
            plain=plain,
            status=status,
            note=note,
        )
        self.entries.append(entry)
        self.changed(entry)
        return entry

    def changed(self, entry: WireEntry) -> None:
        """Tell the page that an entry is new or has got its status."""
        for listener in self.listeners:
            listener(entry)

    def violation(self, platform: PlatformName, text: str) -> None:
        self.violations.append(f"{platform}: {text}")


class FaultKind(StrEnum):
    """Faults that can be switched on for the next ``times`` occasions."""

    DUPLICATE_CALLBACK = "duplicate_callback"  # each callback is sent three times although it was answered
    CALLBACK_TIMEOUT = "callback_timeout"  # the platform gives up waiting and sends the callback again
    REORDER = "reorder"  # two successive callbacks of one person arrive swapped
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - the next API call meets a token revoked early
    UNTRUSTED_IP = "untrusted_ip"  # WeCom 60020 on API calls
    RATE_LIMITED = "rate_limited"  # WeCom 45009; DingTalk QpsLimitForAppkeyAndApi
    CODE_SPENT = "code_spent"  # the next update meets a spent response_code (60140)
    ACCEPT_THEN_ABORT = "accept_then_abort"  # the send is carried out, but the connection dies before the answer
    SERVER_ERROR = "server_error"  # HTTP 500/503 before anything is carried out
    BUSY = "busy"  # WeCom errcode -1, DingTalk system.busy
    SLOW = "slow"  # answer after several seconds
    HTML_INSTEAD_OF_JSON = "html"  # a gateway's error page
    STREAM_DROP = "stream_drop"  # DingTalk: all sockets are aborted
    STREAM_DISCONNECT = "stream_disconnect"  # DingTalk: SYSTEM disconnect, mute, TCP close later
    STREAM_MUTE = "stream_mute"  # DingTalk: half-open sockets that deliver nothing
    DELIVER_FALSE = "deliver_false"  # DingTalk card: HTTP 200 with deliverResults[].success=false
    QUOTA_EXHAUSTED = "quota_exhausted"  # DingTalk: quota frame (20001) in, ApiCountLimitForOrg out


class Faults:
    """Faults still to be injected, counted or by chance; both platforms take from them."""

    def __init__(self, *, seed: int | None = None) -> None:
        self._left: dict[tuple[PlatformName | None, FaultKind], int] = {}
        self._rates: dict[tuple[PlatformName, FaultKind], float] = {}
        self._chance = random.Random(seed)
        self.injected: Counter[str] = Counter()
        """``platform kind`` → how often it has happened."""

    def arm(self, kind: FaultKind, *, times: int = 1, platform: PlatformName | None = None) -> None:
        """Inject ``kind`` on the next ``times`` occasions, on one platform or on whichever comes first."""
        self._left[(platform, kind)] = self._left.get((platform, kind), 0) + times

    def weather(self, platform: PlatformName, rates: Mapping[FaultKind, float]) -> None:
        """From now on each occasion on this platform meets these faults with these chances (0 to 1)."""
        for kind, rate in rates.items():
            self._rates[platform, kind] = rate

    def take(self, kind: FaultKind, platform: PlatformName) -> bool:
        """Use one occasion up; False when the fault is not armed and chance does not bring it."""
        for key in ((platform, kind), (None, kind)):
            if self._left.get(key, 0) > 0:
                self._left[key] -= 1
                self.injected[f"{platform} {kind}"] += 1
                return True
        rate = self._rates.get((platform, kind), 0.0)
        if rate and self._chance.random() < rate:
            self.injected[f"{platform} {kind}"] += 1
            return True
        return False

    def clear(self) -> None:
        """Blue sky: nothing armed, nothing by chance."""
        self._left.clear()
        self._rates.clear()

    def armed(self) -> Iterator[tuple[PlatformName | None, FaultKind, int]]:
        for (platform, kind), left in self._left.items():
            if left:
                yield platform, kind, left


@dataclass(kw_only=True)
class PhoneButton:
    """Something on a card that can be tapped."""

    key: str
    text: str
    style: str = "neutral"
    """primary, neutral, negative."""
    disabled: bool = False
    url: str = ""
    """Opens a page instead of calling back."""
    menu: bool = False
    """Lives in the “更多” menu of the card (WeCom action_menu)."""


@dataclass(kw_only=True)
class PhoneChoice:
    """A selector on a card: drop-down (single) or check boxes (single or multi)."""

    key: str
    title: str
    options: list[tuple[str, str]]
    """(id, text) in order."""
    selected: list[str]
    multi: bool = False
    disabled: bool = False


@dataclass(kw_only=True)
class PhoneMessage:
    """One bubble in a chat as a person sees it now (cards change in place)."""

    id: str
    at: datetime
    from_me: bool
    kind: Literal["text", "markdown", "image", "file", "voice", "video", "card", "notice"]
    text: str = ""
    title: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)
    markdown: str = ""
    image: bytes = b""
    filename: str = ""
    buttons: list[PhoneButton] = field(default_factory=list)
    choices: list[PhoneChoice] = field(default_factory=list)
    submit: PhoneButton | None = None
    """vote/multiple interaction cards: the one button that sends the choices."""
    link: str = ""
    card_id: str = ""
    """WeCom task_id or DingTalk outTrackId; empty for plain messages."""
    toast: str = ""
    """What the client shows after a press that was not answered in time, or on a refused press."""
    version: int = 1
    """Counts the repaints of a card."""


@dataclass(frozen=True, kw_only=True)
class Press:
    """A tap on a card: which copy, which button, what was selected."""

    user: str
    card_id: str
    key: str
    selected: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Persona:
    """A person of the demo with a phone on one platform."""

    platform: PlatformName
    user: str
    """WeCom userid or DingTalk userId, as the bot's address book has it."""
    name: str
    role: str
    """Chinese role label shown above the phone."""


class Platform(Protocol):
    """What the page, the scenarios and the tests do with either platform.

    Every act returns when the platform has done its part of the wire (callback answered, retried or given
    up; frame acked or not), not when the bot has finished working.
    """

    name: PlatformName

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def say(self, user: str, text: str, *, group: str | None = None) -> str:
        """The person types a text; returns the platform's message id."""

    async def send_image(
        self, user: str, image: bytes, *, filename: str = "photo.jpg", group: str | None = None
    ) -> str:
        """The person sends a picture."""

    async def send_file(self, user: str, data: bytes, *, filename: str) -> str:
        """The person sends a file (1:1 only)."""

    async def press(self, press: Press) -> None:
        """The person taps a card. Raises LookupError when that person has no such live button."""

    def chat(self, user: str) -> list[PhoneMessage]:
        """Everything on that person's phone, oldest first."""
