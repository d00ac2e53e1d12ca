"""No secret and no whole phone number in a line of a log, whoever wrote the line and wherever it stands in it."""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any
from urllib.parse import quote

import pytest
import structlog

from bot import redaction
from bot.redaction import Redactor
from bot.settings import DingTalkSection, Settings, WeComSection

SECRETS = {
    "wecom.secret": "s3cr3t/of+the=app",
    "wecom.token": "TokenOfTheCallback",
    "wecom.aes_key": "abcdefghij0123456789" * 2 + "abE",
    "dingtalk.client_secret": "client-secret-of-the-robot",
    "card_secret": "sixteen-or-more-characters",
    "database password": "p4ss-word",
    "redis password": "r3dis-word",
}


@pytest.fixture
def settings() -> Settings:
    return Settings(
        card_secret=SECRETS["card_secret"],
        database_url=f"postgresql+asyncpg://jiedan:{SECRETS['database password']}@db/jiedan",
        redis_url=f"redis://:{SECRETS['redis password']}@cache:6379/0",
        wecom=WeComSection(
            secret=SECRETS["wecom.secret"], token=SECRETS["wecom.token"], aes_key=SECRETS["wecom.aes_key"]
        ),
        dingtalk=DingTalkSection(client_secret=SECRETS["dingtalk.client_secret"]),
    )


@pytest.fixture
def written(settings: Settings) -> Iterator[io.StringIO]:
    """Everything structlog, logging and the hooks write, after the redaction was installed."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    root = logging.getLogger()
    before = (root.level, structlog.get_config(), sys.excepthook, threading.excepthook)
    formatters = {handler: handler.formatter for handler in root.handlers}
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    redaction.install(settings)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(out))
    yield out
    root.removeHandler(handler)
    for other, formatter in formatters.items():
        other.setFormatter(formatter)
    root.setLevel(before[0])
    structlog.configure(**before[1])
    sys.excepthook, threading.excepthook = before[2], before[3]


def test_every_secret_of_the_configuration_is_known(settings: Settings) -> None:
    assert set(redaction.secrets_of(settings)) == set(SECRETS.values())


def test_no_field_that_holds_a_secret_is_forgotten() -> None:
    """A setting that may be written as env:… or file:… is a secret; the redaction must know each of them."""

    def secret_paths(section: Any) -> Iterator[str]:
        for name, field in type(section).model_fields.items():
            value = getattr(section, name)
            if hasattr(type(value), "model_fields"):
                yield from secret_paths(value)
            elif any("_referenced" in repr(part) for part in field.metadata):
                yield name

    named = set(secret_paths(Settings()))

    assert "aes_key" in named
    assert {
        name
        for name in named
        if name not in redaction.SECRET_FIELDS and not name.endswith(("_secret", "_token", "_password"))
    } - redaction.URL_FIELDS == set()


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_in_no_line_at_any_level(written: io.StringIO, name: str) -> None:
    secret = SECRETS[name]
    log, plain = structlog.get_logger(), logging.getLogger("some.library")

    def fail() -> None:
        raise ConnectionError(f"cannot reach https://api/x?corpsecret={quote(secret, safe='')}&a={secret}")

    plain.debug("sent %s", {"body": [secret]})
    log.debug("calling", url=f"https://api/x?y={quote(secret)}", options={"nested": (secret,)})
    try:
        fail()
    except ConnectionError:
        plain.exception("call failed with %r", secret)
        log.exception("call failed", secret=secret)
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]

    said = written.getvalue()
    assert said.count("Traceback") == 2
    assert said.count("call failed") == 2
    assert secret not in said
    assert quote(secret, safe="") not in said


def test_an_uncaught_exception_is_cleaned_too(written: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    error = ValueError(SECRETS["card_secret"])
    sys.excepthook(ValueError, error, None)

    said = capsys.readouterr().err
    assert "ValueError: ***" in said
    assert SECRETS["card_secret"] not in said


@pytest.mark.parametrize(
    ("line", "clean"),
    [
        (
            "GET /cgi-bin/message/send?access_token=AbC-12_x&debug=1",
            "GET /cgi-bin/message/send?access_token=***&debug=1",
        ),
        ("gettoken?corpid=ww1&corpsecret=xyz", "gettoken?corpid=ww1&corpsecret=***"),
        ("wss://gw/connect?ticket=6f1e-22", "wss://gw/connect?ticket=***"),
        ("callback?msg_signature=ab12&timestamp=1", "callback?msg_signature=***&timestamp=1"),
        ('{"accessToken": "abc", "expireIn": 7200}', '{"accessToken": "***", "expireIn": 7200}'),
        ("{'x-acs-dingtalk-access-token': 'abc'}", "{'x-acs-dingtalk-access-token': '***'}"),
        ('{"clientSecret":"abc"}', '{"clientSecret":"***"}'),
        ("('Authorization', 'Bearer abc')", "('Authorization', '***')"),
        ("postgresql+asyncpg://jiedan:hunter2@db/x", "postgresql+asyncpg://jiedan:***@db/x"),
        ("key ap|17|r3||5f0c9a1e22 refused", "key ap|17|r3||*** refused"),
        ("qty|SO260221-0137|r2|2=50|5f0c9a1e22~q=o", "qty|SO260221-0137|r2|2=50|***~q=o"),
        ("/o/SO260221-0137?k=5f0c9a1e22", "/o/SO260221-0137?k=***"),
        ("收货人 13812345678 急", "收货人 138****5678 急"),
        ("+86-138-1234-5678", "+86-138****5678"),
        ("tel 021-55667788", "tel 021-****7788"),
        ("送到浦东新区张江路123号5幢 张三", "*** 张三"),
    ],
)
def test_a_line_is_cleaned(line: str, clean: str) -> None:
    assert Redactor().clean(line) == clean


@pytest.mark.parametrize(
    "line",
    [
        "inbox 8123 order.submit by u17 done in 214 ms",
        "SO260221-0137 04465-0K240 20个",
        "msg 7182945610293847561 at 1771636440123",
        "trace 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "sign off, no secret here: token refreshed",
        "key=m:123 lane=card:ap-17",
    ],
)
def test_what_an_operator_needs_stays(line: str) -> None:
    assert Redactor(["another-secret"]).clean(line) == line


def test_installing_again_wraps_no_formatter_twice(written: io.StringIO, settings: Settings) -> None:
    redaction.install(settings)
    redaction.install(settings)

    formatters = [handler.formatter for handler in logging.getLogger().handlers]

    assert all(isinstance(f, redaction.Formatter) and not isinstance(f.inner, redaction.Formatter) for f in formatters)
    with redirect_stdout(io.StringIO()):
        logging.getLogger("x").warning("token=abc")
    assert "token=***" in written.getvalue()
