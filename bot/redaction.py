"""What never reaches a log: secrets of the configuration, tokens in addresses, marks of card keys; phones are masked.

It works on the finished line, tracebacks included, so that it does not matter which library wrote it (rule 9 of the
style; reliability section 8, “Secrets and PII”).
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any
from urllib.parse import quote, quote_plus

import structlog
from pydantic import BaseModel
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from bot.settings import Settings

HIDDEN = "***"
SHORTEST = 6
"""A shorter secret would blot out half of every line; the settings want longer ones where it matters."""
SECRET_FIELDS = frozenset(
    {"secret", "token", "aes_key", "client_secret", "card_secret", "aibot_secret", "heartbeat_url", "password"}
)
URL_FIELDS = frozenset({"database_url", "redis_url"})

NAMES = (
    r"(?:[\w-]*access[_-]?token|[\w-]*secret|ticket|msg_signature|signature|sign|aes_?key|password|passwd|token"
    r"|response_code|ResponseCode|authorization|downloadCode)"
)
PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # name=value in an address or a form
    (re.compile(rf"(?i)(?<![\w-])({NAMES})=([^&\s\"'<>)\],;]+)"), rf"\1={HIDDEN}"),
    # the key in the address of an order's page
    (re.compile(r"([?&]k(?:ey)?=)[^&\s\"'<>]+"), rf"\1{HIDDEN}"),
    # "name": "value" in JSON or in the text form of a dict or a header
    (re.compile(rf"(?i)([\"']{NAMES}[\"']\s*[:,]\s*[\"'])([^\"']+)"), rf"\1{HIDDEN}"),
    # user:password@host
    (re.compile(r"(://[^:/\s@]*:)[^@\s/]+@"), rf"\1{HIDDEN}@"),
    # the mark of a card key: ap|17|r3||5f0c9a1e22
    (re.compile(r"(\|r\d+\|[^|\s\"']{0,80}\|)[0-9a-f]{10}"), rf"\1{HIDDEN}"),
    # a mobile number, also written 138 1234 5678 or +86-138-1234-5678
    (re.compile(r"(?<![\w.])((?:\+?86[- ]?)?1[3-9]\d)[- ]?\d{4}[- ]?(\d{4})(?![\w])"), r"\1****\2"),
    # a landline with its area code
    (re.compile(r"(?<![\w-])(0\d{2,3}-)\d{3,4}(\d{4})(?![\w-])"), r"\1****\2"),
    # a street address: the place stays, street and number go
    (re.compile(r"[\u4e00-\u9fff]{1,8}(?:路|街|道|巷|弄)\s?\d{1,5}(?:号|弄)[^\s,,。;;\"'|]{0,24}"), HIDDEN),
)


class Redactor:
    """Cleans a finished text. Unknown secrets are found by the names they stand under."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
        # The longest first: one secret may be the beginning of another.
        either = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        self._known = re.compile(either) if either else None

    def clean(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for pattern, instead in PATTERNS:
            text = pattern.sub(instead, text)
        return text


def secrets_of(settings: Settings) -> list[str]:
    """Every secret value of the configuration, the passwords inside its addresses included."""
    return sorted(set(_secrets(settings)))


def install(settings: Settings) -> Redactor:
    """From here on nothing secret is written by structlog, by logging or by an uncaught exception.

    Call it after logging was configured; again after the settings or the handlers have changed.
    """
    redactor = Redactor(secrets_of(settings))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.StackInfoRenderer(),
            structlog.dev.set_exc_info,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            # Plain: colours would cut values in pieces, and rich tracebacks print the values of local variables.
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
            Line(redactor),
        ],
        cache_logger_on_first_use=False,
    )
    names = [None, *logging.Logger.manager.loggerDict]
    for handler in {handler for name in names for handler in logging.getLogger(name).handlers}:
        inner = handler.formatter
        inner = inner.inner if isinstance(inner, Formatter) else inner
        handler.setFormatter(Formatter(redactor, inner or logging.Formatter()))
    sys.excepthook = _Hook(redactor)
    threading.excepthook = lambda args: _Hook(redactor)(args.exc_type, args.exc_value, args.exc_traceback)
    return redactor


class Line:
    """The last processor of structlog: it gets the line as it would be written."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def __call__(self, _logger: Any, _method: str, line: Any) -> Any:
        return self._redactor.clean(line) if isinstance(line, str) else line


class Formatter(logging.Formatter):
    """Another formatter's line, cleaned: message, arguments and traceback alike."""

    def __init__(self, redactor: Redactor, inner: logging.Formatter) -> None:
        super().__init__()
        self._redactor = redactor
        self.inner = inner

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.clean(self.inner.format(record))


class _Hook:
    """An uncaught exception, cleaned, on standard error."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def __call__(self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        sys.stderr.write(self._redactor.clean("".join(traceback.format_exception(kind, error, trace))))


def _forms(secret: str) -> set[str]:
    return {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}


def _secrets(section: BaseModel) -> Iterator[str]:
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _secrets(value)
        elif isinstance(value, str) and value:
            if name in SECRET_FIELDS or name.endswith(("_secret", "_token", "_password")):
                yield value
            elif name in URL_FIELDS:
                yield from _password(value)


def _password(url: str) -> Iterator[str]:
    try:
        password = make_url(url).password
    except (ArgumentError, ValueError):
        return
    if password:
        yield password
