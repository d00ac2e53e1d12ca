"""Cutting never leaves half a character and always shows that something is missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cards.text_limits import cut_bytes, cut_chars


@pytest.mark.parametrize(
    ("text", "n", "cut"),
    [("", 1, ""), ("订单", 2, "订单"), ("订单号", 2, "订…"), ("订单号", 1, "…"), ("a b c", 3, "a…")],
)
def test_characters_are_cut_to_a_length_that_counts_the_ellipsis(text: str, n: int, cut: str) -> None:
    assert cut_chars(text, n) == cut


@pytest.mark.parametrize(
    ("text", "n", "cut"),
    [("订单", 6, "订单"), ("订单号", 8, "订…"), ("订单号", 6, "订…"), ("订单号", 5, "…"), ("abcd", 3, "…")],
)
def test_bytes_are_cut_at_whole_characters(text: str, n: int, cut: str) -> None:
    assert cut_bytes(text, n) == cut


@given(st.text(), st.integers(3, 50))
def test_nothing_is_ever_longer_than_its_limit(text: str, n: int) -> None:
    assert len(cut_chars(text, n)) <= n
    assert len(cut_bytes(text, n).encode()) <= n


def test_a_limit_without_room_for_the_ellipsis_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="room"):
        cut_chars("x", 0)
    with pytest.raises(ValueError, match="room"):
        cut_bytes("x", 2)
