"""Messages nobody should send are read quickly, and never into a quantity."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.intake.correction import parse_corrections
from core.intake.draft import draft_from_text
from core.intake.text_order import is_order_like, read_text
from core.workcalendar import WorkCalendar
from tests.intake.master_data import NOW, build_index

INDEX = build_index()
WRITTEN = "0123456789KOIW/-. ,x*×个箱打各约半二十要客户周五行月日号前后天共和\n、:（）质检电话13"
SECONDS = 5.0
"""Far above what any of these needs, far below what a runaway pattern would take."""


@pytest.mark.parametrize(
    "text",
    [
        "1" * 10_000,
        "1 " * 5_000,
        "1-" * 5_000,
        "1,234" * 2_000,
        "20个" * 3_000,
        "要" * 10_000,
        "质检" * 5_000,
        "一" * 10_000,
        "A1 " * 3_000,
        "0 " * 5_000,
        "3/5" * 3_000,
        "周" * 10_000,
        "x" * 10_000,
        "04465-" * 2_000,
        "客户" * 3_000,
        "@a " * 3_000,
        "(1)" * 3_000,
        "👍🏽" * 3_000,
        "\u202e\u200b\u2066" * 3_000,
        "\n" * 10_000,
        "\x00\x01\x07" * 1_000,
        "..." * 3_000,
    ],
    ids=lambda t: ascii(t[:6]),
)
def test_ten_thousand_hostile_characters_take_no_time_and_give_no_known_part(text: str) -> None:
    began = time.perf_counter()
    order = read_text(text, INDEX, now=NOW)
    is_order_like(text[:2_000], INDEX, now=NOW)
    parse_corrections(text, INDEX, now=NOW)

    assert time.perf_counter() - began < SECONDS
    assert all(INDEX.match_part(line.part_text).part is None for line in order.lines)


def test_five_hundred_lines_are_all_read() -> None:
    text = "K0231\n" + "\n".join(f"04465-0K240 {n}个" for n in range(1, 501))
    began = time.perf_counter()

    order = read_text(text, INDEX, now=NOW)

    assert time.perf_counter() - began < SECONDS
    assert [line.quantity for line in order.lines] == list(range(1, 501))


@pytest.mark.parametrize(
    "text",
    [
        "\u202e04465-0K240\u202c 20个",
        "0\u200b4465-0K2\u200d40 2\u200b0个",
        "\u206604465-0K240\u2069 ２０个",
        "04465-0K240\u00a020个",
        "\ufeff04465-0K240 20个\x00",
        "04465‐0K240 20个",
        "04465–0K240 20个",
    ],
    ids=ascii,
)
def test_characters_nobody_sees_change_nothing(text: str) -> None:
    (line,) = read_text(text, INDEX, now=NOW).lines

    assert INDEX.match_part(line.part_text).part is INDEX.part("04465-0K240")
    assert line.quantity == 20


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=WRITTEN, max_size=60))
def test_no_message_breaks_the_reader_and_no_quantity_comes_from_nowhere(text: str) -> None:
    order = read_text(text, INDEX, now=NOW)
    draft_from_text(order, INDEX, now=NOW, calendar=WorkCalendar())
    parse_corrections(text, INDEX, now=NOW)

    for line in order.lines:
        assert line.quantity is None or line.quantity_text
