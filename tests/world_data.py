"""A small order desk for tests: people, customers, parts, one warehouse with lots, and a clock that stands still.

Everything runs on a real SQLite file through ``core.desk.Act``, one transaction per use case, as the bot does it.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import select, update

from core import approving, falling_due, ordering, picking, releasing
from core.acting import Actor
from core.approvals import ApprovalRequest, Decision, Verdict
from core.catalog import Bin, Carrier, Customer, Part, Warehouse
from core.clock import CHINA, MovableClock, local
from core.desk import Act, Desk
from core.errors import DomainError
from core.intake.check import RuleSettings
from core.intake.draft import draft_from_text
from core.intake.master import MasterIndex
from core.intake.text_order import read_text
from core.notices import DeliveryKind, DeliveryState
from core.orders import Order
from core.part_number import normal
from core.people import ChatAccount, Person, PlatformName, Role
from core.rules import Rules
from core.stock import Lot
from core.telling import Address, Teller, plain
from core.timeline import TimelineEntry
from core.warehouse.lots import QcState
from core.warehouse.planner import plan_waves
from core.waves import PickList, Wave
from core.workcalendar import DEMO_DAYS, WorkCalendar
from handlers import texts
from storage import tables
from storage.database import SqlDatabase

T = TypeVar("T")

NOW = datetime(2026, 2, 21, 9, 14, tzinfo=CHINA)
"""The demo day, a Saturday that the demo's calendar works on."""

PAD = "04465-0K240"
FILTER = "90915-YZZD4"
AIR = "17801-21050"
RARE = "HT-9001"

_TEAM: tuple[tuple[str, str, Role, str, PlatformName], ...] = (
    ("E01", "销售A", Role.SALES, "苏", PlatformName.WECOM),
    ("E02", "销售B", Role.SALES, "苏", PlatformName.DINGTALK),
    ("E03", "区域经理苏", Role.REGIONAL, "苏", PlatformName.WECOM),
    ("E04", "区域经理沪", Role.REGIONAL, "沪", PlatformName.WECOM),
    ("E05", "主管A", Role.SUPERVISOR, "苏", PlatformName.DINGTALK),
    ("E06", "技术甲", Role.TECH, "", PlatformName.DINGTALK),
    ("E07", "技术乙", Role.TECH, "", PlatformName.WECOM),
    ("E08", "技术总监", Role.TECH_DIRECTOR, "", PlatformName.WECOM),
    ("E09", "销售总监", Role.SALES_DIRECTOR, "", PlatformName.WECOM),
    ("E10", "仓管A", Role.PICKER, "", PlatformName.WECOM),
    ("E11", "仓管B", Role.PICKER, "", PlatformName.WECOM),
    ("E12", "仓储组长", Role.WAREHOUSE_LEAD, "", PlatformName.WECOM),
    ("E13", "物流主管", Role.LOGISTICS, "", PlatformName.WECOM),
    ("E14", "运营总监", Role.OPS_DIRECTOR, "", PlatformName.WECOM),
    ("E15", "计划主管", Role.PLANNER, "", PlatformName.WECOM),
    ("E16", "管理员", Role.ADMIN, "", PlatformName.WECOM),
)

CUSTOMERS = (
    Customer(code="K0231", name="华锐汽修", region="苏", phone="138-0000-0231"),
    Customer(code="K0031", name="申通汽配", region="沪", tier=2),
    Customer(code="K0107", name="宏达汽车服务", region="苏", frozen=True),
    Customer(code="K0900", name="天山汽配", region="新"),
)


def person(
    person_id: str, name: str, *roles: Role, region: str = "", home: PlatformName = PlatformName.WECOM
) -> Person:
    """Somebody with an account on both messengers."""
    return Person(
        id=person_id,
        name=name,
        roles=list(roles),
        region=region,
        home=home,
        warehouse="KS" if {Role.PICKER, Role.WAREHOUSE_LEAD} & set(roles) else "",
        accounts=[
            ChatAccount(platform=p, account=f"{person_id.lower()}-{p.value}", person_id=person_id) for p in PlatformName
        ],
    )


def part(number: str, name: str, *, pack: int = 1, safety: int | None = 100, **changed: Any) -> Part:
    return Part(
        number=number, normal=normal(number), name=name, family="制动", pack=pack, safety_stock=safety, **changed
    )


