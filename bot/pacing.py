"""After a downtime many cards may be due for one person at once: they come one after the other (R8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from core.people import PlatformName

GAP = timedelta(seconds=20)
"""Between two late cards for one person: three a minute, which leaves room for the digest of the late texts."""
KEPT = 1_000


class CatchUpPace:
    """When the next late card for these accounts may be shown. Each replica paces its own share."""

    def __init__(self, *, replicas: int = 1) -> None:
        self._gap = GAP * max(1, replicas)
        self._free: dict[tuple[PlatformName, str], datetime] = {}

    def __call__(self, now: datetime, platform: PlatformName, accounts: Sequence[str]) -> datetime:
        """The first moment at which none of them has had one for a while; it is theirs from now on."""
        at = max([now, *(self._free.get((platform, account), now) for account in accounts)])
        self._free |= {(platform, account): at + self._gap for account in accounts}
        if len(self._free) > KEPT:
            self._free = {key: free for key, free in self._free.items() if free > now}
        return at
