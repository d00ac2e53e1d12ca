"""Waves: must-ship first, stock and runs never overdrawn, a reason for every order in and out (F050–F056)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.expedite import Level
from core.warehouse.allocation import BatchRule, LotStock, QcState
from core.warehouse.batching import TrolleyLimits
from core.warehouse.layout import Layout, Spot
from core.warehouse.left_out import explain
from core.warehouse.plan import InclusionReason, LeftOutReason, WavePlan
from core.warehouse.plan_check import violations
from core.warehouse.planner import plan_waves
from core.warehouse.selection import Board, place
from core.warehouse.world import (
    CarrierRun,
    OrderClass,
    Picker,
    PlanningLine,
    PlanningOrder,
    PlanningWorld,
    order_class,
)

CHINA = timezone(timedelta(hours=8))
NOW = datetime(2026, 2, 21, 10, 7, tzinfo=CHINA)


def at(hour: int, day: int = 21) -> datetime:
    return datetime(2026, 2, day, hour, tzinfo=CHINA)


def order(number: str, quantity: int = 1, **change: Any) -> PlanningOrder:
    lines = (PlanningLine(line_id=f"{number}/1", part_id="P1", quantity=quantity),)
    values: dict[str, Any] = {
        "order_id": number,
        "order_class": OrderClass.TODAY,
        "tier": 2,
        "due_at": at(18),
        "arrived_at": at(9),
        "parcels": 1,
        "lines": lines,
        "region": "沪",
    }
    return PlanningOrder(**(values | change))


def run(run_id: str = "SF", **change: Any) -> CarrierRun:
    values: dict[str, Any] = {
        "run_id": run_id,
        "warehouse": "KS",
        "carrier": "顺丰",
        "cut_off_at": at(17),
        "capacity_left": 45,
        "regions": frozenset({"沪", "苏"}),
    }
    return CarrierRun(**(values | change))


def lot(lot_no: str = "B1", free: int = 10, **change: Any) -> LotStock:
    values: dict[str, Any] = {
        "lot_no": lot_no,
        "part_id": "P1",
        "warehouse": "KS",
        "bin": "A-01-01-1-01",
        "free": free,
        "qc": QcState.PASSED,
        "received_on": date(2025, 11, 3),
    }
    return LotStock(**(values | change))


def world(*orders: PlanningOrder, **change: Any) -> PlanningWorld:
    values: dict[str, Any] = {"now": NOW, "orders": orders, "runs": (run(),), "lots": (lot(),)}
    return PlanningWorld(**(values | change))


def leaving(plan: WavePlan) -> list[str]:
    return [planned.order_id for planned in plan.orders]


def reasons(plan: WavePlan) -> dict[str, LeftOutReason]:
    return {left.order_id: left.reason for left in plan.left_out}


def test_an_order_that_leaves_says_must_ship_stock_complete_and_carrier_left() -> None:
    plan = plan_waves(world(order("SO1", 4, parcels=3)))

    assert plan.orders[0].reason == InclusionReason(
        order_class=OrderClass.TODAY, stock_complete=True, carrier="顺丰", capacity_left=42, late=False
    )
    assert [(t.lot_no, t.bin, t.quantity) for t in plan.orders[0].takes] == [("B1", "A-01-01-1-01", 4)]
    assert plan.left_out == ()


def test_red_goes_before_must_ship_and_must_ship_before_orange_whatever_came_first() -> None:
    first = order("SO1", 10, order_class=OrderClass.ORANGE, tier=1, arrived_at=at(6))
    second = order("SO2", 10, order_class=OrderClass.TODAY, arrived_at=at(8))
    third = order("SO3", 10, order_class=OrderClass.RED, tier=3, arrived_at=at(10))

    with_ten = plan_waves(world(first, second, third))
    with_twenty = plan_waves(world(first, second, third, lots=(lot(free=20),)))

    assert leaving(with_ten) == ["SO3"]
    assert leaving(with_twenty) == ["SO3", "SO2"]


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        ({"tier": 1}, {"tier": 2, "arrived_at": at(6), "due_at": at(17)}),
        ({"due_at": at(17)}, {"due_at": at(18), "arrived_at": at(6)}),
        ({"arrived_at": at(6)}, {"arrived_at": at(7)}),
    ],
)
def test_inside_a_class_tier_then_due_then_arrival_decide(winner: dict[str, Any], loser: dict[str, Any]) -> None:
    plan = plan_waves(world(order("A", 10, **loser), order("B", 10, **winner)))

    assert leaving(plan) == ["B"]


def test_only_the_due_time_only_the_stock_only_the_capacity_each_changes_the_plan() -> None:
    waiting = (order("SO1", 6), order("SO2", 6))

    assert leaving(plan_waves(world(*waiting))) == ["SO1"]
    assert leaving(plan_waves(world(waiting[0], replace(waiting[1], due_at=at(17))))) == ["SO2"]
    assert leaving(plan_waves(world(*waiting, lots=(lot(free=12),)))) == ["SO1", "SO2"]
    assert leaving(plan_waves(world(*waiting, runs=(run(capacity_left=0),)))) == []


def test_the_earliest_run_in_time_with_room_is_taken_and_a_late_one_only_when_none_is_in_time() -> None:
    early, late = run("early", cut_off_at=at(12), capacity_left=1), run("late", cut_off_at=at(20))
    noon = run("noon", cut_off_at=at(15), capacity_left=1)
    orders = [order(f"SO{n}") for n in (1, 2, 3)]

    plan = plan_waves(world(*orders, runs=(late, noon, early)))

    assert [(wave.run_id, wave.orders[0].order_id, wave.orders[0].reason.late) for wave in plan.waves] == [
        ("early", "SO1", False),
        ("noon", "SO2", False),
        ("late", "SO3", True),
    ]


@pytest.mark.parametrize(
    ("waiting", "change", "reason"),
    [
        (order("SO1", 11), {}, LeftOutReason.NO_STOCK),
        (order("SO1"), {"lots": ()}, LeftOutReason.NO_STOCK),
        (order("SO1"), {"lots": (lot(qc=QcState.PENDING),)}, LeftOutReason.QC_PENDING),
        (order("SO1"), {"lots": (lot(expires_on=date(2026, 2, 20)),)}, LeftOutReason.EXPIRED),
        (
            order(
                "SO1",
                lines=(PlanningLine(line_id="1", part_id="P1", quantity=1, rule=BatchRule(lots=frozenset({"B9"}))),),
            ),
            {},
            LeftOutReason.BATCH,
        ),
        (order("SO1"), {"runs": (run(cut_off_at=NOW),)}, LeftOutReason.CUT_OFF_PASSED),
        (order("SO1", region="鲁"), {}, LeftOutReason.NO_CARRIER),
        (order("SO1", carriers=frozenset({"德邦"})), {}, LeftOutReason.NO_CARRIER),
        (order("SO1", warehouses=("HF",)), {}, LeftOutReason.NO_CARRIER),
        (order("SO1", parcels=46), {}, LeftOutReason.NO_CAPACITY),
    ],
)
def test_an_order_that_would_not_fit_alone_has_a_hard_reason(
    waiting: PlanningOrder, change: dict[str, Any], reason: LeftOutReason
) -> None:
    plan = plan_waves(world(waiting, **change))

    assert plan.waves == ()
    assert reasons(plan) == {"SO1": reason}
    assert reason.hard
    assert plan.left_out[0].holders == ()
    assert plan.must_ship_left == plan.left_out


def test_of_several_short_lines_the_reason_that_takes_longest_to_mend_is_told() -> None:
    lines = (
        PlanningLine(line_id="1", part_id="P1", quantity=1),
        PlanningLine(line_id="2", part_id="P2", quantity=3),
    )

    plan = plan_waves(world(order("SO1", lines=lines), lots=(lot(qc=QcState.PENDING),)))

    assert reasons(plan) == {"SO1": LeftOutReason.NO_STOCK}
    assert [(s.line_id, s.missing) for s in plan.left_out[0].shortages] == [("1", 1), ("2", 3)]


def test_a_contended_order_names_just_the_orders_that_hold_what_it_needs() -> None:
    held = [order("SO1", 4), order("SO2", 4, tier=1), order("SO3", 2, tier=1)]

    plan = plan_waves(world(*held, order("SO4", 3, order_class=OrderClass.LATER)))

    left = plan.left_out[0]
    assert (left.order_id, left.reason, left.holders) == ("SO4", LeftOutReason.STOCK_HELD, ("SO1",))


def test_a_full_run_is_a_contention_too() -> None:
    plan = plan_waves(world(order("SO1"), order("SO2"), runs=(run(capacity_left=1),)))

    left = plan.left_out[0]
    assert (left.order_id, left.reason, left.run_id, left.holders) == (
        "SO2",
        LeftOutReason.RUN_FULL,
        "SF",
        ("SO1",),
    )


def test_an_order_goes_whole_or_not_at_all_unless_it_may_be_split() -> None:
    lines = (
        PlanningLine(line_id="1", part_id="P1", quantity=5),
        PlanningLine(line_id="2", part_id="P2", quantity=5),
    )
    whole, split = order("SO1", lines=lines), order("SO1", lines=lines, splittable=True)

    assert leaving(plan_waves(world(whole))) == []
    plan = plan_waves(world(split))
    assert [(o.order_id, o.line_ids, o.reason.stock_complete) for o in plan.orders] == [("SO1", ("1",), False)]
    assert [(left.line_ids, left.reason) for left in plan.left_out] == [(("2",), LeftOutReason.NO_STOCK)]


def test_an_order_that_may_be_split_leaves_from_two_warehouses() -> None:
    lines = (
        PlanningLine(line_id="1", part_id="P1", quantity=5),
        PlanningLine(line_id="2", part_id="P2", quantity=6),
    )
    lots = (lot(), lot(part_id="P2", warehouse="HF"))
    runs = (run(), run("HF-SF", warehouse="HF"))

    plan = plan_waves(world(order("SO1", lines=lines, splittable=True), lots=lots, runs=runs))

    assert [(wave.warehouse, wave.orders[0].line_ids) for wave in plan.waves] == [
        ("HF", ("2",)),
        ("KS", ("1",)),
    ]
    assert plan.left_out == ()


def test_a_later_order_bound_to_a_batch_still_gets_it_when_others_can_take_another() -> None:
    bound = PlanningLine(line_id="2", part_id="P1", quantity=5, rule=BatchRule(lots=frozenset({"B1"})))
    lots = (lot("B1", 5), lot("B2", 5, received_on=date(2026, 1, 10)))

    plan = plan_waves(world(order("SO1", 5), order("SO2", lines=(bound,)), lots=lots))

    assert {o.order_id: [t.lot_no for t in o.takes] for o in plan.orders} == {"SO1": ["B2"], "SO2": ["B1"]}


def test_a_red_order_is_on_the_first_list_and_a_trolley_holds_ten_orders_and_forty_lines() -> None:
    today = [order(f"SO{n:02}") for n in range(24)]
    red = order("SO99", order_class=OrderClass.RED, arrived_at=at(10))
    pickers = (Picker(picker_id="仓管A", warehouse="KS"), Picker(picker_id="仓管B", warehouse="KS"))

    plan = plan_waves(world(*today, red, lots=(lot(free=99),), pickers=pickers))

    lists = plan.waves[0].pick_lists
    assert [len(pick_list.order_ids) for pick_list in lists] == [10, 10, 5]
    assert lists[0].order_ids[0] == "SO99"
    assert [pick_list.offered_to for pick_list in lists] == ["仓管A", "仓管B", "仓管A"]


def test_orders_that_lie_in_the_same_aisles_share_a_trolley() -> None:
    spots = {f"A-{aisle:02}-01-1-01": Spot(aisle=aisle - 1, y_cm=100) for aisle in (1, 2)}
    floor = Layout(warehouse="KS", aisle_labels=("A-01", "A-02"), aisle_x_cm=(0, 300), cross_y_cm=(0, 900), spots=spots)
    lots = tuple(lot(part_id=f"P{n}", bin=f"A-{n:02}-01-1-01") for n in (1, 2))
    orders = [
        order(f"SO{n}", lines=(PlanningLine(line_id=str(n), part_id=f"P{n % 2 + 1}", quantity=1),)) for n in range(4)
    ]

    plan = plan_waves(world(*orders, lots=lots, layouts={"KS": floor}), trolley=TrolleyLimits(orders=2))

    assert [p.order_ids for p in plan.waves[0].pick_lists] == [("SO0", "SO2"), ("SO1", "SO3")]


def test_an_order_too_big_for_a_trolley_gets_lists_of_its_own() -> None:
    lines = tuple(PlanningLine(line_id=str(n), part_id=f"P{n}", quantity=1) for n in range(50))
    lots = tuple(lot(part_id=f"P{n}", bin=f"A-{n:02}-01-1-01") for n in range(50))

    plan = plan_waves(world(order("SO1", lines=lines), lots=lots))

    assert [len(p.takes) for p in plan.waves[0].pick_lists] == [40, 10]


def test_an_improvement_counts_only_when_it_is_valid_and_serves_no_less() -> None:
    full = world(order("SO1", 6), order("SO2", 4))
    greedy = plan_waves(full)

    def forgets_all(_: PlanningWorld, plan: WavePlan) -> WavePlan:
        return replace(plan, waves=())

    def overdraws(_: PlanningWorld, plan: WavePlan) -> WavePlan:
        wave = plan.waves[0]
        orders = tuple(
            replace(o, takes=tuple(replace(t, quantity=t.quantity + 5) for t in o.takes)) for o in wave.orders
        )
        return replace(plan, waves=(replace(wave, orders=orders),))

    def swaps_lists(_: PlanningWorld, plan: WavePlan) -> WavePlan:
        wave = plan.waves[0]
        lists = tuple(replace(p, offered_to="仓管B") for p in wave.pick_lists)
        return replace(plan, waves=(replace(wave, pick_lists=lists),))

    assert plan_waves(full, improvements=[forgets_all, overdraws]) == greedy
    assert plan_waves(full, improvements=[swaps_lists]) == swaps_lists(full, greedy)


def test_an_order_without_lines_cannot_be_planned() -> None:
    with pytest.raises(ValueError, match="SO1 needs at least one line"):
        order("SO1", lines=())


TODAY_RUN = run("today", cut_off_at=at(17))
TOMORROW_RUN = run("tomorrow", cut_off_at=at(12, 22))


@pytest.mark.parametrize(
    ("level", "due_at", "runs", "expected"),
    [
        (None, at(18), [TODAY_RUN, TOMORROW_RUN], OrderClass.TODAY),
        (None, at(9, 20), [TOMORROW_RUN], OrderClass.TODAY),
        (None, at(9, 22), [TODAY_RUN, TOMORROW_RUN], OrderClass.TODAY),
        (None, at(12, 22), [TODAY_RUN, TOMORROW_RUN], OrderClass.TOMORROW),
        (None, at(18, 22), [TODAY_RUN], OrderClass.TOMORROW),
        (None, at(18, 25), [TODAY_RUN, TOMORROW_RUN], OrderClass.LATER),
        (None, at(18, 22).astimezone(UTC), [TODAY_RUN, TOMORROW_RUN], OrderClass.TOMORROW),
        (None, at(12, 23), [TODAY_RUN, replace(TOMORROW_RUN, transit=timedelta(days=1))], OrderClass.LATER),
        (None, at(12, 22), [TODAY_RUN, replace(TOMORROW_RUN, transit=timedelta(days=1))], OrderClass.TODAY),
        (Level.RED, at(18, 25), [TODAY_RUN], OrderClass.RED),
        (Level.ORANGE, at(18, 25), [TODAY_RUN], OrderClass.ORANGE),
        (Level.YELLOW, at(18, 25), [TODAY_RUN], OrderClass.YELLOW),
        (Level.ORANGE, at(18), [TODAY_RUN], OrderClass.TODAY),
    ],
)
def test_must_ship_today_follows_from_due_time_and_departures(
    level: Level | None, due_at: datetime, runs: list[CarrierRun], expected: OrderClass
) -> None:
    assert order_class(level=level, due_at=due_at, now=NOW, departures=runs) is expected


RULES = st.sampled_from(
    [BatchRule(), BatchRule(), BatchRule(lots=frozenset({"B1"})), BatchRule(received_from=date(2026, 1, 3))]
)
LINES = st.lists(st.tuples(st.sampled_from(["P1", "P2"]), st.integers(1, 6), RULES), min_size=1, max_size=3)


@st.composite
def worlds(draw: st.DrawFn) -> PlanningWorld:
    orders = []
    for n in range(draw(st.integers(1, 7))):
        lines = tuple(
            PlanningLine(line_id=f"SO{n}/{k}", part_id=part, quantity=quantity, rule=rule)
            for k, (part, quantity, rule) in enumerate(draw(LINES))
        )
        orders.append(
            order(
                f"SO{n}",
                lines=lines,
                order_class=draw(st.sampled_from(list(OrderClass))),
                tier=draw(st.integers(1, 3)),
                due_at=at(draw(st.integers(11, 20))),
                parcels=draw(st.integers(1, 3)),
                region=draw(st.sampled_from(["沪", "沪", "鲁"])),
                warehouses=draw(st.sampled_from([(), ("KS",), ("HF", "KS")])),
                splittable=draw(st.booleans()),
            )
        )
    runs = tuple(
        run(
            f"run{n}",
            warehouse=w,
            cut_off_at=at(draw(st.sampled_from([9, 12, 15, 19]))),
            capacity_left=draw(st.integers(0, 6)),
        )
        for n, w in enumerate(draw(st.lists(st.sampled_from(["KS", "HF"]), max_size=3)))
    )
    lots = draw(
        st.lists(
            st.builds(
                LotStock,
                lot_no=st.sampled_from(["B1", "B2"]),
                part_id=st.sampled_from(["P1", "P2"]),
                warehouse=st.sampled_from(["KS", "HF"]),
                bin=st.sampled_from(["A-01-01-1-01", "A-02-01-1-01"]),
                free=st.integers(0, 9),
                qc=st.sampled_from([QcState.PASSED, QcState.PASSED, QcState.CONCESSION, QcState.PENDING]),
                received_on=st.dates(date(2026, 1, 1), date(2026, 1, 5)),
                expires_on=st.none() | st.dates(date(2026, 2, 19), date(2026, 2, 25)),
            ),
            max_size=8,
            unique_by=lambda cell: cell.cell,
        )
    )
    return PlanningWorld(now=NOW, orders=tuple(orders), runs=runs, lots=tuple(lots))


@given(world=worlds())
@settings(max_examples=1000, deadline=None)
def test_no_plan_overdraws_stock_or_runs_and_every_line_is_in_or_left_out(world: PlanningWorld) -> None:
    plan = plan_waves(world)

    assert violations(world, plan) == []
    assert plan_waves(world) == plan


@given(world=worlds())
@settings(max_examples=300, deadline=None)
def test_taking_every_later_order_away_brings_no_must_ship_in(world: PlanningWorld) -> None:
    plan = plan_waves(world)

    urgent = replace(world, orders=tuple(o for o in world.orders if o.order_class <= OrderClass.TODAY))
    assert plan_waves(urgent).must_ship_left == plan.must_ship_left


@given(world=worlds())
@settings(max_examples=300, deadline=None)
def test_a_hard_reason_holds_alone_and_a_contended_order_fits_without_its_holders(
    world: PlanningWorld,
) -> None:
    orders = {o.order_id: o for o in world.orders if not o.splittable}
    whole = replace(world, orders=tuple(orders.values()))

    for left in plan_waves(whole).left_out:
        this = orders[left.order_id]
        alone = plan_waves(replace(whole, orders=(this,)))
        assert bool(alone.left_out) is left.reason.hard
        if left.reason.hard:
            assert alone.left_out[0].reason is left.reason
        else:
            assert_fits_without(whole, this, left.holders)


def assert_fits_without(world: PlanningWorld, this: PlanningOrder, holders: tuple[str, ...]) -> None:
    board = Board(world)
    for earlier in sorted(world.orders, key=lambda o: o.rank):
        if earlier.rank < this.rank:
            place(board, earlier)
    left = explain(board, this, this.lines)
    run = next(r for r in world.runs if r.run_id == left.run_id)
    assert left.holders == holders
    assert not (board.has_room(run, this.parcels) and board.has_stock(this.lines, run.warehouse))
    assert board.has_room(run, this.parcels, holders)
    assert board.has_stock(this.lines, run.warehouse, holders)
