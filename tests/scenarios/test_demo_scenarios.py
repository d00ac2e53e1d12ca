"""Every scenario button of the demo, on both sizes of the house."""

from __future__ import annotations

import pytest

import demo
from simulator.scenarios.registry import SCENARIOS
from tests.scenarios.conftest import check_nothing_lost


@pytest.mark.parametrize("name", sorted(SCENARIOS))
async def test_the_scenario_plays_to_its_end_without_a_violation(running: demo.World, name: str) -> None:
    stage = running.simulator.stage(idle=running.idle, restart=running.restart_bot)

    await SCENARIOS[name].play(stage)

    await stage.settle()
    assert stage.violations() == []
    await check_nothing_lost(running)
