"""The checker finds what it is there to find: each planted fault, and nothing in a clean record."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chaos.checker import (
    LATEST,
    Outage,
    Seen,
    SeenCard,
    SeenOrder,
    SeenText,
    Stored,
    StoredDeadline,
    StoredOrder,
    Verdict,
    check,
    percentile,
)

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NOW = T0 + timedelta(hours=1)
SECOND = timedelta(seconds=1)


def _order(n: int, *, conversation: str = "s1") -> SeenOrder:
    return SeenOrder(
        source=f"wecom:m:{n}",
        conversation=conversation,
        said_at=T0 + n * 10 * SECOND,
        answered_at=T0 + n * 10 * SECOND + 0.02 * SECOND,
        given_up=False,
        number=f"SO260302-000{n}",
        submitted=n != 3,
    )


def _stored(n: int) -> StoredOrder:
    return StoredOrder(id=n, number=f"SO260302-000{n}", source=f"wecom:m:{n}", status="draft" if n == 3 else "pending")


DUE = T0 + 66 * SECOND
FIRED = StoredDeadline(
    id=1, kind="draft_unsubmitted", ref="SO260302-0003", due_at=DUE, fired_at=DUE + 0.2 * SECOND, state="fired"
)
WARNING = SeenText(
    user="r1",
    text="⏰ 销售的草稿 SO260302-0003(客户)超过时限仍未提交。请提醒TA提交或作废。",
    at=DUE + 0.5 * SECOND,
    keyed=True,
)
CLEAN_SEEN = Seen(
    orders=[_order(1), _order(2), _order(3)],
    cards=[
        SeenCard(user="s1", card_id="so-1", number="SO260302-0001", live=()),
        SeenCard(user="s1", card_id="so-2", number="SO260302-0002", live=()),
        SeenCard(user="s1", card_id="so-3", number="SO260302-0003", live=("确认提交", "作废")),
        SeenCard(user="t1", card_id="ap-1", number="SO260302-0001", live=("通过", "驳回")),
        SeenCard(user="t1", card_id="ap-2", number="SO260302-0002", live=("通过", "驳回")),
    ],
    texts=[WARNING],
)
CLEAN_STORED = Stored(
    orders=[_stored(1), _stored(2), _stored(3)],
    deadlines=[FIRED],
    effects=Counter(
        {
            ("SO260302-0001", "order.submitted"): 1,
            ("SO260302-0002", "order.submitted"): 1,
            ("SO260302-0003", "order.unsubmitted"): 1,
        }
    ),
    decisions=Counter({"1": 1}),
)


def _check(seen: Seen = CLEAN_SEEN, stored: Stored = CLEAN_STORED, *outages: Outage) -> Verdict:
    return check(seen, stored, now=NOW, outages=outages)


def test_a_clean_record_has_no_faults() -> None:
    verdict = _check()
    assert verdict.faults == {}
    assert (verdict.orders_sent, verdict.orders_accepted, verdict.deadlines_fired) == (3, 3, 1)
    assert verdict.bound_95 == 1.0
    assert verdict.lateness_ms == [200]


def test_a_lost_order_is_found() -> None:
    assert list(_check(stored=replace(CLEAN_STORED, orders=CLEAN_STORED.orders[1:])).faults) == ["lost"]


def test_an_order_the_platform_gave_up_is_no_loss_but_is_named() -> None:
    orders = [replace(_order(1), given_up=True, answered_at=None), _order(2), _order(3)]
    seen, stored = replace(CLEAN_SEEN, orders=orders), replace(CLEAN_STORED, orders=CLEAN_STORED.orders[1:])
    verdict = _check(seen, stored)
    assert verdict.given_up == ["wecom:m:1"]
    assert verdict.orders_accepted == 2
    assert not verdict.lost


def test_an_order_the_platform_gave_up_and_the_store_has_is_an_order_like_any_other() -> None:
    orders = [replace(_order(1), given_up=True, answered_at=None), _order(2), _order(3)]
    verdict = _check(replace(CLEAN_SEEN, orders=orders))
    assert verdict.faults == {}
    assert (verdict.given_up_stored, verdict.orders_accepted) == (1, 3)


@pytest.mark.parametrize(
    "stored",
    [
        replace(CLEAN_STORED, orders=[*CLEAN_STORED.orders, replace(_stored(1), id=9, number="SO260302-0009")]),
        replace(CLEAN_STORED, orders=[*CLEAN_STORED.orders, replace(_stored(1), id=9, source="wecom:m:never")]),
        replace(CLEAN_STORED, effects=CLEAN_STORED.effects + Counter({("SO260302-0001", "order.submitted"): 1})),
        replace(CLEAN_STORED, decisions=Counter({"1": 2})),
    ],
    ids=["two of one message", "of no message", "submitted twice", "decided twice"],
)
def test_a_doubled_order_is_found_in_the_store(stored: Stored) -> None:
    assert list(_check(stored=stored).faults) == ["doubled"]


def test_a_doubled_order_is_found_on_the_phones() -> None:
    orders = [_order(1), replace(_order(2), number="SO260302-0001"), _order(3)]
    assert "doubled" in _check(replace(CLEAN_SEEN, orders=orders)).faults


def test_a_card_shown_twice_is_found() -> None:
    again = replace(CLEAN_SEEN, cards=[*CLEAN_SEEN.cards, CLEAN_SEEN.cards[0]])
    assert list(_check(again).faults) == ["shown_twice"]
    another = replace(CLEAN_SEEN, cards=[*CLEAN_SEEN.cards, replace(CLEAN_SEEN.cards[0], card_id="so-1-again")])
    assert list(_check(another).faults) == ["shown_twice"]
    explained = replace(CLEAN_STORED, fresh=Counter({("so", "SO260302-0001"): 1}))
    assert _check(another, explained).faults == {}


def test_an_overtaking_is_found_only_where_the_first_was_answered_before_the_second_was_said() -> None:
    turned = replace(
        CLEAN_STORED, orders=[replace(_stored(1), id=2), replace(_stored(2), id=1), CLEAN_STORED.orders[2]]
    )
    assert list(_check(stored=turned).faults) == ["out_of_order"]
    late = [replace(_order(1), answered_at=_order(2).said_at + SECOND), _order(2), _order(3)]
    assert _check(replace(CLEAN_SEEN, orders=late), turned).faults == {}
    apart = [_order(1, conversation="s2"), _order(2), _order(3)]
    assert _check(replace(CLEAN_SEEN, orders=apart), turned).faults == {}


def test_a_card_that_shows_another_state_is_found() -> None:
    for card, live in ((0, ("确认提交",)), (2, ()), (3, ())):
        cards = list(CLEAN_SEEN.cards)
        cards[card] = replace(cards[card], live=live)
        assert list(_check(replace(CLEAN_SEEN, cards=cards)).faults) == ["stale_cards"]


def test_an_order_nobody_was_shown_is_found() -> None:
    assert list(_check(replace(CLEAN_SEEN, orders=[replace(_order(1), number=""), _order(2), _order(3)])).faults) == [
        "unseen"
    ]


def test_words_said_twice_are_found() -> None:
    twice = replace(CLEAN_SEEN, texts=[WARNING, replace(WARNING, text="已通过"), replace(WARNING, text="已通过")])
    assert list(_check(twice).faults) == ["unmarked_repeats"]
    meant = replace(CLEAN_STORED, said=Counter({("r1", "已通过"): 2}))
    assert _check(twice, meant).faults == {}
    marked = replace(
        CLEAN_SEEN, texts=[WARNING, replace(WARNING, text="已通过"), replace(WARNING, text="(重发)已通过")]
    )
    assert _check(marked).faults == {}
    assert _check(marked).marked_repeats == 1


def test_an_early_deadline_is_found_by_the_store_and_by_the_phone() -> None:
    early = replace(FIRED, fired_at=DUE - 0.1 * SECOND)
    assert list(_check(stored=replace(CLEAN_STORED, deadlines=[early])).faults) == ["deadlines_early"]
    shown = replace(CLEAN_SEEN, texts=[replace(WARNING, at=DUE - SECOND)])
    assert list(_check(shown).faults) == ["deadlines_early"]


def test_a_deadline_fired_twice_is_found_by_the_trace_and_by_the_phone() -> None:
    twice = CLEAN_STORED.effects + Counter({("SO260302-0003", "order.unsubmitted"): 1})
    assert list(_check(stored=replace(CLEAN_STORED, effects=twice)).faults) == ["deadlines_doubled"]
    warned = replace(CLEAN_SEEN, texts=[WARNING, replace(WARNING, text=WARNING.text.replace("时限", "时限,"))])
    assert list(_check(warned).faults) == ["deadlines_doubled"]


def test_a_late_and_a_missed_deadline_are_found() -> None:
    late = replace(FIRED, fired_at=DUE + LATEST + SECOND)
    assert list(_check(stored=replace(CLEAN_STORED, deadlines=[late])).faults) == ["deadlines_late"]
    silent = replace(FIRED, fired_at=None, state="armed")
    stored = replace(CLEAN_STORED, deadlines=[silent], effects=Counter())
    assert list(_check(replace(CLEAN_SEEN, texts=[]), stored).faults) == ["deadlines_missed"]


def test_lateness_counts_from_the_return_of_the_database() -> None:
    away = Outage(start=DUE - 5 * SECOND, end=DUE + 55 * SECOND)
    back = replace(CLEAN_STORED, deadlines=[replace(FIRED, fired_at=DUE + 56 * SECOND)])
    verdict = _check(CLEAN_SEEN, back, away)
    assert verdict.faults == {}
    assert (verdict.lateness_ms, verdict.outage_lateness_ms) == ([], [1000])


@pytest.mark.parametrize(
    ("seen", "stored"),
    [
        (CLEAN_SEEN, replace(CLEAN_STORED, broken_chains=["SO260302-0001"])),
        (CLEAN_SEEN, replace(CLEAN_STORED, missing_timers=["SO260302-0001"])),
        (CLEAN_SEEN, replace(CLEAN_STORED, parked=1)),
        (CLEAN_SEEN, replace(CLEAN_STORED, unsent=2)),
        (CLEAN_SEEN, replace(CLEAN_STORED, unworked=1)),
        (replace(CLEAN_SEEN, silently_dropped=1), CLEAN_STORED),
        (replace(CLEAN_SEEN, violations=["wecom: 40058"]), CLEAN_STORED),
    ],
)
def test_everything_else_that_must_be_empty(seen: Seen, stored: Stored) -> None:
    assert list(_check(seen, stored).faults) == ["other"]


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentile([], 0.99) == 0.0
    assert percentile([5, 1, 3], 0.5) == 3
    assert percentile(range(1, 101), 0.99) == 99
