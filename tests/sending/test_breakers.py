"""An API that fails is left alone, asked by one, and used again when it answers."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta

import pytest

from bot.breakers import Breakers
from bot.platform_errors import PlatformBusy, PlatformDown, PlatformError, RateLimited, Refused, Resting, Throttled
from core.clock import MovableClock
from core.people import PlatformName
from tests.sending.conftest import START

WECOM = PlatformName.WECOM
SEND, UPDATE = "message/send", "message/update_template_card"


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(START, speed=0.0)


def call(breakers: Breakers, error: BaseException | None = None, api: str = SEND) -> str:
    """How one call ended."""
    try:
        with breakers.guard(WECOM, api):
            _end(error)
    except Resting as resting:
        return f"rests {resting.retry_after:g}"
    except BaseException as raised:
        return type(raised).__name__
    return "answered"


def _end(error: BaseException | None) -> None:
    if error is not None:
        raise error


def failed(breakers: Breakers, times: int) -> list[str]:
    return [call(breakers, PlatformDown("http 500")) for _ in range(times)]


def test_five_network_errors_in_a_row_open_it_for_this_api_alone(clock: MovableClock) -> None:
    breakers = Breakers(clock)

    assert failed(breakers, 4) == ["PlatformDown"] * 4
    assert call(breakers) == "answered"
    assert failed(breakers, 5) == ["PlatformDown"] * 5

    assert call(breakers) == "rests 10"
    assert call(breakers, api=UPDATE) == "answered"
    assert breakers.states() == {(WECOM, SEND): True, (WECOM, UPDATE): False}


def test_one_probe_decides_and_the_others_wait_for_it(clock: MovableClock) -> None:
    breakers = Breakers(clock)
    failed(breakers, 5)
    clock.advance(timedelta(seconds=10))

    with breakers.guard(WECOM, SEND):
        assert [call(breakers) for _ in range(3)] == ["rests 2"] * 3

    assert call(breakers) == "answered"
    assert breakers.states() == {(WECOM, SEND): False}


def test_a_probe_that_fails_makes_it_rest_twice_as_long_up_to_a_minute(clock: MovableClock) -> None:
    breakers = Breakers(clock)
    failed(breakers, 5)

    rests = []
    for _ in range(4):
        rests.append(call(breakers))
        clock.advance(timedelta(seconds=60))
        assert failed(breakers, 1) == ["PlatformDown"]

    assert rests == ["rests 10", "rests 20", "rests 40", "rests 60"]


@pytest.mark.parametrize("ended", [KeyboardInterrupt(), Throttled("member", api=SEND, retry_after=1.0, pace=1.0)])
def test_a_probe_that_says_nothing_of_the_platform_leaves_the_question_to_the_next(
    clock: MovableClock, ended: BaseException
) -> None:
    breakers = Breakers(clock)
    failed(breakers, 5)
    clock.advance(timedelta(seconds=10))

    call(breakers, ended)

    assert breakers.states() == {(WECOM, SEND): True}
    assert call(breakers) == "answered"


def test_a_named_limit_opens_it_at_once_for_its_ban_and_longer_while_it_lasts(clock: MovableClock) -> None:
    breakers = Breakers(clock)
    ban = RateLimited("45009", retry_after=60.0)

    rests = []
    for _ in range(8):
        assert call(breakers, ban) == "RateLimited"
        rests.append(call(breakers))
        clock.advance(timedelta(hours=1))

    assert rests == [f"rests {n}" for n in (60, 120, 240, 480, 960, 1920, 3600, 3600)]


def test_what_was_under_way_when_it_opened_neither_prolongs_nor_closes_it(clock: MovableClock) -> None:
    breakers = Breakers(clock)
    ban = RateLimited("45009", retry_after=60.0)

    with ExitStack() as under_way:
        under_way.enter_context(breakers.guard(WECOM, SEND))
        late = under_way.enter_context(ExitStack())
        late.enter_context(pytest.raises(RateLimited))
        late.enter_context(breakers.guard(WECOM, SEND))
        assert call(breakers, ban) == "RateLimited"
        late.callback(_end, ban)

    assert call(breakers) == "rests 60"


@pytest.mark.parametrize("error", [Refused("40058"), PlatformBusy("-1")])
def test_an_answer_that_is_no_network_error_ends_the_row(clock: MovableClock, error: PlatformError) -> None:
    breakers = Breakers(clock)

    failed(breakers, 4)
    call(breakers, error)
    failed(breakers, 4)

    assert call(breakers) == "answered"
