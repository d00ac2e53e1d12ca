"""Errors that the trade expects. Each becomes a sentence to the person; nothing is written."""

from __future__ import annotations

from typing import Any


class DomainError(Exception):
    """A request the rules refuse.

    ``sentence`` names a function of ``handlers.texts`` and ``args`` are its arguments, so that what the
    person reads stays in one catalogue.
    """

    def __init__(self, sentence: str, /, **args: Any) -> None:
        super().__init__(f"{sentence}({', '.join(f'{k}={v!r}' for k, v in args.items())})")
        self.sentence = sentence
        self.args_for_text = args


class LeaseLost(Exception):
    """Another worker owns this row by now; what was done in this transaction must not be kept."""


class PictureRefused(Exception):
    """A picture or file that is not read: too big, not what it says, broken. ``sentence`` as in DomainError."""

    def __init__(self, sentence: str, /, **args: Any) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.args_for_text = args


class IngestUnavailable(Exception):
    """An inbound could not be committed in time. The messenger is told so, and sends it again by itself."""
