"""What can go wrong at a platform, by what must be done about it. Adapters map error codes onto these classes."""

from __future__ import annotations


class PlatformError(Exception):
    """``code`` is the platform's own code as text, ``detail`` its message (logged, never decided on)."""

    def __init__(self, code: str, detail: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.retry_after = retry_after


class PlatformDown(PlatformError):
    """Network error, timeout, 5xx, an HTML page: the outcome is unknown. Backoff and try again, keyed."""


class Unsent(PlatformDown):
    """The connection never stood: the platform has seen nothing of it, and a later try is no repeat."""


class PlatformBusy(PlatformError):
    """-1, 6000, 45033, system.busy: nothing was done; try again a few times."""


class RateLimited(PlatformError):
    """45009, 130101, Qps…: pause this API for ``retry_after`` seconds; burns no attempt."""


class Throttled(RateLimited):
    """Our own limit, below the platform's: it was not called. ``detail`` names what is full, ``pace`` is the seconds
    between two turns there."""

    def __init__(self, detail: str, *, api: str, retry_after: float, pace: float) -> None:
        super().__init__("throttled", detail, retry_after=retry_after)
        self.api = api
        self.pace = pace


class Resting(Throttled):
    """The breaker of this API is open: it was not called."""


class QuotaExhausted(PlatformError):
    """DingTalk's month is used up: do not retry, alarm."""


class TokenRejected(PlatformError):
    """The token is still refused after the one forced refresh, or the secret is wrong: alarm, do not hammer."""


class NotReachable(PlatformError):
    """Nobody of the recipients can be reached there: the next channel."""


class CardGone(PlatformError):
    """60140, 42016, cardNotExist: this copy can no longer be repainted with this handle."""


class MediaGone(PlatformError):
    """40007 and the like: the picture or file is no longer at the platform; ask the person to send it again."""


class Refused(PlatformError):
    """The platform refuses the request for good: our defect or missing rights. Park and alarm."""
