"""``make chaos`` in its short form: real processes and servers, everything pulled at least once, nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.report import table
from chaos.storm import Storm, ride_out


@pytest.mark.parametrize(
    "storm",
    [
        Storm(seed=7, orders=60, kills=8, size="sqlite", replicas=1, rate=4.0, outage_seconds=5.0),
        pytest.param(
            Storm(seed=7, orders=60, kills=8, size="postgres", replicas=2, rate=3.0, outage_seconds=5.0),
            marks=pytest.mark.postgres,
        ),
    ],
    ids=["sqlite", "postgres"],
)
async def test_nothing_is_lost_doubled_shown_twice_or_forgotten(storm: Storm, tmp_path: Path) -> None:
    said: list[str] = []
    run, verdict = await ride_out(storm, say=said.append)
    print("\n".join([*said, table(run, verdict)]))
    assert verdict.faults == {}
    assert verdict.orders_accepted == storm.orders
    assert run.troubles["kill worker"] == storm.kills
    assert run.submitted > storm.orders / 2
    assert verdict.deadlines_fired > 0
