"""The measuring command itself, small: killed workers fire every deadline once and none early (R7)."""

from __future__ import annotations

import pytest

from bench.deadlines import Run, measure, place


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_workers_killed_again_and_again_fire_every_deadline_once_and_none_early(database: str) -> None:
    run = Run(database=database, count=300, ballast=1_000, spread=2.0, processes=2, kill_every=0.7)

    with place(database) as url:
        found = measure(run, url)

    assert found.kills >= 1
    assert found.exact, found
