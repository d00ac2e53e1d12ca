"""Which part or customer a text names (F030)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.intake.matches import MatchKind
from core.part_number import looks_like_part, normal, skeleton
from tests.intake.master_data import PARTS, build_index

INDEX = build_index()
NUMBERS = st.text(alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=5, max_size=16)


@given(number=NUMBERS, cuts=st.lists(st.integers(1, 15), max_size=4), mark=st.sampled_from(" -./_－—"))
def test_separators_case_and_width_never_change_the_normal_form(number: str, cuts: list[int], mark: str) -> None:
    written = number
    for cut in sorted({c for c in cuts if c < len(number)}, reverse=True):
        written = written[:cut] + mark + written[cut:]
    full_width = "".join(chr(ord(c) + 0xFEE0) if c.isalnum() and c.isascii() else c for c in written)

    assert normal(written) == normal(written.lower()) == normal(full_width) == number
    assert normal(normal(written)) == normal(written)


@given(number=NUMBERS)
def test_a_skeleton_is_its_own_skeleton_and_keeps_the_length(number: str) -> None:
    assert skeleton(skeleton(number)) == skeleton(number)
    assert len(skeleton(number)) == len(number)


@pytest.mark.parametrize(
    ("one", "other"), [("O0QD", "0000"), ("I1L", "111"), ("B8", "88"), ("S5", "55"), ("Z2", "22"), ("G6", "66")]
)
def test_characters_that_look_alike_share_a_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


@given(part=st.sampled_from(PARTS), at=st.integers(0, 20))
def test_a_look_alike_character_never_names_a_part_silently(part: object, at: int) -> None:
    number = normal(getattr(part, "number", ""))
    swaps = {"0": "O", "1": "I", "8": "B", "5": "S", "2": "Z", "6": "G"}
    at %= len(number)
    damaged = number[:at] + swaps.get(number[at], number[at]) + number[at + 1 :]

    match = INDEX.match_part(damaged)

    if damaged == number:
        assert match.part is not None or match.kind is MatchKind.AMBIGUOUS
    else:
        assert match.part is None
        assert len(number) < 5 or number in {normal(p.number) for p in match.candidates}


@pytest.mark.parametrize(
    ("text", "number", "by"),
    [
        ("04465-0K240", "04465-0K240", "编码"),
        ("w75/3", "W 75/3", "编码"),
        ("W 75-3", "W 75/3", "编码"),
        ("W753", "W 75/3", "编码"),
        ("04e115561c", "HT-1001", "OE"),
        ("0 986 452 041", "HT-1001", "品牌号"),
        ("FR7", "HT-1001", "别名"),
        ("空气滤", "17801-21050", "品名"),
    ],
)
def test_a_part_is_found_by_every_name_and_says_by_which(text: str, number: str, by: str) -> None:
    match = INDEX.match_part(text)

    assert match.part is not None
    assert (match.part.number, match.matched_by) == (number, by)


@pytest.mark.parametrize(
    ("text", "kind", "offered"),
    [
        ("0446S-33471", MatchKind.SKELETON, ["04465-33471"]),
        ("04465-33472", MatchKind.NEAR, ["04465-33471"]),
        ("04465-33417", MatchKind.NEAR, ["04465-33471"]),
        ("HT-8001", MatchKind.AMBIGUOUS, ["HT-8001", "HT-B001"]),
        ("HT-80O1", MatchKind.AMBIGUOUS, ["HT-8001", "HT-B001"]),
        ("轮速传感器", MatchKind.AMBIGUOUS, ["HT-6001", "HT-6002"]),
        ("刹车片", MatchKind.AMBIGUOUS, ["04465-0K240", "04465-33471", "04466-33160"]),
        ("ZZZZZ-99999", MatchKind.UNKNOWN, []),
        ("", MatchKind.UNKNOWN, []),
    ],
)
def test_what_is_not_certain_is_offered_and_never_taken(text: str, kind: MatchKind, offered: list[str]) -> None:
    match = INDEX.match_part(text)

    assert (match.kind, match.part) == (kind, None)
    assert [p.number for p in match.candidates] == offered


def test_a_choice_by_code_is_final_even_where_a_twin_exists() -> None:
    chosen = INDEX.part("ht 8001")

    assert chosen is not None
    assert chosen.number == "HT-8001"


def test_the_successor_of_a_retired_part_is_known() -> None:
    old, new = INDEX.part("HT-4001"), INDEX.part("HT-4002")

    assert old is not None
    assert new is not None
    assert INDEX.successor(old) == new
    assert INDEX.successor(new) is None


@pytest.mark.parametrize(
    ("text", "code", "by"),
    [
        ("k0231", "K0231", "编码"),
        ("华锐汽修", "K0231", "名称"),
        ("华锐", "K0231", "名称"),
        ("138 0000 0231", "K0231", "电话"),
        ("K0231 华锐汽修", "K0231", "编码"),
    ],
)
def test_a_customer_is_found_by_code_name_part_of_the_name_and_phone(text: str, code: str, by: str) -> None:
    match = INDEX.match_customer(text)

    assert match.customer is not None
    assert (match.customer.code, match.matched_by) == (code, by)


@pytest.mark.parametrize(
    ("text", "kind", "offered"),
    [
        ("K0O31", MatchKind.SKELETON, ["K0031"]),
        ("K0232", MatchKind.NEAR, ["K0231"]),
        ("安顺汽修", MatchKind.AMBIGUOUS, ["K0450", "K0451"]),
        ("K0231 申通汽配", MatchKind.AMBIGUOUS, ["K0231", "K0031"]),
        ("K0231 K0031", MatchKind.AMBIGUOUS, ["K0231", "K0031"]),
        ("K0999", MatchKind.UNKNOWN, []),
        ("旧城车行", MatchKind.UNKNOWN, []),
    ],
)
def test_a_doubtful_customer_is_asked(text: str, kind: MatchKind, offered: list[str]) -> None:
    match = INDEX.match_customer(text)

    assert (match.kind, match.customer) == (kind, None)
    assert [c.code for c in match.candidates] == offered


@pytest.mark.parametrize(
    ("word", "is_part"),
    [
        ("04465-33471", True),
        ("L8WD807065K", True),
        ("15208-65F0E", True),
        ("12345678901", True),
        ("9091510003", True),
        ("13812345678", False),
        ("2026-03-05", False),
        ("20260305", False),
        ("SO260221-0137", False),
        ("B251103-07", False),
        ("A-03-12-4-02", False),
        ("LVGBM5EK8CG123456", False),
        ("K0", False),
        ("20000", False),
        ("1000PCS", False),
        ("3.14159265", False),
        ("前刹车片", False),
        ("", False),
    ],
)
def test_only_words_like_part_numbers_are_taken_for_one(word: str, is_part: bool) -> None:
    assert looks_like_part(word) is is_part
