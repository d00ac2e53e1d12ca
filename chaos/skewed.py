"""``python -m bot …`` on a machine whose wall clock somebody sets: a number of seconds in a file is added to it."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import core.clock

FILE = "CHAOS_CLOCK"
"""Environment variable with the path of that file; without the file the clock is right."""


class SkewedDatetime(datetime):
    """``datetime`` for the module that reads the wall clock."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        right = datetime.now(tz or UTC)
        try:
            return right + timedelta(seconds=float(Path(os.environ[FILE]).read_text()))
        except (OSError, ValueError):
            return right


def main() -> None:
    core.clock.datetime = SkewedDatetime  # type: ignore[attr-defined]
    from bot.__main__ import main as bot

    bot()


if __name__ == "__main__":
    main()
