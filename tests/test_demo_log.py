"""What the demo writes when something goes wrong: a plain traceback, quickly."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
import structlog

import demo


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    before = structlog.get_config()
    out = io.StringIO()
    structlog.configure(processors=demo.PROCESSORS, logger_factory=structlog.PrintLoggerFactory(out))
    yield out
    structlog.configure(**before)


def test_a_traceback_of_the_demo_is_plain_and_names_no_local_values(written: io.StringIO) -> None:
    shelf = {"phone": "13812345678"}
    try:
        shelf["missing"]
    except KeyError:
        structlog.get_logger().exception("the desk stumbled")

    lines = written.getvalue().splitlines()
    assert "the desk stumbled" in lines[0]
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == "KeyError: 'missing'"
    assert len(lines) < 8
    assert "13812345678" not in written.getvalue()
