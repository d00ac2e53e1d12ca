"""Batches leave first expired first out, only released ones, never more than there is (F052)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.warehouse.allocation import (
    AllocationPlan,
    BatchRule,
    Demand,
    LotStock,
    QcState,
    ShortageReason,
    allocate,
)
from core.warehouse.lots import QC_LABELS, fefo

TODAY = date(2026, 2, 21)


def lot(lot_no: str, free: int, **change: Any) -> LotStock:
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


def line(quantity: int, line_id: str = "1", **change: Any) -> Demand:
    return Demand(line_id=line_id, part_id="P1", quantity=quantity, **change)


def taken(plan: AllocationPlan) -> list[tuple[str, str, int]]:
    return [(take.line_id, take.lot_no, take.quantity) for take in plan.takes]


def test_the_batch_that_expires_first_leaves_first_then_the_one_that_came_first() -> None:
    lots = [
        lot("ageless-new", 5, received_on=date(2026, 1, 10)),
        lot("ageless-old", 5, received_on=date(2025, 1, 10)),
        lot("late", 5, expires_on=date(2027, 1, 1)),
        lot("soon", 5, expires_on=date(2026, 3, 1)),
    ]

    plan = allocate([line(17)], lots, TODAY)

    assert taken(plan) == [
        ("1", "soon", 5),
        ("1", "late", 5),
        ("1", "ageless-old", 5),
        ("1", "ageless-new", 2),
    ]
    assert plan.shortages == ()


def test_of_one_batch_in_two_bins_the_first_bin_is_emptied_first() -> None:
    lots = [lot("B1", 3, bin="B-01-01-1-01"), lot("B1", 3, bin="A-09-01-1-01")]

    plan = allocate([line(4)], lots, TODAY)

    assert [(take.bin, take.quantity) for take in plan.takes] == [("A-09-01-1-01", 3), ("B-01-01-1-01", 1)]


@pytest.mark.parametrize("state", list(QcState))
def test_only_passed_and_concession_batches_are_taken(state: QcState) -> None:
    plan = allocate([line(1)], [lot("B1", 1, qc=state)], TODAY)

    assert bool(plan.takes) is state.released is (state in {QcState.PASSED, QcState.CONCESSION})
    assert state in QC_LABELS


def test_a_batch_is_good_on_its_last_day_and_never_after() -> None:
    last_day = lot("B1", 5, expires_on=TODAY)
    over = lot("B0", 5, expires_on=TODAY - timedelta(days=1))

    plan = allocate([line(7)], [over, last_day], TODAY)

    assert taken(plan) == [("1", "B1", 5)]
    assert plan.shortages[0].reason is ShortageReason.EXPIRED
    assert plan.shortages[0].expired == 5


def test_a_line_bound_to_a_batch_chooses_before_a_line_that_takes_any() -> None:
    lots = [lot("B1", 5, expires_on=date(2026, 3, 1)), lot("B2", 5)]
    anyone, bound = line(5, "any"), line(5, "bound", rule=BatchRule(lots=frozenset({"B1"})))

    plan = allocate([anyone, bound], lots, TODAY)

    assert taken(plan) == [("any", "B2", 5), ("bound", "B1", 5)]


def test_the_narrower_of_two_bound_lines_chooses_first() -> None:
    lots = [lot("B1", 5, received_on=date(2026, 1, 1)), lot("B2", 5, received_on=date(2026, 2, 1))]
    wide = line(5, "wide", rule=BatchRule(received_from=date(2025, 12, 1)))
    narrow = line(5, "narrow", rule=BatchRule(lots=frozenset({"B1"})))

    plan = allocate([wide, narrow], lots, TODAY)

    assert taken(plan) == [("wide", "B2", 5), ("narrow", "B1", 5)]


def test_a_line_that_wants_passed_batches_only_gets_no_concession() -> None:
    plan = allocate([line(5, rule=BatchRule(passed_only=True))], [lot("B1", 5, qc=QcState.CONCESSION)], TODAY)

    assert plan.takes == ()
    assert plan.shortages[0].reason is ShortageReason.BATCH


@pytest.mark.parametrize(
    ("change", "rule", "reason"),
    [
        ({"qc": QcState.PENDING}, BatchRule(), ShortageReason.QC_PENDING),
        ({"qc": QcState.RECHECK}, BatchRule(), ShortageReason.QC_PENDING),
        ({"qc": QcState.FROZEN}, BatchRule(), ShortageReason.NO_STOCK),
        ({"qc": QcState.REJECTED}, BatchRule(), ShortageReason.NO_STOCK),
        ({"expires_on": date(2026, 1, 1)}, BatchRule(), ShortageReason.EXPIRED),
        ({}, BatchRule(received_from=date(2025, 12, 1)), ShortageReason.BATCH),
        ({"expires_on": date(2026, 3, 1)}, BatchRule(expires_from=date(2026, 6, 1)), ShortageReason.BATCH),
        ({"free": 3}, BatchRule(received_from=date(2025, 12, 1)), ShortageReason.NO_STOCK),
        ({"warehouse": "HF"}, BatchRule(), ShortageReason.NO_STOCK),
    ],
)
def test_a_short_line_names_the_one_obstacle(change: dict[str, Any], rule: BatchRule, reason: ShortageReason) -> None:
    plan = allocate([line(4, rule=rule, warehouse="KS")], [lot("B1", **({"free": 4} | change))], TODAY)

    assert plan.takes == ()
    assert [(s.missing, s.reason) for s in plan.shortages] == [(4, reason)]


def test_a_short_line_gets_what_there_is_and_says_how_much_is_missing() -> None:
    plan = allocate([line(50)], [lot("B1", 20), lot("B2", 12, qc=QcState.PENDING)], TODAY)

    assert taken(plan) == [("1", "B1", 20)]
    assert [(s.missing, s.reason, s.awaiting_qc) for s in plan.shortages] == [(30, ShortageReason.NO_STOCK, 12)]


def test_a_cell_or_a_line_listed_twice_is_a_defect_of_the_caller() -> None:
    with pytest.raises(ValueError, match="listed twice"):
        allocate([], [lot("B1", 1), lot("B1", 2)], TODAY)
    with pytest.raises(ValueError, match="line is listed twice"):
        allocate([line(1), line(2)], [], TODAY)
    with pytest.raises(ValueError, match="at least 1"):
        line(0)


LOTS = st.lists(
    st.builds(
        LotStock,
        lot_no=st.sampled_from(["B1", "B2", "B3"]),
        part_id=st.sampled_from(["P1", "P2"]),
        warehouse=st.just("KS"),
        bin=st.sampled_from(["A-01-01-1-01", "A-02-01-1-01"]),
        free=st.integers(-2, 9),
        qc=st.sampled_from(list(QcState)),
        received_on=st.dates(date(2026, 1, 1), date(2026, 1, 5)),
        expires_on=st.none() | st.dates(date(2026, 2, 19), date(2026, 2, 25)),
    ),
    max_size=8,
    unique_by=lambda cell: cell.cell,
)
RULES = st.sampled_from(
    [
        BatchRule(),
        BatchRule(lots=frozenset({"B1"})),
        BatchRule(received_from=date(2026, 1, 3)),
        BatchRule(passed_only=True),
    ]
)
DEMANDS = st.lists(st.tuples(st.sampled_from(["P1", "P2"]), st.integers(1, 12), RULES), max_size=6).map(
    lambda rows: [
        Demand(line_id=str(n), part_id=part, quantity=quantity, rule=rule)
        for n, (part, quantity, rule) in enumerate(rows)
    ]
)


@given(demands=DEMANDS, lots=LOTS)
@settings(max_examples=300, deadline=None)
def test_never_more_than_is_free_never_what_is_not_released_and_every_piece_accounted_for(
    demands: list[Demand], lots: list[LotStock]
) -> None:
    cells = {cell.cell: cell for cell in lots}

    plan = allocate(demands, lots, TODAY)

    missing = {shortage.line_id: shortage.missing for shortage in plan.shortages}
    left = {cell.cell: cell.free for cell in lots}
    for demand in demands:
        takes = [take for take in plan.takes if take.line_id == demand.line_id]
        assert sum(take.quantity for take in takes) + missing.get(demand.line_id, 0) == demand.quantity
        assert [cells[take.cell] for take in takes] == sorted((cells[take.cell] for take in takes), key=fefo)
        for take in takes:
            left[take.cell] -= take.quantity
            assert take.quantity > 0
            assert cells[take.cell].usable(TODAY)
            assert demand.rule.accepts(cells[take.cell])
            assert left[take.cell] >= 0
    for demand in demands:
        usable = [c for c in lots if c.part_id == demand.part_id and c.usable(TODAY) and demand.rule.accepts(c)]
        if demand.line_id in missing:
            assert sum(left[cell.cell] for cell in usable) == 0
