"""The trace of an order is a chain: whoever changes, drops or inserts a link is found (F013)."""

from __future__ import annotations

import pytest

from core import ordering
from core.timeline import GENESIS, TimelineEntry, first_broken
from core.views import trace_view
from tests.world_data import World


@pytest.fixture
async def chain(world: World) -> list[TimelineEntry]:
    order = await world.submitted("K0231 04465-0K240 20个, 后天要")
    await world.do(ordering.reopen, order.number, world.by("销售A"))
    return await world.trace(order.number)


def copy(entry: TimelineEntry, **changed: object) -> TimelineEntry:
    values = {name: getattr(entry, name) for name in TimelineEntry.__dataclass_fields__}
    return TimelineEntry(**{**values, **changed})  # type: ignore[arg-type]


async def test_the_chain_of_an_order_holds(chain: list[TimelineEntry]) -> None:
    assert [e.seq for e in chain] == [1, 2, 3, 4]
    assert chain[0].prev_hash == GENESIS
    assert first_broken(chain) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"details": {"forged": True}},
        {"actor": "E99"},
        {"action": "order.approved"},
        {"seq": 9},
        {"channel": "dingtalk"},
        {"evidence": "A"},
        {"hash": "0" * 64},
        {"prev_hash": "f" * 64},
    ],
)
async def test_a_changed_link_is_the_first_broken_one(chain: list[TimelineEntry], changed: dict[str, object]) -> None:
    forged = [chain[0], copy(chain[1], **changed), *chain[2:]]

    broken = first_broken(forged)

    assert broken is forged[1]


async def test_a_link_that_was_taken_out_or_put_in_twice_is_found(chain: list[TimelineEntry]) -> None:
    assert first_broken([chain[0], *chain[2:]]) is chain[2]
    assert first_broken([chain[0], chain[1], *chain[1:]]) is chain[1]
    assert first_broken(chain[1:]) is chain[1]
    assert first_broken([]) is None


async def test_the_trace_people_see_says_whether_the_chain_holds(world: World, chain: list[TimelineEntry]) -> None:
    async with world.look() as act:
        view = await trace_view(act, chain[0].ref)

    assert (len(view.entries), view.broken) == (4, None)
