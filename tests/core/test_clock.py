"""A bot that is alone keeps its own pace: a wall clock that jumps moves no deadline (R18)."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from core.clock import SteadyClock, steady_seconds

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


class Machine:
    """A wall clock and a steady counter that a test moves apart."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.off = timedelta()

    def wall(self) -> datetime:
        return START + timedelta(seconds=self.seconds - 100) + self.off

    def steady(self) -> float:
        return self.seconds

    def clock(self) -> SteadyClock:
        return SteadyClock(wall=self.wall, steady=self.steady)


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1), timedelta(seconds=6)])
def test_a_jump_of_the_wall_clock_is_not_believed_but_said(jump: timedelta) -> None:
    machine = Machine()
    clock = machine.clock()

    machine.off = jump
    for _ in range(600):
        machine.seconds += 1
        clock.now()

    assert clock.now() == START + timedelta(seconds=600)
    assert clock.skew() == jump
    assert machine.clock().now() == START + timedelta(seconds=600) + jump


@pytest.mark.parametrize("drift", [2.0, -2.0])
def test_the_time_service_is_followed_gently_and_never_backwards(drift: float) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.off = timedelta(seconds=drift)

    seen = []
    for _ in range(60):
        machine.seconds += 0.5
        seen.append(clock.now())

    steps = [(b - a).total_seconds() for a, b in itertools.pairwise(seen)]
    assert all(0.45 <= step <= 0.55 for step in steps)
    assert abs(clock.skew()) < timedelta(milliseconds=1)


def test_a_wall_clock_that_comes_back_is_followed_again() -> None:
    machine = Machine()
    clock = machine.clock()

    machine.off = timedelta(days=1)
    machine.seconds += 10
    clock.now()
    machine.off = timedelta(seconds=-1)
    for _ in range(30):
        machine.seconds += 1
        clock.now()

    assert clock.skew() == timedelta()


def test_a_counter_that_stands_still_gives_the_same_moment() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.off = timedelta(seconds=1)

    assert clock.now() == clock.now() == START
    assert steady_seconds() <= steady_seconds()


def test_the_platforms_are_believed_against_a_wall_clock_that_is_wrong_at_the_start() -> None:
    wall, steady = [START + timedelta(hours=1)], [0.0]
    clock = SteadyClock(wall=lambda: wall[0], steady=lambda: steady[0])
    clock.believe(START)
    assert clock.now() == START
    assert clock.skew() == timedelta(hours=1)
    steady[0], wall[0] = 10.0, wall[0] + timedelta(seconds=10)
    assert clock.now() == START + timedelta(seconds=10)


def test_a_wall_clock_within_a_minute_of_the_platforms_stays_in_force() -> None:
    clock = SteadyClock(wall=lambda: START, steady=lambda: 0.0)
    clock.believe(START + timedelta(seconds=59))
    assert clock.now() == START
