"""What lies in the chats: every bubble with the people who see it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from simulator.dingtalk.cards import Card
from simulator.world import PhoneButton

Kind = Literal["text", "markdown", "image", "file", "voice", "video", "card", "notice"]


@dataclass(kw_only=True)
class Bubble:
    """One message in a single chat or a group."""

    id: str
    at: datetime
    conversation_id: str
    viewers: frozenset[str]
    author: str = ""
    """User id of who wrote it; empty for the robot."""
    author_name: str = ""
    kind: Kind = "text"
    text: str = ""
    title: str = ""
    markdown: str = ""
    image: bytes = b""
    filename: str = ""
    link: str = ""
    buttons: list[PhoneButton] = field(default_factory=list)
    card: Card | None = None
    space_type: str = ""
    mention: str = ""
    """The names a card was sent with an @ for."""
    process_key: str = ""
    """processQueryKey of the send that made it."""
    read_by: set[str] = field(default_factory=set)


class Phones:
    """All bubbles in the order in which they came to be."""

    def __init__(self) -> None:
        self._by_id: dict[str, Bubble] = {}
        self._seen_by: dict[str, dict[str, Bubble]] = defaultdict(dict)
        self.watchers: list[Callable[[str], None]] = []
        """Called with the user id whose phone shows something new."""

    @property
    def bubbles(self) -> list[Bubble]:
        return list(self._by_id.values())

    def add(self, bubble: Bubble) -> Bubble:
        self._by_id[bubble.id] = bubble
        for user in bubble.viewers:
            self._seen_by[user][bubble.id] = bubble
        self.changed(bubble)
        return bubble

    def changed(self, bubble: Bubble) -> None:
        """Tell who watches that its viewers have something new to look at."""
        for watcher in self.watchers:
            for user in bubble.viewers:
                watcher(user)

    def of(self, user: str) -> list[Bubble]:
        return list(self._seen_by[user].values())

    def by_id(self, message_id: str) -> Bubble:
        """Raises LookupError when there is no such message."""
        try:
            return self._by_id[message_id]
        except KeyError:
            raise LookupError(f"no message {message_id!r}") from None

    def sent_by(self, process_key: str) -> list[Bubble]:
        return [bubble for bubble in self.bubbles if bubble.process_key == process_key]

    def with_card(self, user: str, out_track_id: str) -> Iterable[Bubble]:
        for bubble in reversed(self.of(user)):
            if bubble.card is not None and bubble.card.out_track_id == out_track_id:
                yield bubble

    def remove(self, bubbles: Iterable[Bubble]) -> None:
        for bubble in list(bubbles):
            del self._by_id[bubble.id]
            for user in bubble.viewers:
                del self._seen_by[user][bubble.id]
