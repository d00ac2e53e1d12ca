"""What lies in the chats: every bubble with the people who see it."""

from __future__ import annotations

from collections.abc import Iterable
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
        self.bubbles: list[Bubble] = []

    def add(self, bubble: Bubble) -> Bubble:
        self.bubbles.append(bubble)
        return bubble

    def of(self, user: str) -> list[Bubble]:
        return [bubble for bubble in self.bubbles if user in bubble.viewers]

    def by_id(self, message_id: str) -> Bubble:
        """Raises LookupError when there is no such message."""
        for bubble in self.bubbles:
            if bubble.id == message_id:
                return bubble
        raise LookupError(f"no message {message_id!r}")

    def sent_by(self, process_key: str) -> list[Bubble]:
        return [bubble for bubble in self.bubbles if bubble.process_key == process_key]

    def with_card(self, user: str, out_track_id: str) -> Iterable[Bubble]:
        for bubble in reversed(self.of(user)):
            if bubble.card is not None and bubble.card.out_track_id == out_track_id:
                yield bubble

    def remove(self, bubbles: Iterable[Bubble]) -> None:
        gone = {id(bubble) for bubble in bubbles}
        self.bubbles = [bubble for bubble in self.bubbles if id(bubble) not in gone]