PARTS = (
    part(PAD, "前刹车片"),
    part(FILTER, "机油滤", pack=10, safety=500),
    part(AIR, "空气滤", safety=40),
    part(RARE, "旧款水泵"),
    part("04465-33471", "凯美瑞前刹车片"),
    part("04466-33160", "凯美瑞后刹车片"),
)
WAREHOUSE = Warehouse(
    code="KS",
    name="昆山中心仓",
    address="昆山市物流园1号",
    longitude=120.98,
    latitude=31.38,
    dock="2号月台",
    regions=["苏", "沪"],
)
CARRIERS = (
    Carrier(code="SF", name="顺丰", warehouse="KS", cutoff=time(17, 0), capacity=20, regions=["苏", "沪"]),
    Carrier(code="DB", name="德邦", warehouse="KS", cutoff=time(19, 30), capacity=5, regions=["苏"]),
)


def bins() -> list[Bin]:
    """Two aisles with twelve bays each, surveyed."""
    return [
        Bin(warehouse="KS", label=f"A-{aisle:02}-{bay:02}-{level}-01", x=3.0 * aisle, y=1.2 * bay)
        for aisle in (1, 2)
        for bay in range(1, 13)
        for level in (1, 4)
    ]


def lot(lot_no: str, part_number: str, bin_label: str, on_hand: int, **changed: Any) -> Lot:
    values: dict[str, Any] = {
        "lot_no": lot_no,
        "part_number": part_number,
        "warehouse": "KS",
        "bin": bin_label,
        "on_hand": on_hand,
        "qc": QcState.PASSED,
        "received_on": date(2025, 11, 3),
    }
    return Lot(**{**values, **changed})


def lots() -> list[Lot]:
    return [
        lot("B251103-07", PAD, "A-01-02-4-01", 44),
        lot("B260110-03", PAD, "A-02-05-1-01", 20, received_on=date(2026, 1, 10)),
        lot("B250918-02", PAD, "A-02-07-1-01", 16, received_on=date(2025, 9, 18), qc=QcState.RECHECK),
        lot("B251201-01", FILTER, "A-01-09-1-01", 200, received_on=date(2025, 12, 1)),
        lot("B260105-04", AIR, "A-02-11-1-01", 300, received_on=date(2026, 1, 5)),
    ]


