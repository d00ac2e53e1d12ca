"""Any order of messages, presses, repeats, deaths and clock steps: books and model agree after every one.

``LIFE_EXAMPLES`` and ``LIFE_STEPS`` make the run longer than the suite's.
"""

from __future__ import annotations

import asyncio
import copy
import os
from collections.abc import Coroutine, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from core import approving
from core.orders import CLOSED, OrderStatus
from core.ports import InboxWork
from core.waves import PickListState
from storage.repositories.deadlines import SqlDeadlines
from storage.repositories.inbox import SqlInboxDone
from storage.repositories.stock import SqlStock
from tests.life.agreement import agree
from tests.life.books import Books
from tests.life.conftest import Store
from tests.life.deeds import Deed, Message, Scene, Wish
from tests.life.model import Model
from tests.life.process import LEASE, Crash, Machine, Moment

T = TypeVar("T")

EXAMPLES = int(os.environ.get("LIFE_EXAMPLES", "8"))
STEPS = int(os.environ.get("LIFE_STEPS", "20"))
OFTEN = (Deed.ORDER, Deed.NEXT)


@dataclass(frozen=True, kw_only=True)
class Death:
    """``wait``: the successor waits until the lease runs out, as on another machine."""

    moment: Moment
    nth: int
    wait: bool


wishes = st.builds(
    Wish,
    deed=st.sampled_from((*OFTEN, *Deed)),
    which=st.integers(0, 7),
    who=st.sampled_from((0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8)),
    value=st.integers(0, 90),
    stale=st.booleans(),
    press=st.booleans(),
)
deaths = st.lists(
    st.one_of(
        st.builds(Death, moment=st.just(Moment.STATEMENT), nth=st.integers(1, 45), wait=st.booleans()),
        st.builds(Death, moment=st.just(Moment.COMMIT), nth=st.integers(1, 3), wait=st.booleans()),
        st.builds(Death, moment=st.just(Moment.ANSWER), nth=st.just(1), wait=st.booleans()),
    ),
    max_size=2,
)
minutes = st.sampled_from((1, 5, 16, 16, 25, 61, 125, 245, 24 * 60, 3 * 24 * 60))


