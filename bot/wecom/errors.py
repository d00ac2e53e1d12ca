"""WeCom's errcodes → what must be done about them [90313]. Decided by the code alone, never by errmsg."""

from __future__ import annotations

from bot.platform_errors import (
    CardGone,
    MediaGone,
    NotReachable,
    PlatformBusy,
    PlatformError,
    RateLimited,
    Refused,
    TokenRejected,
)

STALE_TOKEN = frozenset({40014, 42001})
"""The token was revoked early or has expired: fetch one, replay once."""

REJECTED_SECRET = frozenset({40001, 40013, 40091, 50003})
"""Wrong secret or corp, token of another corp, app disabled: asking again gets our address banned for an hour."""

DUPLICATE_TASK = 42014
"""task_id illegal or repeated. After a send of unknown outcome it means that the first one was accepted."""

TOO_LARGE_AT_ONCE = 830002
"""media/get wants to be asked in ranges."""

RATE_BAN_SECONDS = 60.0
"""A minute's ban lasts a minute; an hour's simply answers 45009 again."""

CODES: dict[type[PlatformError], frozenset[int]] = {
    PlatformBusy: frozenset({-1, 6000, 45033}),
    RateLimited: frozenset({45009}),
    TokenRejected: STALE_TOKEN | REJECTED_SECRET | {41001},
    # userid unknown, list invalid, outside the app's scope, nobody valid
    NotReachable: frozenset({40003, 40031, 40032, 60021, 60111, 81013}),
    # one-shot code spent or older than 72 h; task unknown
    CardGone: frozenset({60140, 42016}),
    MediaGone: frozenset({40007}),
}
"""Every code not listed is Refused: the caller's fault or a missing right (60020 = our address is not trusted)."""

_CLASS_OF = {code: cls for cls, codes in CODES.items() for code in codes}


def error_for(errcode: int, errmsg: str) -> PlatformError:
    """The exception for an errcode other than 0; ``errmsg`` is kept for the log, it carries a hint id."""
    cls = _CLASS_OF.get(errcode, Refused)
    return cls(str(errcode), errmsg, retry_after=RATE_BAN_SECONDS if cls is RateLimited else None)
