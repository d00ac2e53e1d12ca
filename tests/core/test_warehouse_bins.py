"""Bin labels are read as printed, typed or scanned, and tell how high to reach (F057)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.warehouse.bins import FLOOR_ROW_MASK, BinAddress, BinAddressError, parse_bin


def test_the_printed_label_is_read_field_by_field() -> None:
    address = parse_bin("A-03-12-4-02")

    assert address == BinAddress(zone="A", aisle=3, bay=12, level=4, box=2)
    assert str(address) == "A-03-12-4-02"
    assert address.aisle_label == "A-03"
    assert address.label == "A-03-12 第4层/1.6m 箱02"


@pytest.mark.parametrize("typed", ["a-3-12-4-2", " A-03-12-4-02 ", "Ａ－０３－１２－４－０２"])
def test_what_people_type_is_the_same_bin(typed: str) -> None:
    assert str(parse_bin(typed)) == "A-03-12-4-02"


@pytest.mark.parametrize(
    ("level", "height", "ladder"),
    [
        (1, "0.1", False),
        (2, "0.6", False),
        (3, "1.1", False),
        (4, "1.6", False),
        (5, "2.1", True),
        (7, "2.1", True),
    ],
)
def test_a_level_has_its_height_and_asks_for_a_ladder_from_the_fifth(level: int, height: str, ladder: bool) -> None:
    address = BinAddress(zone="B", aisle=1, bay=2, level=level, box=3)

    assert address.height_m == Decimal(height)
    assert address.needs_ladder is ladder
    assert ("需登高" in address.label) is ladder


def test_labels_without_separators_or_boxes_are_read_by_their_mask() -> None:
    assert parse_bin("2 05 3 12", FLOOR_ROW_MASK) == BinAddress(zone="2", aisle=5, bay=12, level=3, box=1)
    assert parse_bin("205312", "ZAALBB") == BinAddress(zone="2", aisle=5, bay=12, level=3, box=1)


@pytest.mark.parametrize("text", ["", "隔离区", "A-03-12-4", "A-03-12-4-02-1", "-03-12-4-02", "A-03-12-x-02"])
def test_what_is_no_address_is_refused_with_the_expected_form(text: str) -> None:
    with pytest.raises(BinAddressError) as refused:
        parse_bin(text)

    assert str(refused.value) == (f"{text!r} is not a bin address of the form Z-AA-BB-L-XX (for example A-03-12-4-02)")


def test_a_mask_without_separators_wants_every_digit() -> None:
    with pytest.raises(BinAddressError):
        parse_bin("25312", "ZAALBB")


def test_numbers_count_from_one() -> None:
    with pytest.raises(BinAddressError, match="level counts from 1"):
        parse_bin("A-03-12-0-02")
