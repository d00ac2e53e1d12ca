"""No sequence of acts gets goods out of the house without the decisions that the order needs (F012)."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from core import approving, expediting, ordering, picking, scanning_out, short_picking
from core.approvals import RequestState, Step, Verdict
from core.errors import DomainError
from core.expedite import Level
from core.findings import Severity
from core.intake.correction import SetQuantity
from core.orders import OrderStatus
from core.stock import Lot
from storage.database import SqlDatabase
from tests.world_data import World, opened

T = TypeVar("T")

WHO = st.sampled_from(["销售A", "销售B", "主管A", "技术甲", "技术乙", "技术总监", "仓管A", "仓管B", "管理员"])
WHICH = st.integers(0, 2)
TEXTS = ("K0231 04465-0K240 20个, 后天要", "K0231 17801-21050 90个, 后天要", "K0031 90915-YZZD4 48, 后天要")


class Desk(RuleBasedStateMachine):
    """Anybody tries anything at any time; refusals are part of the game."""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._open = AsyncExitStack()
        self._folder = TemporaryDirectory(prefix="jiedan-")
        self._numbers: list[str] = []
        self.world: World

    @initialize()
    def open_the_house(self) -> None:
        self._run(self._fill())

    async def _fill(self) -> None:
        folder = Path(self._folder.name)
        database = SqlDatabase(f"sqlite+aiosqlite:///{folder}/empty.db")
        await database.create_all()
        await database.close()
        self.world = await self._open.enter_async_context(opened(folder / "empty.db", folder))
        await self.world.fill()
        self._numbers = [(await self.world.draft(text)).number for text in TEXTS]

    @rule(who=WHO, which=WHICH)
    def submit(self, who: str, which: int) -> None:
        self._try(ordering.submit, self._numbers[which], self.world.by(who))

    @rule(which=WHICH)
    def the_owner_submits(self, which: int) -> None:
        self._try(ordering.submit, self._numbers[which], self.world.by("销售A"))

    @rule(which=WHICH, quantity=st.integers(1, 90))
    def the_owner_revises(self, which: int, quantity: int) -> None:
        self._try(
            ordering.correct, self._numbers[which], self.world.by("销售A"), [SetQuantity.of(1, quantity)], how="text"
        )

    @rule(who=WHO, which=WHICH, verdict=st.sampled_from(Verdict), code=st.sampled_from(["", "R04"]))
    def decide(self, who: str, which: int, verdict: Verdict, code: str) -> None:
        for request in self._run(self._requests(self._numbers[which])):
            self._try(approving.decide, request, verdict, self.world.by(who), reason_code=code)

    @rule(which=WHICH)
    def everybody_approves(self, which: int) -> None:
        for who in ("主管A", "技术甲"):
            self.decide(who, which, Verdict.APPROVED, "")

    @rule(which=WHICH)
    def light_the_fuse(self, which: int) -> None:
        self._try(
            expediting.light,
            self._numbers[which],
            self.world.by("销售A"),
            level=Level.RED,
            reason_code="X02",
            latest_ship_at=self.world.now + timedelta(hours=1),
        )

    @rule()
    def form_a_wave(self) -> None:
        self._run(self.world.wave())

    @rule(who=WHO)
    def claim_and_pick(self, who: str) -> None:
        for number in self._run(self._lists()):
            self._try(picking.claim, number, self.world.by(who))
            self._try(picking.picked, number, self.world.by(who))

    @rule(who=WHO, found=st.integers(0, 5))
    def find_too_little(self, who: str, found: int) -> None:
        for number in self._run(self._lists()):
            self._try(short_picking.short, number, self.world.by(who), reason_code="S01", found=found)

    @rule(who=st.sampled_from(["仓管A", "仓管B", "销售A"]))
    def scan_everything(self, who: str) -> None:
        for lot in self._run(self._cells()):
            self._try(scanning_out.scan_out, self.world.by(who), lot.lot_no)

    @rule(which=WHICH, left_out=st.integers(0, 6))
    def go_the_usual_way_but_for_one_step(self, which: int, left_out: int) -> None:
        steps = (
            lambda: self.the_owner_submits(which),
            lambda: self.decide("主管A", which, Verdict.APPROVED, ""),
            lambda: self.decide("技术甲", which, Verdict.APPROVED, ""),
            self.form_a_wave,
            lambda: self.claim_and_pick("仓管A"),
            lambda: self.scan_everything("仓管A"),
        )
        for nth, step in enumerate(steps):
            if nth != left_out:
                step()

    @rule(minutes=st.sampled_from([1, 31, 300]))
    def time_passes(self, minutes: int) -> None:
        self.world.clock.advance(timedelta(minutes=minutes))
        self._run(self.world.fire_due())

    @invariant()
    def what_left_the_house_was_approved_step_by_step(self) -> None:
        if self._numbers:
            self._run(self._check())

    def teardown(self) -> None:
        self._run(self._open.aclose())
        self._runner.close()
        self._folder.cleanup()

    async def _check(self) -> None:
        async with self.world.look() as act:
            gone = await act.tx.orders.in_status(
                OrderStatus.APPROVED, OrderStatus.RELEASED, OrderStatus.PICKING, OrderStatus.SHIPPED
            )
            for order in gone:
                origin = order
                while origin.source_kind == "backorder":
                    parent = await act.tx.orders.get(origin.source_text)
                    assert parent is not None
                    origin = parent
                approved = {
                    d.request_id
                    for d in await act.tx.approvals.decisions(origin.number)
                    if d.verdict is Verdict.APPROVED
                }
                requests = await act.tx.approvals.of_order(origin.number)
                passed = {(r.revision, r.step) for r in requests if r.id in approved}
                assert (origin.revision, Step.TECH) in passed
                assert origin.open_findings(Severity.RED, Severity.SUPERVISOR) == []
                if any(f.severity is Severity.SUPERVISOR for f in origin.findings):
                    assert Step.SUPERVISOR in {step for _, step in passed}
                assert all(r.state is not RequestState.OPEN for r in requests)
            cells = await act.tx.stock.lots([line.part_number for o in gone for line in o.lines])
        assert all(0 <= x.allocated <= x.on_hand for x in cells)

    async def _requests(self, number: str) -> list[int]:
        async with self.world.look() as act:
            return [r.id or 0 for r in await act.tx.approvals.of_order(number)]

    async def _lists(self) -> list[str]:
        async with self.world.look() as act:
            return [x.number for x in await act.tx.waves.open_lists()]

    async def _cells(self) -> list[Lot]:
        async with self.world.look() as act:
            return await act.tx.stock.lots(list(self.world.desk.index.parts))

    def _try(self, use_case: Any, *args: Any, **named: Any) -> None:
        with suppress(DomainError):
            self._run(self.world.do(use_case, *args, **named))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)


Desk.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=14,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestNoWayAround = Desk.TestCase
