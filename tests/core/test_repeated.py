"""A failure that comes many times a second is a line or two in the log, not a thousand."""

from __future__ import annotations

from structlog.testing import capture_logs

from core.repeated import RepeatedFailure


def test_an_outage_is_one_line_when_it_begins_and_one_when_it_is_over() -> None:
    failure = RepeatedFailure("the shelf could not be read", known=lambda error: isinstance(error, OSError))

    with capture_logs() as logs:
        for error in (ConnectionRefusedError("gone"), TimeoutError("still gone"), ConnectionResetError("gone")):
            failure.failed(error)
        failure.worked()
        failure.worked()

    assert [(line["log_level"], line["event"]) for line in logs] == [
        ("error", "the shelf could not be read"),
        ("info", "over"),
    ]
    assert logs[0].get("exc_info") is None
    assert logs[1]["times"] == 3


def test_a_failure_nobody_expected_shows_its_traceback_once_and_again_after_it_was_over() -> None:
    failure = RepeatedFailure("the shelf could not be read")
    error = KeyError("shelf")

    with capture_logs() as logs:
        failure.failed(error)
        failure.failed(error)
        failure.worked()
        failure.failed(error)

    assert [line.get("exc_info") for line in logs] == [error, None, error]
