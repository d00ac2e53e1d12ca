"""Three thousand lots in the bins, with the inspectors' holds and the expired ones (domain page, section 8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import cycle
from random import Random

from bot.masters.demo.parts import DemoPart
from bot.masters.demo.places import ISOLATION
from core.catalog import Bin
from core.stock import Lot
from core.warehouse.lots import QcState

HOLD_PERCENT = 4
EXPIRED_PERCENT = 1
CONCESSION_PERCENT = 1
_YEAR = 320
"""Days back to the oldest lot of goods that do not age."""
_SHARES = {"KS": 50, "HF": 30, "JN": 20}
_HOLDS = (QcState.PENDING, QcState.PENDING, QcState.RECHECK, QcState.FROZEN, QcState.REJECTED)
_ON_THE_RACK = (QcState.PENDING, QcState.PASSED, QcState.CONCESSION)


@dataclass(frozen=True, kw_only=True)
class _Shelf:
    lot_no: str
    part: str
    warehouse: str
    bin: str
    on_hand: int
    received: date
    qc: QcState = QcState.PASSED


_SCRIPTED: tuple[_Shelf, ...] = (
    _Shelf(
        lot_no="B251103-07",
        part="04465-0K240",
        warehouse="KS",
        bin="A-03-12-4-02",
        on_hand=44,
        received=date(2025, 11, 3),
    ),
    _Shelf(
        lot_no="B260110-03",
        part="04465-0K240",
        warehouse="KS",
        bin="B-01-03-2-01",
        on_hand=20,
        received=date(2026, 1, 10),
    ),
    _Shelf(
        lot_no="B250918-02",
        part="04465-0K240",
        warehouse="KS",
        bin=ISOLATION,
        on_hand=16,
        received=date(2025, 9, 18),
        qc=QcState.RECHECK,
    ),
    _Shelf(
        lot_no="B251215-04",
        part="90915-YZZD4",
        warehouse="KS",
        bin="A-01-04-1-01",
        on_hand=600,
        received=date(2025, 12, 15),
    ),
    _Shelf(
        lot_no="B260120-05",
        part="90915-YZZD4",
        warehouse="KS",
        bin="A-06-09-2-01",
        on_hand=400,
        received=date(2026, 1, 20),
    ),
    _Shelf(
        lot_no="B260112-02",
        part="90915-YZZD4",
        warehouse="HF",
        bin="A-01-02-1-01",
        on_hand=300,
        received=date(2026, 1, 12),
    ),
    _Shelf(
        lot_no="B260113-02",
        part="90915-YZZD4",
        warehouse="JN",
        bin="A-01-02-1-01",
        on_hand=200,
        received=date(2026, 1, 13),
    ),
    _Shelf(
        lot_no="B251120-06",
        part="04465-33471",
        warehouse="KS",
        bin="A-03-06-3-01",
        on_hand=60,
        received=date(2025, 11, 20),
    ),
    _Shelf(
        lot_no="B251121-03",
        part="04466-33160",
        warehouse="KS",
        bin="A-04-03-2-02",
        on_hand=48,
        received=date(2025, 11, 21),
    ),
    _Shelf(
        lot_no="B251202-01",
        part="17801-21050",
        warehouse="KS",
        bin="A-05-07-1-01",
        on_hand=80,
        received=date(2025, 12, 2),
    ),
    _Shelf(
        lot_no="B260105-09",
        part="17801-21050",
        warehouse="KS",
        bin="A-07-10-5-02",
        on_hand=60,
        received=date(2026, 1, 5),
    ),
    _Shelf(
        lot_no="B251208-03", part="W 75/3", warehouse="KS", bin="A-02-05-3-02", on_hand=90, received=date(2025, 12, 8)
    ),
)
"""What the scripts count on (chat page, sections 6.7 and 6.8): 64 pieces of 04465-0K240 free, 16 held."""


def demo_lots(
    random: Random, parts: Sequence[DemoPart], bins: Sequence[Bin], count: int, today: date
) -> tuple[Lot, ...]:
    """``count`` lots: every part has one in Kunshan, the rest is spread over the three houses.

    4 % are held by the inspectors (those that failed or wait for a second look lie in isolation), 1 % are past
    their last good day, 1 % were accepted with a deviation.
    """
    scripted = [_scripted_lot(shelf) for shelf in _SCRIPTED]
    numbers = _LotNumbers({lot.lot_no for lot in scripted})
    fixed = {(lot.warehouse, lot.bin) for lot in scripted}
    shelves = {house: _places(random, [b for b in bins if b.warehouse == house], fixed) for house in _SHARES}
    ordinary = parts[len({shelf.part for shelf in _SCRIPTED}) :]
    wanted = count - len(scripted)
    seats = [(item, "KS") for item in ordinary]
    seats += [
        (random.choice(ordinary), house)
        for house in random.choices(
            list(_SHARES), [_SHARES["KS"] - 40, _SHARES["HF"], _SHARES["JN"]], k=wanted - len(seats)
        )
    ]
    ageing = [index for index, (item, _) in enumerate(seats) if item.shelf_days]
    expired = set(random.sample(ageing, count * EXPIRED_PERCENT // 100))
    rest = [index for index in range(len(seats)) if index not in expired]
    marked = random.sample(rest, count * (HOLD_PERCENT + CONCESSION_PERCENT) // 100 - 1)
    held = set(marked[: count * HOLD_PERCENT // 100 - 1])
    conceded = set(marked) - held
    lots = list(scripted)
    for index, (item, house) in enumerate(seats):
        qc = QcState.CONCESSION if index in conceded else random.choice(_HOLDS) if index in held else QcState.PASSED
        received, expires = _dates(random, item, today, expired=index in expired)
        on_hand = _quantity(random, item)
        lots.append(
            Lot(
                lot_no=numbers.next(received),
                part_number=item.part.number,
                warehouse=house,
                bin=next(shelves[house]) if qc in _ON_THE_RACK else ISOLATION,
                on_hand=on_hand,
                damaged=min(on_hand, random.randint(1, 3)) if random.randrange(100) == 0 else 0,
                qc=qc,
                received_on=received,
                expires_on=expires,
            )
        )
    return tuple(lots)


def _scripted_lot(shelf: _Shelf) -> Lot:
    return Lot(
        lot_no=shelf.lot_no,
        part_number=shelf.part,
        warehouse=shelf.warehouse,
        bin=shelf.bin,
        on_hand=shelf.on_hand,
        qc=shelf.qc,
        received_on=shelf.received,
    )


def _places(random: Random, bins: Sequence[Bin], fixed: set[tuple[str, str]]) -> Iterator[str]:
    free = [b.label for b in bins if b.label != ISOLATION and (b.warehouse, b.label) not in fixed]
    random.shuffle(free)
    return cycle(free)


def _dates(random: Random, item: DemoPart, today: date, *, expired: bool) -> tuple[date, date | None]:
    """Received on, last good day."""
    if expired:
        last = today - timedelta(days=random.randint(1, 45))
        return last - timedelta(days=item.shelf_days), last
    received = today - timedelta(days=random.randint(1, min(_YEAR, item.shelf_days - 20 if item.shelf_days else _YEAR)))
    return received, received + timedelta(days=item.shelf_days) if item.shelf_days else None


def _quantity(random: Random, item: DemoPart) -> int:
    """Whole boxes around what usually lies there."""
    boxes = max(1, item.usual * random.randint(50, 150) // 100 // item.part.pack)
    return boxes * item.part.pack


class _LotNumbers:
    """``B251103-07``: the day of receipt and a running number of that day."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = taken
        self._last: Counter[date] = Counter()

    def next(self, received: date) -> str:
        while True:
            self._last[received] += 1
            number = f"B{received:%y%m%d}-{self._last[received]:02}"
            if number not in self._taken:
                return number