class OrderLives(RuleBasedStateMachine):
    """Orders from the first message to the door, on one database."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._closing = ExitStack()
        self._runner = self._closing.enter_context(asyncio.Runner())
        self._machine = self.run(self._open(self._closing.enter_context(store())))
        self._closing.callback(lambda: self.run(self._machine.database.close()))
        self._waiting: dict[int, Message] = {}
        self._nth = 0
        self._deaths: list[Death] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def teardown(self) -> None:
        self._closing.close()

    @initialize()
    def open_the_desk(self) -> None:
        books = self.run(self._machine.books())
        self.model = Model(opening={i: lot.on_hand for i, lot in books.lots.items()}, before=books)

    # ------------------------------------------------------------ what may happen

    @rule(wish=wishes, deaths=deaths)
    def somebody_acts(self, wish: Wish, deaths: Sequence[Death]) -> None:
        self.run(self._act(wish, deaths))

    @rule(which=st.integers(0, 7), steps=st.integers(1, 5), deaths=deaths)
    def an_order_goes_on(self, which: int, steps: int, deaths: Sequence[Death]) -> None:
        """Some steps nearer to the door; who waits for a wave waits for the next slot."""
        for _ in range(steps):
            going = [o for o in self.model.orders.values() if o.status not in CLOSED]
            if going and going[which % len(going)].status is OrderStatus.APPROVED:
                self.run(self._time(timedelta(minutes=16), deaths))
            else:
                wish = Wish(deed=Deed.NEXT, which=which, who=0, value=which, stale=False, press=True)
                self.run(self._act(wish, deaths))

    @rule(which=st.integers(0, 7), shorts=st.integers(0, 3), value=st.integers(0, 90), deaths=deaths)
    def the_shelf_is_short(self, which: int, shorts: int, value: int, deaths: Sequence[Death]) -> None:
        """A list is claimed, some of its stops have too little, the rest leaves: back orders, or nothing left to send.
        Before that, somebody is in a hurry."""
        wish = Wish(deed=Deed.NEXT, which=which, who=0, value=value, stale=False, press=True)
        for _ in range(6):
            if any(state is PickListState.CLAIMED for state, _ in self.model.lists.values()):
                break
            if any(o.status is OrderStatus.APPROVED for o in self.model.orders.values()):
                self.run(self._act(replace(wish, deed=Deed.EXPEDITE), deaths))
                self.run(self._time(timedelta(minutes=16), ()))
            else:
                self.run(self._act(wish, ()))
        for nth in range(shorts):
            self.run(self._act(replace(wish, deed=Deed.SHORT, value=value + nth), deaths))
        self.run(self._act(wish, deaths))

    @rule(wish=wishes)
    def a_message_waits(self, wish: Wish) -> None:
        self.run(self._comes(wish))

    @rule(wish=wishes)
    def it_is_delivered_again(self, wish: Wish) -> None:
        """Before it is worked and after: the messenger did not see our answer."""
        self.run(self._twice(wish))

    @rule(wish=wishes)
    def a_sleeper_wakes_too_late(self, wish: Wish) -> None:
        """A frozen process comes back after its lease ran out and another one has done its work."""
        self.run(self._sleeper(wish))

    @rule(one=wishes, other=wishes)
    def two_act_at_once(self, one: Wish, other: Wish) -> None:
        self.run(self._at_once(one, other))

    @rule(which=st.integers(0, 7), verdicts=st.tuples(st.integers(0, 1), st.integers(0, 1)))
    @precondition(lambda self: self.model.questions)
    def two_decide_the_same(self, which: int, verdicts: tuple[int, int]) -> None:
        one, other = (
            Wish(deed=Deed.DECIDE, which=which, who=who, value=value, stale=False, press=True)
            for who, value in zip((3, 4), verdicts, strict=True)
        )
        self.run(self._at_once(one, other))

    @rule(ahead=minutes, deaths=deaths)
    def time_passes(self, ahead: int, deaths: Sequence[Death]) -> None:
        self.run(self._time(timedelta(minutes=ahead), deaths))

    # ------------------------------------------------------------ how

    async def _open(self, url: str) -> Machine:
        return Machine(url)

    async def _act(self, wish: Wish, deaths: Sequence[Death]) -> None:
        self._deaths = list(deaths)
        self._next_death()
        await self._comes(wish)
        await self._drain()

    async def _twice(self, wish: Wish) -> None:
        message = await self._comes(wish)
        if message is not None:
            assert await self._machine.store(message.raw) is None
            await self._drain()
            assert await self._machine.store(message.raw) is None
        await self._drain()

    async def _sleeper(self, wish: Wish) -> None:
        await self._comes(wish)
        sleeper, taken = self._machine.process, await self._machine.process.claim()
        self._machine.process = self._machine.another()
        self._machine.clock.advance(timedelta(seconds=LEASE + 1))
        await self._drain()
        await sleeper.work(taken)
        agree(self.model, await self._machine.books())

    async def _at_once(self, one: Wish, other: Wish) -> None:
        await self._drain()
        await self._comes(one)
        await self._comes(other)
        processes = (self._machine.process, self._machine.another())
        claimed = [(p, rows) for p in processes if (rows := await p.claim())]
        now = self._machine.clock.now()
        await asyncio.gather(*(p.work(rows) for p, rows in claimed))
        self._in_some_order([rows[0].id for _, rows in claimed], await self._machine.books(), now)
        await self._drain()

    def _in_some_order(self, ids: list[int], books: Books, now: datetime) -> None:
        """Two at once end as if one had come after the other."""
        done = [self._waiting.pop(i) for i in ids]
        differences: list[str] = []
        for order in (done, done[::-1]) if len(done) > 1 else (done,):
            tried = copy.deepcopy(self.model, {id(self.model.before): self.model.before})
            try:
                for message in order:
                    self._happen(tried, message, books, now)
                agree(tried, books)
            except (AssertionError, ValueError, KeyError) as difference:
                differences.append(repr(difference))
                continue
            self.model = tried
            self.model.before = books
            return
        raise AssertionError(f"as if in neither order: {differences}")

    async def _time(self, ahead: timedelta, deaths: Sequence[Death]) -> None:
        await self._drain()
        self._machine.clock.advance(ahead)
        self._deaths = list(deaths)
        self._next_death()
        while True:
            try:
                await self._machine.process.tick()
            except Crash:
                await self._next_life()
                continue
            break
        self._machine.fate.spare()
        books = await self._machine.books()
        self.model.ticked(books, self._machine.clock.now())
        agree(self.model, books)
        self.model.before = books

    async def _comes(self, wish: Wish) -> Message | None:
        """Stored before it is acknowledged; a process that dies over it gets it again from the messenger."""
        self._nth += 1
        scene = Scene(
            model=self.model, books=self.model.before, now=self._machine.clock.now(), nth=self._nth, wish=wish
        )
        message = scene.message()
        if message is None:
            return None
        while True:
            try:
                inbox_id = await self._machine.store(message.raw)
            except Crash:
                await self._next_life()
                continue
            assert inbox_id is not None
            self._waiting[inbox_id] = message
            return message

    async def _drain(self) -> None:
        """Work until the inbox is empty, over as many lives as it takes."""
        while True:
            now = self._machine.clock.now()
            rows: list[InboxWork] = []
            died = False
            try:
                rows = await self._machine.process.claim()
                await self._machine.process.work(rows)
            except Crash:
                died = True
            if not rows and not died:
                break
            await self._settle(now)
            if died:
                await self._next_life()
        self._machine.fate.spare()
        books = await self._machine.books()
        assert [tuple(row) for row in books.open_inbox] == []
        assert not self._waiting

    async def _settle(self, now: datetime) -> None:
        """What is no longer in the inbox has happened, once and whole; what is there has not begun."""
        books = await self._machine.books()
        left = {row[0] for row in books.open_inbox}
        for inbox_id in [i for i in self._waiting if i not in left]:
            message = self._waiting.pop(inbox_id)
            if self._happen(self.model, message, books, now):
                assert any(f":in{inbox_id}" in key for key in books.notices), "done, and nobody was told"
        agree(self.model, books)
        self.model.before = books

    def _happen(self, model: Model, message: Message, books: Books, now: datetime) -> bool:
        happened = message.happen(model, books, now)
        if message.card:
            model.refused[message.card] += not happened
        return happened

    async def _next_life(self) -> None:
        wait = self._deaths.pop(0).wait if self._deaths else False
        await self._machine.start_again(wait=wait)
        self._next_death()

    def _next_death(self) -> None:
        if self._deaths:
            self._machine.fate.kill(self._deaths[0].moment, self._deaths[0].nth)


def live(store: Store, **changed: Any) -> None:
    wanted: dict[str, Any] = {
        "max_examples": EXAMPLES,
        "stateful_step_count": STEPS,
        "deadline": None,
        "derandomize": "LIFE_EXAMPLES" not in os.environ,
        "suppress_health_check": list(HealthCheck),
        **changed,
    }
    run_state_machine_as_test(lambda: OrderLives(store), settings=settings(**wanted))  # type: ignore[no-untyped-call]


def test_every_life_of_an_order_is_one_that_the_rules_allow(store: Store) -> None:
    live(store)


async def _nothing(*_: Any, **__: Any) -> None:
    return


async def _always(*_: Any, **__: Any) -> bool:
    return True


DEFECTS: dict[str, tuple[Any, str, Any]] = {
    "a worker that has lost its lease commits all the same": (SqlInboxDone, "_end", _nothing),
    "a closed question is decided again": (approving, "_still_open", _nothing),
    "pieces are promised twice": (SqlStock, "hold", _always),
    "cancelled orders keep their timers": (SqlDeadlines, "cancel", _nothing),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_in_the_product_is_found(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, defect: str) -> None:
    monkeypatch.setattr(*DEFECTS[defect])

    with pytest.raises(AssertionError):
        live(sqlite_store, phases=(Phase.generate,), max_examples=20, print_blob=False)
