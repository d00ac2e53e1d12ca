"""Every message of the corpus is read exactly, and nothing is ever silently wrong (F026)."""

from __future__ import annotations

import pytest

from core.intake.master import MasterIndex
from core.intake.text_order import TextOrder, is_order_like, read_text
from tests.intake.corpus import CORPUS, P
from tests.intake.master_data import NOW, build_index

INDEX = build_index()
KNOWN_GAPS = frozenset({"04465-O K240 20个", "04465-0K240-20个"})
"""Messages that are asked about although a person would understand them; they are never wrong."""

Line = tuple[str, int | tuple[int, ...]]


def lines_of(order: TextOrder, index: MasterIndex) -> tuple[Line, ...]:
    read: list[Line] = []
    for line in order.lines:
        part = index.match_part(line.part_text).part
        pieces = line.quantity if line.quantity is not None else line.quantity_readings
        read.append((part.number if part else f"?{line.part_text}", pieces))
    return tuple(read)


def customer_of(order: TextOrder, index: MasterIndex) -> str:
    found = index.match_customer(order.customer_text).customer
    return found.code if found else f"?{order.customer_text}" if order.customer_text else ""


def due_of(order: TextOrder) -> str:
    if order.due is None:
        return ""
    return f"{order.due.at:%m-%d %H:%M}" if order.due.at else "?"


@pytest.mark.parametrize("phrase", [p for p in CORPUS if p.text not in KNOWN_GAPS], ids=lambda p: p.text)
def test_a_message_says_exactly_this(phrase: P) -> None:
    order = read_text(phrase.text, INDEX, now=NOW)

    assert lines_of(order, INDEX) == phrase.lines
    assert customer_of(order, INDEX) == phrase.customer
    assert due_of(order) == phrase.due
    assert order.requirements == phrase.requirements
    assert is_order_like(phrase.text, INDEX, now=NOW) is phrase.order


def test_no_message_is_silently_wrong_and_the_accuracy_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    fields, right, silent = 0, 0, []
    for phrase in CORPUS:
        order = read_text(phrase.text, INDEX, now=NOW)
        read = lines_of(order, INDEX)
        checks = [customer_of(order, INDEX) == phrase.customer, due_of(order) == phrase.due]
        for got, want in zip(read, phrase.lines, strict=False):
            checks += [got[0] == want[0], got[1] == want[1]]
            taken = not got[0].startswith("?")
            if (taken and got[0] != want[0]) or (isinstance(got[1], int) and got[1] != want[1]):
                silent.append((phrase.text, got, want))
        if len(read) < len(phrase.lines):
            silent.append((phrase.text, read, phrase.lines))
        fields, right = fields + len(checks), right + sum(checks)

    with capsys.disabled():
        print(
            f"\ntext orders: {len(CORPUS)} messages, {right}/{fields} fields exact ({right / fields:.2%}), "
            f"{len(silent)} silently wrong"
        )
    assert silent == []
    assert len(CORPUS) >= 150
    assert right / fields >= 0.99
