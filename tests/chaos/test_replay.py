"""What a run prints so that it can be run again."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from chaos.__main__ import app
from chaos.report import Run


def a_run(only: tuple[str, ...] | None) -> Run:
    return Run(
        seed=7,
        db="postgres",
        replicas=3,
        orders=400,
        kills=2,
        rate=4.0,
        seconds=100.0,
        troubles={},
        weather={},
        ack_seconds=[],
        sent_seconds=0.0,
        drained_seconds=0.0,
        submitted=0,
        approved=0,
        spooled=0,
        exits=[],
        only=only,
        outage_seconds=60.0,
    )


@pytest.mark.parametrize(
    ("only", "wanted"),
    [(None, ""), ((), ' ONLY="none"'), (("postgres outage", "redis flush"), ' ONLY="postgres outage,redis flush"')],
)
def test_a_replay_has_the_same_troubles_at_the_same_pace(only: tuple[str, ...] | None, wanted: str) -> None:
    said = a_run(only).replay

    assert said == f"make chaos SEED=7 ORDERS=400 KILLS=2 DB=postgres REPLICAS=3 RATE=4 OUTAGE=60{wanted}"


def test_a_trouble_nobody_knows_is_refused_and_those_that_are_there_are_named() -> None:
    refused = CliRunner().invoke(app, ["--only", "disk"])

    assert refused.exit_code == 2
    assert "postgres outage" in refused.output