class World:
    """The desk with its store. ``do`` runs one use case in one transaction at the clock's time."""

    def __init__(self, database: SqlDatabase, clock: MovableClock, *, rules: Rules | None = None) -> None:
        self.database = database
        self.clock = clock
        self.desk = Desk(
            index=MasterIndex.build(CUSTOMERS, PARTS),
            calendar=WorkCalendar(DEMO_DAYS),
            rules=rules or Rules(),
            checks=RuleSettings(),
        )
        self.people: dict[str, Person] = {}
        self._causes = itertools.count(1)

    @property
    def now(self) -> datetime:
        return self.clock.now()

    async def fill(self, *, stock: list[Lot] | None = None, team: tuple[Person, ...] = ()) -> None:
        """Write master data, people and stock."""
        people = team or tuple(person(i, n, r, region=g, home=h) for i, n, r, g, h in _TEAM)
        async with self.act("setup") as act:
            for one in people:
                await act.tx.people.save(one)
            await act.tx.catalog.upsert([*CUSTOMERS, *PARTS, WAREHOUSE, *CARRIERS, *bins()])
            await act.tx.stock.receive(lots() if stock is None else stock, by="import", at=self.now, ref="opening")
        async with self.look() as act:
            for one in people:
                found = await act.tx.people.get(one.id)
                assert found is not None
                self.people[found.name] = found

    def by(self, name: str, platform: PlatformName | None = None) -> Actor:
        """The person of that name, acting from where they live."""
        who = self.people[name]
        where = platform or who.home
        account = who.account_on(where)
        assert account is not None
        return Actor(person=who, platform=where, account=account.account)

    @asynccontextmanager
    async def act(self, cause: str = "") -> AsyncIterator[Act]:
        async with self.database.transaction() as tx:
            yield Act(tx=tx, desk=self.desk, tell=Teller(tx, now=self.now, cause=cause or f"in{next(self._causes)}"))

    @asynccontextmanager
    async def look(self) -> AsyncIterator[Act]:
        async with self.database.reading() as tx:
            yield Act(tx=tx, desk=self.desk, tell=Teller(tx, now=self.now, cause="look"))

    async def do(self, use_case: Callable[..., Awaitable[T]], *args: Any, **named: Any) -> T:
        async with self.act() as act:
            return await use_case(act, *args, **named)

    async def draft(self, text: str, who: str = "销售A") -> Order:
        """A typed order as the chat handler opens it."""
        draft = draft_from_text(
            read_text(text, self.desk.index, now=self.now),
            self.desk.index,
            now=self.now,
            calendar=self.desk.calendar,
            rules=self.desk.checks,
        )
        return await self.do(
            ordering.open_draft, self.by(who), draft, source_key=f"wecom:m{next(self._causes)}", source_text=text
        )

    async def submitted(self, text: str, who: str = "销售A") -> Order:
        order = await self.draft(text, who)
        return await self.do(ordering.submit, order.number, self.by(who))

    async def approved(self, text: str, who: str = "销售A") -> Order:
        """Submitted and passed by the tech department; such a text raises no supervisor's flag."""
        order = await self.submitted(text, who)
        request = await self.request(order.number)
        return await self.do(approving.decide, request.id, Verdict.APPROVED, self.by("技术甲"))

    async def claimed(self, *texts: str) -> tuple[list[Order], PickList]:
        """Approved, in one wave, claimed by 仓管A."""
        orders = [await self.approved(text) for text in texts]
        await self.wave()
        pick_list = await self.list_of(orders[0].number)
        await self.do(picking.claim, pick_list.number, self.by("仓管A"))
        return [await self.order(o.number) for o in orders], await self.list_of(orders[0].number)

    async def order(self, number: str) -> Order:
        async with self.look() as act:
            found = await act.tx.orders.get(number)
        assert found is not None
        return found

    async def request(self, number: str) -> ApprovalRequest:
        """The newest question about an order."""
        async with self.look() as act:
            return (await act.tx.approvals.of_order(number))[-1]

    async def decisions(self, number: str) -> list[Decision]:
        async with self.look() as act:
            return await act.tx.approvals.decisions(number)

    async def list_of(self, number: str) -> PickList:
        async with self.look() as act:
            found = await act.tx.waves.list_of_order(number)
        assert found is not None
        return found

    async def lot(self, lot_no: str) -> Lot:
        async with self.look() as act:
            return (await act.tx.stock.by_lot_no(lot_no))[0]

    async def trace(self, number: str) -> list[TimelineEntry]:
        async with self.look() as act:
            return await act.tx.timeline.of(number)

    async def actions(self, number: str) -> list[str]:
        return [e.action for e in await self.trace(number)]

    async def wave(self) -> list[Wave]:
        """One wave tick, as the scheduler runs it: read, plan outside any transaction, commit wave by wave."""
        slot = self.now
        async with self.look() as act:
            snap = await releasing.snapshot(act)
        plan = plan_waves(snap.world, seed=42)
        made = [await self.do(releasing.commit_wave, wave, snap, slot=slot) for wave in plan.waves]
        for left in plan.left_out:
            await self.do(releasing.note_left_out, left)
        return [w for w in made if w is not None]

    async def fire_due(self) -> list[str]:
        """Fire what is due now; gives the kinds that fired."""
        async with self.act() as act:
            due = await act.tx.deadlines.claim_due(self.now, 100)
            for deadline in due:
                tell = Teller(act.tx, now=self.now, cause=f"dl{deadline.id}")
                await falling_due.fire(replace(act, tell=tell), deadline)
        return [d.kind.value for d in due]

    async def at(self, hour: int, minute: int = 0, *, day: int = 21) -> list[str]:
        """Move the clock to a moment of February 2026 and fire what became due."""
        self.clock.advance(datetime(2026, 2, day, hour, minute, tzinfo=CHINA) - self.now)
        return await self.fire_due()

    async def said(self, name: str) -> list[tuple[str, dict[str, Any]]]:
        """Sentences recorded for a person, oldest first."""
        rows = await self._outbox(name, DeliveryKind.TEXT)
        return [(r["sentence"], r["args"]) for r in rows]

    async def told(self, name: str) -> list[str]:
        return [sentence for sentence, _ in await self.said(name)]

    async def said_to(self, address: Address) -> list[tuple[str, dict[str, Any]]]:
        """Sentences recorded for an account, whoever has it."""
        rows = await self._bodies({address.account}, DeliveryKind.TEXT)
        return [(r["sentence"], r["args"]) for r in rows]

    async def cards(self, name: str) -> list[str]:
        """Cards painted for a person, as ``kind ref``, oldest first."""
        return [f"{r['kind']} {r['ref']}" for r in await self._outbox(name, DeliveryKind.CARD)]

    async def all_sent(self) -> int:
        """The messengers have taken everything so far; how many cards were painted. What changes now is painted anew
        and not with what waits."""
        async with self.database.writer.begin() as connection:
            await connection.execute(update(tables.outbox).values(state=DeliveryState.SENT))
        return len(await self.painted())

    async def painted(self) -> list[str]:
        """Every card painted so far, whoever sees it."""
        async with self.database.writer.connect() as connection:
            cards = select(tables.outbox.c.body).where(tables.outbox.c.kind == DeliveryKind.CARD)
            rows = await connection.execute(cards.order_by(tables.outbox.c.id))
            return [f"{body['kind']} {body['ref']}" for (body,) in rows]

    async def _outbox(self, name: str, kind: DeliveryKind) -> list[dict[str, Any]]:
        return await self._bodies({a.account for a in self.people[name].accounts}, kind)

    async def _bodies(self, accounts: set[str], kind: DeliveryKind) -> list[dict[str, Any]]:
        async with self.database.writer.connect() as connection:
            rows = await connection.execute(
                select(tables.outbox.c.body, tables.outbox.c.recipients)
                .where(tables.outbox.c.kind == kind)
                .order_by(tables.outbox.c.id)
            )
            return [body for body, recipients in rows if accounts & set(recipients)]

    async def refused(self, number: str, use_case: Callable[..., Awaitable[Any]], *args: Any, **named: Any) -> str:
        """The sentence with which a use case refuses; its words exist, and nothing about the order changed."""
        before = await self.snapshot_of(number)
        with pytest.raises(DomainError) as refusal:
            await self.do(use_case, *args, **named)
        assert texts.render(refusal.value.sentence, plain(refusal.value.args_for_text))
        assert await self.snapshot_of(number) == before
        return refusal.value.sentence

    async def snapshot_of(self, number: str) -> tuple[Any, ...]:
        """Everything a refused act could have changed: order, its requests, stock, trace, open deadlines."""
        async with self.look() as act:
            order = await act.tx.orders.get(number)
            assert order is not None
            requests = await act.tx.approvals.of_order(number)
            cells = await act.tx.stock.lots([p.number for p in PARTS])
            subjects = (number, *(f"ap:{r.id}" for r in requests))
            armed = [d for ref in subjects for d in await act.tx.deadlines.armed(ref)]
            return (
                order.status,
                order.version,
                order.revision,
                order.findings,
                order.reject_reason,
                [(x.position, x.part_number, x.quantity, x.picked, x.short) for x in order.lines],
                [(r.id, r.state, r.revision) for r in requests],
                len(await act.tx.approvals.decisions(number)),
                [(x.lot_no, x.bin, x.on_hand, x.allocated) for x in cells],
                len(await act.tx.timeline.of(number)),
                [(d.kind, d.step, d.due_at) for d in armed],
            )


async def _create(url: str) -> None:
    database = SqlDatabase(url)
    await database.create_all()
    await database.close()


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("world") / "empty.db"
    asyncio.run(_create(f"sqlite+aiosqlite:///{path}"))
    return path


@asynccontextmanager
async def opened(empty: Path, folder: Path, *, rules: Rules | None = None) -> AsyncIterator[World]:
    """A world on a fresh copy of the empty store."""
    shutil.copy(empty, folder / "world.db")
    database = SqlDatabase(f"sqlite+aiosqlite:///{folder / 'world.db'}")
    try:
        yield World(database, MovableClock(NOW, speed=0.0), rules=rules)
    finally:
        await database.close()


@pytest.fixture
async def world(empty_store: Path, tmp_path: Path) -> AsyncIterator[World]:
    """The small desk, filled."""
    async with opened(empty_store, tmp_path) as made:
        await made.fill()
        yield made


def wall(at: datetime) -> str:
    """``02-21 13:14`` on a Chinese wall clock."""
    return f"{local(at):%m-%d %H:%M}"


async def in_hours(world: World, hours: float) -> list[str]:
    """Move the clock forward and fire what became due."""
    world.clock.advance(timedelta(hours=hours))
    return await world.fire_due()
