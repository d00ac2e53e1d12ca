"""What a person can read on a phone: used to find messages and to print what is there when one is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from simulator.world import PhoneButton, PhoneMessage

Wanted = str | Callable[[PhoneMessage], object]
"""A piece of visible text, or a question about a message."""


def words(message: PhoneMessage) -> str:
    """Everything that can be read on a bubble, top to bottom."""
    parts = [
        message.title,
        message.text,
        message.markdown,
        *(f"{label} {value}" for label, value in message.facts),
        *(choice.title for choice in message.choices),
        *(text for choice in message.choices for _, text in choice.options),
        *(button.text for button in all_buttons(message)),
        message.filename,
        message.toast,
    ]
    return "\n".join(part for part in parts if part)


def all_buttons(message: PhoneMessage) -> Iterator[PhoneButton]:
    yield from message.buttons
    if message.submit is not None:
        yield message.submit


def live_buttons(message: PhoneMessage) -> list[PhoneButton]:
    """Buttons that call the bot when they are tapped."""
    return [button for button in all_buttons(message) if button.key and not button.disabled and not button.url]


def is_match(message: PhoneMessage, wanted: Wanted) -> bool:
    return wanted in words(message) if isinstance(wanted, str) else bool(wanted(message))


def named(wanted: Wanted) -> str:
    """How an error message calls what was looked for."""
    return f"“{wanted}”" if isinstance(wanted, str) else getattr(wanted, "__name__", "the condition")


def picture_of(messages: list[PhoneMessage], seen: set[str]) -> str:
    """The phone as text, newest last; what no test has looked at is marked with ``*``."""
    if not messages:
        return "  (the phone is empty)"
    return "\n".join(_row(message, seen) for message in messages[-12:])


def _row(message: PhoneMessage, seen: set[str]) -> str:
    side = ">" if message.from_me else " " if message.id in seen else "*"
    shown = " / ".join(words(message).split("\n")) or f"[{message.kind} {len(message.image)} bytes]"
    live = "".join(f"[{button.text}]" for button in live_buttons(message))
    return f"  {side} {message.at:%H:%M} {message.kind}: {shown}" + (f"  live: {live}" if live else "")
